package mrp

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestReplayFromAnywhere(t *testing.T) {
	rt := serve(t)
	rt.engine.on("mixed", func(_ context.Context, sink Sink, _ <-chan struct{}) Outcome {
		sink.Text(Stdout, []byte("a"))
		sink.Text(Stderr, []byte("b"))
		sink.Display(textDisplay("d", "id"))
		sink.UpdateDisplay(textDisplay("e", "id"))
		sink.ClearOutput(true)
		sink.Text(Stdout, []byte("c"))
		return Outcome{}
	})
	whole := rt.run(`{"code":"mixed","execId":"m"}`).all(0)
	if names(whole) != "start stdout stderr display update_display clear_output stdout result done" {
		t.Fatalf("got %s", names(whole))
	}
	ctx := context.Background()
	for after := range len(whole) + 1 {
		for _, how := range []struct{ query, header string }{
			{fmt.Sprintf("?after=%d", after), "X: "},
			{"", fmt.Sprintf("Last-Event-ID: %d", after)},
			{"?after=1", fmt.Sprintf("Last-Event-ID: %d", after)},
		} {
			events := rt.stream(ctx, "GET", "/executions/m/stream"+how.query, "", how.header).all(after)
			if len(events) != len(whole)-after {
				t.Fatalf("after %d: %s", after, names(events))
			}
			for i, e := range events {
				if e.raw != whole[after+i].raw || e.name != whole[after+i].name {
					t.Errorf("after %d: %s differs from %s", after, e.raw, whole[after+i].raw)
				}
			}
		}
	}
}

// TestManyReaders has readers come, go at random and come back while a cell
// prints; each must see every event once, and all the same ones.
func TestManyReaders(t *testing.T) {
	rt := serve(t)
	started := make(chan struct{})
	rt.engine.on("talk", func(_ context.Context, sink Sink, _ <-chan struct{}) Outcome {
		random := rand.New(rand.NewPCG(7, 7))
		for i := range 500 {
			stream := Stdout
			if random.IntN(10) == 0 {
				stream = Stderr
			}
			sink.Text(stream, fmt.Appendf(nil, "%d é\n", i))
			if i == 10 {
				close(started)
			}
			if random.IntN(50) == 0 {
				sink.Display(textDisplay(fmt.Sprint(i), ""))
			}
		}
		return Outcome{}
	})
	first := rt.run(`{"code":"talk","execId":"talk"}`)
	<-started
	var wait sync.WaitGroup
	var seen [8][]event
	for n := range seen {
		wait.Go(func() {
			random := rand.New(rand.NewPCG(3, uint64(n)))
			for len(seen[n]) == 0 || seen[n][len(seen[n])-1].name != "done" {
				ctx, leave := context.WithCancel(context.Background())
				request, _ := http.NewRequestWithContext(ctx, "GET",
					fmt.Sprintf("%s/mrp/v1/executions/talk/stream?after=%d", rt.server.URL, len(seen[n])), nil)
				response, err := http.DefaultTransport.RoundTrip(request)
				if err != nil {
					t.Error(err)
					leave()
					return
				}
				reader := newEventReader(t, response)
				for range 1 + random.IntN(40) {
					e, ok := reader.next()
					if !ok {
						break
					}
					if e.seq() != len(seen[n])+1 {
						t.Errorf("reader %d got %d after %d", n, e.seq(), len(seen[n]))
					}
					seen[n] = append(seen[n], e)
				}
				leave()
				response.Body.Close()
			}
		})
	}
	whole := first.all(0)
	wait.Wait()
	for n, events := range seen {
		if len(events) != len(whole) {
			t.Fatalf("reader %d saw %d events of %d", n, len(events), len(whole))
		}
		for i, e := range events {
			if e.raw != whole[i].raw {
				t.Fatalf("reader %d's event %d is %.100s, not %.100s", n, i, e.raw, whole[i].raw)
			}
		}
	}
	var stdout strings.Builder
	for _, e := range whole {
		if e.name == "stdout" {
			stdout.WriteString(e.data["content"].(string))
			if e.data["accumulated"] != stdout.String() {
				t.Fatalf("event %d repeats something else", e.seq())
			}
		}
	}
	if result := whole[len(whole)-2].data; result["stdout"] != stdout.String() {
		t.Error("the result's stdout is not what the events said")
	}
}

