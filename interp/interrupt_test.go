package interp

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mrmd/mrmd-python/mrp"
)

// signalled is a sink that tells when a text has been printed.
type signalled struct {
	transcript
	text string
	seen chan struct{}
}

func (s *signalled) Text(stream mrp.Stream, text []byte) {
	s.transcript.Text(stream, text)
	if s.text != "" && strings.Contains(s.stdout(), s.text) {
		s.text = ""
		close(s.seen)
	}
}

// waits are ways in which code goes on for good.
var waits = map[string]string{
	"loop":       "while True: pass",
	"sleep":      "import time; time.sleep(600)",
	"lock":       "import threading; lock = threading.Lock(); lock.acquire(); lock.acquire()",
	"subprocess": "import subprocess; subprocess.run(['sleep', '600'])",
	"await":      "import asyncio; await asyncio.sleep(600)",
	"async loop": "async def f():\n    while True: pass\nawait f()",
	"input":      "input()",
}

// endWhileWaiting runs code that prints "begun" and waits, has end end it, and gives the
// outcome.
func endWhileWaiting(t *testing.T, code string, end func() error) mrp.Outcome {
	t.Helper()
	sink := &signalled{text: "begun\n", seen: make(chan struct{})}
	asked := make(chan struct{}, 1)
	sink.answer = func(ctx context.Context, prompt string, password bool) (string, error) {
		asked <- struct{}{}
		<-ctx.Done()
		return "", ctx.Err()
	}
	done := make(chan mrp.Outcome)
	go func() {
		outcome, _ := engine.Execute(context.Background(), mrp.Execution{Code: code, StoreHistory: true}, sink)
		done <- outcome
	}()
	<-sink.seen
	if strings.Contains(code, "input()") {
		<-asked
	}
	if err := end(); err != nil {
		t.Error(err)
	}
	lost := time.AfterFunc(time.Minute, func() {
		t.Error("the code went on for a minute")
		engine.Interrupt()
	})
	defer lost.Stop()
	return <-done
}

func TestInterruptStopsUserCode(t *testing.T) {
	for name, code := range waits {
		t.Run(name, func(t *testing.T) {
			mustRun(t, "kept = '"+name+"'")
			outcome := endWhileWaiting(t, "print('begun')\n"+code, func() error {
				if !engine.Interrupt() {
					return errors.New("Interrupt said that nothing ran")
				}
				return nil
			})
			if outcome.Error == nil || outcome.Error.Type != "KeyboardInterrupt" {
				t.Fatalf("ended with %+v", outcome.Error)
			}
			if result, _ := mustRun(t, "kept"); result != "'"+name+"'" {
				t.Errorf("the namespace has %s", result)
			}
		})
	}
}

// What ends the runtime unwinds a cell, and is not what a user's Ctrl-C is.
func TestUnwindEndsUserCode(t *testing.T) {
	for name, code := range waits {
		t.Run(name, func(t *testing.T) {
			outcome := endWhileWaiting(t, "print('begun')\n"+code, engine.Unwind)
			if outcome.Error == nil || outcome.Error.Type != "SystemExit" {
				t.Errorf("ended with %+v", outcome.Error)
			}
		})
	}
	outcome := endWhileWaiting(t, `
import signal, time
signal.signal(signal.SIGINT, lambda *_: ended.append("by the handler"))
ended = []
try:
    print("begun")
    while True:
        try:
            time.sleep(600)
        except (Exception, KeyboardInterrupt) as error:
            ended.append(repr(error))
finally:
    ended.append("finally")`, engine.Unwind)
	if outcome.Error == nil || outcome.Error.Type != "SystemExit" {
		t.Errorf("ended with %+v", outcome.Error)
	}
	if result, _ := mustRun(t, "ended"); result != "['finally']" {
		t.Errorf("the cell saw %s", result)
	}
}

