package interp

import (
	"sync"

	"github.com/mrmd/mrmd-python/cpython"
	"github.com/mrmd/mrmd-python/mrp"
)

// How many of the last executions late output can be traced back to.
const rememberedRuns = 1000

// runs numbers the executions for the context variable that the code they start
// inherits.
type runs struct {
	mutex   sync.Mutex
	last    int
	execIDs map[int64]string
}

func (r *runs) begin(execID string) int {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if r.execIDs == nil {
		r.execIDs = map[int64]string{}
	}
	r.last++
	r.execIDs[int64(r.last)] = execID
	delete(r.execIDs, int64(r.last-rememberedRuns))
	return r.last
}

func (r *runs) execID(run int64) string {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	return r.execIDs[run]
}

func (e *Engine) takeLateOutput(run int64, stream mrp.Stream, text []byte) {
	if e.options.LateOutput != nil {
		e.options.LateOutput(e.runs.execID(run), stream, text)
	}
}

// hasBackgroundWork says whether the event loop has something to do between
// cells. Main thread; needs the GIL.
func (e *Engine) hasBackgroundWork() bool {
	answer, err := cpython.Call(e.runner.hasBackgroundWork)
	if err != nil {
		return false
	}
	defer answer.DecRef()
	return cpython.IsTrue(answer)
}

// waitInLoop runs the event loop until the descriptor can be read. Main thread;
// needs the GIL.
func (e *Engine) waitInLoop(descriptor int) {
	done, err := cpython.Call(e.runner.waitInLoop, descriptor)
	if err != nil {
		e.takeLateOutput(0, mrp.Stderr, []byte(err.Error()+"\n"))
		return
	}
	done.DecRef()
}
