package wheeltest

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// What scripts/test-wheels made: the wheel, the interpreter it is for, and a venv of
// that with the wheel and uvicorn in it.
var wheelPath, basePython, virtualenv string

// patience is how long a test waits for what takes a moment on an idle machine.
const patience = 3 * time.Minute

func TestMain(m *testing.M) {
	for variable, value := range map[string]*string{
		"MRMD_TEST_WHEEL": &wheelPath, "MRMD_TEST_PYTHON": &basePython, "MRMD_TEST_VENV": &virtualenv,
	} {
		if *value = os.Getenv(variable); *value == "" {
			fmt.Fprintf(os.Stderr, "%s is not set: run the tests with `make test` or scripts/test-wheels\n", variable)
			os.Exit(2)
		}
	}
	os.Exit(m.Run())
}

func launcherIn(venv string) string { return filepath.Join(venv, "bin", "mrmd-python") }

func pythonIn(venv string) string { return filepath.Join(venv, "bin", "python") }

// abiTag is that of the wheel, such as "cp312".
func abiTag() string { return strings.Split(filepath.Base(wheelPath), "-")[2] }

// minorVersion is that of the wheel's Python, such as "3.12".
func minorVersion() string { return "3." + strings.TrimPrefix(abiTag(), "cp3") }

// user is somebody with a home folder of their own.
type user struct {
	t    *testing.T
	home string
}

func newUser(t *testing.T) user {
	t.Helper()
	home, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return user{t: t, home: home}
}

// environment is a login's: with no variable that names a library, a Python or a venv.
func (u user) environment() []string {
	return []string{"HOME=" + u.home, "PATH=/usr/local/bin:/usr/bin:/bin", "LANG=C.UTF-8"}
}

func (u user) command(name string, arguments ...string) *exec.Cmd {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	u.t.Cleanup(cancel)
	command := exec.CommandContext(ctx, name, arguments...)
	command.Env = u.environment()
	command.Dir = u.home
	return command
}

// run gives what a command prints and how it ended.
func (u user) run(name string, arguments ...string) (string, error) {
	u.t.Helper()
	output, err := u.command(name, arguments...).CombinedOutput()
	return string(output), err
}

func (u user) mustRun(name string, arguments ...string) string {
	u.t.Helper()
	output, err := u.run(name, arguments...)
	if err != nil {
		u.t.Fatalf("%s %s: %v\n%s", name, strings.Join(arguments, " "), err, output)
	}
	return output
}

// endRuntimes ends at the test's end what a user has started.
func (u user) endRuntimes(program string) {
	u.t.Cleanup(func() {
		command := exec.Command(program, "--kill-all")
		command.Env = u.environment()
		if output, err := command.CombinedOutput(); err != nil {
			u.t.Errorf("ending what was started: %v\n%s", err, output)
		}
	})
}

// thorough marks a test that is run with one Python: what it looks at does not differ
// between them.
func thorough(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("run with the newest Python only (scripts/test-wheels)")
	}
}

func wants(t *testing.T, what, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("%s lacks %q:\n%s", what, part, text)
		}
	}
}

func waitUntil(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited in vain until %s", what)
		}
	}
}
