package main

import (
	"context"
	"fmt"
	"time"
)

// settling is how long a contender is left alone after its first cell, so that what it
// puts off until it is idle is done.
const settling = 4 * time.Second

// idle starts a contender, runs its first cell and leaves it alone; pid is of the process
// to look at.
func (l *lab) idle(ctx context.Context, who string) (pid int, end func(), err error) {
	if who == stock || who == kernel {
		t, err := l.talk(ctx, who, "1+1")
		if err != nil {
			return 0, nil, err
		}
		pid, end = t.measured, t.end
	} else {
		r, err := l.serve(ctx, who, "1+1")
		if err != nil {
			return 0, nil, err
		}
		pid, end = r.Process.Pid, r.end
	}
	select {
	case <-time.After(settling):
		return pid, end, nil
	case <-ctx.Done():
		end()
		return 0, nil, ctx.Err()
	}
}

// remembering is the memory of a contender that rests after its first cell, in MB.
func remembering(who, field string) contender {
	return starting(who, 0, func(ctx context.Context, l *lab) (float64, error) {
		pid, end, err := l.idle(ctx, who)
		if err != nil {
			return 0, err
		}
		defer end()
		return memoryOf(pid, "smaps_rollup", field)
	})
}

// resting is the CPU time a contender uses while nobody asks, in percent of one core.
func resting(who string) contender {
	return contender{who, func(ctx context.Context, l *lab) (*subject, error) {
		pid, end, err := l.idle(ctx, who)
		if err != nil {
			return nil, err
		}
		return &subject{end: end, measure: func(ctx context.Context, _ int) ([]float64, error) {
			before, err := cpuClock(pid)
			if err != nil {
				return nil, err
			}
			began := time.Now()
			select {
			case <-time.After(10 * time.Second):
			case <-ctx.Done():
				return nil, ctx.Err()
			}
			after, err := cpuClock(pid)
			if err != nil {
				return nil, fmt.Errorf("after 10 s: %w", err)
			}
			return []float64{100 * float64(after-before) / float64(time.Since(began).Nanoseconds())}, nil
		}}, nil
	}}
}

func footprintRows() []*row {
	memory := func(name, title, field string) *row {
		return &row{
			name: name, title: title, unit: "MB", block: 1, quickBlock: 1, mostRounds: 3,
			contenders: []contender{
				remembering(ours, field), remembering(stock, field), remembering(original, field), remembering(kernel, field),
			},
			targets: []target{{of: difference, who: ours, over: stock, atMost: 12}},
		}
	}
	return []*row{
		memory("memory/rss", "memory idle after the first cell (RSS), over plain Python with IPython", "Rss:"),
		memory("memory/pss", "the same, with shared pages counted in parts (PSS)", "Pss:"),
		{
			name: "cpu/idle", title: "CPU time while idle, of one core", unit: "%", block: 1, quickBlock: 1, mostRounds: 3, together: true,
			contenders: []contender{resting(ours), resting(original), resting(kernel)},
			targets:    []target{{of: median, who: ours, atMost: 0.1}},
			note:       "Over 10 s in each round.",
		},
	}
}