func TestIdleOutputComesAtOnce(t *testing.T) {
	rt := serve(t, func(o *Options) { o.KeepaliveInterval = time.Hour })
	more := make(chan struct{})
	rt.engine.on("slow", func(_ context.Context, sink Sink, _ <-chan struct{}) Outcome {
		sink.Text(Stdout, []byte("one"))
		<-more
		sink.Text(Stdout, []byte("two"))
		<-more
		return Outcome{}
	})
	reader := rt.run(`{"code":"slow"}`)
	for _, want := range []string{"one", "two"} {
		// The cell goes on only when this has been read.
		if e := reader.until("stdout"); e.data["content"] != want {
			t.Errorf("got %v", e.data)
		}
		more <- struct{}{}
	}
	reader.until("done")
}

func TestHeldBackTextComesBeforeAnythingElse(t *testing.T) {
	var log eventLog
	log.init(&spool{dir: t.TempDir(), failed: func(err error) { t.Error(err) }}, Limits{TextMemory: mebibyte}, accumulateDefault)
	reader := log.follow(0)
	defer reader.letGo()
	long := strings.Repeat("x", 500_000)
	log.write(Stdout, []byte(long))
	now := time.Now()
	if event, ok, _, _, _ := reader.next(now); !ok || event.to != 500_000 {
		t.Fatal("the first text was held back")
	}
	log.write(Stdout, []byte("a"))
	log.write(Stdout, []byte("b"))
	_, ok, _, due, _ := reader.next(now)
	held := due.Sub(now)
	if ok || held <= 0 || held > 61*time.Millisecond {
		t.Fatalf("held back: %v for %v", !ok, held)
	}
	log.write(Stderr, []byte("c"))
	if event, ok, _, _, _ := reader.next(now); !ok || event.kind != eventStdout || event.to-event.from != 2 {
		t.Errorf("got %v %+v", ok, event)
	}
	if event, ok, _, _, _ := reader.next(now); !ok || event.kind != eventStderr {
		t.Errorf("got %v %+v", ok, event)
	}
	log.write(Stdout, []byte("d"))
	if _, ok, _, _, _ := reader.next(now); ok {
		t.Error("not held back")
	}
	log.end(eventResult, eventDone)
	for _, want := range []eventKind{eventStdout, eventResult, eventDone} {
		if event, ok, _, _, _ := reader.next(now); !ok || event.kind != want {
			t.Errorf("got %v %+v", ok, event)
		}
	}
	if _, ok, ended, _, _ := reader.next(now); ok || !ended {
		t.Error("the log does not end")
	}
}

// TestInterleavedStreamsCostInProportion: two streams that take turns force each
// other out, and their accumulated text must not make that quadratic.
func TestInterleavedStreamsCostInProportion(t *testing.T) {
	rt := serve(t)
	line := []byte(strings.Repeat("x", 99) + "\n")
	rt.engine.on("turns", func(_ context.Context, sink Sink, _ <-chan struct{}) Outcome {
		for range 2_500 {
			sink.Text(Stdout, line)
			sink.Text(Stderr, line)
		}
		return Outcome{}
	})
	reader := rt.run(`{"code":"turns","execId":"turns"}`)
	events := reader.all(0)
	// 0.5 MB of text; without a bound this would be 0.6 GB.
	if reader.size > 300_000_000 {
		t.Errorf("%d bytes on the wire", reader.size)
	}
	last := map[string]string{}
	for _, e := range events {
		if e.name == "stdout" || e.name == "stderr" {
			last[e.name] += e.data["content"].(string)
			if accumulated := e.data["accumulated"].(string); !strings.HasSuffix(last[e.name], accumulated) ||
				(accumulated != last[e.name]) != (e.data["accumulatedTruncated"] == true) {
				t.Fatalf("event %d: %d bytes accumulated of %d, truncated %v", e.seq(), len(accumulated), len(last[e.name]), e.data["accumulatedTruncated"])
			}
		}
	}
	if result := events[len(events)-2].data; result["stdout"] != last["stdout"] || len(last["stdout"]) != 250_000 {
		t.Error("text was lost")
	}
}

