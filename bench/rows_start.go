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

// answering starts a runtime until it has answered a request with the text in it.
func answering(who, method, path string, body map[string]any, text string) contender {
	return starting(who, 1, func(ctx context.Context, l *lab) (float64, error) {
		return l.startedAndAsked(ctx, who, method, path, body, text)
	})
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
func (l *lab) startedAndAsked(ctx context.Context, who, method, path string, body map[string]any, text string) (float64, error) {
	started, err := l.launch(who)
	if err != nil {
		return 0, err
	}
	defer started.end()
	wire, err := started.connect(ctx)
	if err != nil {
		return 0, err
	}
	defer wire.Close()
	request, err := wire.encode(method, path, body)
	if err != nil {
		return 0, err
	}
	answer, err := wire.ask(request)
	if err != nil {
		return 0, fmt.Errorf("%w: %s", err, &started.said)
	}
	elapsed := time.Since(started.began)
	return milliseconds(elapsed), has(text)(answer)
}

// startedPlain gives the milliseconds from the start of Python to the end of a cell.
func startedPlain(_ context.Context, l *lab) (float64, error) {
	home, err := l.newHome()
	if err != nil {
		return 0, err
	}
	began := time.Now()
	p, input, output, err := l.spawn(home, true, filepath.Join(l.venvs[ours], "bin", "python"), "-c", plainStart)
	if err != nil {
		return 0, err
	}
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
