package mrp

import (
	"encoding/binary"
	"sync"
	"time"
)

// eventKind is what an event of an execution is about.
type eventKind uint8

const (
	eventStdout eventKind = iota
	eventStderr
	eventStart
	eventStdinRequest
	eventDisplay
	eventUpdateDisplay
	eventClearOutput
	eventAsset
	eventResult
	eventError
	eventDone
)

// eventNames are the kinds' names on the wire.
var eventNames = [...]string{"stdout", "stderr", "start", "stdin_request", "display",
	"update_display", "clear_output", "asset", "result", "error", "done"}

// accumulation says how much of its stream an event repeats.
type accumulation uint8

const (
	accumulateDefault accumulation = iota
	accumulateFull
	accumulateTail
	accumulateNone
)

var accumulationNames = map[string]accumulation{
	"full": accumulateFull, "tail": accumulateTail, "none": accumulateNone,
}

// limit is the longest text an event repeats.
func (a accumulation) limit() int64 {
	switch a {
	case accumulateFull:
		return 1 << 62
	case accumulateTail:
		return accumulatedTail
	case accumulateNone:
		return 0
	default:
		return accumulatedLimit
	}
}

// record is one event: the bytes from..to of its text stream, or, for a kind
// that isn't text, of the payloads. hurried marks a text event that an event of
// another kind forced out early when the execution had no credit left for its
// accumulated text.
type record struct {
	kind     eventKind
	hurried  bool
	from, to int64
}

const recordSize = 16

func appendRecord(dst []byte, r record) []byte {
	first := uint64(r.from) | uint64(r.kind)<<56
	if r.hurried {
		first |= 1 << 63
	}
	dst = binary.LittleEndian.AppendUint64(dst, first)
	return binary.LittleEndian.AppendUint64(dst, uint64(r.to))
}

func decodeRecord(b []byte) record {
	first := binary.LittleEndian.Uint64(b)
	return record{
		kind:    eventKind(first >> 56 & 0x7F),
		hurried: first>>63 == 1,
		from:    int64(first & (1<<56 - 1)),
		to:      int64(binary.LittleEndian.Uint64(b[8:])),
	}
}

// eventLog is the ordered, numbered log of one execution, independent of who
// reads it. Events are numbered from 1 and never change once a reader can have
// seen them. The newest text event stays open, and grows, until a reader takes
// it, an event of another kind comes or it is long enough: so output that nobody
// waits for costs one event a mebibyte, and output that somebody waits for goes
// out at once.
type eventLog struct {
	mu      sync.Mutex
	index   byteStore
	payload byteStore
	text    [2]byteStore

	mode  accumulation
	count int
	ended bool

	open    record
	hasOpen bool
	// heldUntil is, for each stream, when its next event may be taken: the
	// hold-back that keeps `accumulated` from costing more than
	// accumulatedRate.
	heldUntil [2]time.Time
	// takenAt is, for each stream, when its last event was closed.
	takenAt [2]time.Time
	// credit is how many bytes of accumulated text may still be sent by events
	// that other kinds force out during a hold-back; it refills at
	// accumulatedRate up to accumulatedBurst.
	credit   int64
	creditAt time.Time

	waiting []*logReader
	readers int
	dropped bool
}

// accumulatedBurst is the most credit for hurried events; a hurried event
// without credit repeats hurriedAccumulated bytes.
const (
	accumulatedBurst   = 4 * mebibyte
	hurriedAccumulated = 256
)

func (l *eventLog) init(spool *spool, limits Limits, mode accumulation) {
	l.mode = mode
	l.credit = accumulatedBurst
	l.index = byteStore{memoryLimit: 4 * mebibyte, mustKeep: true, spool: spool}
	l.payload = byteStore{memoryLimit: limits.TextMemory, mustKeep: true, spool: spool}
	for i := range l.text {
		l.text[i] = byteStore{memoryLimit: limits.TextMemory, unsavedLimit: limits.UnsavedText, spool: spool}
	}
}

// write adds text to a stream.
func (l *eventLog) write(stream Stream, text []byte) {
	if len(text) == 0 {
		return
	}
	kind := eventKind(stream)
	store := &l.text[stream]
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ended {
		return
	}
	if l.hasOpen {
		if l.open.kind != kind {
			l.closeOpen(true)
		} else if l.open.to-l.open.from+int64(len(text)) > l.openLimit() {
			l.closeOpen(false)
		}
	}
	from := store.size()
	store.append(text)
	if l.hasOpen {
		paid := l.openPaysForItself()
		l.open.to = store.size()
		if !paid && l.openPaysForItself() {
			l.wake()
		}
		return
	}
	l.open = record{kind: kind, from: from, to: store.size()}
	l.hasOpen = true
	l.wake()
}

