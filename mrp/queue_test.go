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

// gate is a cell that says when it runs and waits until it may end or is
// interrupted.
type gate struct {
	entered, leave chan struct{}
}

func newGate(engine *toyEngine, code string) *gate {
	g := &gate{make(chan struct{}, 1), make(chan struct{})}
	engine.on(code, func(_ context.Context, _ Sink, interrupted <-chan struct{}) Outcome {
		g.entered <- struct{}{}
		select {
		case <-g.leave:
			return Outcome{}
		case <-interrupted:
			return keyboardInterrupt()
		}
	})
	return g
}

func TestQueueInOrder(t *testing.T) {
	rt := serve(t)
	g := newGate(rt.engine, "wait")
	first := rt.run(`{"code":"wait","execId":"first"}`)
	<-g.entered
	var readers []*eventReader
	for i := range 5 {
		readers = append(readers, rt.run(fmt.Sprintf(`{"code":"1","execId":"q%d"}`, i)))
	}
	health := rt.get("/health")
	if health["state"] != "executing" || health["currentExecId"] != "first" || health["queued"] != 5.0 {
		t.Errorf("health %v", health)
	}
	if state := rt.get("/executions/q3")["state"]; state != "queued" {
		t.Errorf("q3 is %v", state)
	}
	close(g.leave)
	first.all(0)
	for _, reader := range readers {
		if events := reader.all(0); names(events) != "start result done" {
			t.Errorf("got %s", names(events))
		}
	}
	if got := strings.Join(rt.engine.order, " "); got != "first q0 q1 q2 q3 q4" {
		t.Errorf("ran %s", got)
	}
	list := rt.get("/executions")["executions"].([]any)
	if last := list[len(list)-1].(map[string]any); len(list) != 6 || last["execId"] != "q4" || last["state"] != "done" || last["success"] != true {
		t.Errorf("list %v", list)
	}
}

func TestDeleteTakesOffTheQueue(t *testing.T) {
	rt := serve(t)
	g := newGate(rt.engine, "wait")
	rt.run(`{"code":"wait","execId":"first"}`)
	<-g.entered
	queued := rt.run(`{"code":"1","execId":"queued"}`)
	answer := make(chan map[string]any)
	go func() { answer <- rt.do("POST", "/mrp/v1/execute", `{"code":"1","execId":"plain"}`).json(t) }()
	waitFor(t, "the queue", func() bool { return rt.handler.queue.state().waiting == 2 })
	for _, id := range []string{"queued", "plain"} {
		if got := rt.do("DELETE", "/mrp/v1/executions/"+id, ""); string(got.body) != `{"cancelled":true}` {
			t.Errorf("DELETE %s: %s", id, got.body)
		}
		if state := rt.get("/executions/" + id)["state"]; state != "cancelled" {
			t.Errorf("%s is %v", id, state)
		}
	}
	events := queued.all(0)
	if names(events) != "error done" || events[0].data["type"] != "ExecutionCancelled" {
		t.Errorf("got %s %v", names(events), events[0].data)
	}
	if failure := (<-answer)["error"].(map[string]any); failure["type"] != "ExecutionCancelled" {
		t.Errorf("got %v", failure)
	}
	if got := rt.do("DELETE", "/mrp/v1/executions/queued", ""); string(got.body) != `{"cancelled":false}` {
		t.Errorf("a second DELETE: %s", got.body)
	}
	if got := rt.do("DELETE", "/mrp/v1/executions/first", ""); string(got.body) != `{"cancelled":true}` {
		t.Errorf("DELETE of the running one: %s", got.body)
	}
	waitFor(t, "the end of the interrupted one", func() bool { return rt.get("/executions/first")["state"] == "done" })
	result := rt.get("/executions/first")["result"].(map[string]any)
	if result["error"].(map[string]any)["type"] != "KeyboardInterrupt" {
		t.Errorf("got %v", result)
	}
	if len(rt.engine.order) != 1 {
		t.Errorf("a cancelled execution ran: %v", rt.engine.order)
	}
}

func TestInterrupt(t *testing.T) {
	rt := serve(t)
	if rt.post("/interrupt", `{}`)["interrupted"] != false {
		t.Error("nothing runs and something was interrupted")
	}
	entered, asked, leave := make(chan struct{}), make(chan struct{}), make(chan struct{})
	rt.engine.on("deaf", func(_ context.Context, _ Sink, interrupted <-chan struct{}) Outcome {
		close(entered)
		<-interrupted
		close(asked)
		<-leave
		return keyboardInterrupt()
	})
	reader := rt.run(`{"code":"deaf","execId":"deaf","session":"s"}`)
	<-entered
	rt.post("/sessions", `{"id":"other"}`)
	if rt.post("/interrupt", `{"execId":"other"}`)["interrupted"] != false || rt.post("/interrupt", `{"session":"other"}`)["interrupted"] != false {
		t.Error("another execution's interrupt was taken")
	}
	if rt.get("/health")["interruptPending"] != nil {
		t.Error("an interrupt is pending already")
	}
	if rt.post("/interrupt", `{"execId":"deaf","session":"s"}`)["interrupted"] != true {
		t.Error("not interrupted")
	}
	<-asked
	since, _ := rt.get("/health")["interruptPending"].(string)
	if _, err := time.Parse(time.RFC3339, since); err != nil {
		t.Errorf("interruptPending is %q: %v", since, err)
	}
	close(leave)
	if events := reader.all(0); events[1].data["type"] != "KeyboardInterrupt" {
		t.Errorf("got %v", events[1])
	}
	if health := rt.get("/health"); health["interruptPending"] != nil || health["state"] != "idle" {
		t.Errorf("health %v", health)
	}
}

