package mrp

import (
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/sirupsen/logrus"
)

// admit makes an execution of a request and gives it its place in the queue.
// From then on it goes its way whatever becomes of the client.
func (h *Handler) admit(request executeRequest) (*execution, error) {
	e := &execution{request: request, queuedAt: time.Now()}
	e.ticket = ticket{execution: e, client: request.client}
	e.sink = executionSink{execution: e, assets: h.assets}
	e.log.init(h.spool, h.options.Limits.TextMemory, request.accumulated)
	if err := h.archive.admit(e); err != nil {
		return nil, err
	}
	if err := h.queue.join(&e.ticket); err != nil {
		h.archive.withdraw(e)
		return nil, err
	}
	return e, nil
}

// run waits for the execution's turn, runs it on the calling goroutine and
// returns when its log is complete.
func (h *Handler) run(e *execution) {
	if !h.queue.wait(&e.ticket) {
		return
	}
	defer h.queue.leave()
	e.begin(time.Now())
	outcome, err := h.callEngine(e)
	if err != nil {
		h.log.WithError(err).WithField("execId", e.request.execID).Error("execution failed in the engine")
		outcome = Outcome{ExecutionCount: outcome.ExecutionCount, Imports: outcome.Imports, Error: &CellError{
			Type:      "RuntimeError",
			Message:   err.Error(),
			Traceback: []string{},
		}}
	} else if request := &e.request; request.storeHistory {
		h.executionCount.Store(int64(outcome.ExecutionCount))
	}
	if outcome.Error != nil && e.request.stopOnError {
		h.dropBehind(e)
	}
	h.conclude(e, stateDone, outcome, err)
}

// callEngine is the engine's Execute with panics made errors, so that one cell
// can't end the queue.
func (h *Handler) callEngine(e *execution) (outcome Outcome, err error) {
	defer func() {
		if reason := recover(); reason != nil {
			h.log.WithFields(logrus.Fields{"panic": reason, "stack": string(debug.Stack())}).
				Error("engine panicked")
			err = fmt.Errorf("the engine panicked: %v", reason)
		}
	}()
	if err := h.engine.StartError(); err != nil {
		return Outcome{}, fmt.Errorf("the engine could not start: %w", err)
	}
	return h.engine.Execute(h.lifetime, Execution{
		ExecID:       e.request.execID,
		Session:      e.request.session,
		Code:         e.request.code,
		StoreHistory: e.request.storeHistory,
		Silent:       e.request.silent,
		AllowStdin:   e.request.allowStdin,
		Columns:      e.request.columns,
	}, &e.sink)
}

func (h *Handler) conclude(e *execution, state executionState, outcome Outcome, failure error) {
	now := time.Now()
	e.conclude(state, outcome, failure, h.stateRevision.Add(1), now)
	h.archive.conclude(e, now)
}

// errCancelled is the type of the error that a cancelled execution ends with.
const errCancelled = "ExecutionCancelled"

// cancel ends an execution that was taken off the queue.
func (h *Handler) cancel(e *execution, why string) {
	h.conclude(e, stateCancelled, Outcome{
		ExecutionCount: int(h.executionCount.Load()) + 1,
		Error:          &CellError{Type: errCancelled, Message: why, Traceback: []string{}},
	}, nil)
	e.ticket.release()
}

// dropBehind cancels what the same client queued behind an execution that
// failed and was sent with stopOnError.
func (h *Handler) dropBehind(e *execution) {
	dropped := h.queue.takeOff(func(t *ticket) bool {
		return t.execution != nil && t.client == e.request.client
	})
	for _, t := range dropped {
		h.cancel(t.execution, fmt.Sprintf("not run: execution %s before it failed and was sent with stopOnError",
			e.request.execID))
	}
}

// cancelQueued takes an execution off the queue; false when it isn't waiting.
func (h *Handler) cancelQueued(e *execution, why string) bool {
	taken := h.queue.takeOff(func(t *ticket) bool { return t == &e.ticket })
	for _, t := range taken {
		h.cancel(t.execution, why)
	}
	return len(taken) > 0
}

// interrupt asks the running execution to stop when match says so.
func (h *Handler) interrupt(match func(*execution) bool) (interrupted bool) {
	h.queue.withCurrent(func(e *execution) {
		if e == nil || e.status().state != stateRunning || !match(e) {
			return
		}
		if interrupted = h.engine.Interrupt(); interrupted {
			e.markInterrupted(time.Now())
		}
	})
	return interrupted
}

// errStopping is why what waits is given up at the end.
var errStopping = errors.New("the runtime is stopping")