// openLimit is how long the open event may grow. When every event repeats the
// whole stream, events grow with it so that their sum stays proportional.
func (l *eventLog) openLimit() int64 {
	if l.mode == accumulateFull {
		return max(eventTextLimit, l.open.from)
	}
	return eventTextLimit
}

// add appends an event that isn't text. Its payload is the members of its JSON
// object without the braces; kinds whose data is the execution's own have none.
// It gives the event's number and the payload's place. After the last event
// nothing is added: a thread of the cell may come too late.
func (l *eventLog) add(kind eventKind, payload []byte) (seq int, place byteRange) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ended {
		return l.count, byteRange{}
	}
	if l.hasOpen {
		l.closeOpen(true)
	}
	from := l.payload.size()
	l.payload.append(payload)
	place = byteRange{from, l.payload.size()}
	l.seal(record{kind: kind, from: place.from, to: place.to})
	return l.count, place
}

// end appends the last events at once and marks the log as complete.
func (l *eventLog) end(kinds ...eventKind) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.hasOpen {
		l.closeOpen(true)
	}
	for _, kind := range kinds {
		l.seal(record{kind: kind})
	}
	l.ended = true
	for _, store := range l.stores() {
		store.settle()
	}
	l.wake()
}

// When output keeps coming, what counts is not the rate of `accumulated` but that
// the events repeat no more than they bring, however long it takes. An event that
// has gathered busyText and brings less than it repeats waits for more, for
// longestHold at most.
const (
	busyText    = 64 << 10
	longestHold = time.Second
)

func (l *eventLog) openPaysForItself() bool {
	return l.open.to-l.open.from >= min(l.open.from, l.mode.limit())
}

// openDue is when the open event may be taken.
func (l *eventLog) openDue() time.Time {
	if l.open.to-l.open.from >= busyText && !l.openPaysForItself() {
		return l.takenAt[l.open.kind].Add(longestHold)
	}
	return l.heldUntil[l.open.kind]
}

// closeOpen ends the open text event. forced says that another event's arrival
// is the reason, so that no hold-back can apply.
func (l *eventLog) closeOpen(forced bool) {
	r := l.open
	l.hasOpen = false
	cost := min(r.to, l.mode.limit())
	if cost > 0 {
		now := time.Now()
		if forced && now.Before(l.heldUntil[r.kind]) {
			r.hurried = !l.spend(cost, now)
		}
		l.takenAt[r.kind] = now
		l.heldUntil[r.kind] = now.Add(time.Duration(cost) * time.Second / accumulatedRate)
	}
	l.seal(r)
}

func (l *eventLog) spend(cost int64, now time.Time) bool {
	if !l.creditAt.IsZero() {
		refill := int64(now.Sub(l.creditAt).Seconds() * accumulatedRate)
		l.credit = min(accumulatedBurst, l.credit+refill)
	}
	l.creditAt = now
	if l.credit < cost {
		return false
	}
	l.credit -= cost
	return true
}

func (l *eventLog) seal(r record) {
	var encoded [recordSize]byte
	l.index.append(appendRecord(encoded[:0], r))
	l.count++
	l.wake()
}

func (l *eventLog) wake() {
	for i, reader := range l.waiting {
		reader.registered = false
		select {
		case reader.changed <- struct{}{}:
		default:
		}
		l.waiting[i] = nil
	}
	l.waiting = l.waiting[:0]
}

func (l *eventLog) stores() [4]*byteStore {
	return [4]*byteStore{&l.index, &l.payload, &l.text[Stdout], &l.text[Stderr]}
}

// footprint is how many bytes the log holds in memory and on disk.
func (l *eventLog) footprint() (memory, disk int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, store := range l.stores() {
		memory += store.memory()
		disk += store.disk()
	}
	return memory, disk
}

// outputBytes is how much text and display data the execution has shown.
func (l *eventLog) outputBytes() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text[Stdout].size() + l.text[Stderr].size() + l.payload.size()
}

// drop removes the spool files as soon as nobody reads them any more.
func (l *eventLog) drop() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.dropped = true
	l.removeUnread()
}

// hold keeps the spool files until the matching letGo, whatever retention says.
func (l *eventLog) hold() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.readers++
}

func (l *eventLog) letGo() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.readers--
	l.removeUnread()
}

func (l *eventLog) removeUnread() {
	if l.dropped && l.readers == 0 {
		for _, store := range l.stores() {
			store.remove()
		}
	}
}