func TestKeepalives(t *testing.T) {
	rt := serve(t, func(o *Options) { o.KeepaliveInterval = time.Millisecond })
	g := newGate(rt.engine, "wait")
	reader := rt.run(`{"code":"wait"}`)
	<-g.entered
	queued := rt.run(`{"code":"1"}`)
	for range 3 {
		line, err := queued.lines.ReadString('\n')
		if err != nil || line != ": keepalive\n" {
			t.Fatalf("while it waits in the queue: %q %v", line, err)
		}
		if line, err = queued.lines.ReadString('\n'); err != nil || line != "\n" {
			t.Fatalf("after a comment: %q %v", line, err)
		}
	}
	close(g.leave)
	if events := queued.all(0); names(events) != "start result done" {
		t.Errorf("got %s", names(events))
	}
	reader.all(0)
}

// TestStuckReader has a reader that reads nothing while a cell prints much more
// than any buffer holds.
func TestStuckReader(t *testing.T) {
	rt := serve(t, func(o *Options) { o.Limits.TextMemory = 100_000 })
	line := []byte(strings.Repeat("é", 500) + "\n")
	release := make(chan struct{})
	rt.engine.on("loud", func(_ context.Context, sink Sink, _ <-chan struct{}) Outcome {
		<-release
		for range 12_000 {
			sink.Text(Stdout, line)
		}
		return Outcome{}
	})
	stuck := rt.run(`{"code":"loud","execId":"loud","accumulated":"none"}`)
	stuck.until("start")
	close(release)
	waitFor(t, "the cell to end with nobody reading", func() bool { return rt.get("/executions/loud")["state"] == "done" })
	e := rt.handler.archive.find("loud")
	if memory, disk := e.log.footprint(); memory > 3*mebibyte || disk < 11_000_000 {
		t.Errorf("%d bytes in memory, %d on disk", memory, disk)
	}
	total := 0
	stuck.undecoded = true
	for {
		event, ok := stuck.next()
		if !ok {
			t.Fatal("the stream ended early")
		}
		if event.name == "done" {
			break
		}
		if event.name == "stdout" {
			total += strings.Count(event.raw, "é")
		}
	}
	if total != 12_000*500 {
		t.Errorf("the stuck reader got %d characters", total)
	}
}

func TestPendingQuestionIsSentAgain(t *testing.T) {
	rt := serve(t)
	rt.engine.on("ask", func(ctx context.Context, sink Sink, _ <-chan struct{}) Outcome {
		text, err := sink.Input(ctx, "name? ", false)
		if err != nil {
			return failed(err.Error())
		}
		return Outcome{Result: &text}
	})
	ctx, leave := context.WithCancel(context.Background())
	asked := rt.stream(ctx, "POST", "/execute/stream", `{"code":"ask","execId":"ask"}`).until("stdin_request")
	leave()
	again := rt.stream(context.Background(), "GET", "/executions/ask/stream", "", "Last-Event-ID: "+asked.id)
	e, ok := again.next()
	if !ok || e.name != "stdin_request" || e.id != "" || e.raw != asked.raw {
		t.Fatalf("got %+v", e)
	}
	fromStart := rt.stream(context.Background(), "GET", "/executions/ask/stream", "")
	if rt.post("/input", `{"execId":"ask","text":"bob"}`)["accepted"] != true {
		t.Error("not accepted")
	}
	if events := again.all(2); names(events) != "stdout result done" {
		t.Errorf("got %s", names(events))
	}
	if events := fromStart.all(0); names(events) != "start stdin_request stdout result done" {
		t.Errorf("got %s", names(events))
	}
	late := rt.stream(context.Background(), "GET", "/executions/ask/stream?after=2", "").all(2)
	if names(late) != "stdout result done" {
		t.Errorf("an answered question was sent again: %s", names(late))
	}
}

func TestRecordsSurviveTheirEncoding(t *testing.T) {
	for _, want := range []record{
		{kind: eventDone}, {kind: eventStderr, hurried: true, from: 1<<56 - 1, to: 1<<62 - 1}, {kind: eventAsset, from: 5, to: 9},
	} {
		if got := decodeRecord(appendRecord(nil, want)); got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
	}
}

func newEventReader(t testing.TB, response *http.Response) *eventReader {
	return &eventReader{t: t, response: response, lines: bufio.NewReaderSize(response.Body, 64<<10)}
}
