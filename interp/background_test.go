package interp

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/sirupsen/logrus/hooks/test"

	"github.com/mrmd/mrmd-python/mrp"
)

// lateOutput is what arrives while no cell runs, until a text has been seen.
type lateOutput struct{ heard chan [2]string }

func listenForLate(t *testing.T) lateOutput {
	listener := lateOutput{make(chan [2]string, 100)}
	set := func(late func(int64, mrp.Stream, []byte)) {
		engine.output.FlushThen(func() { engine.router.late = late })
	}
	set(func(run int64, stream mrp.Stream, text []byte) {
		listener.heard <- [2]string{engine.runs.execID(run), string(text)}
	})
	t.Cleanup(func() { set(engine.takeLateOutput) })
	return listener
}

// waitFor gives the execution that a text was traced back to.
func (l lateOutput) waitFor(text string) string {
	var soFar string
	for heard := range l.heard {
		soFar += heard[1]
		if strings.Contains(soFar, text) {
			return heard[0]
		}
	}
	return ""
}

func runAs(t *testing.T, execID, code string) *transcript {
	t.Helper()
	shown := &transcript{}
	outcome, err := engine.Execute(context.Background(), mrp.Execution{ExecID: execID, Code: code}, shown)
	if err != nil || outcome.Error != nil {
		t.Fatalf("%q: %v %+v", code, err, outcome.Error)
	}
	return shown
}

// A thread that prints between cells is heard, and traced back to its cell.
func TestThreadsPrintBetweenCells(t *testing.T) {
	late := listenForLate(t)
	runAs(t, "starter", `
import threading
def set_event(name): globals()[name].set()
cell_is_over = threading.Event()
def later():
    cell_is_over.wait()
    print('from the thread')
thread = threading.Thread(target=later); thread.start()`)
	runAs(t, "another", "'a cell in between'")
	visitEvent(t, "cell_is_over")
	if execID := late.waitFor("from the thread\n"); execID != "starter" {
		t.Errorf("traced back to %q", execID)
	}
	if shown := runAs(t, "next", "thread.join()"); shown.stdout() != "" {
		t.Errorf("the next cell got %q", shown.stdout())
	}
}

