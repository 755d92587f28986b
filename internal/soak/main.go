package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"time"

	"github.com/mrmd/mrmd-python/internal/livetest"
)

func main() {
	cells := flag.Int("cells", 200_000, "how many cells to run")
	points := flag.Int("points", 40, "how many points the curve has")
	growth := flag.Float64("growth", 0.10, "by how much memory may grow from the first quarter's end to the last one's")
	reset := flag.Int("reset", 1000, "after how many cells the namespace is cleared, for IPython keeps each cell's input and result; 0 for never")
	seed := flag.Uint64("seed", 1, "the order of the cells")
	flag.Parse()
	if err := soak(*cells, *points, *reset, *growth, *seed); err != nil {
		fmt.Fprintln(os.Stderr, "soak:", err)
		os.Exit(1)
	}
}

// soak runs the cells and fails when one does not end as it has to, or when what the
// runtime holds is not flat.
func soak(cells, points, reset int, growth float64, seed uint64) (err error) {
	runtime, err := livetest.Start(context.Background(), livetest.Options{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, runtime.Stop()) }()
	order := rand.New(rand.NewPCG(seed, 0))
	total := 0
	for _, kind := range kinds {
		total += kind.weight
	}
	var curve []point
	var latencies []time.Duration
	fmt.Printf("%10s %8s %9s %5s %8s %8s %8s\n", "cells", "seconds", "RSS MiB", "fds", "threads", "p50 ms", "p95 ms")
	began := time.Now()
	for done := 1; done <= cells; done++ {
		chosen := pick(order.IntN(total))
		cellBegan := time.Now()
		if err := chosen.run(runtime.Client, done); err != nil {
			return fmt.Errorf("cell %d (%s): %w", done, chosen.name, err)
		}
		if chosen.timed {
			latencies = append(latencies, time.Since(cellBegan))
		}
		if reset > 0 && done%reset == 0 {
			if _, err := runtime.Post(context.Background(), "/reset", livetest.Object{}); err != nil {
				return err
			}
		}
		if done%max(1, cells/points) == 0 {
			held, err := look(runtime.Process.Pid)
			if err != nil {
				return err
			}
			slices.Sort(latencies)
			fmt.Printf("%10d %8.0f %9.1f %5d %8d %8.2f %8.2f\n", done, time.Since(began).Seconds(), held.memory/(1<<20),
				held.descriptors, held.threads, milliseconds(latencies, 50), milliseconds(latencies, 95))
			curve, latencies = append(curve, held), latencies[:0]
		}
	}
	return judge(curve, growth)
}

func pick(number int) kind {
	for _, kind := range kinds {
		if number -= kind.weight; number < 0 {
			return kind
		}
	}
	panic("the weights do not add up")
}

func milliseconds(sorted []time.Duration, percent int) float64 {
	if len(sorted) == 0 {
		return 0
	}
	return float64(sorted[len(sorted)*percent/100].Microseconds()) / 1000
}

// judge compares the end of the last quarter with that of the first, when all that is
// loaded once has been.
func judge(curve []point, growth float64) error {
	if len(curve) < 4 {
		return errors.New("there are too few points to judge; run more cells")
	}
	first, last := curve[len(curve)/4], curve[len(curve)-1]
	fmt.Printf("memory x%.3f, descriptors %+d, threads %+d since the first quarter\n",
		last.memory/first.memory, last.descriptors-first.descriptors, last.threads-first.threads)
	const slack = 8 // of descriptors and threads, which come and go with connections
	if last.memory > first.memory*(1+growth) || last.descriptors > first.descriptors+slack || last.threads > first.threads+slack {
		return errors.New("what the runtime holds grows")
	}
	return nil
}
