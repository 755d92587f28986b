package mrp

// lateText is what was written to one of an execution's streams while no cell
// ran: its last part.
type lateText struct {
	kept []byte
	// dropped is how many bytes there were before.
	dropped int64
}

// add appends text; of more than limit bytes the older half goes.
func (t *lateText) add(text []byte, limit int) {
	t.kept = append(t.kept, text...)
	excess := len(t.kept) - limit
	if excess <= 0 {
		return
	}
	from := max(excess, min(len(t.kept), limit/2))
	for from < len(t.kept) && isContinuation(t.kept[from]) {
		from++
	}
	t.dropped += int64(from)
	t.kept = append(make([]byte, 0, limit), t.kept[from:]...)
}

func (t *lateText) memory() int64 { return int64(cap(t.kept)) }

// LateOutput takes what code writes while no cell runs: its threads, its tasks.
// execID names the execution that started what wrote, and is "" when that is not
// certain. The text is kept with that execution, as far as it is retained, and
// sent to the clients of /events; text is valid UTF-8 and may be reused after the
// call. It returns quickly, whatever clients and executions do. Any goroutine or
// thread; it does not need the GIL.
func (h *Handler) LateOutput(execID string, stream Stream, text []byte) {
	if len(text) == 0 {
		return
	}
	session := ""
	if e := h.archive.find(execID); e != nil {
		if e.request.silent {
			return
		}
		session = e.request.session
		h.archive.keepLate(e, stream, text)
	}
	h.events.addLateOutput(lateSource{execID, session, stream}, text)
}

// keepLate adds late output to an execution.
func (a *archive) keepLate(e *execution, stream Stream, text []byte) {
	a.mu.Lock()
	defer a.mu.Unlock()
	late := &e.late[stream]
	before := late.memory()
	late.add(text, a.limits.LateText)
	if !e.retained {
		return
	}
	grown := late.memory() - before
	e.memory += grown
	a.memory += grown
	if dropped := a.makeRoom(); len(dropped) > 0 {
		// Files are removed where nothing waits for it.
		go dropAll(dropped)
	}
}

// lateOutput gives a copy of what is kept.
func (a *archive) lateOutput(e *execution, stream Stream) []byte {
	a.mu.Lock()
	defer a.mu.Unlock()
	return append([]byte(nil), e.late[stream].kept...)
}

// writeLateOutput writes an execution's late output as a member.
func (a *archive) writeLateOutput(w *wireWriter, e *execution) {
	w.raw(`,"lateOutput":{`)
	for _, stream := range []Stream{Stdout, Stderr} {
		a.mu.Lock()
		dropped := e.late[stream].dropped
		a.mu.Unlock()
		if stream != Stdout {
			w.raw(",")
		}
		w.raw(`"` + stream.String() + `":`)
		w.openString()
		w.stringPiece(a.lateOutput(e, stream))
		w.closeString()
		if dropped > 0 {
			w.raw(`,"` + stream.String() + `BytesDropped":`)
			w.number(dropped)
		}
	}
	w.raw("}")
}
