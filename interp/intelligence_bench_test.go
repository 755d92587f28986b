package interp

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/mrmd/mrmd-python/mrp"
)

// timeEach reports the median and the 99th percentile of one call, in microseconds.
func timeEach(b *testing.B, call func() error) {
	b.Helper()
	var times []time.Duration
	for b.Loop() {
		began := time.Now()
		if err := call(); err != nil {
			b.Fatal(err)
		}
		times = append(times, time.Since(began))
	}
	slices.Sort(times)
	b.ReportMetric(float64(times[len(times)/2].Nanoseconds())/1000, "p50-µs")
	b.ReportMetric(float64(times[len(times)*99/100].Nanoseconds())/1000, "p99-µs")
}

func hoverOn(name string) func() error {
	return func() error {
		_, err := engine.Hover(context.Background(), mrp.HoverQuestion{Code: name})
		return err
	}
}

func benchRun(b *testing.B, code string) {
	b.Helper()
	runHere(b, "", code)
}

func BenchmarkCompleteOsPa(b *testing.B) {
	benchRun(b, "import os")
	timeEach(b, func() error {
		_, err := engine.Complete(context.Background(), mrp.CompleteQuestion{Code: "import os\nos.pa"})
		return err
	})
}

func BenchmarkCompleteName(b *testing.B) {
	timeEach(b, func() error {
		_, err := engine.Complete(context.Background(), mrp.CompleteQuestion{Code: "x = 1\npri"})
		return err
	})
}

func BenchmarkCompleteFrame(b *testing.B) {
	benchRun(b, "import pandas\nframe = pandas.DataFrame({'a': [1]})")
	timeEach(b, func() error {
		_, err := engine.Complete(context.Background(), mrp.CompleteQuestion{Code: "frame."})
		return err
	})
}

func BenchmarkInspectPrint(b *testing.B) {
	timeEach(b, func() error {
		_, err := engine.Inspect(context.Background(), mrp.InspectQuestion{Code: "print", Detail: 1})
		return err
	})
}

func BenchmarkHover(b *testing.B) {
	benchRun(b, `
import numpy, pandas, polars
small = 1
ints = list(range(10_000_000))
array = numpy.arange(10_000_000)
frame = pandas.DataFrame({'n': numpy.arange(1_000_000), 'x': numpy.ones(1_000_000), 's': ['text'] * 1_000_000})
polar = polars.DataFrame({'n': numpy.arange(1_000_000)})
data = bytes(1_000_000_000)
digits = 10 ** 1_000_000
mapping = dict.fromkeys(range(1_000_000))`)
	for _, name := range []string{"small", "ints", "array", "frame", "polar", "data", "digits", "mapping"} {
		b.Run(name, func(b *testing.B) { timeEach(b, hoverOn(name)) })
		b.Run(name+"Detail", func(b *testing.B) {
			timeEach(b, func() error {
				_, err := engine.Variable(context.Background(), mrp.VariableQuestion{Name: name, MaxValueLength: 1000})
				return err
			})
		})
	}
	for name, view := range map[string]*mrp.TableView{
		"page":   {Rows: [2]int{500_000, 500_100}},
		"sorted": {Rows: [2]int{500_000, 500_100}, Sort: []mrp.SortKey{{Column: "n", Descending: true}}},
	} {
		b.Run("view/"+name, func(b *testing.B) {
			timeEach(b, func() error {
				_, err := engine.Variable(context.Background(), mrp.VariableQuestion{Name: "frame", View: view})
				return err
			})
		})
	}
	benchRun(b, "del ints, array, frame, polar, data, digits, mapping")
}

func BenchmarkVariables(b *testing.B) {
	for _, count := range []int{10, 1000, 10_000} {
		session := fmt.Sprintf("with-%d", count)
		runHere(b, session, fmt.Sprintf("for i in range(%d): globals()[f'v{i}'] = [i, i * 1.5, str(i), [i], {'k': i}][i %% 5]", count))
		b.Run(fmt.Sprint(count), func(b *testing.B) {
			timeEach(b, func() error {
				_, err := engine.Variables(context.Background(), mrp.VariablesQuestion{Session: session, ExcludePrivate: true})
				return err
			})
		})
		limit := 100
		b.Run(fmt.Sprint(count, "-limited"), func(b *testing.B) {
			timeEach(b, func() error {
				_, err := engine.Variables(context.Background(), mrp.VariablesQuestion{Session: session, ExcludePrivate: true, Limit: &limit})
				return err
			})
		})
		if err := engine.CloseSession(context.Background(), session); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkHoverWhileRunning asks beside a pure Python loop, and beside one that
// gives up the GIL all the time.
func BenchmarkHoverWhileRunning(b *testing.B) {
	benchRun(b, "watched = [1, 2]")
	for name, code := range map[string]string{
		"loop":     "n = 0\nwhile True: n += 1",
		"releases": "import time\nwhile True: time.sleep(0)",
	} {
		b.Run(name, func(b *testing.B) {
			whileRunning(b, code, func() { timeEach(b, hoverOn("watched")) })
		})
	}
}

// BenchmarkLoopBeingWatched is what a pure Python loop pays while 50 questions a
// second are asked beside it.
func BenchmarkLoopBeingWatched(b *testing.B) {
	benchRun(b, "watched = [1, 2]")
	const loop = "for n in range(20_000_000): pass"
	run := func() time.Duration {
		began := time.Now()
		benchRun(b, loop)
		return time.Since(began)
	}
	for b.Loop() {
		alone := run()
		stop, stopped := make(chan struct{}), make(chan struct{})
		go func() {
			defer close(stopped)
			tick := time.NewTicker(20 * time.Millisecond)
			defer tick.Stop()
			for {
				select {
				case <-tick.C:
					_ = hoverOn("watched")()
				case <-stop:
					return
				}
			}
		}()
		watched := run()
		close(stop)
		<-stopped
		b.ReportMetric(100*(watched-alone).Seconds()/alone.Seconds(), "%-slower")
	}
}
