package wheeltest

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// installed installs the wheel into a new venv of a Python and lends it what the
// wheel depends on.
func installed(t *testing.T, u user, interpreter string) (venv string) {
	t.Helper()
	venv = filepath.Join(u.home, "venv")
	u.mustRun(interpreter, "-m", "venv", "--without-pip", venv)
	install(t, u, venv)
	return venv
}

func install(t *testing.T, u user, prefix string, flags ...string) {
	t.Helper()
	arguments := []string{"pip", "install", "--quiet", "--offline", "--no-deps", "--python", pythonIn(prefix), wheelPath}
	u.mustRun(os.Getenv("MRMD_TEST_UV"), append(arguments, flags...)...)
	lendDependencies(t, prefix)
}

func lendDependencies(t *testing.T, prefix string) {
	t.Helper()
	library := filepath.Join("lib", "python"+minorVersion(), "site-packages")
	lent := filepath.Join(prefix, library, "lent.pth")
	if err := os.WriteFile(lent, []byte(filepath.Join(virtualenv, library)+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
}

// printLibrary prints the path of the libpython that its process has loaded.
const printLibrary = `print(*{line.split(None, 5)[-1].strip() for line in open("/proc/self/maps") if "/libpython" in line})`

// libraryIn runs a cell with the program of a prefix and gives the libpython in use.
func libraryIn(t *testing.T, u user, prefix string) string {
	t.Helper()
	u.endRuntimes(launcherIn(prefix))
	u.mustRun(launcherIn(prefix))
	output := u.mustRun(launcherIn(prefix), "--exec", "import sys, ssl, decimal; print(sys.prefix)\n"+printLibrary)
	ran, library, _ := strings.Cut(strings.TrimSpace(output), "\n")
	if ran != prefix {
		t.Errorf("sys.prefix is %s, want %s", ran, prefix)
	}
	return library
}

// layout assembles an installation of another layout; see internal/buildtest.
func layout(t *testing.T, u user, flags ...string) string {
	t.Helper()
	assemble, err := filepath.Abs("../buildtest/testdata/assemble.py")
	if err != nil {
		t.Fatal(err)
	}
	dest := filepath.Join(u.home, "base of another layout")
	u.mustRun(basePython, append([]string{"-B", assemble, dest}, flags...)...)
	if err := os.MkdirAll(filepath.Join(dest, "lib", "python"+minorVersion(), "site-packages"), 0o755); err != nil {
		t.Fatal(err)
	}
	return dest
}

func TestBases(t *testing.T) {
	thorough(t)
	library := "libpython" + minorVersion() + ".so.1.0"
	ownLibrary := func(prefix string) string {
		return filepath.Join(prefix, "libexec", "mrmd-python", abiTag(), library)
	}
	t.Run("relocated, as python-build-standalone", func(t *testing.T) {
		u := newUser(t)
		base := layout(t, u, "--executable=shared", "--library=shared", "--built-in=/install")
		venv := installed(t, u, filepath.Join(base, "bin", "python3"))
		if got, want := libraryIn(t, u, venv), filepath.Join(base, "lib", library); !sameFile(got, want) {
			t.Errorf("loaded %s, want %s", got, want)
		}
	})
	t.Run("static executable with a library beside it, as conda, without a venv", func(t *testing.T) {
		u := newUser(t)
		base := layout(t, u, "--executable=static", "--library=shared", "--set=Py_ENABLE_SHARED=0")
		install(t, u, base)
		if got, want := libraryIn(t, u, base), filepath.Join(base, "lib", library); !sameFile(got, want) {
			t.Errorf("loaded %s, want %s", got, want)
		}
	})
	t.Run("no shared library at all", func(t *testing.T) {
		u := newUser(t)
		base := layout(t, u, "--executable=static", "--library=static", "--built-in=/install", "--set=Py_ENABLE_SHARED=0")
		venv := installed(t, u, filepath.Join(base, "bin", "python3"))
		if got, want := libraryIn(t, u, venv), ownLibrary(venv); !sameFile(got, want) {
			t.Errorf("loaded %s, want %s", got, want)
		}
	})
	t.Run("the library in Debian's folder", func(t *testing.T) {
		u := newUser(t)
		base := layout(t, u, "--executable=static", "--library=shared", "--set=Py_ENABLE_SHARED=0")
		multiarch := filepath.Join(base, "lib", "x86_64-linux-gnu")
		if err := os.Mkdir(multiarch, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(filepath.Join(base, "lib", library), filepath.Join(multiarch, library)); err != nil {
			t.Fatal(err)
		}
		venv := installed(t, u, filepath.Join(base, "bin", "python3"))
		if got, want := libraryIn(t, u, venv), filepath.Join(multiarch, library); !sameFile(got, want) {
			t.Errorf("loaded %s, want %s", got, want)
		}
	})
}

// TestInstalledByLinks installs with uv's links to its cache in the place of files.
func TestInstalledByLinks(t *testing.T) {
	thorough(t)
	u := newUser(t)
	venv := filepath.Join(u.home, "venv")
	u.mustRun(basePython, "-m", "venv", "--without-pip", venv)
	install(t, u, venv, "--link-mode=symlink")
	if linked, err := os.Readlink(launcherIn(venv)); err != nil {
		t.Fatalf("uv has made no link: %s, %v", linked, err)
	}
	if got := libraryIn(t, u, venv); got == "" {
		t.Error("no libpython is loaded")
	}
}

func sameFile(one, other string) bool {
	first, err := os.Stat(one)
	if err != nil {
		return false
	}
	second, err := os.Stat(other)
	return err == nil && os.SameFile(first, second)
}

// TestDebiansPython runs the wheel with the Python of the system, where that is of
// the wheel's version.
func TestDebiansPython(t *testing.T) {
	interpreter := "/usr/bin/python" + minorVersion()
	if _, err := os.Stat(interpreter); err != nil {
		t.Skipf("there is no %s", interpreter)
	}
	u := newUser(t)
	venv := installed(t, u, interpreter)
	if got := libraryIn(t, u, venv); !strings.HasPrefix(got, "/usr/lib/") {
		t.Errorf("loaded %s, want one in /usr/lib", got)
	}
}

// TestAnotherReleaseIsRefused has the wheel's own libpython meet a Python of another
// release, which has none.
func TestAnotherReleaseIsRefused(t *testing.T) {
	u := newUser(t)
	base := filepath.Join(u.home, "base", "bin")
	venv := filepath.Join(u.home, "venv")
	u.mustRun(basePython, "-m", "venv", "--without-pip", venv)
	install(t, u, venv)
	if err := os.MkdirAll(base, 0o755); err != nil {
		t.Fatal(err)
	}
	// It answers what the runtime asks a Python, and is nothing else of one.
	answers := fmt.Sprintf("#!/bin/sh\ncase $* in *base_prefix*) echo %s ;; *) echo %s.99 ;; esac\n", filepath.Dir(base), minorVersion())
	pretender := filepath.Join(base, "python"+minorVersion())
	if err := os.WriteFile(pretender, []byte(answers), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(venv, "pyvenv.cfg"), []byte("home = "+base+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"python", "python3", "python" + minorVersion()} {
		link := filepath.Join(venv, "bin", name)
		if err := os.Remove(link); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(pretender, link); err != nil {
			t.Fatal(err)
		}
	}
	wants(t, "--list", u.mustRun(launcherIn(venv), "--list"), "No runtimes running")
	output, err := u.run(launcherIn(venv))
	if err == nil {
		t.Fatalf("it starts:\n%s", output)
	}
	wants(t, "the refusal", output, "has no shared library", minorVersion()+".99", "uv venv --managed-python --python "+minorVersion()+".99")
}

// TestInstalledByPip installs with pip, which unpacks a wheel in its own way.
func TestInstalledByPip(t *testing.T) {
	thorough(t)
	u := newUser(t)
	venv := filepath.Join(u.home, "venv")
	u.mustRun(basePython, "-m", "venv", venv)
	u.mustRun(pythonIn(venv), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-index", "--no-deps", wheelPath)
	lendDependencies(t, venv)
	u.endRuntimes(launcherIn(venv))
	u.mustRun(launcherIn(venv))
	if got := u.mustRun(launcherIn(venv), "--exec", "6 * 7"); got != "42\n" {
		t.Errorf("a cell gives %q", got)
	}
}
