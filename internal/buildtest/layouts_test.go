package buildtest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// sharedLibrary returns the name of the shared libpython inside dir.
func sharedLibrary(t *testing.T, dir string) string {
	t.Helper()
	matches, err := filepath.Glob(filepath.Join(dir, "libpython3.[1-9]*.so.1.0"))
	if err != nil || len(matches) != 1 {
		t.Fatalf("shared libraries in %s: %v (%v), want one", dir, matches, err)
	}
	return matches[0]
}

func TestVenvOfEachPython(t *testing.T) {
	for _, p := range pythonsFound(t) {
		t.Run(p.tag, func(t *testing.T) {
			target := venv(t, p.path)
			// Where the interpreter is itself linked to the library, it says which.
			library := ""
			if loaded := reportOf(t, filepath.Join(target, "bin/python")).Libpython; len(loaded) == 1 {
				library = loaded[0]
			} else {
				library = libraryOf(t, p)
			}
			checkLinked(t, target, library)
		})
	}
}

// libraryOf returns the library that sysconfig names, which for a Python in the
// place it was built for is the right one.
func libraryOf(t *testing.T, p python) string {
	t.Helper()
	return strings.TrimSpace(mustRun(t, p.path, "-c",
		"import sysconfig as s; print(s.get_config_var('LIBDIR') + '/' + s.get_config_var('INSTSONAME'))"))
}

func TestVenvOfDebiansPython(t *testing.T) {
	interpreter := "/usr/bin/python3"
	if _, err := os.Stat("/etc/debian_version"); err != nil {
		t.Skip("this is no Debian")
	}
	output, err := run(repo, nil, interpreter, script("target_python.py"), "describe")
	if err != nil {
		t.Skipf("Debian's own Python is none to build for: %s", output)
	}
	fields := strings.Split(strings.TrimSpace(output), "\t")
	p := python{fields[0], fields[1], interpreter}
	checkLinked(t, venv(t, interpreter), libraryOf(t, p))
}

// python-build-standalone, which uv installs: sysconfig has the paths of the machine
// it was built on, and bin/python finds its library beside itself.
func TestRelocatedSharedPython(t *testing.T) {
	home := layout(t, newestPython(t), "relocated", "--executable=shared", "--library=shared", "--built-in=/install")
	checkLinked(t, venv(t, filepath.Join(home, "bin/python3")), sharedLibrary(t, filepath.Join(home, "lib")))
}

// Newer python-build-standalone and conda: bin/python is linked statically, the
// shared library lies beside it, and sysconfig knows only of the archive.
func TestStaticExecutableWithSharedLibrary(t *testing.T) {
	base := newestPython(t)
	minor := strings.Join(strings.Split(base.version, ".")[:2], ".")
	home := layout(t, base, "conda", "--executable=static", "--library=shared",
		"--set=Py_ENABLE_SHARED=0", "--set=LDLIBRARY=libpython"+minor+".a", "--set=INSTSONAME=libpython"+minor+".a")
	if err := os.Mkdir(filepath.Join(home, "conda-meta"), 0o755); err != nil {
		t.Fatal(err)
	}
	// A conda environment is used as it is, without a venv.
	checkLinked(t, home, sharedLibrary(t, filepath.Join(home, "lib")))
}

func TestStaticOnlyPython(t *testing.T) {
	home := layout(t, newestPython(t), "static", "--executable=static", "--library=static",
		"--built-in=/install", "--set=Py_ENABLE_SHARED=0")
	checkLinked(t, venv(t, filepath.Join(home, "bin/python3")), "")
}

func TestPathWithSpacesAndAccents(t *testing.T) {
	home := layout(t, newestPython(t), "déjà vu here", "--executable=shared", "--library=shared", "--built-in=/install")
	checkLinked(t, venv(t, filepath.Join(home, "bin/python3")), sharedLibrary(t, filepath.Join(home, "lib")))
}

func TestVenvMadeByUV(t *testing.T) {
	mustRun(t, script("make-venv"), filepath.Join(repo, ".tools/venv"), "", filepath.Join(repo, "requirements/tools.txt"))
	requirements := filepath.Join(t.TempDir(), "requirements.txt")
	if err := os.WriteFile(requirements, []byte("# nothing\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	p := newestPython(t)
	target := filepath.Join(t.TempDir(), "venv")
	withUV := "PATH=" + filepath.Join(repo, ".tools/venv/bin") + ":" + os.Getenv("PATH")
	if output, err := run(repo, []string{withUV}, script("make-venv"), target, p.path, requirements); err != nil {
		t.Fatalf("make-venv: %v\n%s", err, output)
	}
	config, err := os.ReadFile(filepath.Join(target, "pyvenv.cfg"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(config), "\nuv = ") {
		t.Fatalf("the venv was not made by uv:\n%s", config)
	}
	checkLinked(t, target, libraryOf(t, p))
}

// One Python after the other in one cache, then the first again.
func TestCacheNeverServesAnotherPython(t *testing.T) {
	found := pythonsFound(t)
	first := venv(t, found[len(found)-1].path)
	var second string
	if len(found) > 1 {
		second = venv(t, found[0].path)
	} else {
		home := layout(t, found[0], "second", "--executable=shared", "--library=shared", "--built-in=/install")
		second = venv(t, filepath.Join(home, "bin/python3"))
	}
	for _, target := range []string{first, second, first} {
		interpreter := filepath.Join(target, "bin/python")
		want := reportOf(t, interpreter)
		got := reportOf(t, buildLinked(t, target), interpreter)
		if got.Version != want.Version || got.BasePrefix != want.BasePrefix {
			t.Errorf("built for %s in %s, want %s in %s", got.Version, got.BasePrefix, want.Version, want.BasePrefix)
		}
	}
}