func TestUnwindBeforeTheCodeBegins(t *testing.T) {
	if err := engine.Unwind(); err != nil {
		t.Fatal(err)
	}
	if outcome, _ := run(t, "unreached = 1"); outcome.Error == nil || outcome.Error.Type != "SystemExit" {
		t.Errorf("ended with %+v", outcome.Error)
	}
	mustRun(t, "assert 'unreached' not in globals()")
}

// What runs before a fork and in Thread.start takes locks, which an interrupt would leave
// taken for good.
func TestInterruptsWaitForTheStartOfProcessesAndThreads(t *testing.T) {
	for name, code := range map[string]string{
		"fork": `
os.register_at_fork(before=lambda whole=whole: whole("hook"))
try:
    pid = os.fork()
    if pid == 0: os._exit(0)
except KeyboardInterrupt:
    ended.append("interrupted")
os.wait()`,
		"thread": `
class Started(threading.Event):
    def wait(self, timeout=None):
        whole("start")
        return super().wait(timeout)
thread = threading.Thread(target=int)
thread._started = Started()
try:
    thread.start()
except KeyboardInterrupt:
    ended.append("interrupted")
thread.join()`,
	} {
		t.Run(name, func(t *testing.T) {
			goOn := filepath.Join(t.TempDir(), "go on")
			outcome := endWhileWaiting(t, fmt.Sprintf(`
import os, threading, time
ended = []
def whole(part, file=%q, ended=ended, os=os, time=time):
    if ended: return
    try:
        print("begun")
        while not os.path.exists(file): time.sleep(0.001)
        ended.append(part)
    except KeyboardInterrupt:
        ended.append("cut")
`, goOn)+code, func() error {
				if !engine.Interrupt() {
					return errors.New("Interrupt said that nothing ran")
				}
				return os.WriteFile(goOn, nil, 0o600)
			})
			if outcome.Error != nil {
				t.Errorf("ended with %+v", outcome.Error)
			}
			want := map[string]string{"fork": "['hook', 'interrupted']", "thread": "['start', 'interrupted']"}[name]
			if result, _ := mustRun(t, "ended"); result != want {
				t.Errorf("the cell saw %s, want %s", result, want)
			}
		})
	}
}

func TestInterruptOfNothing(t *testing.T) {
	if engine.Interrupt() {
		t.Error("Interrupt said that something ran")
	}
	if result, _ := mustRun(t, "1"); result != "1" {
		t.Errorf("the next cell gave %s", result)
	}
}

// An interrupt at any moment ends the cell it was meant for or nothing.
func TestInterruptsAtRandomMoments(t *testing.T) {
	stop := make(chan struct{})
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		for pause := time.Duration(0); ; pause = (pause + 37*time.Microsecond) % time.Millisecond {
			select {
			case <-stop:
				return
			case <-time.After(pause):
				engine.Interrupt()
			}
		}
	}()
	interrupted := 0
	for range 1000 {
		outcome, err := engine.Execute(context.Background(), mrp.Execution{Code: "n = 0\nfor i in range(2000): n += i\nn", StoreHistory: true}, &transcript{})
		switch {
		case err != nil:
			t.Fatal(err)
		case outcome.Error != nil && outcome.Error.Type == "KeyboardInterrupt":
			interrupted++
		case outcome.Error != nil:
			t.Fatalf("ended with %s: %s\n%s", outcome.Error.Type, outcome.Error.Message, strings.Join(outcome.Error.Traceback, ""))
		case outcome.Result == nil || *outcome.Result != "1999000":
			t.Fatalf("result %v", outcome.Result)
		}
	}
	close(stop)
	<-stopped
	if interrupted == 0 {
		t.Error("no cell was interrupted")
	}
	if result, _ := mustRun(t, "n"); result == "" {
		t.Errorf("afterwards n is %s", result)
	}
}

