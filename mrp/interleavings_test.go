package mrp

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"
)

// TestSessionInterleavings uses, resets and deletes a few sessions from many
// sides at once, and checks what must be true in any order.
func TestSessionInterleavings(t *testing.T) {
	engine := newToyEngine(t.TempDir())
	engine.on("until interrupted", func(_ context.Context, _ Sink, interrupted <-chan struct{}) Outcome {
		select {
		case <-interrupted:
			return keyboardInterrupt()
		case <-time.After(200 * time.Microsecond):
			return Outcome{}
		}
	})
	h, err := NewHandler(engine, Options{AssetsDir: t.TempDir(), SpoolDir: t.TempDir(), MaxSessions: 4,
		Limits: Limits{RetainCount: 100_000, Queue: 30}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.Close() })
	const workers, each = 8, 600
	var wait, runs sync.WaitGroup
	var deletions, full [workers]int
	for worker := range workers {
		wait.Go(func() {
			random := rand.New(rand.NewPCG(2, uint64(worker)))
			for i := range each {
				id := []string{DefaultSession, "a", "b", "c", "d"}[random.IntN(5)]
				execID := fmt.Sprintf("%d-%d", worker, i)
				switch random.IntN(10) {
				case 0:
					if _, err := h.deleteSession(id); err == nil {
						deletions[worker]++
					}
				case 1:
					_, _ = h.reset(id) // refused when there is none
				case 2:
					h.interrupt(func(e *execution) bool { return e.request.session == id })
				case 3:
					h.LateOutput(fmt.Sprintf("%d-%d", worker, max(0, i-random.IntN(5))), Stdout, []byte("late"))
				case 4:
					h.countVariables(context.Background(), h.sessions.list()...)
				default:
					code := []string{"1", "until interrupted"}[random.IntN(2)]
					e, err := h.admit(executeRequest{code: code, session: id, storeHistory: true, execID: execID})
					if err != nil {
						full[worker]++
						continue
					}
					if random.IntN(2) == 0 {
						runs.Go(func() { h.run(e) })
					} else {
						h.run(e)
					}
				}
			}
		})
	}
	wait.Wait()
	runs.Wait()
	if engine.overlaps.Load() != 0 {
		t.Error("the engine was used by two at once")
	}
	var known []string
	for _, s := range h.sessions.list() {
		known = append(known, s.id)
	}
	if len(known) > 4 || known[0] != DefaultSession || len(h.sessions.byID) != len(known) {
		t.Errorf("sessions %v", known)
	}
	for _, shell := range engine.openShells() {
		if !slices.Contains(known, shell) {
			t.Errorf("the shell of %s was left open; sessions are %v", shell, known)
		}
	}
	ran := 0
	for _, e := range h.archive.list() {
		switch status := e.status(); status.state {
		case stateDone:
			ran++
		case stateCancelled:
		default:
			t.Errorf("%s is %s", e.request.execID, status.state)
		}
	}
	if ran != len(engine.order) || ran == 0 {
		t.Errorf("%d are done, %d ran", ran, len(engine.order))
	}
	if slices.Max(deletions[:]) == 0 || slices.Max(full[:]) == 0 {
		t.Errorf("deleted %v, refused %v", deletions, full)
	}
	if state := h.state(); state.name != "idle" || h.events.state != state {
		t.Errorf("the state is %+v, told was %+v", state, h.events.state)
	}
}

// TestInterruptsReachWhatIsAboutToRun: an interrupt between an execution's turn
// and its first instruction ends it all the same.
func TestInterruptsReachWhatIsAboutToRun(t *testing.T) {
	engine := newToyEngine(t.TempDir())
	engine.on("for ever", func(_ context.Context, _ Sink, interrupted <-chan struct{}) Outcome {
		<-interrupted
		return keyboardInterrupt()
	})
	rt := serveEngine(t, engine)
	random := rand.New(rand.NewPCG(5, 5))
	for i := range 2000 {
		e, err := rt.handler.admit(executeRequest{code: "for ever", session: DefaultSession, execID: fmt.Sprint(i)})
		if err != nil {
			t.Fatal(err)
		}
		over := make(chan struct{})
		go func() {
			rt.handler.run(e)
			close(over)
		}()
		for range random.IntN(200) {
			_ = e.status()
		}
		if !rt.handler.interrupt(func(*execution) bool { return true }) {
			t.Fatalf("round %d: nothing was interrupted", i)
		}
		// It hangs here when the interrupt was lost.
		<-over
		waitFor(t, "the turn's end", func() bool { return rt.handler.queue.state().current == nil })
	}
}

// TestReplayInterleavings has readers leave and come back at random while a log
// grows; each must end up with every event once.
func TestReplayInterleavings(t *testing.T) {
	const rounds, readers = 500, 4
	for round := range rounds {
		var log eventLog
		log.init(&spool{dir: t.TempDir(), failed: func(err error) { t.Error(err) }}, Limits{TextMemory: 200}, accumulateNone)
		var wait sync.WaitGroup
		var texts [readers][2]string
		var kinds [readers][]record
		for n := range readers {
			wait.Go(func() {
				random := rand.New(rand.NewPCG(uint64(round), uint64(n)))
				reader := log.follow(0)
				defer func() { reader.letGo() }()
				var scratch []byte
				for {
					event, ok, ended, _, err := reader.next(time.Now())
					switch {
					case err != nil:
						t.Error(err)
						return
					case ended:
						return
					case !ok:
						<-reader.changed
						continue
					}
					kinds[n] = append(kinds[n], event)
					if event.kind <= eventStderr {
						log.eachPiece(&log.text[event.kind], event.from, event.to, &scratch, func(piece []byte) {
							texts[n][event.kind] += string(piece)
						})
					}
					if random.IntN(5) == 0 {
						seen := reader.seen
						reader.letGo()
						reader = log.follow(seen)
					}
				}
			})
		}
		random := rand.New(rand.NewPCG(uint64(round), 99))
		var want [2]string
		for i := range 60 {
			if random.IntN(4) == 0 {
				log.add(eventClearOutput, []byte(`"wait":true`))
				continue
			}
			text := fmt.Sprintf("%d é", i)
			stream := Stream(random.IntN(2))
			log.write(stream, []byte(text))
			want[stream] += text
		}
		log.end(eventResult, eventDone)
		wait.Wait()
		for n := range readers {
			if texts[n] != want || len(kinds[n]) != log.count || !slices.Equal(kinds[n], kinds[0]) {
				t.Fatalf("round %d: reader %d saw %d events of %d and %q", round, n, len(kinds[n]), log.count, texts[n])
			}
		}
	}
}
