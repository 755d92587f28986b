package interp

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mrmd/mrmd-python/mrp"
)

// There is one Python in a process, and it lives on the main goroutine: all
// tests of this package share one engine.
var (
	engine *Engine
	late   transcript
	// profileNames is what the user's IPython profile had defined before the
	// first cell; a later reset takes it away.
	profileNames mrp.Outcome
)

// firstHomeVariable tells a process of this package's tests the home it is to start in
// for the first time: what it leaves behind makes the start that is tested one like
// most starts of a user.
const firstHomeVariable = "MRMD_TEST_FIRST_HOME"

// firstStartLimit only ends a first start that hangs.
const firstStartLimit = 5 * time.Minute

func enterHome() (home string, isFirst bool, err error) {
	home = os.Getenv(firstHomeVariable)
	isFirst = home != ""
	if !isFirst {
		if home, err = os.MkdirTemp("", "mrmd-interp-test-"); err != nil {
			return "", false, err
		}
		if err := writeProfile(filepath.Join(home, "ipython", "profile_default")); err != nil {
			return "", false, err
		}
		ctx, cancel := context.WithTimeout(context.Background(), firstStartLimit)
		defer cancel()
		first := exec.CommandContext(ctx, os.Args[0])
		first.Env = append(os.Environ(), firstHomeVariable+"="+home)
		if output, err := first.CombinedOutput(); err != nil {
			return "", false, fmt.Errorf("starting for the first time: %w: %s", err, output)
		}
	}
	os.Setenv("HOME", home)
	os.Setenv("IPYTHONDIR", filepath.Join(home, "ipython"))
	return home, isFirst, os.Chdir(home)
}

func waitUntilRemembered() (code int) {
	for {
		if _, err := os.Stat(engine.start.path); err == nil {
			return 0
		}
		time.Sleep(time.Millisecond)
	}
}

func TestMain(m *testing.M) {
	virtualenv := os.Getenv("MRMD_TEST_VENV")
	if virtualenv == "" {
		fmt.Fprintln(os.Stderr, "MRMD_TEST_VENV is not set: run the tests with `make test` or scripts/with-python VENV go test ./interp")
		os.Exit(2)
	}
	if os.Getenv(examplesVariable) != "" {
		os.Exit(runExamples(m))
	}
	if err := leaveExamplesOut(); err != nil {
		panic(err)
	}
	home, isFirst, err := enterHome()
	if err != nil {
		panic(err)
	}
	engine = New(Options{
		Executable:       filepath.Join(virtualenv, "bin", "python"),
		Virtualenv:       virtualenv,
		WorkingDirectory: home,
		CacheDir:         filepath.Join(home, "cache"),
		LateOutput: func(execID string, stream mrp.Stream, text []byte) {
			late.Text(stream, append([]byte("["+execID+"]"), text...))
		},
	})
	report, err := saveStandardStreams()
	if err != nil {
		panic(err)
	}
	go func() {
		<-engine.Ready()
		if err := engine.StartError(); err != nil {
			fmt.Fprintln(report, "starting Python:", err)
			os.Exit(2)
		}
		profileNames, err = engine.Execute(context.Background(), mrp.Execution{Code: "from_startup_file, from_exec_lines"}, &transcript{})
		if err != nil {
			fmt.Fprintln(report, "the first cell:", err)
			os.Exit(2)
		}
		if isFirst {
			os.Exit(waitUntilRemembered())
		}
		code := m.Run()
		os.RemoveAll(home)
		os.Exit(code)
	}()
	_ = engine.Run()
	select {}
}

// writeProfile makes an IPython profile whose startup file and configuration
// the tests look for.
func writeProfile(folder string) error {
	if err := os.MkdirAll(filepath.Join(folder, "startup"), 0o700); err != nil {
		return err
	}
	startup := "from_startup_file = 'seen'\nimport imported_by_startup_file\n"
	module := filepath.Join(filepath.Dir(filepath.Dir(folder)), "imported_by_startup_file.py")
	if err := os.WriteFile(module, []byte("value = 1\n"), 0o600); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(folder, "startup", "00-test.py"), []byte(startup), 0o600); err != nil {
		return err
	}
	config := "c.InteractiveShellApp.exec_lines = ['from_exec_lines = 1']\n"
	return os.WriteFile(filepath.Join(folder, "ipython_config.py"), []byte(config), 0o600)
}

// transcript is a sink that remembers.
type transcript struct {
	mutex    sync.Mutex
	text     [2]strings.Builder
	order    []string
	displays []mrp.Display
	updates  []mrp.Display
	answer   func(ctx context.Context, prompt string, password bool) (string, error)
	arrived  sync.Cond
}

func (t *transcript) Text(stream mrp.Stream, text []byte) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	t.text[stream].Write(text)
	t.order = append(t.order, stream.String()+":"+string(text))
	if t.arrived.L != nil {
		t.arrived.Broadcast()
	}
}

func (t *transcript) Display(display mrp.Display) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	t.displays = append(t.displays, display)
	t.order = append(t.order, "display")
}

func (t *transcript) UpdateDisplay(display mrp.Display) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	t.updates = append(t.updates, display)
}

func (t *transcript) ClearOutput(wait bool) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	t.order = append(t.order, fmt.Sprintf("clear:%v", wait))
}

func (t *transcript) Input(ctx context.Context, prompt string, password bool) (string, error) {
	if t.answer == nil {
		return "", mrp.ErrInputNotAllowed
	}
	return t.answer(ctx, prompt, password)
}

func (t *transcript) stdout() string {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	return t.text[mrp.Stdout].String()
}

func (t *transcript) stderr() string {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	return t.text[mrp.Stderr].String()
}

// run runs a cell to its end.
func run(t *testing.T, code string) (mrp.Outcome, *transcript) {
	t.Helper()
	shown := &transcript{}
	return runInto(t, code, shown), shown
}

func runInto(t *testing.T, code string, sink mrp.Sink) mrp.Outcome {
	t.Helper()
	outcome, err := engine.Execute(context.Background(), mrp.Execution{Code: code, StoreHistory: true}, sink)
	if err != nil {
		t.Fatalf("executing %q: %v", code, err)
	}
	return outcome
}

// mustRun runs a cell that has to succeed and gives its result, "" for none.
func mustRun(t *testing.T, code string) (result string, shown *transcript) {
	t.Helper()
	outcome, shown := run(t, code)
	if outcome.Error != nil {
		t.Fatalf("cell %q failed: %s: %s\n%s", code, outcome.Error.Type, outcome.Error.Message,
			strings.Join(outcome.Error.Traceback, ""))
	}
	if outcome.Result == nil {
		return "", shown
	}
	return *outcome.Result, shown
}
