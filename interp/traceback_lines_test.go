package interp

import "testing"

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
