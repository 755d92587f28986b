package processes

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mrmd/mrmd-python/internal/livetest"
)

// patience bounds every wait; only a hang comes near it.
const patience = 6 * time.Minute

var shared *livetest.Runtime

func TestMain(m *testing.M) {
	os.Exit(withRuntime(m))
}

func withRuntime(m *testing.M) int {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	runtime, err := livetest.Start(ctx, livetest.Options{})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	shared = runtime
	code := m.Run()
	if err := runtime.Stop(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	return code
}

// outcome is how a cell ended.
type outcome struct {
	stdout, stderr, result string
	// err is the exception's type and message, "" for none.
	err string
}

func execute(t *testing.T, runtime *livetest.Runtime, code string) outcome {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	answer, err := runtime.Post(ctx, "/execute", livetest.Object{"code": code})
	if err != nil {
		t.Fatalf("running %q: %v", code, err)
	}
	text := func(name string) string {
		value, _ := answer[name].(string)
		return value
	}
	ended := outcome{stdout: text("stdout"), stderr: text("stderr"), result: text("result")}
	if failure, ok := answer["error"].(livetest.Object); ok && failure != nil {
		ended.err = fmt.Sprintf("%v: %v\n%v", failure["type"], failure["message"], failure["traceback"])
	}
	return ended
}

// cell runs a cell that has to succeed and gives what it printed.
func cell(t *testing.T, code string) string {
	t.Helper()
	return cellIn(t, shared, code)
}

func cellIn(t *testing.T, runtime *livetest.Runtime, code string) string {
	t.Helper()
	ended := execute(t, runtime, code)
	if ended.err != "" {
		t.Fatalf("the cell\n%s\nfailed: %s\nstdout: %s\nstderr: %s", code, ended.err, ended.stdout, ended.stderr)
	}
	return ended.stdout
}

// plainPython runs code in a plain interpreter of the same venv, started as the
// runtime was, and gives what it printed.
func plainPython(t *testing.T, runtime *livetest.Runtime, code string) string {
	t.Helper()
	script := filepath.Join(t.TempDir(), "script.py")
	if err := os.WriteFile(script, []byte(code), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	command := exec.CommandContext(ctx, filepath.Join(os.Getenv("MRMD_TEST_VENV"), "bin", "python"), script)
	command.Dir = runtime.WorkingDirectory
	command.Env = runtime.Environment
	output, err := command.Output()
	if err != nil {
		t.Fatalf("plain Python: %v\n%s", err, err.(*exec.ExitError).Stderr)
	}
	return string(output)
}

// sameAsPlain runs code in the runtime and in plain Python and demands the same
// output.
func sameAsPlain(t *testing.T, runtime *livetest.Runtime, code string) {
	t.Helper()
	here, plain := cellIn(t, runtime, code), plainPython(t, runtime, code)
	if here != plain {
		t.Errorf("differs from plain Python\n%s", differences(here, plain))
	}
}

func differences(here, plain string) string {
	hereLines, plainLines := strings.Split(here, "\n"), strings.Split(plain, "\n")
	var report strings.Builder
	for i := range max(len(hereLines), len(plainLines)) {
		var a, b string
		if i < len(hereLines) {
			a = hereLines[i]
		}
		if i < len(plainLines) {
			b = plainLines[i]
		}
		if a != b {
			fmt.Fprintf(&report, " here: %s\nplain: %s\n", a, b)
		}
	}
	return report.String()
}

// module writes a module that cells and the processes they start can import.
func module(t *testing.T, name, source string) {
	t.Helper()
	path := filepath.Join(shared.WorkingDirectory, name+".py")
	if err := os.WriteFile(path, []byte(source), 0o600); err != nil {
		t.Fatal(err)
	}
	// A file of the same clock tick as the last look at the folder is not seen.
	cell(t, "import importlib; importlib.invalidate_caches()")
}

// until waits for a condition; it reports whether it came true in time.
func until(t *testing.T, condition func() bool) bool {
	t.Helper()
	for deadline := time.Now().Add(patience); !condition(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			return false
		}
	}
	return true
}
