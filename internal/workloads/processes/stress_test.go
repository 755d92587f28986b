//go:build stress

package processes

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/mrmd/mrmd-python/internal/livetest"
)

// stressCells are what the stress test runs, each with what it prints unless it is
// interrupted.
var stressCells = []struct{ name, code, prints string }{
	{"loop", "total = 0\nfor n in range(300_000): total += n\nprint(total)", "44999850000\n"},
	{"prints", "for n in range(2000): print('x' * 50)", strings.Repeat(strings.Repeat("x", 50)+"\n", 2000)},
	{"sleep", "import time\ntime.sleep(0.05)\nprint('slept')", "slept\n"},
	{"threads", `
import threading
numbers = []
threads = [threading.Thread(target=lambda n=n: numbers.append(sum(range(n)))) for n in range(40)]
for thread in threads: thread.start()
for thread in threads: thread.join()
print(len(numbers))`, "40\n"},
	{"fork", `
import os
pid = os.fork()
if pid == 0:
    os._exit(7)
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))`, "7\n"},
	{"fork with threads", `
import os, threading, time
stop, end = threading.Event(), time.monotonic() + 5
def spin():
    while not stop.is_set() and time.monotonic() < end: sum(range(1000))
spinners = [threading.Thread(target=spin) for _ in range(3)]
try:
    for spinner in spinners: spinner.start()
    pid = os.fork()
    if pid == 0:
        print('child', flush=True); os._exit(0)
    os.waitpid(pid, 0)
finally:
    stop.set()
for spinner in spinners: spinner.join()
print('parent')`, "child\nparent\n"},
	{"subprocess", "import subprocess\nprint(subprocess.run(['echo', 'hi'], capture_output=True, text=True).stdout, end='')", "hi\n"},
	{"multiprocessing", `
import multiprocessing
def answer(results): results.put('from a worker')
context = multiprocessing.get_context('fork')
results = context.SimpleQueue()
worker = context.Process(target=answer, args=(results,)); worker.start()
print(results.get()); worker.join()`, "from a worker\n"},
	{"asyncio", `
import asyncio
async def one(n):
    await asyncio.sleep(0.001); return n
print(sum(await asyncio.gather(*[one(n) for n in range(50)])))`, "1225\n"},
	{"without the GIL", "import numpy\nprint((numpy.ones((300, 300)) @ numpy.ones((300, 300)))[0, 0])", "300.0\n"},
	{"error", "try: 1 / 0\nexcept ZeroDivisionError as error: print(error)", "division by zero\n"},
}

// stressReport counts what happened.
type stressReport struct {
	mutex       sync.Mutex
	done        map[string]int
	interrupted map[string]int
	requests    map[string][]time.Duration
	failures    []string
}

func (r *stressReport) fail(format string, arguments ...any) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.failures = append(r.failures, fmt.Sprintf(format, arguments...))
}

func (r *stressReport) cell(name string, interrupted bool) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if interrupted {
		r.interrupted[name]++
	} else {
		r.done[name]++
	}
}

func (r *stressReport) request(name string, took time.Duration) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.requests[name] = append(r.requests[name], took)
}

func (r *stressReport) String() string {
	var text strings.Builder
	text.WriteString("\n| cell | ended | interrupted |\n| --- | ---: | ---: |\n")
	for _, kind := range stressCells {
		fmt.Fprintf(&text, "| %s | %d | %d |\n", kind.name, r.done[kind.name], r.interrupted[kind.name])
	}
	text.WriteString("\n| request | count | median ms | 99 % ms | longest ms |\n| --- | ---: | ---: | ---: | ---: |\n")
	for _, name := range slices.Sorted(maps.Keys(r.requests)) {
		times := r.requests[name]
		slices.Sort(times)
		at := func(share float64) float64 {
			return float64(times[int(share*float64(len(times)-1))].Microseconds()) / 1000
		}
		fmt.Fprintf(&text, "| %s | %d | %.1f | %.1f | %.1f |\n", name, len(times), at(0.5), at(0.99), at(1))
	}
	return text.String()
}

