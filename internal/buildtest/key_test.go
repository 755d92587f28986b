package buildtest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestKeyFollowsWhatIsLinked: the key in the compiler's flags changes with the
// library and with our header, and with nothing else.
func TestKeyFollowsWhatIsLinked(t *testing.T) {
	home := layout(t, newestPython(t), "upgraded", "--executable=shared", "--library=shared", "--built-in=/install")
	// A copy of its own: the layout's file may be a link to the original.
	library := sharedLibrary(t, filepath.Join(home, "lib"))
	content, err := os.ReadFile(library)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(library); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(library, content, 0o755); err != nil {
		t.Fatal(err)
	}
	compat := t.TempDir()
	header := filepath.Join(compat, "Python.h")
	original, err := os.ReadFile(filepath.Join(repo, "cpython/compat/Python.h"))
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, header, original)

	out := t.TempDir()
	key := func(interpreter string) string {
		return filepath.Base(strings.TrimSpace(mustRun(t, interpreter, "-B", script("target_python.py"), "pkgconfig", out, compat)))
	}
	interpreter := filepath.Join(home, "bin/python")
	first := key(interpreter)
	if again := key(interpreter); again != first {
		t.Errorf("the key changed from %s to %s with nothing changed", first, again)
	}
	if ofVenv := key(filepath.Join(venv(t, interpreter), "bin/python")); ofVenv != first {
		t.Errorf("a venv of the same Python has key %s, want %s: each venv would compile anew", ofVenv, first)
	}
	later := time.Now().Add(time.Hour)
	if err := os.Chtimes(library, later, later); err != nil {
		t.Fatal(err)
	}
	upgraded := key(interpreter)
	if upgraded == first {
		t.Error("the key did not change when the library did")
	}
	writeFile(t, header, append(original, '\n'))
	if key(interpreter) == upgraded {
		t.Error("the key did not change when our Python.h did")
	}
}

func writeFile(t *testing.T, path string, content []byte) {
	t.Helper()
	if err := os.WriteFile(path, content, 0o644); err != nil {
		t.Fatal(err)
	}
}
