package wheeltest

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mrmd/mrmd-python/internal/livetest"
)

func TestQuickStart(t *testing.T) {
	u := newUser(t)
	program := launcherIn(virtualenv)
	u.endRuntimes(program)

	wants(t, "--list", u.mustRun(program, "--list"), "No runtimes running")
	started := u.mustRun(program)
	wants(t, "the start", started, "Runtime 'default' started:", "venv: "+virtualenv, "this mrmd-python is installed in it")
	wants(t, "--list", u.mustRun(program, "--list"), "default", "ALIVE")
	wants(t, "--info", u.mustRun(program, "--info", "default"),
		`"executable": "`+program+`"`, `"python": "`+pythonIn(virtualenv)+`"`, `"abi": "`+abiTag()+`"`)
	if got := u.mustRun(program, "--exec", "import sys; print(6 * 7, sys.prefix, sys.executable)"); got != "42 "+virtualenv+" "+pythonIn(virtualenv)+"\n" {
		t.Errorf("a cell prints %q", got)
	}
	wants(t, "--restart", u.mustRun(program, "--restart", "default"), "Runtime 'default' started:")
	wants(t, "--kill", u.mustRun(program, "--kill", "default"), "Killed runtime 'default'")
	wants(t, "--list", u.mustRun(program, "--list"), "No runtimes running")
}

func TestModuleIsTheProgram(t *testing.T) {
	u := newUser(t)
	want := u.mustRun(launcherIn(virtualenv), "--version")
	if got := u.mustRun(pythonIn(virtualenv), "-m", "mrmd_python", "--version"); got != want {
		t.Errorf("python -m mrmd_python --version prints %q, want %q", got, want)
	}
	if output, err := u.run(pythonIn(virtualenv), "-m", "mrmd_python", "--no-such-flag"); err == nil {
		t.Errorf("a wrong flag is taken:\n%s", output)
	}
}

// TestLinkToTheProgram calls it by a link, as uv tool install makes one.
func TestLinkToTheProgram(t *testing.T) {
	u := newUser(t)
	link := filepath.Join(u.home, "mrmd-python")
	if err := os.Symlink(launcherIn(virtualenv), link); err != nil {
		t.Fatal(err)
	}
	u.endRuntimes(link)
	wants(t, "the start", u.mustRun(link), "venv: "+virtualenv+"\n")
}

// TestNothingOfTheLauncherIsLeft compares a runtime with the venv's own interpreter.
func TestNothingOfTheLauncherIsLeft(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for _, variable := range os.Environ() {
		// What the test's own environment has is not the launcher's.
		if name, _, _ := strings.Cut(variable, "="); strings.HasPrefix(name, "LD_") || strings.HasPrefix(name, "PYTHON") {
			t.Setenv(name, "")
			os.Unsetenv(name)
		}
	}
	runtime, err := livetest.Start(ctx, livetest.Options{Binary: launcherIn(virtualenv), Virtualenv: virtualenv})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := runtime.Stop(); err != nil {
			t.Error(err)
		}
	}()
	answer, err := runtime.Post(ctx, "/execute", livetest.Object{"code": `
import os, subprocess
suspicious = ("LD_", "PYTHON", "MRMD_HANDED")
names = lambda pairs: sorted(name for name in pairs if name.startswith(suspicious))
print(names(os.environ))
print(names(subprocess.run(["env"], capture_output=True, text=True).stdout.splitlines()))
print(names(open("/proc/self/environ").read().split("\0")))
print([entry for entry in map(int, os.listdir("/proc/self/fd")) if entry in (197, 198)])
print(open("/proc/self/comm").read())
` + printLibrary})
	if err != nil {
		t.Fatal(err)
	}
	before := newUser(t).mustRun(basePython, "-c", printLibrary)
	if strings.TrimSpace(before) == "" {
		t.Skipf("%s is not linked to a shared libpython; TestBases has its like", basePython)
	}
	if got, want := answer["stdout"], "[]\n[]\n[]\n[]\nmrmd-python\n\n"+before; got != want {
		t.Errorf("a cell sees\n%s\nwant\n%s", got, want)
	}
}
