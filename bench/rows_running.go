package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// Each prints that it has begun and then loops: endless in pure Python, giving with the
// GIL given up in each turn, holding in C code that keeps the GIL for seconds.
const (
	endless = "print('begun', flush=True)\nn = 0\nwhile True: n += 1"
	giving  = "import time\nprint('begun', flush=True)\nwhile True: time.sleep(0)"
	holding = "print('begun', flush=True)\nwhile True: sum(range(10**8))"
)

// besideLoop asks a runtime that runs a loop, after it has asked once before. While
// others have their turn the runtime is stopped by a signal: 0.4.2 can't end the loop.
func besideLoop(who, loop, path string, body map[string]any, text string) contender {
	return contender{who, func(ctx context.Context, l *lab) (*subject, error) {
		r, err := l.serve(ctx, who, "x = 42")
		if err != nil {
			return nil, err
		}
		if _, err := r.timeAsking(ctx, path, body, 1, has(text)); err != nil {
			r.end()
			return nil, err
		}
		wire, request, err := r.dialFor("/execute/stream", map[string]any{"code": loop})
		if err == nil {
			// A runtime that is stopped says nothing for as long as others need.
			err = wire.waitForever()
		}
		if err != nil {
			r.end()
			return nil, err
		}
		begun, ended := make(chan struct{}), make(chan error, 1)
		go func() {
			defer wire.Close()
			var once sync.Once
			ended <- wire.events(request, func(name string, _ []byte) error {
				if name == "stdout" {
					once.Do(func() { close(begun) })
				}
				return nil
			})
		}()
		select {
		case <-begun:
		case err := <-ended:
			r.end()
			return nil, fmt.Errorf("the loop ended: %w", err)
		}
		stopped := func(signal unix.Signal) error {
			if err := unix.Kill(-r.Process.Pid, signal); err != nil {
				return fmt.Errorf("stopping a runtime or letting it go on: %w", err)
			}
			return nil
		}
		if err := stopped(unix.SIGSTOP); err != nil {
			r.end()
			return nil, err
		}
		return &subject{end: r.end, measure: func(ctx context.Context, count int) ([]float64, error) {
			if err := stopped(unix.SIGCONT); err != nil {
				return nil, err
			}
			times, err := r.timeAsking(ctx, path, body, count, has(text))
			select {
			case err := <-ended:
				return nil, fmt.Errorf("the loop ended: %w", err)
			default:
			}
			return times, errors.Join(err, stopped(unix.SIGSTOP))
		}}, nil
	}}
}

// watchedLoop is by how many percent a pure Python loop is slower while 50 requests a
// second are asked beside it. The loop times itself, alone and watched in turns; the
// fastest of each are compared, which others on the machine have disturbed least.
func watchedLoop(who string) contender {
	const code = `import time
def loop():
    began = time.perf_counter()
    for n in range(15_000_000): pass
    return time.perf_counter() - began`
	return contender{who, func(ctx context.Context, l *lab) (*subject, error) {
		r, err := l.serve(ctx, who, "x = 42", code, "loop()")
		if err != nil {
			return nil, err
		}
		return &subject{end: r.end, measure: func(ctx context.Context, count int) ([]float64, error) {
			var percents []float64
			for range count {
				var seconds [2]float64
				for _, watched := range []int{0, 1, 1, 0, 0, 1} {
					took, err := r.timeLoop(ctx, watched == 1)
					if err != nil {
						return nil, err
					}
					seconds[watched] = min(took, cmp.Or(seconds[watched], took))
				}
				percents = append(percents, 100*(seconds[1]/seconds[0]-1))
			}
			return percents, nil
		}}, nil
	}}
}

// timeLoop runs the loop once, watched or alone, and gives its seconds.
func (r *runtime) timeLoop(ctx context.Context, watched bool) (float64, error) {
	finished := make(chan struct{})
	var asking sync.WaitGroup
	var failed error
	if watched {
		wire, request, err := r.dialFor("/hover", map[string]any{"code": "x", "cursor": 1})
		if err != nil {
			return 0, err
		}
		defer wire.Close()
		asking.Go(func() {
			every := time.NewTicker(time.Second / 50)
			defer every.Stop()
			for failed == nil {
				select {
				case <-every.C:
					_, failed = wire.ask(request)
					if isBusy(failed) {
						// It was asked, and the loop has paid for it.
						failed = nil
					}
				case <-finished:
					return
				}
			}
		})
	}
	answer, err := r.Post(ctx, "/execute", map[string]any{"code": "loop()"})
	close(finished)
	asking.Wait()
	if err := errors.Join(err, failed); err != nil {
		return 0, err
	}
	seconds, err := strconv.ParseFloat(fmt.Sprint(answer["result"]), 64)
	if err != nil {
		return 0, fmt.Errorf("reading the loop's time: %w", err)
	}
	return seconds, nil
}

