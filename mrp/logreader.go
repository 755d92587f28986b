package mrp

import (
	"fmt"
	"time"
)

// logReader follows one event log. It belongs to one goroutine. Any number of
// readers may follow a log, each at its own pace; none ever makes the cell wait
// for more than the copying of a chunk.
type logReader struct {
	log *eventLog
	// seen is the number of the last event given out.
	seen int
	// changed gets a value when there is something new to look at.
	changed    chan struct{}
	registered bool

	// batch holds records read ahead from the spooled part of the index.
	batch []byte
}

// follow gives a reader of the events after number seen. Its letGo must be
// called.
func (l *eventLog) follow(seen int) *logReader {
	l.hold()
	return &logReader{log: l, seen: seen, changed: make(chan struct{}, 1)}
}

func (r *logReader) letGo() {
	r.log.mu.Lock()
	for i, waiting := range r.log.waiting {
		if waiting == r {
			r.log.waiting[i] = r.log.waiting[len(r.log.waiting)-1]
			r.log.waiting = r.log.waiting[:len(r.log.waiting)-1]
			break
		}
	}
	r.log.mu.Unlock()
	r.log.letGo()
}

// next gives the event after the last one. With ok false there is none yet: wait
// for changed, or, when due is not zero, for that moment. ended says that there
// will be none.
func (r *logReader) next(now time.Time) (event record, ok, ended bool, due time.Time, err error) {
	if len(r.batch) >= recordSize {
		return r.fromBatch(), true, false, time.Time{}, nil
	}
	l := r.log
	l.mu.Lock()
	if r.seen == l.count && l.hasOpen {
		if held := l.openDue(); held.After(now) {
			r.register()
			l.mu.Unlock()
			return record{}, false, false, held, nil
		}
		l.closeOpen(false)
	}
	if r.seen == l.count {
		ended = l.ended
		if !ended {
			r.register()
		}
		l.mu.Unlock()
		return record{}, false, ended, time.Time{}, nil
	}
	from := int64(r.seen) * recordSize
	var one [recordSize]byte
	if view := l.index.view(from, from+recordSize, one[:]); len(view) == recordSize {
		event = decodeRecord(view)
		r.seen++
		l.mu.Unlock()
		return event, true, false, time.Time{}, nil
	}
	l.mu.Unlock()
	if err := r.readAhead(from); err != nil {
		return record{}, false, false, time.Time{}, err
	}
	return r.fromBatch(), true, false, time.Time{}, nil
}

func (r *logReader) fromBatch() record {
	event := decodeRecord(r.batch)
	r.batch = r.batch[recordSize:]
	r.seen++
	return event
}

const recordsReadAhead = 256

func (r *logReader) readAhead(from int64) error {
	buffer := make([]byte, recordSize*recordsReadAhead)
	n := 0
	for n < recordSize {
		piece, err := r.log.piece(&r.log.index, from+int64(n), from+int64(len(buffer)), buffer[n:])
		if err != nil {
			return fmt.Errorf("reading the event log: %w", err)
		}
		n += copy(buffer[n:], piece)
	}
	r.batch = buffer[:n-n%recordSize]
	return nil
}

func (r *logReader) register() {
	if !r.registered {
		r.registered = true
		r.log.waiting = append(r.log.waiting, r)
	}
}

// piece gives some bytes of a store from an offset on: at least one, at most
// len(buffer) unless they are immutable in memory. Bytes that could not be kept
// are given as an error of type lostBytes.
func (l *eventLog) piece(store *byteStore, from, to int64, buffer []byte) ([]byte, error) {
	l.mu.Lock()
	to = min(to, store.size())
	if view := store.view(from, to, buffer); len(view) > 0 {
		l.mu.Unlock()
		return view, nil
	}
	path, at, end, lost := store.onDisk(from, to)
	reason := store.spoolErr
	l.mu.Unlock()
	if lost {
		return nil, &lostBytes{until: end, count: end - from, reason: reason}
	}
	if end <= from {
		return nil, fmt.Errorf("no bytes at %d of a store of %d", from, to)
	}
	n, err := readSpool(path, at, buffer[:min(int64(len(buffer)), end-from)])
	if err != nil {
		return nil, &lostBytes{until: end, count: end - from, reason: err}
	}
	return buffer[:n], nil
}

// lostBytes says that a part of a stream is not there any more, and where the
// next part begins.
type lostBytes struct {
	until, count int64
	reason       error
}

// Error is the note a reader finds in place of the text.
func (e *lostBytes) Error() string {
	return fmt.Sprintf("%d bytes of output are lost: %v", e.count, e.reason)
}

// eachPiece calls use with successive pieces of a stream that end on a
// character's boundary; what was lost is replaced by a note that says so.
func (l *eventLog) eachPiece(store *byteStore, from, to int64, scratch *[]byte, use func([]byte)) {
	for from < to {
		if *scratch == nil && !l.inHead(store, from) {
			*scratch = make([]byte, wireChunk)
		}
		piece, err := l.piece(store, from, to, *scratch)
		if err != nil {
			lost, ok := err.(*lostBytes)
			if !ok {
				use([]byte("\n… [" + err.Error() + "] …\n"))
				return
			}
			use([]byte("\n… [" + lost.Error() + "] …\n"))
			from = lost.until
			continue
		}
		if from+int64(len(piece)) < to {
			piece = piece[:wholeRunes(piece)]
		}
		use(piece)
		from += int64(len(piece))
	}
}

func (l *eventLog) inHead(store *byteStore, from int64) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return from < int64(len(store.head))
}

// wholeRunes is the length of text without a character that its end cuts in
// two; at least 1, so that text which isn't UTF-8 goes on too.
func wholeRunes(text []byte) int {
	for i := len(text) - 1; i >= 0 && i >= len(text)-4; i-- {
		b := text[i]
		if isContinuation(b) {
			continue
		}
		need := 1
		switch {
		case b >= 0xF0:
			need = 4
		case b >= 0xE0:
			need = 3
		case b >= 0xC0:
			need = 2
		}
		if i+need > len(text) && i > 0 {
			return i
		}
		return len(text)
	}
	return len(text)
}

// alignForward is the first offset at or after from that begins a character.
func (l *eventLog) alignForward(store *byteStore, from, to int64) int64 {
	if from == 0 {
		return 0
	}
	var few [4]byte
	for n := 0; n < 4 && from < to; {
		piece, err := l.piece(store, from, min(to, from+int64(4-n)), few[:])
		if err != nil {
			return from
		}
		for _, b := range piece {
			if !isContinuation(b) {
				return from
			}
			from++
			n++
		}
	}
	return from
}
