package mrp

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"
)

func (rt *runtimeUnderTest) events(query string) *eventReader {
	ctx, leave := context.WithCancel(context.Background())
	rt.t.Cleanup(leave)
	return rt.stream(ctx, "GET", "/events"+query, "")
}

// untilState reads events up to a state of that name.
func (r *eventReader) untilState(name string) event {
	r.t.Helper()
	for {
		if e := r.until("state"); e.data["state"] == name {
			return e
		}
	}
}

func TestStateEvents(t *testing.T) {
	rt := serve(t)
	rt.engine.on("ask", asking(false))
	events := rt.events("")
	first, _ := events.next()
	if first.name != "state" || first.data["state"] != "idle" || first.data["currentExecId"] != nil ||
		first.data["queued"] != 0.0 || first.data["stateRevision"] != 0.0 || first.id != fmt.Sprint(first.seq()) {
		t.Errorf("first %+v", first)
	}
	rt.run(`{"code":"ask","execId":"e"}`).until("stdin_request")
	if e := events.untilState("waiting_input"); e.data["currentExecId"] != "e" {
		t.Errorf("waiting: %v", e.data)
	}
	rt.run(`{"code":"1","execId":"next"}`)
	for events.until("state").data["queued"] != 1.0 {
	}
	rt.post("/input", `{"execId":"e","text":"x"}`)
	idle := events.untilState("idle")
	if idle.data["stateRevision"] != 2.0 || idle.data["queued"] != 0.0 || idle.data["currentExecId"] != nil {
		t.Errorf("idle: %v", idle.data)
	}
	rt.post("/reset", "")
	if e := events.untilState("idle"); e.data["stateRevision"] != 3.0 {
		t.Errorf("after the reset: %v", e.data)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	if err := rt.handler.Shutdown(ctx); err != nil {
		t.Fatal(err)
	}
	events.untilState("stopping")
	rt.handler.Close()
	if e, ok := events.next(); ok {
		t.Errorf("after the end: %+v", e)
	}
}

func TestStateIsStartingFirst(t *testing.T) {
	engine := newToyEngine(t.TempDir())
	engine.ready = make(chan struct{})
	rt := serveEngine(t, engine)
	events := rt.events("")
	if e, _ := events.next(); e.data["state"] != "starting" {
		t.Errorf("got %v", e.data)
	}
	close(engine.ready)
	events.untilState("idle")
}

func TestLateOutput(t *testing.T) {
	rt := serve(t)
	rt.post("/execute", `{"code":"1","execId":"e/1","session":"s"}`)
	events := rt.events("")
	events.next()
	rt.handler.LateOutput("e/1", Stdout, []byte("one é"))
	rt.handler.LateOutput("e/1", Stdout, nil)
	e := events.until("late_output")
	if e.data["execId"] != "e/1" || e.data["session"] != "s" || e.data["stream"] != "stdout" || e.data["content"] != "one é" || e.id != fmt.Sprint(e.seq()) {
		t.Errorf("traced: %+v", e)
	}
	rt.handler.LateOutput("", Stderr, []byte("nobody's"))
	e = events.until("late_output")
	if id, there := e.data["execId"]; !there || id != nil || e.data["session"] != nil || e.data["stream"] != "stderr" || e.data["content"] != "nobody's" {
		t.Errorf("not traced: %+v", e)
	}
	rt.handler.LateOutput("dropped", Stdout, []byte("x"))
	if e = events.until("late_output"); e.data["execId"] != "dropped" || e.data["session"] != nil {
		t.Errorf("of an execution that is not retained: %+v", e)
	}
	rt.handler.LateOutput("e/1", Stderr, []byte("two\n"))
	rt.handler.LateOutput("e/1", Stdout, []byte(" three"))
	late := rt.get("/executions/e%2F1")["lateOutput"].(map[string]any)
	if late["stdout"] != "one é three" || late["stderr"] != "two\n" || len(late) != 2 {
		t.Errorf("kept: %v", late)
	}
	for path, want := range map[string]string{"stdout?late=1": "one é three", "stderr?late=true": "two\n", "stdout": "", "stdout?late=0": ""} {
		got := rt.do("GET", "/mrp/v1/executions/e%2F1/output/"+path, "")
		if string(got.body) != want || got.header.Get("Content-Type") != "text/plain; charset=utf-8" {
			t.Errorf("%s: %q %v", path, got.body, got.header)
		}
	}
	rt.post("/execute", `{"code":"1","execId":"silent","silent":true}`)
	rt.handler.LateOutput("silent", Stdout, []byte("hidden"))
	rt.handler.LateOutput("", Stdout, []byte("shown"))
	if e := events.until("late_output"); e.data["content"] != "two\n" {
		t.Errorf("got %v", e.data)
	}
	events.until("late_output")
	if e := events.until("late_output"); e.data["content"] != "shown" {
		t.Errorf("after a silent execution's: %v", e.data)
	}
}

// TestLateOutputComesTogether: what nobody waits for is one event.
func TestLateOutputComesTogether(t *testing.T) {
	rt := serve(t)
	before := rt.handler.events.now().seq
	for range 1000 {
		rt.handler.LateOutput("", Stdout, []byte("x"))
	}
	rt.handler.LateOutput("", Stderr, []byte("y"))
	events := rt.events(fmt.Sprintf("?after=%d", before))
	for _, want := range []string{strings.Repeat("x", 1000), "y"} {
		if e, _ := events.next(); e.data["content"] != want {
			t.Errorf("got %v", e.data)
		}
	}
	for range 3 {
		rt.handler.LateOutput("", Stdout, []byte(strings.Repeat("x", openTextLimit)))
	}
	for range 3 {
		if e, _ := events.next(); len(e.data["content"].(string)) != openTextLimit {
			t.Errorf("an event of %d", len(e.data["content"].(string)))
		}
	}
}

func TestLateOutputIsBounded(t *testing.T) {
	rt := serve(t, func(o *Options) { o.Limits.LateText = 1000; o.Limits.RetainMemory = 100_000 })
	rt.post("/execute", `{"code":"1","execId":"e"}`)
	for i := range 1000 {
		rt.handler.LateOutput("e", Stdout, fmt.Appendf(nil, "é%d", i))
	}
	late := rt.get("/executions/e")["lateOutput"].(map[string]any)
	kept, dropped := late["stdout"].(string), late["stdoutBytesDropped"].(float64)
	if !strings.HasSuffix(kept, "é998é999") || len(kept) > 1000 || len(kept) < 400 || float64(len(kept))+dropped != 1000*2+2890 {
		t.Errorf("%d kept, %v dropped: %.20q", len(kept), dropped, kept)
	}
	rt.handler.LateOutput("e", Stdout, []byte(strings.Repeat("long", 1000)))
	if kept := rt.do("GET", "/mrp/v1/executions/e/output/stdout?late=1", "").body; len(kept) != 1000 {
		t.Errorf("of a long text: %d bytes", len(kept))
	}
	archive := rt.handler.archive
	for i := range 200 {
		id := fmt.Sprintf("many%d", i)
		rt.post("/execute", fmt.Sprintf(`{"code":"1","execId":"%s"}`, id))
		rt.handler.LateOutput(id, Stderr, []byte(strings.Repeat("y", 1000)))
	}
	var sum int64
	for _, e := range archive.list() {
		sum += e.memory
	}
	if archive.memory > 100_000 || archive.memory != sum || len(archive.list()) < 10 {
		t.Errorf("%d executions with %d bytes, counted as %d", len(archive.list()), sum, archive.memory)
	}
}

func TestEventsAgainAndGaps(t *testing.T) {
	rt := serve(t, func(o *Options) { o.Limits.Events = 5 })
	first := rt.handler.events.now().seq
	for i := range 3 {
		rt.handler.LateOutput(fmt.Sprint(i), Stdout, []byte("x"))
	}
	again := rt.events(fmt.Sprintf("?after=%d", first+1))
	for i := range 2 {
		if e, _ := again.next(); e.seq() != int(first)+2+i || e.data["execId"] != fmt.Sprint(i+1) {
			t.Errorf("got %+v", e)
		}
	}
	for i := range 20 {
		rt.handler.LateOutput(fmt.Sprint(i), Stdout, []byte("x"))
	}
	for _, after := range []int64{1, 1_000_000} {
		missed := rt.stream(context.Background(), "GET", "/events", "", fmt.Sprintf("Last-Event-ID: %d", after))
		gap, _ := missed.next()
		next := int(first) + 3 + 20 - 5 + 1
		if gap.name != "gap" || gap.id != "" || gap.data["after"] != float64(after) || gap.data["next"] != float64(next) || gap.seq() != next-1 {
			t.Errorf("gap %+v", gap)
		}
		if state, _ := missed.next(); state.name != "state" || state.id != "" || state.data["state"] != "idle" {
			t.Errorf("the state before: %+v", state)
		}
		for i := range 5 {
			if e, _ := missed.next(); e.seq() != next+i || e.id != fmt.Sprint(next+i) {
				t.Errorf("got %+v, not %d", e, next+i)
			}
		}
		missed.response.Body.Close()
	}
	// The one that was connected all the time may have been too slow, and is
	// told so.
	last := int(first) + 3
	for last < int(first)+23 {
		e, _ := again.next()
		switch {
		case e.name == "gap" && e.data["after"] == float64(last):
			last = e.seq()
		case e.name == "state" && e.id == "" && e.seq() <= last:
		case e.seq() == last+1:
			last++
		default:
			t.Fatalf("after %d came %+v", last, e)
		}
	}
}

func TestEventsAreBoundedByMemory(t *testing.T) {
	log := newRuntimeLog(Limits{Events: 1000, EventMemory: 10_000})
	for i := range 100 {
		log.addLateOutput(lateSource{execID: fmt.Sprint(i)}, []byte(strings.Repeat("x", 1000)))
	}
	if log.memory > 10_000 || len(log.events) < 5 {
		t.Errorf("%d events with %d bytes", len(log.events), log.memory)
	}
}

func TestEventKeepalivesAndLimit(t *testing.T) {
	rt := serve(t, func(o *Options) { o.KeepaliveInterval = time.Millisecond; o.Limits.Streams = 1 })
	events := rt.events("")
	events.next()
	for range 3 {
		if line, err := events.lines.ReadString('\n'); err != nil || line != ": keepalive\n" {
			t.Fatalf("%q %v", line, err)
		}
		if line, err := events.lines.ReadString('\n'); err != nil || line != "\n" {
			t.Fatalf("%q %v", line, err)
		}
	}
	if got := rt.do("GET", "/mrp/v1/events", ""); got.status != 503 {
		t.Errorf("one more: %d", got.status)
	}
}

// TestEventReadersSeeEverythingOnce has readers follow the log at their own pace
// while states and texts come.
func TestEventReadersSeeEverythingOnce(t *testing.T) {
	const rounds, readers = 200, 4
	for round := range rounds {
		log := newRuntimeLog(Limits{Events: 100_000, EventMemory: 1 << 30})
		var wait sync.WaitGroup
		var texts [readers]strings.Builder
		for n := range readers {
			wait.Go(func() {
				random := rand.New(rand.NewPCG(uint64(round), uint64(n)))
				for seen, over := int64(0), false; !over; {
					events, gap, changed := log.read(seen)
					if gap != nil {
						t.Errorf("a gap after %d", seen)
						return
					}
					if len(events) == 0 {
						<-changed
						continue
					}
					events = events[:1+random.IntN(len(events))]
					for _, e := range events {
						if e.seq != seen+1 {
							t.Errorf("%d after %d", e.seq, seen)
						}
						seen = e.seq
						texts[n].Write(e.payload)
						over = over || strings.Contains(string(e.payload), `"stopping"`)
					}
				}
			})
		}
		for i := range 100 {
			log.noteState(func() runtimeState { return runtimeState{name: "idle", queued: i / 2} })
			log.addLateOutput(lateSource{stream: Stream(i / 3 % 2)}, []byte("#"))
		}
		log.noteState(func() runtimeState { return runtimeState{name: "stopping"} })
		wait.Wait()
		for n := range readers {
			if got := strings.Count(texts[n].String(), "#"); got != 100 || texts[n].String() != texts[0].String() {
				t.Fatalf("round %d: reader %d got %d texts", round, n, got)
			}
		}
	}
}
