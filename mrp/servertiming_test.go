package mrp

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

func withTiming(o *Options) { o.ServerTiming = true }

var timingPattern = regexp.MustCompile(`^queue;dur=(\d+\.\d{3}), python;dur=(\d+\.\d{3}), io;dur=(\d+\.\d{3})$`)

// timing reads a Server-Timing, of which the sum is at most what the client measured.
func timing(t *testing.T, value string, total time.Duration) (queue, python, io time.Duration) {
	t.Helper()
	parts := timingPattern.FindStringSubmatch(value)
	if parts == nil {
		t.Fatalf("%s is %q", timingHeader, value)
	}
	var durations [3]time.Duration
	for i, part := range parts[1:] {
		milliseconds, err := strconv.ParseFloat(part, 64)
		if err != nil {
			t.Fatal(err)
		}
		durations[i] = time.Duration(milliseconds * float64(time.Millisecond))
	}
	if sum := durations[0] + durations[1] + durations[2]; sum <= 0 || sum > total {
		t.Errorf("%q is %v in all, and the client saw %v", value, sum, total)
	}
	return durations[0], durations[1], durations[2]
}

func TestServerTiming(t *testing.T) {
	rt := serve(t, withTiming)
	rt.engine.on("big", func(_ context.Context, sink Sink, _ <-chan struct{}) Outcome {
		sink.Text(Stdout, []byte(strings.Repeat("x", 8*wireChunk)))
		return Outcome{}
	})
	rt.engine.on("bad", func(context.Context, Sink, <-chan struct{}) Outcome { return failed("ValueError") })
	for _, code := range []string{"1+1", "big", "bad"} {
		begun := time.Now()
		answer := rt.do("POST", pathPrefix+"/execute", fmt.Sprintf(`{"code":%q}`, code))
		timing(t, answer.header.Get(timingHeader), time.Since(begun))

		begun = time.Now()
		reader := rt.run(fmt.Sprintf(`{"code":%q,"execId":"streamed %s"}`, code, code))
		if got := reader.response.Header.Get(timingHeader); got != "" {
			t.Errorf("%s is in the header of a stream: %q", timingHeader, got)
		}
		reader.all(0)
		timing(t, reader.response.Trailer.Get(timingHeader), time.Since(begun))
	}
	if answer := rt.do("POST", pathPrefix+"/execute", `{}`); answer.status != 400 || answer.header.Get(timingHeader) != "" {
		t.Errorf("what did not run has %v", answer.header)
	}
	replay := rt.stream(context.Background(), "GET", "/executions/streamed%201+1/stream", "")
	replay.all(0)
	if len(replay.response.Trailer) != 0 {
		t.Errorf("a replay has %v", replay.response.Trailer)
	}
}

// TestServerTimingTellsWaitingFromRunning compares with what must have passed between
// two things that the test itself saw.
func TestServerTimingTellsWaitingFromRunning(t *testing.T) {
	rt := serve(t, withTiming)
	begun, end := make(chan struct{}), make(chan struct{})
	rt.engine.on("long", func(context.Context, Sink, <-chan struct{}) Outcome {
		close(begun)
		<-end
		return Outcome{}
	})
	sent := time.Now()
	running := rt.run(`{"code":"long"}`)
	<-begun
	queued, cancelled := rt.run(`{"code":"1"}`), rt.run(`{"code":"2","execId":"cancelled"}`)
	both := time.Now()
	time.Sleep(10 * time.Millisecond)
	passed := time.Since(both)
	rt.do("DELETE", pathPrefix+"/executions/cancelled", "")
	close(end)
	for _, check := range []struct {
		name          string
		reader        *eventReader
		queue, python bool
	}{{"running", running, false, true}, {"queued", queued, true, false}, {"cancelled", cancelled, true, false}} {
		check.reader.all(0)
		queue, python, _ := timing(t, check.reader.response.Trailer.Get(timingHeader), time.Since(sent))
		if check.queue && queue < passed.Truncate(time.Millisecond) {
			t.Errorf("%s: %v in the queue, in which it was for %v", check.name, queue, passed)
		}
		if check.python && python < passed.Truncate(time.Millisecond) {
			t.Errorf("%s: %v in Python, where it was for %v", check.name, python, passed)
		}
		if check.name == "cancelled" && python != 0 {
			t.Errorf("what never began was %v in Python", python)
		}
	}
}

func TestNoServerTimingUnasked(t *testing.T) {
	rt := serve(t)
	if answer := rt.do("POST", pathPrefix+"/execute", `{"code":"1"}`); answer.header.Get(timingHeader) != "" {
		t.Errorf("got %v", answer.header)
	}
	reader := rt.run(`{"code":"1"}`)
	reader.all(0)
	if got := reader.response; got.Header.Get(timingHeader) != "" || len(got.Trailer) != 0 {
		t.Errorf("got %v, trailer %v", got.Header, got.Trailer)
	}
}

// TestServerTimingOnTheWire looks at the very bytes: where a trailer can't be sent none
// is declared, and the stream ends as ever.
func TestServerTimingOnTheWire(t *testing.T) {
	rt := serve(t, withTiming)
	for version, declared := range map[string]bool{"HTTP/1.1": true, "HTTP/1.0": false} {
		address := rt.server.Listener.Addr().String()
		connection, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		defer connection.Close()
		const body = `{"code":"1"}`
		fmt.Fprintf(connection, "POST %s/execute/stream %s\r\nHost: %s\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
			pathPrefix, version, address, len(body), body)
		text, err := io.ReadAll(bufio.NewReader(connection))
		if err != nil {
			t.Fatal(err)
		}
		got := string(text)
		if strings.Contains(got, "\r\nTrailer: Server-Timing\r\n") != declared || strings.Contains(got, "\r\nServer-Timing: queue;dur=") != declared {
			t.Errorf("%s: %s", version, got)
		}
		if !strings.Contains(got, "event: done\ndata: {\"seq\":3}\n\n") {
			t.Errorf("%s has no done event: %s", version, got)
		}
	}
}

func TestServerTimingForForeignPages(t *testing.T) {
	const origin = "http://localhost:5173"
	for _, asked := range []bool{true, false} {
		rt := serve(t, func(o *Options) { o.ServerTiming = asked; o.AllowedOrigins = []string{origin} })
		answer := rt.do("POST", pathPrefix+"/execute", `{"code":"1"}`, "Origin: "+origin)
		exposed := answer.header.Get("Access-Control-Expose-Headers")
		if !strings.Contains(exposed, "ETag") || strings.Contains(exposed, timingHeader) != asked {
			t.Errorf("ServerTiming %t: %q", asked, exposed)
		}
	}
}