// visitEvent sets a threading.Event of the user's namespace from another thread,
// while no cell runs.
func visitEvent(t *testing.T, name string) {
	t.Helper()
	err := engine.visitor.Do(context.Background(), func() error {
		done, err := callModule("__main__", "set_event", name)
		if err == nil {
			done.DecRef()
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestWhatAPoolPrintsLateIsNobodys(t *testing.T) {
	late := listenForLate(t)
	runAs(t, "starter", `
import threading
def set_event(name): globals()[name].set()
from concurrent.futures import ThreadPoolExecutor
cell_is_over = threading.Event()
pool = ThreadPoolExecutor(1)
future = pool.submit(lambda: (cell_is_over.wait(), print('from the pool')))`)
	visitEvent(t, "cell_is_over")
	if execID := late.waitFor("from the pool\n"); execID != "" {
		t.Errorf("traced back to %q", execID)
	}
	runAs(t, "next", "pool.shutdown()")
}

func TestTasksGoOnBetweenCells(t *testing.T) {
	late := listenForLate(t)
	shown := runAs(t, "starter", `
import asyncio
async def tick():
    for i in range(3):
        await asyncio.sleep(0.01)
    print('ticked')
    return 'done'
task = asyncio.create_task(tick())
print('started')`)
	if shown.stdout() != "started\n" {
		t.Errorf("the cell printed %q", shown.stdout())
	}
	if execID := late.waitFor("ticked\n"); execID != "starter" {
		t.Errorf("traced back to %q", execID)
	}
	if result, _ := mustRun(t, "task.result()"); result != "'done'" {
		t.Errorf("the task's result is %s", result)
	}
}

func TestATaskThatHoldsTheLoopGivesWayToAnInterrupt(t *testing.T) {
	late := listenForLate(t)
	runAs(t, "starter", `
import asyncio
async def hold():
    print('holding')
    while True: pass
async def tick():
    while True: await asyncio.sleep(0.001)
holding = asyncio.create_task(hold()); ticking = asyncio.create_task(tick())`)
	late.waitFor("holding\n")
	ended := make(chan mrp.Outcome)
	go func() {
		outcome, _ := engine.Execute(context.Background(), mrp.Execution{Code: "'not run'"}, &transcript{})
		ended <- outcome
	}()
	for !engine.Interrupt() {
		runtime.Gosched()
	}
	if outcome := <-ended; outcome.Error == nil || outcome.Error.Type != "KeyboardInterrupt" {
		t.Errorf("the cell that waited ends with %+v", outcome.Error)
	}
	result, _ := mustRun(t, "state = (type(holding.exception()), ticking.done()); ticking.cancel(); state")
	if result != "(<class 'KeyboardInterrupt'>, False)" {
		t.Errorf("(how the task ended, whether another one ended) is %s", result)
	}
}

func TestAwaitsShareTheTasksLoop(t *testing.T) {
	mustRun(t, "import asyncio\nawaited = asyncio.Event()\nasync def wait():\n    await awaited.wait()\n    return asyncio.get_running_loop()\ntask = asyncio.create_task(wait())")
	result, _ := mustRun(t, "awaited.set()\n(await task) is asyncio.get_running_loop()")
	if result != "True" {
		t.Errorf("same loop: %s", result)
	}
	result, _ = mustRun(t, "asyncio.run(asyncio.sleep(0, 'run'))")
	if result != "'run'" {
		t.Errorf("asyncio.run gave %s", result)
	}
	result, _ = mustRun(t, "asyncio.ensure_future(asyncio.sleep(0, 'after run'))\nasyncio.get_event_loop().run_until_complete(asyncio.sleep(0, 'ok'))")
	if result != "'ok'" {
		t.Errorf("afterwards %s", result)
	}
}

func TestAServerAnswersBetweenCells(t *testing.T) {
	mustRun(t, `
import asyncio, socket, threading
async def answer(reader, writer):
    writer.write(await reader.readline()); await writer.drain(); writer.close()
server = await asyncio.start_server(answer, '127.0.0.1', 0)
port = server.sockets[0].getsockname()[1]
answers = []
def ask():
    with socket.create_connection(('127.0.0.1', port)) as connection:
        connection.sendall(b'hello\n'); answers.append(connection.makefile().readline())
thread = threading.Thread(target=ask); thread.start()`)
	listening := func() bool {
		result, _ := mustRun(t, "thread.is_alive()")
		return result == "True"
	}
	for listening() {
	}
	if result, _ := mustRun(t, "server.close(); answers"); result != "['hello\\n']" {
		t.Errorf("answers are %s", result)
	}
}

func TestNextCellIsInterruptibleWhateverTheHandler(t *testing.T) {
	mustRun(t, "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)")
	result, _ := mustRun(t, "signal.getsignal(signal.SIGINT) is signal.default_int_handler")
	if result != "True" {
		t.Errorf("the handler is the default: %s", result)
	}
	caught, _ := mustRun(t, "caught = []\nsignal.signal(signal.SIGINT, lambda *_: caught.append(1))\nsignal.raise_signal(signal.SIGINT)\ncaught")
	if caught != "[1]" {
		t.Errorf("the user's handler caught %s", caught)
	}
}

// A handler without SA_ONSTACK crashes Go when its signal finds a goroutine's stack.
func TestHandlersOfCExtensionsAreRepaired(t *testing.T) {
	log, logged := test.NewNullLogger()
	previous := engine.options.Log
	engine.options.Log = log
	defer func() { engine.options.Log = previous }()
	mustRun(t, `
import ctypes, signal
libc = ctypes.CDLL(None, use_errno=True)
libc.signal.restype = ctypes.c_void_p
libc.signal.argtypes = [ctypes.c_int, ctypes.c_void_p]
handler = ctypes.cast(libc.abs, ctypes.c_void_p)
previous = [libc.signal(number, handler) for number in (signal.SIGUSR1, signal.SIGINT)]`)
	var repaired []string
	for _, entry := range logged.AllEntries() {
		repaired = append(repaired, fmt.Sprint(entry.Data["signal"]))
		if library := fmt.Sprint(entry.Data["library"]); !strings.Contains(library, "libc") {
			t.Errorf("the handler is said to be in %s", library)
		}
	}
	if got := strings.Join(repaired, ", "); got != "interrupt, user defined signal 1" {
		t.Errorf("repaired %s", got)
	}
	outcome, _ := run(t, "signal.raise_signal(signal.SIGUSR1)\nsignal.raise_signal(signal.SIGINT)")
	if outcome.Error == nil || outcome.Error.Type != "KeyboardInterrupt" {
		t.Errorf("afterwards an interrupt ends with %+v", outcome.Error)
	}
	mustRun(t, "signal.signal(signal.SIGUSR1, signal.SIG_DFL)")
	if len(logged.AllEntries()) != 2 {
		t.Error("what was repaired once was repaired again")
	}
}
