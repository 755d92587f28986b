package mrp

import (
	"net/http"
	"time"

	"github.com/julienschmidt/httprouter"
)

// eventStream writes the events of one execution to one client.
type eventStream struct {
	handler    *Handler
	execution  *execution
	reader     *logReader
	out        *wireWriter
	controller *http.ResponseController
	mode       accumulation
	// explicit says that the client chose mode, so that no event is shortened.
	explicit bool
}

func (h *Handler) serveExecuteStream(w http.ResponseWriter, r *http.Request, _ httprouter.Params) error {
	request, err := h.decodeExecute(r, true)
	if err != nil {
		return err
	}
	leave, err := h.enterStream()
	if err != nil {
		return err
	}
	defer leave()
	e, err := h.admit(request)
	if err != nil {
		return err
	}
	reader := e.log.follow(0)
	go h.run(e)
	announceTiming(w, r)
	h.stream(w, r, e, reader, request.accumulated, false)
	tellTiming(w, e)
	return nil
}

func (h *Handler) serveExecutionStream(w http.ResponseWriter, r *http.Request, params httprouter.Params) error {
	e, err := h.executionOf(params)
	if err != nil {
		return err
	}
	mode, explicit := e.request.accumulated, false
	if word := r.URL.Query().Get("accumulated"); word != "" {
		if mode, explicit = accumulationNames[word]; !explicit {
			return invalidRequest("accumulated must be one of %s, not %q", quotedKeys(accumulationNames), word)
		}
	}
	after, err := replayStart(r, e)
	if err != nil {
		return err
	}
	leave, err := h.enterStream()
	if err != nil {
		return err
	}
	defer leave()
	h.stream(w, r, e, e.log.follow(after), mode, explicit)
	return nil
}

// replayStart is the number of the last event the client has seen.
func replayStart(r *http.Request, e *execution) (int, error) {
	after, given, err := lastSeen(r)
	if err != nil || !given {
		return 0, err
	}
	e.log.mu.Lock()
	count := e.log.count
	e.log.mu.Unlock()
	if after > int64(count) {
		return 0, invalidRequest("event %d was asked for as the last one seen, but execution %s has only %d events so far",
			after, e.request.execID, count)
	}
	return int(after), nil
}

// enterStream counts an open stream; leave ends it.
func (h *Handler) enterStream() (leave func(), err error) {
	if h.openStreams.Add(1) > int64(h.options.Limits.Streams) {
		h.openStreams.Add(-1)
		return nil, runtimeBusy("%d event streams are open, which is the limit; close some", h.options.Limits.Streams)
	}
	return func() { h.openStreams.Add(-1) }, nil
}

func (h *Handler) stream(w http.ResponseWriter, r *http.Request, e *execution, reader *logReader, mode accumulation, explicit bool) {
	defer reader.letGo()
	beginStream(w)
	if r.Method == http.MethodHead {
		return
	}
	s := &eventStream{handler: h, execution: e, reader: reader, out: newWireWriter(w),
		controller: http.NewResponseController(w), mode: mode, explicit: explicit}
	defer s.out.release()
	if seq, event, ok := e.input.unanswered(reader.seen); ok {
		s.repeatQuestion(seq, event)
	}
	s.follow(r)
	if s.out.err != nil {
		panic(http.ErrAbortHandler)
	}
}

// follow writes events until the execution's last one, or until the client or
// the runtime goes.
func (s *eventStream) follow(r *http.Request) {
	keepalive := s.handler.options.KeepaliveInterval
	timer := time.NewTimer(keepalive)
	defer timer.Stop()
	lastWrite := time.Now()
	flushed := false
	for {
		now := time.Now()
		event, ok, ended, due, err := s.reader.next(now)
		switch {
		case err != nil:
			s.out.err = err
			return
		case ok:
			s.event(event, s.reader.seen)
			flushed = false
			if s.out.err != nil {
				return
			}
			continue
		}
		if !flushed {
			// Also the first time round, so that a client whose execution waits
			// sees that it was accepted.
			if !s.flush() {
				return
			}
			lastWrite, flushed = now, true
		}
		if ended {
			return
		}
		wait := lastWrite.Add(keepalive).Sub(now)
		if !due.IsZero() {
			wait = min(wait, due.Sub(now))
		}
		timer.Reset(wait)
		select {
		case <-s.reader.changed:
		case <-timer.C:
			if time.Since(lastWrite) >= keepalive {
				s.out.raw(": keepalive\n\n")
				flushed = false
			}
		case <-r.Context().Done():
			return
		case <-s.handler.lifetime.Done():
			return
		}
	}
}

func (s *eventStream) flush() bool {
	s.out.flush()
	if s.out.err == nil {
		s.out.err = s.controller.Flush()
	}
	return s.out.err == nil
}

func (s *eventStream) event(event record, seq int) {
	out := s.out
	out.raw("id: ")
	out.number(int64(seq))
	out.raw("\nevent: ")
	out.raw(eventNames[event.kind])
	out.raw("\ndata: {")
	s.data(event)
	out.raw(`"seq":`)
	out.number(int64(seq))
	out.raw("}\n\n")
	out.overflow()
}

// repeatQuestion sends an input request again that is still open. It has no id
// line, so that the client's place in the stream stays where it was.
func (s *eventStream) repeatQuestion(seq int, event byteRange) {
	s.out.raw("event: stdin_request\ndata: {")
	s.data(record{kind: eventStdinRequest, from: event.from, to: event.to})
	s.out.raw(`"seq":`)
	s.out.number(int64(seq))
	s.out.raw("}\n\n")
}

// data writes an event's members, each with the comma after it.
func (s *eventStream) data(event record) {
	out, e := s.out, s.execution
	switch event.kind {
	case eventStdout, eventStderr:
		s.text(event)
	case eventStart:
		out.raw(`"execId":`)
		out.quoted(e.request.execID)
		out.raw(`,"timestamp":`)
		out.time(e.status().startedAt)
	case eventResult:
		s.handler.writeResult(out, e)
	case eventError:
		writeCellError(out, e.outcome.Error)
		out.raw(`,"executionCount":`)
		out.number(int64(e.outcome.ExecutionCount))
		out.raw(`,"duration":`)
		out.number(e.status().duration().Milliseconds())
		out.raw(`,"stateRevision":`)
		out.number(e.stateRevision)
	case eventDone:
		return
	case eventAsset:
		writeAssetPayload(out, &e.log, byteRange{event.from, event.to})
	default:
		writePayload(out, &e.log, byteRange{event.from, event.to})
	}
	out.raw(",")
}

func (s *eventStream) text(event record) {
	out, log := s.out, &s.execution.log
	store := &log.text[event.kind]
	out.raw(`"content":`)
	out.openString()
	log.eachPiece(store, event.from, event.to, &out.scratch, out.stringPiece)
	out.closeString()
	out.raw(`,"accumulated":`)
	out.openString()
	limit := s.mode.limit()
	if event.hurried && !s.explicit {
		limit = min(limit, hurriedAccumulated)
	}
	from := max(0, event.to-limit)
	if limit > 0 {
		from = log.alignForward(store, from, event.to)
		log.eachPiece(store, from, event.to, &out.scratch, out.stringPiece)
	}
	out.closeString()
	if limit > 0 && from > 0 {
		out.raw(`,"accumulatedTruncated":true`)
	}
}
