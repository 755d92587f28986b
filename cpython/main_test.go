package cpython

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

var interpreter *Main

const helpers = "__import__('embedding_helpers')"

func TestMain(m *testing.M) {
	virtualenv := os.Getenv("MRMD_TEST_VENV")
	if virtualenv == "" {
		fmt.Fprintln(os.Stderr, "MRMD_TEST_VENV is not set: run the tests with `make test` or scripts/with-python VENV go test ./cpython")
		os.Exit(2)
	}
	testdata, err := filepath.Abs("testdata")
	if err != nil {
		panic(err)
	}
	interpreter, err = Start(Config{
		Program:    filepath.Join(virtualenv, "bin", "python"),
		PathPrefix: []string{testdata, "/second"},
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	if err := TraceCrashes(os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	go func() { os.Exit(m.Run()) }()
	interpreter.Serve()
	select {}
}

// evaluate evaluates an expression on the main thread and gives its str().
func evaluate(t *testing.T, expression string) string {
	t.Helper()
	text, err := tryToEvaluate(expression)
	if err != nil {
		t.Fatalf("evaluating %s: %v", expression, err)
	}
	return text
}

func tryToEvaluate(expression string) (text string, err error) {
	err = interpreter.Do(context.Background(), func() error {
		module, err := Import("embedding_helpers")
		if err != nil {
			return err
		}
		defer module.DecRef()
		evaluate, err := Attribute(module, "evaluate")
		if err != nil {
			return err
		}
		defer evaluate.DecRef()
		value, err := Call(evaluate, expression)
		if err != nil {
			return err
		}
		defer value.DecRef()
		text, err = GoText(value)
		return err
	})
	return text, err
}

func TestVersionsAreThoseOfTheRunningPython(t *testing.T) {
	if got := evaluate(t, "__import__('platform').python_version()"); got != Version() {
		t.Errorf("Python says %s, Version %s", got, Version())
	}
	if !strings.HasPrefix(Version(), MinorVersion()+".") {
		t.Errorf("%s is no %s", Version(), MinorVersion())
	}
	want := "cp" + strings.ReplaceAll(MinorVersion(), ".", "")
	if ABITag() != want {
		t.Errorf("ABI tag %s, want %s", ABITag(), want)
	}
}

func TestPathPrefix(t *testing.T) {
	if got := evaluate(t, "__import__('sys').path[:2]"); !strings.HasSuffix(got, "/testdata', '/second']") {
		t.Errorf("sys.path begins with %s", got)
	}
}

func TestStartingTwiceIsAnError(t *testing.T) {
	if _, err := Start(Config{}); err == nil {
		t.Error("no error")
	}
}

func TestExceptionsBecomeErrors(t *testing.T) {
	_, err := tryToEvaluate("1/0")
	var exception *Error
	if !errors.As(err, &exception) {
		t.Fatalf("error %v", err)
	}
	if exception.Type != "ZeroDivisionError" || exception.Message != "division by zero" ||
		!strings.Contains(exception.Traceback, `File "<string>", line 1`) {
		t.Errorf("exception %+v", exception)
	}
	if evaluate(t, "1 + 1") != "2" {
		t.Error("the exception is still set")
	}
}

func TestPanicsBecomeErrors(t *testing.T) {
	err := interpreter.Do(context.Background(), func() error { panic("on purpose") })
	if err == nil || !strings.Contains(err.Error(), "on purpose") {
		t.Errorf("error %v", err)
	}
	if evaluate(t, "2 + 2") != "4" {
		t.Error("the main thread is gone")
	}
}

func TestAJobThatIsStillWaitingCanBeWithdrawn(t *testing.T) {
	begun, release := make(chan struct{}), make(chan struct{})
	finished := make(chan error)
	go func() {
		finished <- interpreter.Do(context.Background(), func() error {
			close(begun)
			<-release
			return nil
		})
	}()
	<-begun
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	var ran atomic.Bool
	if err := interpreter.Do(ctx, func() error { ran.Store(true); return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	close(release)
	if err := <-finished; err != nil {
		t.Error(err)
	}
	evaluate(t, "0")
	if ran.Load() {
		t.Error("the withdrawn job ran")
	}
}

func TestJobsRunInTheOrderTheyCame(t *testing.T) {
	begun, release := make(chan struct{}), make(chan struct{})
	go interpreter.Do(context.Background(), func() error {
		close(begun)
		<-release
		return nil
	})
	<-begun
	const count = 50
	order := make(chan int, count)
	for i := range count {
		go interpreter.Do(context.Background(), func() error { order <- i; return nil })
		for waitingJobs() != i+1 {
			time.Sleep(time.Microsecond)
		}
	}
	close(release)
	for want := range count {
		if got := <-order; got != want {
			t.Fatalf("job %d ran as number %d", got, want)
		}
	}
}

func waitingJobs() int {
	interpreter.jobs.mutex.Lock()
	defer interpreter.jobs.mutex.Unlock()
	return len(interpreter.jobs.waiting)
}

func TestTheMainThreadWakesFromSleep(t *testing.T) {
	// Longer than the spin, so that the thread is asleep when it is rung for.
	for range 20 {
		time.Sleep(2 * spinAfterJob)
		if evaluate(t, "'awake'") != "awake" {
			t.Fatal("wrong answer")
		}
	}
}

// tracemalloc notes what is allocated for a new thread with the GIL held, also where
// PYTHONTRACEMALLOC starts it before anything else.
func TestAVisitorIsMadeWithTheGILHeldAndAllocationsTraced(t *testing.T) {
	evaluate(t, "str(__import__('tracemalloc').start())")
	made := make(chan *Visitor, 1)
	go func() {
		_ = interpreter.Do(context.Background(), func() error {
			made <- NewVisitor()
			return nil
		})
	}()
	select {
	case visitor := <-made:
		visited := false
		err := visitor.Do(context.Background(), func() error { visited = true; return nil })
		if err != nil || !visited {
			t.Errorf("visited: %v, %v", visited, err)
		}
	case <-time.After(time.Minute):
		panic("the main thread waits for the visitor, which waits for the GIL")
	}
	evaluate(t, "str(__import__('tracemalloc').stop())")
}

func TestAnotherThreadVisitsWhileTheMainThreadRuns(t *testing.T) {
	visitor := NewVisitor()
	stop := make(chan struct{})
	RegisterHostFunction("test.wait", func(string) (*string, error) { <-stop; return nil, nil })
	finished := make(chan error)
	go func() {
		finished <- interpreter.Do(context.Background(), func() error {
			host, err := Import("_mrmd_host")
			if err != nil {
				return err
			}
			defer host.DecRef()
			call, err := Attribute(host, "call")
			if err != nil {
				return err
			}
			defer call.DecRef()
			_, err = Call(call, "test.wait", "")
			return err
		})
	}()
	var name string
	err := visitor.Do(context.Background(), func() error {
		threading, err := Import("threading")
		if err != nil {
			return err
		}
		defer threading.DecRef()
		main, err := Attribute(threading, "__name__")
		if err != nil {
			return err
		}
		defer main.DecRef()
		name, err = GoText(main)
		return err
	})
	close(stop)
	if err != nil || name != "threading" {
		t.Errorf("visit: %q, %v", name, err)
	}
	if err := <-finished; err != nil {
		t.Error(err)
	}
}

func TestHostFunctions(t *testing.T) {
	RegisterHostFunction("test.double", func(argument string) (*string, error) {
		answer := argument + argument
		return &answer, nil
	})
	RegisterHostFunction("test.nothing", func(string) (*string, error) { return nil, nil })
	RegisterHostFunction("test.refuse", func(string) (*string, error) { return nil, errors.New("not today") })
	RegisterHostFunction("test.panic", func(string) (*string, error) { panic("oh") })
	RegisterHostFunction("test.nil", func(string) (*string, error) {
		var nothing *Config
		answer := nothing.Program
		return &answer, nil
	})
	for expression, want := range map[string]string{
		"caught(" + helpers + ".host.call, 'test.nil', '')":     "Error('panic in the host function \"test.nil\": runtime error: invalid memory address or nil pointer dereference')",
		"host.call('test.double', 'é\\0')":                      "é\x00é\x00",
		"host.call('test.nothing', '')":                         "None",
		"caught(" + helpers + ".host.call, 'test.refuse', '')":  "Error('not today')",
		"caught(" + helpers + ".host.call, 'test.panic', '')":   "Error('panic in the host function \"test.panic\": oh')",
		"caught(" + helpers + ".host.call, 'test.unknown', '')": "Error('no host function is called \"test.unknown\"')",
		"caught(" + helpers + ".host.write, 7, b'')":            "ValueError('stream is 0 (stdout) or 1 (stderr)')",
		"host.is_forked_child()":                                "False",
	} {
		if got := evaluate(t, helpers+"."+expression); got != want {
			t.Errorf("%s gives %s, want %s", expression, got, want)
		}
	}
}

func TestWhereInterruptsAreRaised(t *testing.T) {
	RegisterHostFunction("test.interrupt", func(string) (*string, error) { return nil, Interrupt() })
	RegisterHostFunction("test.begin_run", func(string) (*string, error) { BeginRun(); return nil, nil })
	RegisterHostFunction("test.wake", func(string) (*string, error) { wakeMainThread(currentRun()); return nil, nil })
	for expression, want := range map[string]string{
		"interrupted_behind_another_signal()": "KeyboardInterrupt()",
		"interrupted_in_user_code()":          "KeyboardInterrupt()",
		"interrupted_in_machinery()":          "('KeyboardInterrupt()', ['machinery ended'])",
		"interrupted_outside()":               "('KeyboardInterrupt()', None)",
		"stale_interrupt()":                   "None",
	} {
		evaluate(t, helpers+".host.call('test.begin_run', '')")
		if got := evaluate(t, helpers+"."+expression); got != want {
			t.Errorf("%s gives %s, want %s", expression, got, want)
		}
	}
}

// TestInterruptsWakeAgain: one that Python has noted just before a system call would
// else be heard when that call ends.
func TestInterruptsWakeAgain(t *testing.T) {
	RegisterHostFunction("test.interrupt", func(string) (*string, error) { return nil, Interrupt() })
	BeginRun()
	if got := evaluate(t, helpers+".woken_in_a_system_call()"); got != "-1" {
		t.Errorf("the call gives %s", got)
	}
}

func TestSignalActionsLookLikePlainPythons(t *testing.T) {
	// The last one is taken before Python 3.13, see attach.c.
	const list = "sorted((int(n), str(signal.getsignal(n))) for n in signal.valid_signals())[:-1]"
	expression := "(lambda signal: " + list + ")(__import__('signal'))"
	script := "import signal; print(" + list + ")"
	plain, err := exec.Command(filepath.Join(os.Getenv("MRMD_TEST_VENV"), "bin", "python"), "-c", script).Output()
	if err != nil {
		t.Fatal(err)
	}
	if got, want := evaluate(t, expression), strings.TrimSpace(string(plain)); got != want {
		t.Errorf("here:  %s\nplain: %s", got, want)
	}
}
