package buildtest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// pretend runs scripts/target_python.py by an interpreter that takes itself for another.
func pretendArgs(pretence string, args ...string) []string {
	return append([]string{"-B", filepath.Join(repo, "internal/buildtest/testdata/pretend.py"),
		filepath.Join(repo, "scripts"), pretence}, args...)
}

var noSigaltstack = []string{"needs 3.10 or newer", "without SA_ONSTACK", "crashes the Go runtime"}

func TestOldPythonsAreRefused(t *testing.T) {
	t.Run("pretended", func(t *testing.T) {
		mustRefuse(t, append(noSigaltstack, "Python 3.9.18"), newestPython(t).path,
			pretendArgs(`{"version": [3, 9, 18, "final", 0]}`, "describe")...)
	})
	t.Run("named by its version", func(t *testing.T) {
		mustRefuse(t, append(noSigaltstack, "Python 3.9"), script("make-venv"), filepath.Join(t.TempDir(), "venv"),
			"3.9", filepath.Join(repo, "requirements/runtime.txt"))
	})
	pyenv := os.Getenv("PYENV_ROOT")
	if pyenv == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			t.Fatal(err)
		}
		pyenv = filepath.Join(home, ".pyenv")
	}
	for _, minor := range []string{"3.6", "3.7", "3.8", "3.9"} {
		matches, err := filepath.Glob(filepath.Join(pyenv, "versions", minor+".*/bin/python3"))
		if err != nil {
			t.Fatal(err)
		}
		for _, interpreter := range matches {
			t.Run(minor, func(t *testing.T) {
				mustRefuse(t, append(noSigaltstack, "Python "+minor), script("with-python"), interpreter, "true")
				venvDir := filepath.Join(t.TempDir(), "venv")
				mustRefuse(t, noSigaltstack, script("make-venv"), venvDir, interpreter,
					filepath.Join(repo, "requirements/runtime.txt"))
				if _, err := os.Stat(venvDir); err == nil {
					t.Error("a venv was made of a Python that is refused")
				}
			})
		}
	}
}

func TestOtherImplementationsAreRefused(t *testing.T) {
	for _, name := range []string{"PyPy", "GraalVM"} {
		mustRefuse(t, []string{"is " + name, "only CPython"}, newestPython(t).path,
			pretendArgs(`{"implementation": "`+name+`"}`, "describe")...)
	}
}

func TestFreeThreadedPythonIsRefused(t *testing.T) {
	home := layout(t, newestPython(t), "free-threaded", "--executable=shared", "--library=shared", "--set=Py_GIL_DISABLED=1")
	mustRefuse(t, []string{"free-threaded", "PEP 703", "make the venv from the default build"},
		script("with-python"), home, "true")
}

func TestPythonWithoutLibraryNamesWhatToInstall(t *testing.T) {
	home := layout(t, newestPython(t), "no-library", "--executable=static", "--library=none",
		"--built-in=/install", "--set=Py_ENABLE_SHARED=0")
	mustRefuse(t, []string{"neither a shared nor a static libpython", home, "--enable-shared", "uv python install"},
		script("with-python"), home, "true")
}

func TestUnusableArchiveNamesWhatToInstall(t *testing.T) {
	home := layout(t, newestPython(t), "garbage", "--executable=static", "--library=garbage",
		"--built-in=/install", "--set=Py_ENABLE_SHARED=0")
	mustRefuse(t, []string{"libpython", ".a", "--enable-shared", "uv python install"}, script("with-python"), home, "true")
}

func TestMissingHeadersNameWhatToInstall(t *testing.T) {
	home := layout(t, newestPython(t), "no-headers", "--executable=shared", "--library=shared", "--built-in=/install")
	if err := os.RemoveAll(filepath.Join(home, "include")); err != nil {
		t.Fatal(err)
	}
	mustRefuse(t, []string{"there is no Python.h of Python 3.", home}, script("with-python"), home, "true")

	if _, err := os.Stat("/etc/debian_version"); err != nil {
		return
	}
	// The same as Debian's own Python, which a package completes.
	output, err := run(repo, nil, filepath.Join(home, "bin/python"),
		pretendArgs(`{"version": [3, 99, 0], "base_prefix": "/usr"}`, "pkgconfig", t.TempDir(), filepath.Join(repo, "cpython/compat"))...)
	if err == nil || !strings.Contains(output, "sudo apt-get install python3.99-dev") ||
		!strings.Contains(output, "\npython3.99-dev\n") && !strings.HasPrefix(output, "python3.99-dev\n") {
		t.Errorf("want the package's name and the command that installs it, got (%v):\n%s", err, output)
	}
}

func TestPathThatCannotBeLinkedIsRefused(t *testing.T) {
	home := layout(t, newestPython(t), "one, two", "--executable=shared", "--library=shared", "--built-in=/install")
	mustRefuse(t, []string{"','", "move that folder"}, script("with-python"), home, "true")
}

func TestTargetThatIsNoVenvIsRefused(t *testing.T) {
	mustRefuse(t, []string{"is not a venv", "make venv"}, script("with-python"), t.TempDir(), "true")
	mustRefuse(t, []string{"no venv and no interpreter", "make venv"}, script("with-python"), "/nowhere/at/all", "true")
}