// interrupting interrupts a pure Python loop: the time from the request's first byte to
// the `error` event.
func interrupting() contender {
	return contender{ours, func(ctx context.Context, l *lab) (*subject, error) {
		r, err := l.serve(ctx, ours)
		if err != nil {
			return nil, err
		}
		return &subject{end: r.end, measure: func(ctx context.Context, count int) ([]float64, error) {
			wire, request, err := r.dialFor("/execute/stream", map[string]any{"code": endless})
			if err != nil {
				return nil, err
			}
			defer wire.Close()
			other, interrupt, err := r.dialFor("/interrupt", map[string]any{})
			if err != nil {
				return nil, err
			}
			defer other.Close()
			var times []float64
			for range count {
				var began time.Time
				err := wire.events(request, func(name string, _ []byte) error {
					switch {
					case name == "stdout" && began.IsZero():
						began = time.Now()
						_, err := other.Write(interrupt)
						return err
					case name == "error":
						times = append(times, milliseconds(time.Since(began)))
					}
					return nil
				})
				if err == nil {
					err = other.receive(has(`"interrupted":true`))
				}
				if err := errors.Join(err, ctx.Err()); err != nil {
					return nil, err
				}
			}
			return times, nil
		}}, nil
	}}
}

func kernelInterrupts() contender {
	return contender{kernel, func(ctx context.Context, l *lab) (*subject, error) {
		t, err := l.talk(ctx, kernel)
		if err != nil {
			return nil, err
		}
		return &subject{end: t.end, measure: func(_ context.Context, count int) ([]float64, error) {
			return t.times(map[string]any{"op": "interrupts", "code": endless, "count": count})
		}}, nil
	}}
}

func runningRows() []*row {
	hover := map[string]any{"code": "x", "cursor": 1}
	return []*row{
		{
			name: "hover/loop", title: "`/hover` while a pure Python loop runs", unit: "ms", block: 200, quickBlock: 50,
			contenders: []contender{
				besideLoop(ours, endless, "/hover", hover, `"found":true`), besideLoop(original, endless, "/hover", hover, `"found":true`),
			},
			targets: []target{{of: median, who: ours, atMost: 0.5}, {of: p99, who: ours, atMost: 10}},
			note:    "ipykernel does not answer while a cell runs.",
		},
		{
			name: "hover/giving-loop", title: "`/hover` while a loop runs that gives the GIL up in each turn", unit: "ms", block: 200, quickBlock: 50,
			contenders: []contender{besideLoop(ours, giving, "/hover", hover, `"found":true`)},
			targets:    []target{{of: median, who: ours, atMost: 1}, {of: p99, who: ours, atMost: 10}},
		},
		{
			name: "hover/holding-loop", title: "`/hover` while C code keeps the GIL: the last answer, as stale", unit: "ms", block: 10, quickBlock: 3, mostRounds: 3,
			contenders: []contender{besideLoop(ours, holding, "/hover", hover, `"found":true`)},
			targets:    []target{{of: median, who: ours, atMost: 320}},
			note:       "The deadline is 300 ms (`--answer-within`).",
		},
		{
			name: "hover/loop-cost", title: "what 50 `/hover` a second cost a pure Python loop", unit: "%", block: 2, quickBlock: 1, signed: true,
			contenders: []contender{watchedLoop(ours), watchedLoop(original)},
			targets:    []target{{of: median, who: ours, atMost: 6}},
		},
		{
			name: "interrupt/error", title: "interrupt of a pure Python loop to the `error` event", unit: "ms", block: 30, quickBlock: 10,
			contenders: []contender{interrupting(), kernelInterrupts()},
			targets:    []target{{of: median, who: ours, atMost: 5}},
			note:       "An interrupt of 0.4.2 stops nothing.",
		},
	}
}