func TestStopOnErrorDropsTheSameClients(t *testing.T) {
	rt := serve(t)
	entered, leave := make(chan struct{}), make(chan struct{})
	rt.engine.on("fail", func(context.Context, Sink, <-chan struct{}) Outcome {
		close(entered)
		<-leave
		return failed("E")
	})
	ctx := context.Background()
	send := func(body, client string) *eventReader {
		return rt.stream(ctx, "POST", "/execute/stream", body, "X-MRMD-Client: "+client)
	}
	send(`{"code":"fail","stopOnError":true}`, "me")
	<-entered
	mine := send(`{"code":"1"}`, "me")
	elsewhere := send(`{"code":"1","session":"other"}`, "me")
	others := send(`{"code":"1"}`, "you")
	unnamed := rt.run(`{"code":"1"}`)
	close(leave)
	if events := mine.all(0); names(events) != "error done" || events[0].data["type"] != "ExecutionCancelled" {
		t.Errorf("mine: %s", names(events))
	}
	for _, reader := range []*eventReader{elsewhere, others, unnamed} {
		if events := reader.all(0); names(events) != "start result done" {
			t.Errorf("another client's: %s", names(events))
		}
	}
}

func TestErrorsStopNothingUnlessAsked(t *testing.T) {
	rt := serve(t)
	entered, leave := make(chan struct{}), make(chan struct{})
	rt.engine.on("fail", func(context.Context, Sink, <-chan struct{}) Outcome {
		close(entered)
		<-leave
		return failed("E")
	})
	rt.run(`{"code":"fail"}`)
	<-entered
	behind := rt.run(`{"code":"1"}`)
	close(leave)
	if events := behind.all(0); names(events) != "start result done" {
		t.Errorf("got %s", names(events))
	}
}

func TestFullQueue(t *testing.T) {
	rt := serve(t, func(o *Options) { o.Limits.Queue = 1 })
	g := newGate(rt.engine, "wait")
	rt.run(`{"code":"wait"}`)
	<-g.entered
	waiting := rt.run(`{"code":"1"}`)
	for _, path := range []string{"/execute", "/execute/stream", "/reset"} {
		got := rt.do("POST", pathPrefix+path, `{"code":"1","execId":"again"}`)
		if got.status != 503 || got.json(t)["error"] != "runtime_busy" || got.header.Get("Retry-After") == "" {
			t.Errorf("%s: %d %s", path, got.status, got.body)
		}
	}
	close(g.leave)
	waiting.all(0)
	rt.post("/execute", `{"code":"1","execId":"again"}`)
}

func TestFullStreams(t *testing.T) {
	rt := serve(t, func(o *Options) { o.Limits.Streams = 1 })
	g := newGate(rt.engine, "wait")
	reader := rt.run(`{"code":"wait","execId":"w"}`)
	<-g.entered
	for _, request := range [][2]string{{"POST", "/execute/stream"}, {"GET", "/executions/w/stream"}} {
		if got := rt.do(request[0], pathPrefix+request[1], `{"code":"1"}`); got.status != 503 || got.header.Get("Retry-After") == "" {
			t.Errorf("%s: %d %s", request[1], got.status, got.body)
		}
	}
	close(g.leave)
	reader.all(0)
	waitFor(t, "the stream to be counted out", func() bool { return rt.handler.openStreams.Load() == 0 })
	rt.run(`{"code":"1"}`).all(0)
}

func TestExecutionGoesOnWithoutItsClient(t *testing.T) {
	rt := serve(t)
	g := newGate(rt.engine, "wait")
	ctx, leave := context.WithCancel(context.Background())
	rt.stream(ctx, "POST", "/execute/stream", `{"code":"wait","execId":"streamed"}`)
	<-g.entered
	leave()
	waitFor(t, "the client to be gone", func() bool { return rt.handler.openStreams.Load() == 0 })
	close(g.leave)
	events := rt.stream(context.Background(), "GET", "/executions/streamed/stream", "").all(0)
	if names(events) != "start result done" {
		t.Errorf("got %s", names(events))
	}
}