// TestStress has clients run cells that start threads and processes, look in on them
// and interrupt them, all at once, for MRMD_STRESS_DURATION. Nothing may hang or get
// lost, and nothing be left afterwards.
func TestStress(t *testing.T) {
	duration := 4 * time.Second
	if text := os.Getenv("MRMD_STRESS_DURATION"); text != "" {
		var err error
		if duration, err = time.ParseDuration(text); err != nil {
			t.Fatalf("MRMD_STRESS_DURATION: %v", err)
		}
	}
	runtime := start(t, livetest.Options{})
	for _, kind := range stressCells {
		if got := cellIn(t, runtime, kind.code); got != kind.prints {
			t.Fatalf("%s prints %.200q, want %.200q", kind.name, got, kind.prints)
		}
	}
	report := &stressReport{done: map[string]int{}, interrupted: map[string]int{}, requests: map[string][]time.Duration{}}
	before := resources(t, runtime)
	loop(runtime, report, duration)
	// Told first: a runtime that was ended because it hung can't be asked any more.
	t.Logf("%v of stress%s", duration, report)
	for _, failure := range report.failures {
		t.Error(failure)
	}
	// Its connections are descriptors of the runtime.
	http.DefaultClient.CloseIdleConnections()
	// multiprocessing and subprocess have descriptors in plain numbers for a moment,
	// which an interrupt at that moment leaves open, as in plain Python.
	allowed := before.descriptors + 8 + 2*(report.interrupted["multiprocessing"]+report.interrupted["subprocess"])
	var after usage
	clean := until(t, func() bool {
		after = resources(t, runtime)
		return after.threads <= before.threads && after.children == 0 && after.descriptors <= allowed
	})
	t.Logf("before: %s\nafter:  %s", before, after)
	if !clean {
		t.Errorf("threads, processes or descriptors are left:\n%s\n%s", before.details, after.details)
	}
}

func loop(runtime *livetest.Runtime, report *stressReport, duration time.Duration) {
	end := time.Now().Add(duration)
	var clients sync.WaitGroup
	repeat := func(count int, action func(ctx context.Context, random *rand.Rand)) {
		for n := range count {
			clients.Go(func() {
				random := rand.New(rand.NewPCG(uint64(n), uint64(count)))
				for time.Now().Before(end) {
					ctx, cancel := context.WithTimeout(context.Background(), patience)
					action(ctx, random)
					cancel()
				}
			})
		}
	}
	ask := func(ctx context.Context, path string, body livetest.Object) livetest.Object {
		began := time.Now()
		var answer livetest.Object
		var err error
		if body == nil {
			answer, err = runtime.Get(ctx, path)
		} else {
			answer, err = runtime.Post(ctx, path, body)
		}
		if err != nil && strings.Contains(err.Error(), `"error":"runtime_busy"`) {
			// What code that keeps the GIL in C is answered with.
			report.request(path+", busy", time.Since(began))
			return nil
		}
		if err != nil {
			report.fail("%s: %v%s", path, err, whereItHangs(ctx, runtime))
			// Whatever is wrong, it is told once and not a thousand times.
			time.Sleep(time.Second)
			return nil
		}
		report.request(path, time.Since(began))
		return answer
	}
	repeat(3, func(ctx context.Context, random *rand.Rand) {
		kind := stressCells[random.IntN(len(stressCells))]
		answer := ask(ctx, "/execute", livetest.Object{"code": kind.code})
		if answer == nil {
			return
		}
		failure, _ := answer["error"].(livetest.Object)
		stdout, _ := answer["stdout"].(string)
		switch {
		case failure == nil && stdout != kind.prints && !hasStray(stdout):
			report.fail("%s printed %.300q", kind.name, stdout)
		case failure != nil && failure["type"] == "ExecutionCancelled":
			// Its turn had come, and none of its code had run.
			report.cell(kind.name, true)
		case failure != nil && !strings.Contains(fmt.Sprint(failure), "KeyboardInterrupt"):
			// One that hits threading's own locks ends in another error, as in plain
			// Python, with the KeyboardInterrupt as its context.
			report.fail("%s ended with %v: %v\n%v", kind.name, failure["type"], failure["message"], failure["traceback"])
		default:
			report.cell(kind.name, failure != nil)
		}
	})
	repeat(1, func(ctx context.Context, random *rand.Rand) {
		// How often is what makes the mixture; nothing depends on it.
		time.Sleep(time.Duration(10+random.IntN(100)) * time.Millisecond)
		ask(ctx, "/interrupt", livetest.Object{})
	})
	repeat(1, func(ctx context.Context, _ *rand.Rand) {
		ask(ctx, "/health", nil)
		ask(ctx, "/variables", livetest.Object{})
		ask(ctx, "/complete", livetest.Object{"code": "threading.Th", "cursor": 12})
		ask(ctx, "/sessions", nil)
	})
	repeat(1, func(ctx context.Context, random *rand.Rand) {
		left := random.IntN(200)
		err := runtime.Stream(ctx, "/execute/stream", livetest.Object{"code": stressCells[1].code}, func(livetest.Event) bool {
			left--
			return left > 0
		})
		if err != nil {
			report.fail("a stream: %v%s", err, whereItHangs(ctx, runtime))
		}
		// The execution goes on without its reader: what is queued behind it waits, so
		// that the queue does not grow.
		ask(ctx, "/execute", livetest.Object{"code": ""})
	})
	clients.Wait()
}

