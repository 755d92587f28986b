package mrp

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

func (rt *runtimeUnderTest) dial() net.Conn {
	rt.t.Helper()
	conn, err := net.Dial("tcp", rt.server.Listener.Addr().String())
	if err != nil {
		rt.t.Fatal(err)
	}
	rt.t.Cleanup(func() { conn.Close() })
	return conn
}

// TestTimeoutsSpareStreams waits until connections that send nothing, or not all of
// their headers, have been closed: a stream that was open before them goes on.
func TestTimeoutsSpareStreams(t *testing.T) {
	rt := serve(t, func(o *Options) {
		o.Limits.HeaderTime, o.Limits.IdleTime = 50*time.Millisecond, 50*time.Millisecond
	})
	goOn := make(chan struct{})
	rt.engine.on("wait", func(_ context.Context, sink Sink, _ <-chan struct{}) Outcome {
		<-goOn
		sink.Text(Stdout, []byte("still here"))
		return Outcome{}
	})
	stream := rt.run(`{"code":"wait"}`)
	stream.until("start")
	body := rt.dial()
	fmt.Fprintf(body, "POST /mrp/v1/is_complete HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 12\r\n\r\n{\"code\"")
	for name, sent := range map[string]string{
		"nothing at all":          "",
		"a part of the headers":   "GET /mrp/v1/health HTTP/1.1\r\nHost: local",
		"one request and no more": "GET /mrp/v1/health HTTP/1.1\r\nHost: localhost\r\n\r\n",
	} {
		conn := rt.dial()
		fmt.Fprint(conn, sent)
		conn.SetReadDeadline(time.Now().Add(3 * time.Minute))
		if got, err := io.ReadAll(conn); err != nil {
			t.Errorf("who sends %s is kept: %v %s", name, err, got)
		}
	}
	close(goOn)
	if got := stream.until("stdout"); got.data["content"] != "still here" {
		t.Errorf("the stream has %v", got.data)
	}
	stream.until("done")
	// A body may come slowly, for it may be long.
	fmt.Fprint(body, `:"1"}`)
	if answer, err := http.ReadResponse(bufio.NewReader(body), nil); err != nil || answer.StatusCode != 200 {
		t.Errorf("a slow body is answered %v %v", answer, err)
	}
}

func TestHeadersThatAreTooLong(t *testing.T) {
	rt := serve(t, func(o *Options) { o.Limits.Headers = 4 << 10 })
	if got := rt.do("GET", "/mrp/v1/health", "", "X-Long: "+strings.Repeat("x", 3<<10)); got.status != 200 {
		t.Errorf("3 KiB: %d %s", got.status, got.body)
	}
	for name, headers := range map[string][]string{
		"one header":   {"X-Long: " + strings.Repeat("x", 5<<10)},
		"many headers": {"A: " + strings.Repeat("x", 2<<10), "B: " + strings.Repeat("x", 2<<10), "C: y"},
	} {
		got := rt.do("GET", "/mrp/v1/health", "", headers...)
		if got.status != 431 || got.json(t)["error"] != "too_large" || !strings.Contains(string(got.body), "--max-headers") {
			t.Errorf("%s: %d %s", name, got.status, got.body)
		}
	}
	// What is far too long is not read, and its answer is net/http's.
	conn := rt.dial()
	go fmt.Fprintf(conn, "GET /mrp/v1/health HTTP/1.1\r\nHost: localhost\r\nX: %s\r\n\r\n", bytes.Repeat([]byte("x"), 1<<20))
	answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil || answer.StatusCode != 431 {
		t.Errorf("1 MiB: %v %v", answer, err)
	}
}

// TestRetainedBytes keeps no more than it may of what cells leave.
func TestRetainedBytes(t *testing.T) {
	const limit = 300_000
	rt := serve(t, func(o *Options) { o.Limits.RetainMemory, o.Limits.TextMemory = limit, 50_000 })
	rt.engine.on("loud", func(_ context.Context, sink Sink, _ <-chan struct{}) Outcome {
		sink.Text(Stdout, bytes.Repeat([]byte("x"), 50_000))
		return Outcome{}
	})
	for range 20 {
		rt.post("/execute", `{"code":"loud"}`)
	}
	if got := rt.metric("mrmd_retained_memory_bytes"); got > limit || got < limit/2 {
		t.Errorf("%v bytes are kept of 20 x 50,000, and %d may be", got, limit)
	}
}
