package interp

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// What stands in front of print, in a cell, does and says what Python's own does.
func TestPrintIsPythons(t *testing.T) {
	const code = `import contextlib, inspect, io, os, pickle, sys
class Loud:
    def __str__(self):
        sys.stdout.write("<told>")
        return "loud"
class Broken:
    def __str__(self): raise RuntimeError("no")
class Text(str):
    def __str__(self): return "own"
calls = [
    ((), {}), (("a",), {}), (("a", "b"), {}), ((1, 2.5, True, None, "x"), {}), (("é😀", 10**50), {}),
    (("a", "b"), {"sep": "-"}), (("a",), {"end": ""}), (("a",), {"end": None, "flush": True}), ((Loud(), 1), {}),
    ((1, Broken()), {}), ((Text("plain"),), {}), (("a", "\ud800"), {}), (([1, "x"], {"k": 1}), {}), ((10**5000,), {}),
    (("a",), {"nonsense": 1}), (("a",), {"sep": 1}), (("", ""), {}), (("a\nb\r",), {}), ((float("nan"), -0.0), {}),
]
def outcome(call):
    try:
        return call()
    except Exception as error:
        return type(error).__name__, str(error)
for arguments, options in calls:
    print("|", end="")
    print(outcome(lambda: print(*arguments, **options)))
own = print
with contextlib.redirect_stdout(io.StringIO()) as redirected:
    print("into", "the", "file")
replaced, write = [], sys.stdout.write
sys.stdout.write = replaced.append
print("own", "write")
sys.stdout.write = write
print("to stderr", file=sys.stderr)
print(own.__name__, own.__module__, own.__self__.__name__, type(own).__name__, own.__doc__,
 outcome(lambda: str(inspect.signature(own))), pickle.loads(pickle.dumps(own)) is own, redirected.getvalue(), replaced)`
	_, shown := mustRun(t, code)
	plain := exec.Command(filepath.Join(os.Getenv("MRMD_TEST_VENV"), "bin", "python"), "-c", code)
	plain.Env = append(os.Environ(), "PYTHONIOENCODING=utf-8:strict")
	want, err := plain.Output()
	if err != nil {
		t.Fatal(err)
	}
	if got := shown.stdout(); got != string(want) {
		t.Errorf("stdout: %q\nplain Python: %q", got, want)
	}
	if got := shown.stderr(); got != "to stderr\n" {
		t.Errorf("stderr: %q", got)
	}
}