func TestShutdownEndsWhatWaitsAndLeavesWhatRuns(t *testing.T) {
	rt := serve(t)
	g := newGate(rt.engine, "wait")
	running := rt.run(`{"code":"wait"}`)
	<-g.entered
	queued := rt.run(`{"code":"1"}`)
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	shutDown := make(chan error)
	go func() { shutDown <- rt.handler.Shutdown(ctx) }()
	if events := queued.all(0); events[0].data["type"] != "ExecutionCancelled" {
		t.Errorf("queued: %v", events[0])
	}
	close(g.leave)
	if err := <-shutDown; err != nil {
		t.Fatal(err)
	}
	if got := names(running.all(0)); got != "start result done" {
		t.Errorf("running: %s", got)
	}
	if got := rt.do("POST", "/mrp/v1/execute", `{"code":"1"}`); got.status != 503 {
		t.Errorf("after the shutdown: %d %s", got.status, got.body)
	}
	if state := rt.get("/health")["state"]; state != "stopping" {
		t.Errorf("state %v", state)
	}
}

func TestShutdownDoesNotWaitForEver(t *testing.T) {
	rt := serve(t)
	entered, leave := make(chan struct{}), make(chan struct{})
	rt.engine.on("deaf", func(context.Context, Sink, <-chan struct{}) Outcome {
		close(entered)
		<-leave
		return Outcome{}
	})
	reader := rt.run(`{"code":"deaf"}`)
	<-entered
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := rt.handler.Shutdown(ctx); err == nil {
		t.Error("the deaf cell was not noticed")
	}
	if err := rt.handler.Close(); err != nil {
		t.Error(err)
	}
	for {
		if _, ok := reader.next(); !ok {
			break
		}
	}
	close(leave)
	waitFor(t, "the cell's end", func() bool { return rt.handler.queue.state().current == nil })
}

// TestInterleavings sends thousands of operations at once, in whatever order
// the scheduler makes of them, and checks what must be true of any.
func TestInterleavings(t *testing.T) {
	engine := newToyEngine(t.TempDir())
	engine.on("fail", func(context.Context, Sink, <-chan struct{}) Outcome { return failed("E") })
	engine.on("print", func(_ context.Context, sink Sink, _ <-chan struct{}) Outcome {
		sink.Text(Stdout, []byte("x"))
		return Outcome{}
	})
	h, err := NewHandler(engine, Options{AssetsDir: t.TempDir(), SpoolDir: t.TempDir(),
		Limits: Limits{RetainCount: 100000, Queue: 20}})
	if err != nil {
		t.Fatal(err)
	}
	const workers, each = 8, 500
	var all [workers][]*execution
	var full, resets [workers]int
	var wait sync.WaitGroup
	for worker := range workers {
		wait.Go(func() {
			random := rand.New(rand.NewPCG(1, uint64(worker)))
			for i := range each {
				request := executeRequest{code: []string{"1", "fail", "print"}[random.IntN(3)], storeHistory: true,
					session: DefaultSession, execID: fmt.Sprintf("%d-%d", worker, i), client: fmt.Sprint(worker % 2), stopOnError: random.IntN(2) == 0}
				switch random.IntN(8) {
				case 0:
					h.interrupt(func(*execution) bool { return true })
				case 1:
					if _, err := h.reset(DefaultSession); err == nil {
						resets[worker]++
					}
				}
				e, err := h.admit(request)
				if err != nil {
					full[worker]++
					continue
				}
				all[worker] = append(all[worker], e)
				if random.IntN(2) == 0 {
					go h.run(e)
					if random.IntN(3) == 0 {
						h.cancelQueued(e, "test")
					}
				} else {
					h.run(e)
				}
			}
		})
	}
	wait.Wait()
	<-h.queue.whenIdle()
	waitFor(t, "an empty queue", func() bool { s := h.queue.state(); return s.waiting == 0 && s.current == nil })
	ended, ran := 0, 0
	for worker := range workers {
		for _, e := range all[worker] {
			status := e.status()
			if !status.state.ended() {
				t.Fatalf("%s is %s", e.request.execID, status.state)
			}
			ended++
			reader := e.log.follow(0)
			var kinds []eventKind
			for {
				event, ok, over, _, err := reader.next(time.Now().Add(time.Hour))
				if err != nil || !ok && !over {
					t.Fatal("an ended log has no end", err)
				}
				if over {
					break
				}
				kinds = append(kinds, event.kind)
			}
			reader.letGo()
			if kinds[len(kinds)-1] != eventDone {
				t.Fatalf("%s ends with %v", e.request.execID, kinds)
			}
			if started := kinds[0] == eventStart; started != (status.state == stateDone) {
				t.Fatalf("%s is %s with the events %v", e.request.execID, status.state, kinds)
			}
			if status.state == stateDone {
				ran++
			}
		}
	}
	if engine.overlaps.Load() != 0 {
		t.Error("executions overlapped")
	}
	if ran != len(engine.order) {
		t.Errorf("%d are done, %d ran", ran, len(engine.order))
	}
	total := int64(ended)
	for worker := range workers {
		total += int64(resets[worker])
	}
	if h.stateRevision.Load() != total {
		t.Errorf("stateRevision is %d after %d ends and resets", h.stateRevision.Load(), total)
	}
	if len(h.archive.list()) != ended {
		t.Errorf("%d are retained of %d", len(h.archive.list()), ended)
	}
	if err := h.Close(); err != nil {
		t.Error(err)
	}
}
