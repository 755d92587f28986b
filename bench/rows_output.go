package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"golang.org/x/sys/unix"
)

// printsOf are the times from a `print` to its event at the client. The cell prints the
// machine's monotonic clock, which all processes share (clock_gettime(2)).
func printsOf(who string) contender {
	code := func(count int) string {
		return fmt.Sprintf("import time\nfor _ in range(%d):\n    print(time.monotonic_ns())\n    time.sleep(0.005)", count)
	}
	if who == kernel {
		return contender{who, func(ctx context.Context, l *lab) (*subject, error) {
			t, err := l.talk(ctx, who)
			if err != nil {
				return nil, err
			}
			return &subject{end: t.end, measure: func(_ context.Context, count int) ([]float64, error) {
				return t.times(map[string]any{"op": "prints", "code": code(count)})
			}}, nil
		}}
	}
	return contender{who, func(ctx context.Context, l *lab) (*subject, error) {
		r, err := l.serve(ctx, who)
		if err != nil {
			return nil, err
		}
		return &subject{end: r.end, measure: func(_ context.Context, count int) ([]float64, error) {
			return r.timePrints(code(count), count)
		}}, nil
	}}
}

func (r *runtime) timePrints(code string, count int) ([]float64, error) {
	wire, request, err := r.dialFor("/execute/stream", map[string]any{"code": code})
	if err != nil {
		return nil, err
	}
	defer wire.Close()
	var times []float64
	var line string
	err = wire.events(request, func(name string, data []byte) error {
		if name != "stdout" {
			return nil
		}
		var now unix.Timespec
		if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err != nil {
			return fmt.Errorf("reading the clock: %w", err)
		}
		var printed struct {
			Content string `json:"content"`
		}
		if err := json.Unmarshal(data, &printed); err != nil {
			return fmt.Errorf("reading an event: %w", err)
		}
		line += printed.Content
		for {
			first, rest, complete := strings.Cut(line, "\n")
			if !complete {
				return nil
			}
			line = rest
			began, err := strconv.ParseInt(strings.TrimSpace(first), 10, 64)
			if err != nil {
				return fmt.Errorf("reading what was printed: %w", err)
			}
			times = append(times, float64(now.Nano()-began)/1e6)
		}
	})
	if err == nil && len(times) != count {
		err = fmt.Errorf("%d lines arrived of %d", len(times), count)
	}
	return times, err
}

// streamed is what a stream took.
type streamed struct{ milliseconds, bytes float64 }

// lineCode prints lines of 100 bytes.
func lineCode(size int) string {
	return fmt.Sprintf("for i in range(%d): print('x' * 99)", size/100)
}

// drain reads a stream to its end without looking at more than where it is.
func (r *runtime) drain(size int) (streamed, error) {
	wire, request, err := r.dialFor("/execute/stream", map[string]any{"code": lineCode(size)})
	if err != nil {
		return streamed{}, err
	}
	defer wire.Close()
	before, began := wire.received, time.Now()
	response, err := wire.send(request)
	if err != nil {
		return streamed{}, err
	}
	lines := bufio.NewReaderSize(response.Body, 256<<10)
	finished, inside := false, false
	for {
		line, err := lines.ReadSlice('\n')
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return streamed{}, fmt.Errorf("reading a stream: %w", err)
		}
		finished = finished || !inside && strings.HasPrefix(string(line[:min(len(line), 11)]), "event: done")
		inside = err != nil
	}
	took := streamed{milliseconds(time.Since(began)), float64(wire.received - before)}
	if !finished || int(took.bytes) < size {
		return took, fmt.Errorf("the stream ended too early, after %.0f bytes", took.bytes)
	}
	return took, nil
}

// streaming prints size bytes in lines and gives one figure of what it took.
func streaming(who string, size int, figure func(streamed) float64) contender {
	return contender{who, func(ctx context.Context, l *lab) (*subject, error) {
		var once func() (streamed, error)
		var end func()
		if who == kernel {
			t, err := l.talk(ctx, who)
			if err != nil {
				return nil, err
			}
			once, end = func() (streamed, error) { return t.drain(size) }, t.end
		} else {
			r, err := l.serve(ctx, who)
			if err != nil {
				return nil, err
			}
			once, end = func() (streamed, error) { return r.drain(size) }, r.end
		}
		return &subject{end: end, measure: func(ctx context.Context, count int) ([]float64, error) {
			var figures []float64
			for range count {
				took, err := once()
				if err := errors.Join(err, ctx.Err()); err != nil {
					return nil, err
				}
				figures = append(figures, figure(took))
			}
			return figures, nil
		}}, nil
	}}
}

