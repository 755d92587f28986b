package buildtest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// repo is the root of the module.
var repo string

func TestMain(m *testing.M) {
	var err error
	if repo, err = filepath.Abs("../.."); err != nil {
		panic(err)
	}
	// The layouts lie at fixed places, so that Go's build cache serves the next run:
	// two test runs in one checkout take turns.
	if err := os.MkdirAll(filepath.Join(repo, "build/locks"), 0o755); err != nil {
		panic(err)
	}
	lock, err := os.Create(filepath.Join(repo, "build/locks/buildtest"))
	if err != nil {
		panic(err)
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// python is an interpreter that scripts/pythons found.
type python struct {
	tag, version, path string
}

// pythonsFound returns one interpreter of each minor version, oldest first.
func pythonsFound(t *testing.T) []python {
	t.Helper()
	var found []python
	for line := range strings.Lines(mustRun(t, script("pythons"))) {
		fields := strings.Split(strings.TrimSpace(line), "\t")
		if len(fields) != 3 {
			t.Fatalf("scripts/pythons printed %q, want a tag, a version and a path", line)
		}
		found = append(found, python{fields[0], fields[1], fields[2]})
	}
	return found
}

func newestPython(t *testing.T) python {
	t.Helper()
	found := pythonsFound(t)
	return found[len(found)-1]
}

func script(name string) string { return filepath.Join(repo, "scripts", name) }

// run runs a command with an environment that names no library path and no Python
// path, plus env, and returns stdout and stderr in one.
func run(dir string, env []string, name string, args ...string) (string, error) {
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	for _, variable := range os.Environ() {
		if !strings.HasPrefix(variable, "LD_LIBRARY_PATH=") && !strings.HasPrefix(variable, "PYTHON") {
			cmd.Env = append(cmd.Env, variable)
		}
	}
	cmd.Env = append(append(cmd.Env, "PYTHONDONTWRITEBYTECODE=1"), env...)
	output, err := cmd.CombinedOutput()
	return string(output), err
}

func mustRun(t *testing.T, name string, args ...string) string {
	t.Helper()
	output, err := run(repo, nil, name, args...)
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, output)
	}
	return output
}

// mustRefuse runs a command that must fail with a message that has all the parts.
func mustRefuse(t *testing.T, parts []string, name string, args ...string) {
	t.Helper()
	output, err := run(repo, nil, name, args...)
	if err == nil {
		t.Fatalf("%s %s succeeded, want an error; it printed:\n%s", name, strings.Join(args, " "), output)
	}
	for _, part := range parts {
		if !strings.Contains(output, part) {
			t.Errorf("the message lacks %q:\n%s", part, output)
		}
	}
	if strings.Contains(output, "Traceback") {
		t.Errorf("a traceback instead of a message:\n%s", output)
	}
}

// layout assembles an installation of another layout from a Python, by
// testdata/assemble/assemble.py with these flags, and returns its folder.
func layout(t *testing.T, base python, name string, flags ...string) string {
	t.Helper()
	dest := filepath.Join(repo, "build/buildtest", name)
	if err := os.RemoveAll(dest); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Dir(dest), 0o755); err != nil {
		t.Fatal(err)
	}
	mustRun(t, base.path, append([]string{"-B", filepath.Join(repo, "internal/buildtest/testdata/assemble.py"), dest}, flags...)...)
	t.Cleanup(func() { _ = os.RemoveAll(dest) })
	return dest
}

// venv makes a venv, empty but for its interpreter.
func venv(t *testing.T, interpreter string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "venv")
	mustRun(t, interpreter, "-m", "venv", "--without-pip", dir)
	return dir
}

// buildLinked builds testdata/linked for a venv or an installation.
func buildLinked(t *testing.T, target string) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "linked")
	mustRun(t, script("with-python"), target,
		"go", "build", "-buildvcs=false", "-o", program, "./internal/buildtest/testdata/linked")
	return program
}

// report is what testdata/report.py says of the Python it runs in.
type report struct {
	Version    string   `json:"version"`
	Prefix     string   `json:"prefix"`
	BasePrefix string   `json:"basePrefix"`
	Libpython  []string `json:"libpython"`
	Extensions []string `json:"extensions"`
}

func reportOf(t *testing.T, name string, args ...string) report {
	t.Helper()
	path := filepath.Join(repo, "internal/buildtest/testdata/report.py")
	output, err := run(t.TempDir(), nil, name, append(args, path)...)
	if err != nil {
		t.Fatalf("%s: %v\n%s", name, err, output)
	}
	var r report
	if err := json.NewDecoder(bytes.NewReader([]byte(output))).Decode(&r); err != nil {
		t.Fatalf("%s printed no report: %v\n%s", name, err, output)
	}
	return r
}

// checkLinked builds for the target and checks that the program is in every respect
// the target's own Python, with the libpython it should have loaded ("" for none).
func checkLinked(t *testing.T, target, libpython string) {
	t.Helper()
	interpreter := filepath.Join(target, "bin/python")
	want := reportOf(t, interpreter)
	got := reportOf(t, buildLinked(t, target), interpreter)
	if got.Version != want.Version {
		t.Errorf("linked to %q, want %q", got.Version, want.Version)
	}
	if got.Prefix != want.Prefix || got.BasePrefix != want.BasePrefix {
		t.Errorf("prefixes %s and %s, want %s and %s", got.Prefix, got.BasePrefix, want.Prefix, want.BasePrefix)
	}
	if fmt.Sprint(got.Extensions) != fmt.Sprint(want.Extensions) {
		t.Errorf("extension modules that can be imported:\n%v\nwant\n%v", got.Extensions, want.Extensions)
	}
	if len(want.Extensions) == 0 {
		t.Errorf("the report names no extension module at all")
	}
	wanted := []string{}
	if libpython != "" {
		resolved, err := filepath.EvalSymlinks(libpython)
		if err != nil {
			t.Fatal(err)
		}
		wanted = append(wanted, resolved)
	}
	if fmt.Sprint(got.Libpython) != fmt.Sprint(wanted) {
		t.Errorf("loaded %v, want %v", got.Libpython, wanted)
	}
}