// hasStray says whether output of a child that an interrupted cell left behind came
// between: a forked child writes to the terminal, whichever cell runs.
func hasStray(stdout string) bool { return strings.Contains(stdout, "child") }

// whereItHangs has the runtime tell, by its death, where its Python threads are, when
// the time is over.
func whereItHangs(ctx context.Context, runtime *livetest.Runtime) string {
	if ctx.Err() == nil || runtime.Process.Signal(syscall.SIGSEGV) != nil {
		return ""
	}
	time.Sleep(time.Second)
	return "\n" + runtime.Said()
}

// usage is what a runtime holds.
type usage struct {
	threads, children, descriptors, megabytes int
	// details name the threads, the living children and the descriptors.
	details string
}

func (u usage) String() string {
	return fmt.Sprintf("%d Python threads, %d children, %d descriptors, %d MiB", u.threads, u.children, u.descriptors, u.megabytes)
}

func resources(t *testing.T, runtime *livetest.Runtime) usage {
	t.Helper()
	var found usage
	said := cellIn(t, runtime, `
import gc, multiprocessing, os, psutil, subprocess, sys, threading
# What cells that were interrupted have left: the objects of their children, and
# children that nobody waits for any more.
for name in ('worker', 'results', 'threads', 'spinners', 'kept'): globals().pop(name, None)
sys.last_traceback = sys.last_value = sys.last_exc = None
gc.collect(); multiprocessing.active_children(); subprocess._cleanup()
me = psutil.Process()
# multiprocessing keeps one process, its resource tracker, until the end; jedi one to
# complete code with.
kept = ('resource_tracker', 'jedi')
living = [child for child in me.children() if child.status() != psutil.STATUS_ZOMBIE and not any(name in str(child.cmdline()) for name in kept)]
# IPython ends the thread of its history before a fork and starts it when it writes.
known = [thread for thread in threading.enumerate() if not thread.daemon and type(thread).__name__ != 'HistorySavingThread']
print(len(known), len(living), me.num_fds(), me.memory_info().rss >> 20)
print(known, living, [os.readlink(f'/proc/self/fd/{n}') for n in os.listdir('/proc/self/fd') if os.path.lexists(f'/proc/self/fd/{n}')])`)
	counts, details, _ := strings.Cut(said, "\n")
	if _, err := fmt.Sscan(counts, &found.threads, &found.children, &found.descriptors, &found.megabytes); err != nil {
		t.Fatalf("reading %q: %v", said, err)
	}
	found.details = details
	return found
}
