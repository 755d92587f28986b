package interp

import (
	"strconv"
	"strings"
	"testing"
)

// An interrupt may hit the instruction before the first line, which Python 3.11
// and newer say is on line 0, or one that is on no line.
func TestEveryFrameOfATracebackHasALine(t *testing.T) {
	result, _ := mustRun(t, `
import types
from _mrmd import failures
code = compile('x = 1\ny = 2\n', '<a cell>', 'exec')
def frame_of(code):
    import sys
    found = []
    def trace(frame, event, argument):
        if frame.f_code is code: found.append(frame)
        return trace
    previous = sys.gettrace()
    sys.settrace(trace); exec(code, {}); sys.settrace(previous)
    return found[0]
error = KeyboardInterrupt()
error.__traceback__ = types.TracebackType(None, frame_of(code), 0, 0)
described = failures.describe(get_ipython(), error, '<a cell>')
(described[3], [line for line in described[2] if 'line 0' in line or 'None' in line])`)
	if result != "(1, [])" {
		t.Errorf("(line, wrong lines of the traceback) is %s", result)
	}
}

// TestLinesOfCellsThatAreGoneAreForgotten runs more cells than lines are kept of, and
// looks at what was defined before them and still is there.
func TestLinesOfCellsThatAreGoneAreForgotten(t *testing.T) {
	mustRun(t, "import inspect, linecache\ndef defined_early():\n    raise LookupError('marked')")
	mustRun(t, "early_generator = (1 / n for n in [0])")
	mustRun(t, "def make():\n    return lambda: 1 / 0 # made\nmade_early = make()\ndel make")
	kept := func(cells int) int {
		for n := range cells {
			mustRun(t, []string{"1 + 1", "def passing(): return 1", "sorted([2, 1], key=lambda n: n)"}[n%3])
		}
		result, _ := mustRun(t, "len(linecache.cache)")
		count, err := strconv.Atoi(result)
		if err != nil {
			t.Fatal(err)
		}
		return count
	}
	// A few are those of what is still there of the last cells.
	if before, after := kept(1200), kept(600); after > before+10 {
		t.Errorf("the lines of %d cells were kept, and of %d after more of them", before, after)
	}
	if got, _ := mustRun(t, "inspect.getsource(defined_early)"); !strings.Contains(got, "raise LookupError('marked')") {
		t.Errorf("the source is %s", got)
	}
	for code, line := range map[string]string{
		"defined_early()":       "raise LookupError('marked')",
		"next(early_generator)": "1 / n for n in [0]",
		"made_early()":          "1 / 0 # made",
	} {
		outcome, _ := run(t, code)
		if outcome.Error == nil || !strings.Contains(strings.Join(outcome.Error.Traceback, ""), line) {
			t.Errorf("the traceback of %s lacks the line: %+v", code, outcome.Error)
		}
	}
}

func TestLinesOfASessionsCellsGoWithIt(t *testing.T) {
	kept := func() string {
		result, _ := mustRun(t, "import linecache\nlen([entry for entry in list(linecache.cache.values()) if len(entry) == 4 and 'only_' + 'here' in ''.join(entry[2])])")
		return result
	}
	runHere(t, t.Name(), "def only_here(): pass")
	runHere(t, t.Name(), "1 # only_here")
	before := kept()
	if err := engine.CloseSession(t.Context(), t.Name()); err != nil {
		t.Fatal(err)
	}
	if after := kept(); before != "2" || after != "0" {
		t.Errorf("the lines of %s cells of the session were kept, and of %s after its end", before, after)
	}
}
