package notebook

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
)

// interruptible are cells that would never end; the line they stay in is marked.
var interruptible = map[string]string{
	"loop":            "while True: pass # here",
	"loop in a call":  "def f():\n    n = 0\n    while True: n += 1 # here\nf()",
	"sleep":           "import time\ntime.sleep(600) # here",
	"socket":          "import socket\na, b = socket.socketpair()\na.recv(1) # here",
	"accept":          "import socket\ns = socket.create_server(('127.0.0.1', 0))\ns.accept() # here",
	"lock":            "import threading\nlock = threading.Lock()\nlock.acquire()\nlock.acquire() # here",
	"event":           "import threading\nthreading.Event().wait() # here",
	"join":            "import threading\nover = threading.Event()\nthread = threading.Thread(target=over.wait)\nthread.start()\ntry:\n    thread.join() # here\nfinally: over.set()",
	"queue":           "import queue\nqueue.Queue().get() # here",
	"select":          "import select\nselect.select([], [], []) # here",
	"read of a pipe":  "import os\nr, w = os.pipe()\nos.read(r, 1) # here",
	"asyncio loop":    "async def forever():\n    while True: pass # here\nawait forever()",
	"numpy":           "import numpy as np\na = np.ones((300, 300))\nwhile True: a = a @ a / 300 # here",
	"numpy and sleep": "import numpy as np, time\nfor i in range(10**9):\n    np.linalg.svd(np.eye(20)); time.sleep(0) # here",
	"pandas":          "import pandas as pd\nd = pd.DataFrame({'a': range(1000)})\nwhile True: d = d.apply(lambda c: c + 1) # here",
	// Python ignores what is raised in these, and the cell would go on.
	"finalizer":      "class Slow:\n    def __del__(self):\n        while True: pass # here\nslow = Slow()\ndel slow\nwhile True: pass",
	"weak reference": "import weakref\ndef look(gone):\n    while True: pass # here\nvalue = set()\nwatched = weakref.ref(value, look)\ndel value\nwhile True: pass",
	"dropped by C":   "import ctypes\nclass Slow:\n    def __getattr__(self, name):\n        while True: pass # here\nctypes.pythonapi.PyObject_HasAttrString(ctypes.py_object(Slow()), b'any')\nwhile True: pass",
	// Who waits in the event loop is on no stack.
	"input":       "input()",
	"asyncio":     "import asyncio\nasyncio.get_running_loop().call_later(0.01, print, 'inside')\nawait asyncio.sleep(600)",
	"asyncio.run": "import asyncio\nasync def main():\n    asyncio.get_running_loop().call_later(0.01, print, 'inside')\n    await asyncio.sleep(600)\nasyncio.run(main())",
}

// watcher prints "inside" when the main thread has come to a line of the cell, or
// into a function, and let another thread run, as it does when it waits.
const watcher = `
import sys, threading, time
def watch(line=0, function='', main=threading.main_thread().ident):
    def is_there(frame):
        while frame is not None:
            if frame.f_code.co_filename.startswith('<ipython') and frame.f_lineno == line: return True
            if frame.f_code.co_name == function: return True
            frame = frame.f_back
    def look():
        while not is_there(sys._current_frames()[main]): time.sleep(0.001)
        print('inside', flush=True)
    threading.Thread(target=look).start()
`

func TestInterruptsStopCells(t *testing.T) {
	for name, code := range interruptible {
		t.Run(name, func(t *testing.T) {
			result(t, "default", watcher)
			before, _, marked := strings.Cut(code, "# here")
			prelude := "kept = '" + name + "'\n"
			if marked {
				prelude += fmt.Sprintf("watch(%d)\n", strings.Count(before, "\n")+3)
			}
			execID := unique(t)
			cell := start(t, execID, prelude+code)
			if name == "input" {
				cell.until("stdin_request")
			} else {
				cell.untilPrinted("inside")
			}
			if got := post(t, "/interrupt", object{"session": "default", "execId": execID}); got["interrupted"] != true {
				t.Fatalf("answered %v", got)
			}
			lost := time.AfterFunc(time.Minute, func() {
				t.Error("the cell went on for a minute")
				post(t, "/interrupt", object{"session": "default", "execId": execID})
			})
			ended := cell.end()
			lost.Stop()
			if ended.name != "error" || ended.data["type"] != "KeyboardInterrupt" {
				t.Fatalf("ended with %v", ended)
			}
			if got := result(t, "default", "kept"); got != "'"+name+"'" {
				t.Errorf("the namespace has %s", got)
			}
			if health := get(t, "/health"); health["interruptPending"] != nil || health["state"] != "idle" {
				t.Errorf("health %v", health)
			}
		})
	}
}

