package mrp

import "sync"

// ticket is a place in the queue: of an execution, or of a reset.
type ticket struct {
	// execution is nil for a reset.
	execution *execution
	// client says who sent it, for stopOnError.
	client string

	// turn is closed when the turn has come or the ticket has been taken off;
	// nil when the turn came at once.
	turn     chan struct{}
	takenOff bool
}

// queue hands out turns, one at a time, in the order of arrival.
type queue struct {
	mu      sync.Mutex
	limit   int
	started bool
	closed  bool
	current *ticket
	waiting []*ticket
	// idle is closed and made anew whenever the last turn ends; nil while
	// nobody waits for that.
	idle chan struct{}
}

// start lets the first turns go out; until then all wait.
func (q *queue) start() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.started = true
	q.advance()
}

// join takes a place at the end.
func (q *queue) join(t *ticket) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return runtimeBusy("the runtime is stopping; start it again to run code")
	}
	if q.started && q.current == nil {
		q.current = t
		return nil
	}
	if len(q.waiting) >= q.limit {
		return runtimeBusy("%d executions are waiting already; try again when some have ended", len(q.waiting))
	}
	t.turn = make(chan struct{})
	q.waiting = append(q.waiting, t)
	return nil
}

// wait returns when it is t's turn (true) or t has been taken off (false).
func (q *queue) wait(t *ticket) bool {
	if t.turn == nil {
		return true
	}
	<-t.turn
	return !t.takenOff
}

// leave ends the current turn and begins the next.
func (q *queue) leave() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.current = nil
	q.advance()
}

func (q *queue) advance() {
	if q.current == nil && len(q.waiting) > 0 {
		q.current = q.waiting[0]
		q.waiting[0] = nil
		q.waiting = q.waiting[1:]
		close(q.current.turn)
	}
	if q.current == nil && q.idle != nil {
		close(q.idle)
		q.idle = nil
	}
}

// takeOff removes the waiting tickets that match and gives them in order. Their
// owners go on waiting until each is released, so that what has to be written
// down about them comes first.
func (q *queue) takeOff(match func(*ticket) bool) []*ticket {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.takeOffLocked(match)
}

func (q *queue) takeOffLocked(match func(*ticket) bool) []*ticket {
	var taken []*ticket
	kept := q.waiting[:0]
	for _, t := range q.waiting {
		if match(t) {
			t.takenOff = true
			taken = append(taken, t)
		} else {
			kept = append(kept, t)
		}
	}
	clear(q.waiting[len(kept):])
	q.waiting = kept
	return taken
}

// release ends the wait of a ticket that was taken off.
func (t *ticket) release() { close(t.turn) }

// close lets nobody join any more and takes off all who wait.
func (q *queue) close() []*ticket {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	return q.takeOffLocked(func(*ticket) bool { return true })
}

// whenIdle gives a channel that is closed when no turn is out.
func (q *queue) whenIdle() <-chan struct{} {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.current == nil {
		idle := make(chan struct{})
		close(idle)
		return idle
	}
	if q.idle == nil {
		q.idle = make(chan struct{})
	}
	return q.idle
}

// queueState is what /health tells.
type queueState struct {
	started, closed bool
	// current is the execution whose turn it is, resetting that it is a
	// reset's.
	current   *execution
	resetting bool
	waiting   int
}

func (q *queue) state() queueState {
	q.mu.Lock()
	defer q.mu.Unlock()
	state := queueState{started: q.started, closed: q.closed, waiting: len(q.waiting)}
	if q.current != nil {
		state.current = q.current.execution
		state.resetting = state.current == nil
	}
	return state
}

// withCurrent calls use with the execution whose turn it is, or nil; no other
// turn begins before use returns.
func (q *queue) withCurrent(use func(*execution)) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.current == nil {
		use(nil)
		return
	}
	use(q.current.execution)
}
