package interp

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/mrmd/mrmd-python/cpython"
)

// A cell is in the history's database this long after it began, at most about a
// second even when Python is busy: what a kill of the process can lose.
const historyDelay = 700 * time.Millisecond

// historyFlush has the history written a moment after cells ran, once for all
// that ran meanwhile.
type historyFlush struct{ scheduled atomic.Bool }

func (h *historyFlush) schedule(e *Engine) {
	if h.scheduled.Swap(true) {
		return
	}
	time.AfterFunc(historyDelay, func() {
		h.scheduled.Store(false)
		// A failure leaves the cells in IPython's cache, which is written when
		// Python ends.
		_ = e.visitor.Do(context.Background(), func() error {
			done, err := cpython.Call(e.runner.flushHistory)
			if err != nil {
				return err
			}
			done.DecRef()
			return nil
		})
	})
}
