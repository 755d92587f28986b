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
	e.sink = executionSink{execution: e, assets: h.assets, stateChanged: h.noteState}
	e.input.init()
	e.log.init(h.spool, h.options.Limits, request.accumulated)
	if err := h.archive.admit(e); err != nil {
		return nil, err
	}
	err := h.sessions.useOrCreate(request.session, e.queuedAt, func(s *session) error {
		e.session = s
		return h.queue.join(&e.ticket)
	})
	if err != nil {
		h.archive.withdraw(e)
		return nil, err
	}
	h.noteState()
	return e, nil
}

// run waits for the execution's turn, runs it on the calling goroutine and
// returns when its log is complete.
func (h *Handler) run(e *execution) {
	if !h.queue.wait(&e.ticket) {
		return
	}
	defer h.leaveQueue()
	if !e.begin(time.Now()) {
		h.conclude(e, stateCancelled, h.notRun(e, "interrupted before it began"), nil)
		return
	}
	outcome, err := h.callEngine(e)
	count := 0
	if err != nil {
		h.log.WithError(err).WithField("execId", e.request.execID).Error("execution failed in the engine")
		outcome = Outcome{ExecutionCount: outcome.ExecutionCount, Imports: outcome.Imports, Error: &CellError{
			Type:      "RuntimeError",
			Message:   err.Error(),
			Traceback: []string{},
		}}
	} else if e.request.storeHistory {
		count = outcome.ExecutionCount
	}
	h.sessions.ended(e.session, count, time.Now())
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
	interrupted := !e.status().interruptedAt.IsZero()
	e.conclude(state, outcome, failure, h.stateRevision.Add(1), now)
	h.metrics.ended(e, interrupted)
	h.archive.conclude(e, now)
}

// errCancelled is the type of the error that a cancelled execution ends with.
const errCancelled = "ExecutionCancelled"

// cancel ends an execution that was taken off the queue.
func (h *Handler) cancel(e *execution, why string) {
	h.conclude(e, stateCancelled, h.notRun(e, why), nil)
	e.ticket.release()
	h.noteState()
}

func (h *Handler) notRun(e *execution, why string) Outcome {
	return Outcome{
		ExecutionCount: h.sessions.nextCount(e.session),
		Error:          &CellError{Type: errCancelled, Message: why, Traceback: []string{}},
	}
}

func (h *Handler) leaveQueue() {
	h.queue.leave()
	h.noteState()
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

// interrupt asks the execution whose turn it is to stop when match says so. One
// that is about to run is not run; one that the engine has not begun yet is
// interrupted as soon as it has.
func (h *Handler) interrupt(match func(*execution) bool) (interrupted bool) {
	told := true
	var target *execution
	h.queue.withCurrent(func(e *execution) {
		if e == nil || !match(e) || !e.markInterrupted(time.Now()) {
			return
		}
		target = e
		told = h.engine.Interrupt()
	})
	if target != nil {
		h.metrics.interrupts.Inc()
	}
	if !told {
		go h.interruptOnceRunning(target)
	}
	return target != nil
}

// interruptRetryInterval is how long an interrupt waits between two looks whether
// the engine has begun to run the execution.
const interruptRetryInterval = time.Millisecond

func (h *Handler) interruptOnceRunning(target *execution) {
	for over := false; !over; {
		time.Sleep(interruptRetryInterval)
		h.queue.withCurrent(func(e *execution) {
			over = e != target || e.status().state.ended() || h.engine.Interrupt()
		})
	}
}

// errStopping is why what waits is given up at the end.
var errStopping = errors.New("the runtime is stopping")