func TestInterruptEndsTheChildOfARun(t *testing.T) {
	result(t, "default", watcher)
	// Who is interrupted while Python still starts the child would see Python's own
	// loss of it, so the cell has to wait for the child already.
	cell := start(t, unique(t), "watch(function='communicate')\nimport subprocess\nsubprocess.run(['sh', '-c', 'echo $$ > child; echo begun; exec sleep 600'])")
	for printed := ""; !strings.Contains(printed, "inside") || !strings.Contains(printed, "begun"); {
		printed = cell.until("stdout").data["accumulated"].(string)
	}
	post(t, "/interrupt", object{})
	if ended := cell.end(); ended.data["type"] != "KeyboardInterrupt" {
		t.Fatalf("ended with %v", ended)
	}
	// Whether it has been waited for is Python's business; it must not run.
	running := "import os\npath = '/proc/' + open('child').read().strip() + '/stat'\nos.path.exists(path) and open(path).read().split()[2]"
	if got := result(t, "default", running); got != "False" && got != "'Z'" {
		t.Errorf("the child goes on: %s", got)
	}
}

// TestInterruptsComeSoon measures the way from the request to the error event, and
// fails only when it is absurd.
func TestInterruptsComeSoon(t *testing.T) {
	var latencies []time.Duration
	for range 40 {
		cell := start(t, unique(t), "for i in range(10**12):\n    if i == 10_000: print('begun')")
		cell.untilPrinted("begun")
		asked := time.Now()
		post(t, "/interrupt", nil)
		if ended := cell.until("error"); ended.data["type"] != "KeyboardInterrupt" {
			t.Fatalf("ended with %v", ended)
		}
		latencies = append(latencies, time.Since(asked))
		cell.until("done")
	}
	slices.Sort(latencies)
	t.Logf("from the request to the error event: p50 %v, p95 %v, max %v", latencies[20], latencies[38], latencies[39])
	if latencies[20] > 5*time.Second {
		t.Errorf("half of the interrupts took %v", latencies[20])
	}
}

// TestWhatCanNotBeInterruptedIsSaid has a cell sum up numbers in C, which looks at
// no signal before it is through.
func TestWhatCanNotBeInterruptedIsSaid(t *testing.T) {
	cell := start(t, unique(t), "print('begun', flush=True)\nsum(range(10**8))")
	cell.untilPrinted("begun")
	asked := time.Now()
	if got := post(t, "/interrupt", nil); got["interrupted"] != true {
		t.Errorf("answered %v", got)
	}
	health := get(t, "/health")
	since, _ := health["interruptPending"].(string)
	if moment, err := time.Parse(time.RFC3339, since); err != nil || moment.Before(asked.Add(-time.Second)) || health["state"] != "executing" {
		t.Errorf("health %v: %v", health, err)
	}
	if ended := cell.end(); ended.data["type"] != "KeyboardInterrupt" {
		t.Errorf("ended with %v", ended)
	}
	if health := get(t, "/health"); health["interruptPending"] != nil {
		t.Errorf("health afterwards %v", health)
	}
}

