package interp

import (
	"errors"
	"os"
	"testing"
	"time"

	"github.com/mrmd/mrmd-python/interp/codecache"
)

func TestAStartIsRememberedForTheNext(t *testing.T) {
	for _, err := os.Stat(engine.start.path); err != nil; _, err = os.Stat(engine.start.path) {
		time.Sleep(time.Millisecond)
	}
	contents, err := codecache.Read(engine.start.path, engine.start.key, nil)
	// Another test edits a module that the start has imported.
	if err != nil && !errors.Is(err, codecache.ErrStale) {
		t.Fatal(err)
	}
	defer contents.Close()
	for _, name := range []string{"IPython.core.interactiveshell", "traitlets", "_mrmd.cell", bootstrapModule, patternsName} {
		found := false
		for _, module := range contents.Modules {
			found = found || module.Name == name
		}
		if !found {
			t.Errorf("%s is not among the %d modules that are remembered", name, len(contents.Modules))
		}
	}
	result, _ := mustRun(t, "import sys\n[finder for finder in sys.meta_path if type(finder).__name__ == 'RememberedFinder']")
	if result != "[]" {
		t.Errorf("the user's imports are looked for in %s", result)
	}
}

// What is recalled is equal to what re compiles: pattern, flags, code and groups.
func TestRecalledPatternsAreThoseThatReCompiles(t *testing.T) {
	result, _ := mustRun(t, `
import re
from _mrmd.patterns import RememberedPatterns
asked = [(r"(?P<year>\d+)-(\w|[^a-f]+)*?", 0), (r"a b # c", re.X | re.I), (rb"a b", 0), ("a b", 0),
         (r"(?<=x)y{2,3}(?(1)b|c)|(z)", re.S), ("é[ß-ü]+", re.A | re.I), (rb"\w", re.L)]
def compile_all():
    re.purge()
    return [re.compile(*each) for each in asked]
plain = compile_all()
first = RememberedPatterns(None)
noted = compile_all()
first.end(False)
second = RememberedPatterns(first.compiled())
parse = second._compile
compiled_anew = []
second._compile = lambda pattern, flags: compiled_anew.append(pattern) or parse(pattern, flags)
recalled = compile_all()
second.end(True)
re.purge()
plain == noted == recalled, [p.groupindex for p in recalled] == [p.groupindex for p in plain], compiled_anew`)
	if want := `(True, True, [b'\\w'])`; result != want {
		t.Errorf("recalled: %s, want %s", result, want)
	}
}

// IPython's completer waits to be made, and is then as if it had been there from the start.
func TestCompleterIsMadeWhenItIsAskedFor(t *testing.T) {
	result, _ := mustRun(t, `
shell = get_ipython()
def mine(shell, event): return ["mine"]
shell.set_hook("complete_command", mine, str_key="%cd")
order = [getattr(found, "__name__", "") for _, found in shell.strdispatchers["complete_command"].strs["%cd"].chain]
from IPython.utils.capture import capture_output
with capture_output() as shown:
    shell.run_line_magic("config", "IPCompleter")
shell.Completer is shell.Completer, shell.Completer in shell.configurables, order, "IPCompleter" in shown.stdout`)
	if want := `(True, True, ['cd_completer', 'mine'], True)`; result != want {
		t.Errorf("the completer: %s, want %s", result, want)
	}
}
