package mrp

import (
	"strconv"
	"sync"
)

// runtimeLog is the numbered log of what concerns the runtime as a whole: changes
// of its state, and late output. It keeps the newest events. Like in an event log
// of an execution, the newest text stays open, and grows, until a reader takes it
// or another event comes.
type runtimeLog struct {
	maxEvents, maxMemory int

	mu     sync.Mutex
	events []runtimeEvent
	memory int
	// last is the number of the newest event, 0 before the first.
	last int64

	state    runtimeState
	hasState bool
	// before is the newest state event that is no longer kept.
	before runtimeEvent

	open     lateSource
	openText []byte

	// changed is closed when there is something new; nil while nobody waits.
	changed chan struct{}
}

// runtimeEvent is one event; payload is its JSON object's members, each with the
// comma after it.
type runtimeEvent struct {
	seq     int64
	name    string
	payload []byte
}

const (
	stateEvent = "state"
	lateEvent  = "late_output"
	gapEvent   = "gap"
)

// lateSource says who wrote a late output; execID and session are "" when they
// are not known.
type lateSource struct {
	execID, session string
	stream          Stream
}

// openTextLimit ends the growth of one late_output event, in bytes.
const openTextLimit = 64 << 10

// runtimeEventOverhead is about what an event holds besides its payload.
const runtimeEventOverhead = 64

func newRuntimeLog(limits Limits) *runtimeLog {
	return &runtimeLog{maxEvents: limits.Events, maxMemory: limits.EventMemory}
}

// noteState adds an event when the state is another than at the last call. look
// is called with the log locked, so that events come in the order of what they
// tell; it must not use the log.
func (l *runtimeLog) noteState(look func() runtimeState) {
	l.mu.Lock()
	defer l.mu.Unlock()
	state := look()
	// An interrupt's moment is not told here.
	state.interruptedAt = l.state.interruptedAt
	if l.hasState && state == l.state {
		return
	}
	l.state, l.hasState = state, true
	l.closeOpen()
	l.add(stateEvent, statePayload(state))
	l.wake()
}

func statePayload(state runtimeState) []byte {
	payload := appendQuoted([]byte(`"state":`), state.name)
	payload = append(payload, `,"currentExecId":`...)
	if state.execID == "" {
		payload = append(payload, "null"...)
	} else {
		payload = appendQuoted(payload, state.execID)
	}
	payload = strconv.AppendInt(append(payload, `,"queued":`...), int64(state.queued), 10)
	payload = strconv.AppendInt(append(payload, `,"stateRevision":`...), state.stateRevision, 10)
	return append(payload, ',')
}

func (l *runtimeLog) addLateOutput(source lateSource, text []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.openText) > 0 && (source != l.open || len(l.openText)+len(text) > openTextLimit) {
		l.closeOpen()
	}
	l.open = source
	l.openText = append(l.openText, text...)
	l.wake()
}

func (l *runtimeLog) closeOpen() {
	if len(l.openText) == 0 {
		return
	}
	payload := []byte(`"execId":null,`)
	if l.open.execID != "" {
		payload = append(appendQuoted([]byte(`"execId":`), l.open.execID), ',')
	}
	if l.open.session != "" {
		payload = append(appendQuoted(append(payload, `"session":`...), l.open.session), ',')
	}
	payload = append(appendQuoted(append(payload, `"stream":`...), l.open.stream.String()), ',')
	payload = append(appendQuoted(append(payload, `"content":`...), l.openText), ',')
	l.openText = l.openText[:0]
	if cap(l.openText) > 4*openTextLimit {
		l.openText = nil
	}
	l.add(lateEvent, payload)
}

func (l *runtimeLog) add(name string, payload []byte) {
	l.last++
	l.events = append(l.events, runtimeEvent{l.last, name, payload})
	l.memory += len(payload) + runtimeEventOverhead
	for len(l.events) > 1 && (len(l.events) > l.maxEvents || l.memory > l.maxMemory) {
		oldest := l.events[0]
		if oldest.name == stateEvent {
			l.before = oldest
		}
		l.memory -= len(oldest.payload) + runtimeEventOverhead
		l.events[0] = runtimeEvent{}
		l.events = l.events[1:]
	}
}

func (l *runtimeLog) wake() {
	if l.changed != nil {
		close(l.changed)
		l.changed = nil
	}
}

// now gives the state as an event with the number of the newest event: what a
// client that begins here has to know.
func (l *runtimeLog) now() runtimeEvent {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closeOpen()
	return runtimeEvent{l.last, stateEvent, statePayload(l.state)}
}

// runtimeGap is what a reader has missed: the events after number after and
// before number next. before is the last state among them, if there was one.
type runtimeGap struct {
	after, next int64
	before      runtimeEvent
}

const runtimeBatch = 256

// read gives events after number seen, and first the gap when some of them are
// not kept any more. When it gives neither, changed is closed as soon as there
// are some.
func (l *runtimeLog) read(seen int64) (events []runtimeEvent, gap *runtimeGap, changed <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closeOpen()
	if first := l.last + 1 - int64(len(l.events)); seen+1 < first || seen > l.last {
		// A number from the future is one of another runtime's: all that is
		// kept is new then.
		return nil, &runtimeGap{seen, first, l.before}, nil
	}
	kept := l.events[len(l.events)-int(l.last-seen):]
	if len(kept) == 0 {
		if l.changed == nil {
			l.changed = make(chan struct{})
		}
		return nil, nil, l.changed
	}
	return append([]runtimeEvent(nil), kept[:min(len(kept), runtimeBatch)]...), nil, nil
}
