package mrp

import (
	"sync"
	"time"
)

// executionState is where an execution stands.
type executionState uint8

const (
	stateQueued executionState = iota
	stateRunning
	stateDone
	stateCancelled
)

// String is the state's name on the wire.
func (s executionState) String() string {
	return [...]string{"queued", "running", "done", "cancelled"}[s]
}

func (s executionState) ended() bool { return s >= stateDone }

// execution is one cell from its request to the end of its retention. Its log,
// screen and input desk lock for themselves.
type execution struct {
	request executeRequest
	session *session
	ticket  ticket
	log     eventLog
	screen  screen
	input   inputDesk
	sink    executionSink

	mu         sync.Mutex
	state      executionState
	queuedAt   time.Time
	startedAt  time.Time
	finishedAt time.Time
	// interruptedAt is when an interrupt was asked for first; zero when none is
	// pending.
	interruptedAt time.Time

	// What follows is written before the log's last events and never again.
	outcome       Outcome
	failure       error
	stateRevision int64
	shown         []byteRange
	saved         []byteRange

	// What follows belongs to the archive's lock. retained says that the
	// execution has ended and is counted.
	memory, disk int64
	lastOfCell   bool
	retained     bool
	late         [2]lateText
}

// begin is called when the execution's turn has come. It reports false when the
// execution was interrupted before.
func (e *execution) begin(now time.Time) bool {
	e.mu.Lock()
	if !e.interruptedAt.IsZero() {
		e.mu.Unlock()
		return false
	}
	e.state = stateRunning
	e.startedAt = now
	e.mu.Unlock()
	e.log.add(eventStart, nil)
	return true
}

// executionStatus is a snapshot of what changes in an execution.
type executionStatus struct {
	state                           executionState
	queuedAt, startedAt, finishedAt time.Time
	interruptedAt                   time.Time
}

func (e *execution) status() executionStatus {
	e.mu.Lock()
	defer e.mu.Unlock()
	return executionStatus{e.state, e.queuedAt, e.startedAt, e.finishedAt, e.interruptedAt}
}

// duration is how long the code ran; 0 when it never did.
func (s executionStatus) duration() time.Duration {
	if s.startedAt.IsZero() || s.finishedAt.IsZero() {
		return 0
	}
	return s.finishedAt.Sub(s.startedAt)
}

// markInterrupted notes that an interrupt was asked for; false when the execution
// has ended.
func (e *execution) markInterrupted(now time.Time) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.state.ended() {
		return false
	}
	if e.interruptedAt.IsZero() {
		e.interruptedAt = now
	}
	return true
}

// conclude writes down how the execution ended and appends its last events.
func (e *execution) conclude(state executionState, outcome Outcome, failure error, revision int64, now time.Time) {
	e.input.close()
	if outcome.Error != nil || outcome.Result != nil {
		e.screen.somethingShown()
	}
	e.outcome, e.failure, e.stateRevision = outcome, failure, revision
	e.shown, e.saved = e.screen.contents()
	e.mu.Lock()
	e.state = state
	e.finishedAt = now
	e.interruptedAt = time.Time{}
	e.request.code = ""
	e.mu.Unlock()
	if outcome.Error != nil {
		e.log.end(eventError, eventDone)
	} else {
		e.log.end(eventResult, eventDone)
	}
}