// TestThousandInterruptsHarmNothing sends interrupts at random moments of short
// cells, sent one after the other.
func TestThousandInterruptsHarmNothing(t *testing.T) {
	const session = "thousand"
	result(t, session, "'first'")
	ctx, stop := context.WithCancel(context.Background())
	over := make(chan struct{})
	t.Cleanup(func() { stop(); <-over })
	go func() {
		defer close(over)
		random := rand.New(rand.NewPCG(1, 1))
		for sent := 0; sent < 1000 && ctx.Err() == nil; sent++ {
			time.Sleep(time.Duration(random.IntN(5000)) * time.Microsecond)
			open(t, context.Background(), "POST", "/interrupt", object{"session": session}).Body.Close()
		}
	}()
	interrupted, notRun, cells := 0, 0, 0
	for sending := true; sending; cells++ {
		select {
		case <-over:
			sending = false
		default:
		}
		answer := post(t, "/execute", object{"session": session, "code": "n = 0\nfor i in range(5000): n += i\nn"})
		failure, _ := answer["error"].(object)
		switch {
		case strings.Contains(answer["stderr"].(string), "Traceback") || answer["stdout"] != "":
			t.Fatalf("printed %q %q", answer["stdout"], answer["stderr"])
		case failure == nil:
			if answer["result"] != "12497500" {
				t.Fatalf("result %v", answer["result"])
			}
		case failure["type"] == "KeyboardInterrupt":
			interrupted++
		case failure["type"] == "ExecutionCancelled":
			notRun++
		default:
			t.Fatalf("ended with %v", failure)
		}
	}
	t.Logf("of %d cells %d were interrupted and %d not begun", cells, interrupted, notRun)
	if interrupted == 0 {
		t.Error("no cell was interrupted")
	}
	answer := post(t, "/execute", object{"session": session, "code": "len(In), set(In[2:-1])"})
	if want := fmt.Sprintf("(%d, {'n = 0\\nfor i in range(5000): n += i\\nn'})", cells-notRun+3); answer["result"] != want ||
		answer["executionCount"] != float64(cells-notRun+2) {
		t.Errorf("the history has %v at cell %v, want %s", answer["result"], answer["executionCount"], want)
	}
	must(t, "DELETE", "/sessions/"+session, nil)
}

func TestOwnSignalHandlers(t *testing.T) {
	for name, code := range map[string]string{
		"own SIGINT handler": `
import signal, time
caught = []
signal.signal(signal.SIGINT, lambda *_: caught.append(1))
for i in range(10**9):
    if i == 2: print('begun')
    if caught: break
    time.sleep(0.01)
caught`,
		"alarm": `
import signal, time
caught = []
signal.signal(signal.SIGALRM, lambda *_: caught.append(1))
signal.setitimer(signal.ITIMER_REAL, 0.01)
print('begun')
while not caught: time.sleep(0.01)
caught`,
		"set_wakeup_fd": `
import signal, socket, time
a, b = socket.socketpair(); b.setblocking(False)
before = signal.set_wakeup_fd(b.fileno())
try:
    print('begun')
    while True: time.sleep(600)
except KeyboardInterrupt:
    caught = [a.recv(1)[0] - 1]
signal.set_wakeup_fd(before)
caught`,
		"asyncio runner": `
import asyncio
caught = []
async def main():
    asyncio.get_running_loop().call_later(0.01, print, 'begun')
    try: await asyncio.sleep(600)
    except asyncio.CancelledError:
        caught.append(1); raise
try: asyncio.run(main())
except KeyboardInterrupt: pass
caught`,
	} {
		t.Run(name, func(t *testing.T) {
			cell := start(t, unique(t), code)
			cell.untilPrinted("begun")
			if name != "alarm" {
				post(t, "/interrupt", nil)
			}
			if ended := cell.end(); ended.data["result"] != "[1]" {
				t.Fatalf("ended with %v", ended)
			}
			next := start(t, unique(t), "print('begun')\nwhile True: pass")
			next.untilPrinted("begun")
			post(t, "/interrupt", nil)
			if ended := next.end(); ended.data["type"] != "KeyboardInterrupt" {
				t.Errorf("the next cell ended with %v", ended)
			}
		})
	}
}

func TestInterruptOfNothing(t *testing.T) {
	if got := post(t, "/interrupt", object{}); got["interrupted"] != false {
		t.Errorf("answered %v", got)
	}
	post(t, "/sessions", object{"id": "default2"})
	cell := start(t, unique(t), "print('begun')\nwhile True: pass")
	cell.untilPrinted("begun")
	for _, other := range []object{{"execId": "another"}, {"session": "default2"}} {
		if got := post(t, "/interrupt", other); got["interrupted"] != false {
			t.Errorf("%v: %v", other, got)
		}
	}
	post(t, "/interrupt", nil)
	cell.end()
}

func TestTracebackOfAnInterruptIsTheUsers(t *testing.T) {
	cell := start(t, unique(t), "for i in range(10**12):\n    if i == 10_000: print('begun')")
	cell.untilPrinted("begun")
	post(t, "/interrupt", nil)
	ended := cell.end()
	text := ""
	for _, line := range ended.data["traceback"].([]any) {
		text += line.(string)
	}
	if strings.Contains(text, "<mrmd>") || strings.Contains(text, "IPython/") || !strings.Contains(text, "KeyboardInterrupt") {
		t.Errorf("the traceback is %s", text)
	}
}
