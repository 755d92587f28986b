package main

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"time"
)

// starting is a contender whose measurements are starts: nothing runs between them. The
// first warmUp of them are thrown away.
func starting(name string, warmUp int, start func(ctx context.Context, l *lab) (float64, error)) contender {
	return contender{name, func(_ context.Context, l *lab) (*subject, error) {
		return &subject{warmUp: warmUp, end: func() {}, measure: func(ctx context.Context, count int) ([]float64, error) {
			times := make([]float64, 0, count)
			for range count {
				elapsed, err := start(ctx, l)
				if err != nil {
					return nil, err
				}
				times = append(times, elapsed)
			}
			return times, nil
		}}, nil
	}}
}

// usedHome is the home of a contender's starts. The first of them is not timed: what it
// leaves there (history, compiled code) later ones find, as a user's do.
func (l *lab) usedHome(who string, first func(home string) error) (string, error) {
	l.mutex.Lock()
	home := l.usedHomes[who]
	l.mutex.Unlock()
	if home != "" {
		return home, nil
	}
	home, err := l.newHome()
	if err == nil {
		err = first(home)
	}
	if err != nil {
		return "", fmt.Errorf("starting %s for the first time: %w", who, err)
	}
	l.mutex.Lock()
	defer l.mutex.Unlock()
	if l.usedHomes == nil {
		l.usedHomes = map[string]string{}
	}
	l.usedHomes[who] = home
	return home, nil
}

// answering starts a runtime until it has answered a request with the text in it.
func answering(who, method, path string, body map[string]any, text string) contender {
	return starting(who, 1, func(ctx context.Context, l *lab) (float64, error) {
		home, err := l.usedHome(who, func(home string) error { return l.useHome(ctx, home, who) })
		if err != nil {
			return 0, err
		}
		return l.startedAndAsked(ctx, home, who, method, path, body, text)
	})
}

// useHome runs a cell in a runtime of a home and, with ours, waits until it has kept
// what it compiled, which it does a moment after its start.
func (l *lab) useHome(ctx context.Context, home, who string) error {
	started, err := l.launchIn(home, who)
	if err != nil {
		return err
	}
	started.keepsHome = true
	defer started.end()
	if _, err := started.ask(ctx, "POST", "/execute", map[string]any{"code": "1+1"}, `"result":"2"`); err != nil || who != ours {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	for ; ctx.Err() == nil; time.Sleep(10 * time.Millisecond) {
		kept, err := filepath.Glob(filepath.Join(home, ".mrmd", "cache", "start-*.code"))
		if err != nil || len(kept) > 0 {
			return err
		}
	}
	return fmt.Errorf("no compiled code was kept in %s: %w", home, ctx.Err())
}

// kernelStarts starts ipykernel until it has answered, or has run a cell.
func kernelStarts(code string) contender {
	return contender{kernel, func(_ context.Context, l *lab) (*subject, error) {
		t, err := l.talkTo(kernel)
		if err != nil {
			return nil, err
		}
		return &subject{warmUp: 1, end: t.end, measure: func(_ context.Context, count int) ([]float64, error) {
			return t.times(map[string]any{"op": "starts", "code": code, "count": count})
		}}, nil
	}}
}

// startedAndAsked starts a runtime, asks it once, and gives the milliseconds from its
// start to the answer.
func (l *lab) startedAndAsked(ctx context.Context, home, who, method, path string, body map[string]any, text string) (float64, error) {
	started, err := l.launchIn(home, who)
	if err != nil {
		return 0, err
	}
	started.keepsHome = true
	defer started.end()
	answered, err := started.ask(ctx, method, path, body, text)
	return milliseconds(answered.Sub(started.began)), err
}

// ask asks a runtime that may not listen yet, and gives when the whole answer was there.
func (r *launched) ask(ctx context.Context, method, path string, body map[string]any, text string) (time.Time, error) {
	wire, err := r.connect(ctx)
	if err != nil {
		return time.Time{}, err
	}
	defer wire.Close()
	request, err := wire.encode(method, path, body)
	if err != nil {
		return time.Time{}, err
	}
	answer, err := wire.ask(request)
	answered := time.Now()
	if err != nil {
		return answered, fmt.Errorf("%w: %s", err, &r.said)
	}
	return answered, has(text)(answer)
}

// startedPlain gives the milliseconds from the start of Python to the end of a cell.
func startedPlain(_ context.Context, l *lab) (float64, error) {
	home, err := l.usedHome(stock, func(home string) error {
		_, err := l.startedPlainIn(home)
		return err
	})
	if err != nil {
		return 0, err
	}
	return l.startedPlainIn(home)
}

func (l *lab) startedPlainIn(home string) (float64, error) {
	began := time.Now()
	p, input, output, err := l.spawn(home, true, filepath.Join(l.venvs[ours], "bin", "python"), "-c", plainStart)
	if err != nil {
		return 0, err
	}
	p.keepsHome = true
	defer p.end()
	defer input.Close()
	_, err = io.ReadFull(output, make([]byte, 1))
	elapsed := time.Since(began)
	if err != nil {
		return 0, fmt.Errorf("the cell did not run: %w: %s", err, &p.said)
	}
	return milliseconds(elapsed), nil
}

func startRows() []*row {
	sum := map[string]any{"code": "1+1"}
	return []*row{
		{
			name: "start/capabilities", title: "start to the first `/capabilities` (of ipykernel: `kernel_info`)", unit: "ms",
			block: 5, quickBlock: 2,
			contenders: []contender{
				answering(ours, "GET", "/capabilities", nil, "mrmd-python"),
				answering(original, "GET", "/capabilities", nil, "mrmd-python"),
				kernelStarts(""),
			},
			targets: []target{{of: median, who: ours, atMost: 10}},
		},
		{
			name: "start/cell", title: "start to the first cell, over `python -c` with InteractiveShell and one `run_cell`", unit: "ms",
			block: 5, quickBlock: 2,
			contenders: []contender{
				answering(ours, "POST", "/execute", sum, `"result":"2"`),
				starting(stock, 1, startedPlain),
				answering(original, "POST", "/execute", sum, `"result":"2"`),
				kernelStarts("1+1"),
			},
			targets: []target{{of: ratio, who: ours, over: stock, atMost: 0.6}},
		},
	}
}