func (t *talker) drain(size int) (streamed, error) {
	var took []float64
	if err := t.ask(map[string]any{"op": "stream", "code": lineCode(size), "expected": size}, &took); err != nil {
		return streamed{}, err
	}
	return streamed{took[0] / 1e6, took[1]}, nil
}

// growing is by how many MB the memory of a runtime that was just started grows at
// most, beyond what it had before, while it streams.
func growing(who string, size int) contender {
	return starting(who, 0, func(ctx context.Context, l *lab) (float64, error) {
		var pid int
		var drain func(int) (streamed, error)
		if who == kernel {
			t, err := l.talk(ctx, who, "1+1")
			if err != nil {
				return 0, err
			}
			defer t.end()
			pid, drain = t.measured, t.drain
		} else {
			r, err := l.serve(ctx, who, "1+1")
			if err != nil {
				return 0, err
			}
			defer r.end()
			pid, drain = r.Process.Pid, r.drain
		}
		before, err := memoryOf(pid, "status", "VmRSS:")
		if err != nil {
			return 0, err
		}
		// 5 resets the peak: proc_pid_clear_refs(5).
		if err := os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", pid), []byte("5"), 0); err != nil {
			return 0, fmt.Errorf("resetting the peak of the memory: %w", err)
		}
		if _, err := drain(size); err != nil {
			return 0, err
		}
		peak, err := memoryOf(pid, "status", "VmHWM:")
		return peak - before, err
	})
}

// memoryOf reads a field in kB of a file of /proc/PID and gives MB (10^6 bytes).
func memoryOf(pid int, file, field string) (float64, error) {
	content, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", pid, file))
	if err != nil {
		return 0, fmt.Errorf("reading the memory of a contender: %w", err)
	}
	for line := range strings.Lines(string(content)) {
		if rest, found := strings.CutPrefix(line, field); found {
			value, err := strconv.ParseFloat(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 64)
			if err != nil {
				return 0, fmt.Errorf("reading %s: %w", field, err)
			}
			return value * 1024 / 1e6, nil
		}
	}
	return 0, fmt.Errorf("process %d has no %s", pid, field)
}

func outputRows() []*row {
	const mega = 1_000_000
	took := func(s streamed) float64 { return s.milliseconds }
	times := func(size float64) func(streamed) float64 {
		return func(s streamed) float64 { return s.bytes / size }
	}
	return []*row{
		{
			name: "print/event", title: "`print` to its `stdout` event at the client", unit: "ms", block: 100, quickBlock: 30,
			contenders: []contender{printsOf(ours), printsOf(original), printsOf(kernel)},
			targets:    []target{{of: median, who: ours, atMost: 0.3}},
		},
		{
			name: "stream/1MB", title: "stream 1 MB of 100-byte lines", unit: "ms", block: 2, quickBlock: 1, mostRounds: 5,
			contenders: []contender{streaming(ours, mega, took), streaming(original, mega, took), streaming(kernel, mega, took)},
		},
		{
			name: "stream/10MB", title: "stream 10 MB of 100-byte lines", unit: "ms", block: 2, quickBlock: 1,
			contenders: []contender{streaming(ours, 10*mega, took), streaming(kernel, 10*mega, took)},
			targets:    []target{{of: median, who: ours, atMost: 300}},
			note:       "0.4.2 repeats all output in every event and would send gigabytes: see the rows of 1 MB.",
		},
		{
			name: "stream/1MB-wire", title: "bytes on the wire of 1 MB", unit: "×", block: 1, quickBlock: 1, mostRounds: 3,
			contenders: []contender{
				streaming(ours, mega, times(mega)), streaming(original, mega, times(mega)), streaming(kernel, mega, times(mega)),
			},
		},
		{
			name: "stream/10MB-wire", title: "bytes on the wire of 10 MB", unit: "×", block: 1, quickBlock: 1, mostRounds: 5,
			contenders: []contender{streaming(ours, 10*mega, times(10*mega)), streaming(kernel, 10*mega, times(10*mega))},
			targets:    []target{{of: median, who: ours, atMost: 3}},
		},
		{
			name: "stream/1GB-memory", title: "growth of the runtime's memory while it streams 1 GB", unit: "MB", block: 1, quickBlock: 1, mostRounds: 2, slow: true,
			contenders: []contender{growing(ours, 1000*mega), growing(kernel, 1000*mega)},
			targets:    []target{{of: median, who: ours, atMost: 128}},
			note:       "Of the peak over what the runtime had after its first cell. 0.4.2 can't: it sends and keeps the square of the output.",
		},
	}
}