func TestUserMaySignalHerself(t *testing.T) {
	for _, code := range []string{
		"import os, signal; os.kill(os.getpid(), signal.SIGINT); 'unreached'",
		"import signal; signal.raise_signal(signal.SIGINT); 'unreached'",
		"import signal, time; signal.signal(signal.SIGALRM, lambda *_: signal.raise_signal(signal.SIGINT)); signal.setitimer(signal.ITIMER_REAL, 0.01); time.sleep(600)",
	} {
		outcome, _ := run(t, code)
		if outcome.Error == nil || outcome.Error.Type != "KeyboardInterrupt" {
			t.Errorf("%q ended with %+v", code, outcome.Error)
		}
	}
}

// Only an interrupt is raised again after a finalizer, which can't raise it.
func TestWhatFinalizersRaiseIsIgnored(t *testing.T) {
	finalizer := "class Raises:\n    def __del__(self): raise KeyboardInterrupt('her own')\n"
	result, shown := mustRun(t, finalizer+"value = Raises()\ndel value\n'went on'")
	if result != "'went on'" || !strings.Contains(shown.stderr(), "her own") {
		t.Errorf("the cell gave %s and printed %q", result, shown.stderr())
	}
}

// An interrupt that is lost in C code is raised again; one that the user's code has caught
// is not, however it was caught.
func TestCaughtInterruptsAreNotRaisedAgain(t *testing.T) {
	mustRun(t, `
import contextlib
def forever(*_):
    print('begun', flush=True)
    while True: pass
def returns_from_finally():
    try: forever()
    finally: return
def raises_another():
    try: forever()
    except BaseException: raise LookupError
class Suppresses:
    def __enter__(self): pass
    def __exit__(self, *_): return True
class CompareForever:
    __eq__ = forever
class Finalizer:
    def __del__(self):
        with contextlib.suppress(KeyboardInterrupt): forever()
`)
	for name, code := range map[string]string{
		"except":         "try: forever()\nexcept KeyboardInterrupt: pass",
		"bare except":    "try: forever()\nexcept: pass",
		"through C":      "try: sorted([2, 1], key=forever)\nexcept KeyboardInterrupt: pass",
		"through a slot": "try: [CompareForever()].index(1)\nexcept KeyboardInterrupt: pass",
		"suppress":       "with contextlib.suppress(KeyboardInterrupt): forever()",
		"own __exit__":   "with Suppresses(): list(map(forever, [1]))",
		"finally":        "returns_from_finally()",
		"another":        "try: raises_another()\nexcept LookupError: pass",
		"finalizer":      "finalizer = Finalizer(); del finalizer",
		"generator":      "generator = (forever() for _ in 'a')\ntry: next(generator)\nexcept KeyboardInterrupt: pass",
		"kept":           "try: forever()\nexcept KeyboardInterrupt as error: kept = error\ndel kept",
		"in a coroutine": "async def coroutine(): forever()\ntry: await coroutine()\nexcept KeyboardInterrupt: pass",
	} {
		t.Run(name, func(t *testing.T) {
			outcome := endWhileWaiting(t, code+"\nfor i in range(100000): str(i)\n'went on'", func() error {
				if !engine.Interrupt() {
					return errors.New("Interrupt said that nothing ran")
				}
				return nil
			})
			if resultOf(outcome) != "'went on'" {
				t.Errorf("ended with %+v", outcome.Error)
			}
		})
	}
}

// One that hits the machinery of asyncio takes the callback along that was about to run.
func TestInterruptsOfManyTasks(t *testing.T) {
	const code = `
import asyncio
async def work():
    try: await asyncio.sleep(0)
    finally: sum(range(100))
print('begun')
while True: await asyncio.gather(*[work() for _ in range(20)])
`
	random := rand.New(rand.NewPCG(1, 1))
	for range 200 {
		outcome := endWhileWaiting(t, code, func() error {
			time.Sleep(time.Duration(random.IntN(5000)) * time.Microsecond)
			engine.Interrupt()
			return nil
		})
		if outcome.Error == nil || outcome.Error.Type != "KeyboardInterrupt" {
			t.Fatalf("ended with %+v", outcome.Error)
		}
	}
}

