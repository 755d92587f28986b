package interp

import (
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

// TestLinesOfPassingCellsAreForgotten runs more cells that define nothing than lines are
// kept of, and looks at what was defined before them.
func TestLinesOfPassingCellsAreForgotten(t *testing.T) {
	mustRun(t, "import inspect, linecache\ndef defined_early():\n    raise LookupError('marked')")
	mustRun(t, "early_generator = (1 / n for n in [0])  # marked, too")
	count := func() string {
		result, _ := mustRun(t, "len(linecache.cache)")
		return result
	}
	for range 1100 {
		mustRun(t, "1 + 1")
	}
	before := count()
	for range 500 {
		mustRun(t, "1 + 1")
	}
	if after := count(); after != before {
		t.Errorf("%s cells were kept, and %s after more of them", before, after)
	}
	if got, _ := mustRun(t, "inspect.getsource(defined_early)"); !strings.Contains(got, "raise LookupError('marked')") {
		t.Errorf("the source is %s", got)
	}
	for code, line := range map[string]string{
		"defined_early()":       "raise LookupError('marked')",
		"next(early_generator)": "1 / n for n in [0]",
	} {
		outcome, _ := run(t, code)
		if outcome.Error == nil || !strings.Contains(strings.Join(outcome.Error.Traceback, ""), line) {
			t.Errorf("the traceback of %s lacks the line: %+v", code, outcome.Error)
		}
	}
}
