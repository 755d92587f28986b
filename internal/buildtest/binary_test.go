package buildtest

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// installed runs make install for the venv and returns the binary's path.
func installed(t *testing.T, target string) string {
	t.Helper()
	mustRun(t, "make", "--no-print-directory", "install", "VENV="+target)
	return filepath.Join(target, "bin/mrmd-python")
}

// TestInstalledBinaryNamesItsPython is TestCacheNeverServesAnotherPython with the
// real program.
func TestInstalledBinaryNamesItsPython(t *testing.T) {
	release, err := os.ReadFile(filepath.Join(repo, "VERSION"))
	if err != nil {
		t.Fatal(err)
	}
	found := pythonsFound(t)
	for _, p := range []python{found[0], found[len(found)-1]} {
		output, err := run(t.TempDir(), nil, installed(t, venv(t, p.path)), "--version")
		if err != nil {
			t.Fatalf("--version: %v\n%s", err, output)
		}
		for _, part := range []string{strings.TrimSpace(string(release)), p.version, p.tag} {
			if !strings.Contains(output, part) {
				t.Errorf("--version of a build for Python %s lacks %q:\n%s", p.version, part, output)
			}
		}
	}
}

// TestTour is make run with a binary, a venv and a folder of its own.
func TestTour(t *testing.T) {
	p := newestPython(t)
	target := filepath.Join(repo, ".venvs", p.tag)
	mustRun(t, script("make-venv"), target, p.path, filepath.Join(repo, "requirements/test.txt"))
	binary := filepath.Join(t.TempDir(), "mrmd-python")
	mustRun(t, script("build-binary"), target, binary)

	folder, home := t.TempDir(), "HOME="+t.TempDir()
	t.Cleanup(func() {
		if output, err := run(repo, []string{home}, binary, "--kill", "tour"); err != nil {
			t.Errorf("ending the tour's runtime: %v\n%s", err, output)
		}
	})
	output, err := run(repo, []string{home}, script("tour"), target, binary, folder)
	if err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	for _, part := range []string{
		"step 5 of 5", "from a subprocess", "Python " + p.version, "awaited without asyncio.run",
		"ZeroDivisionError", "squares[4] is 16", "Mercury", "--kill tour",
	} {
		if !strings.Contains(output, part) {
			t.Errorf("the tour's output lacks %q:\n%s", part, output)
		}
	}
	plot, err := os.ReadFile(filepath.Join(folder, "planets.png"))
	if err != nil || !bytes.HasPrefix(plot, []byte("\x89PNG")) {
		t.Errorf("the tour left no plot: %v", err)
	}
}