func TestInputComesFromTheSink(t *testing.T) {
	shown := &transcript{answer: func(ctx context.Context, prompt string, password bool) (string, error) {
		if password {
			return "secret", nil
		}
		return "typed for " + prompt, nil
	}}
	outcome := runInto(t, "import getpass, sys\n(input('name? '), getpass.getpass('pw: '), sys.stdin.readline(), input(5))", shown)
	want := `('typed for name? ', 'secret', 'typed for \n', 'typed for 5')`
	if outcome.Result == nil || *outcome.Result != want {
		t.Errorf("outcome %+v, want %s", outcome, want)
	}
	if shown.stdout() != "name? pw: 5" {
		t.Errorf("stdout %q", shown.stdout())
	}
	empty := &transcript{answer: func(context.Context, string, bool) (string, error) { return "", nil }}
	if outcome = runInto(t, "input()", empty); resultOf(outcome) != "''" {
		t.Errorf("an empty answer gave %s", resultOf(outcome))
	}
	cancelled := &transcript{answer: func(context.Context, string, bool) (string, error) { return "", mrp.ErrInputCancelled }}
	outcome = runInto(t, "input()", cancelled)
	if got := describeError(outcome.Error); got != "InputCancelled|Input cancelled by user|1" {
		t.Errorf("cancelled input ended with %s", got)
	}
	if outcome, _ = run(t, "input()"); outcome.Error == nil || outcome.Error.Type != "StdinNotImplementedError" {
		t.Errorf("input that is not allowed ended with %+v", outcome.Error)
	}
}

func TestInputReadsWhatTheUserPutsInThePlaceOfStdin(t *testing.T) {
	code := `import io, sys
kept, sys.stdin = sys.stdin, io.StringIO("one\ntwo\n")
try:
    lines = [input("a line? "), input()]
    input()
finally:
    sys.stdin = kept`
	outcome, shown := run(t, code)
	if got := describeError(outcome.Error); got != "EOFError|EOF when reading a line|5" {
		t.Errorf("the end of the input is %s", got)
	}
	if outcome, _ = run(t, "lines"); resultOf(outcome) != "['one', 'two']" {
		t.Errorf("read %s", resultOf(outcome))
	}
	if shown.stdout() != "a line? " {
		t.Errorf("stdout %q", shown.stdout())
	}
}

// Whoever is told that a cell began may interrupt it at once.
func TestInterruptBeforeTheCodeBegins(t *testing.T) {
	busy, release := make(chan struct{}), make(chan struct{})
	go engine.main.Do(context.Background(), func() error {
		close(busy)
		<-release
		return nil
	})
	<-busy
	done := make(chan mrp.Outcome)
	go func() {
		outcome, _ := engine.Execute(context.Background(), mrp.Execution{Code: "unreached = 1"}, &transcript{})
		done <- outcome
	}()
	for !engine.Interrupt() {
		time.Sleep(time.Microsecond)
	}
	close(release)
	if outcome := <-done; outcome.Error == nil || outcome.Error.Type != "KeyboardInterrupt" {
		t.Errorf("ended with %+v", outcome.Error)
	}
}

// An interrupt between two statements is the user's handler's, like any other.
func TestUsersHandlerGetsInterruptsBetweenStatements(t *testing.T) {
	for range 20 {
		sink := &signalled{text: "begun\n", seen: make(chan struct{})}
		done := make(chan mrp.Outcome)
		go func() {
			outcome, _ := engine.Execute(context.Background(), mrp.Execution{Code: `
import signal, time
caught = []
signal.signal(signal.SIGINT, lambda *_: caught.append(1))
print('begun')
while not caught: time.sleep(0.001)
'caught'`}, sink)
			done <- outcome
		}()
		<-sink.seen
		engine.Interrupt()
		if outcome := <-done; resultOf(outcome) != "'caught'" {
			t.Fatalf("ended with %+v", outcome.Error)
		}
	}
}
