package mrp

import (
	"net/http"
	"strconv"
	"time"

	"github.com/julienschmidt/httprouter"
)

// runtimeStream writes the runtime's events to one client.
type runtimeStream struct {
	handler    *Handler
	out        *wireWriter
	controller *http.ResponseController
	// seen is the number of the last event that was written.
	seen int64
}

// serveEvents streams what concerns the runtime as a whole until the client or
// the runtime goes. A client that says where it was gets what came after; any
// other gets the state as it is.
func (h *Handler) serveEvents(w http.ResponseWriter, r *http.Request, _ httprouter.Params) error {
	after, given, err := lastSeen(r)
	if err != nil {
		return err
	}
	leave, err := h.enterStream()
	if err != nil {
		return err
	}
	defer leave()
	beginStream(w)
	if r.Method == http.MethodHead {
		return nil
	}
	s := &runtimeStream{handler: h, out: newWireWriter(w), controller: http.NewResponseController(w), seen: after}
	defer s.out.release()
	if !given {
		now := h.events.now()
		s.write(now)
		s.seen = now.seq
	}
	s.follow(r)
	if s.out.err != nil {
		panic(http.ErrAbortHandler)
	}
	return nil
}

func (s *runtimeStream) follow(r *http.Request) {
	keepalive := s.handler.options.KeepaliveInterval
	timer := time.NewTimer(keepalive)
	defer timer.Stop()
	for {
		events, gap, changed := s.handler.events.read(s.seen)
		switch {
		case gap != nil:
			s.gap(gap)
			continue
		case len(events) > 0:
			for _, event := range events {
				s.write(event)
			}
			s.seen = events[len(events)-1].seq
			if s.out.err != nil {
				return
			}
			continue
		}
		if s.out.flush(); s.out.err == nil {
			s.out.err = s.controller.Flush()
		}
		if s.out.err != nil {
			return
		}
		timer.Reset(keepalive)
		select {
		case <-changed:
		case <-timer.C:
			s.out.raw(": keepalive\n\n")
		case <-r.Context().Done():
			return
		case <-s.handler.lifetime.Done():
			return
		}
	}
}

func (s *runtimeStream) write(event runtimeEvent) {
	s.out.raw("id: ")
	s.out.number(event.seq)
	s.out.raw("\n")
	s.writeWithoutID(event)
}

func (s *runtimeStream) writeWithoutID(event runtimeEvent) {
	s.out.raw("event: ")
	s.out.raw(event.name)
	s.out.raw("\ndata: {")
	s.out.bytes(event.payload)
	s.out.raw(`"seq":`)
	s.out.number(event.seq)
	s.out.raw("}\n\n")
	s.out.overflow()
}

// gap says that events are missing, and gives the last state among them, so that
// what follows is enough to know the state.
func (s *runtimeStream) gap(gap *runtimeGap) {
	payload := strconv.AppendInt([]byte(`"after":`), gap.after, 10)
	payload = strconv.AppendInt(append(payload, `,"next":`...), gap.next, 10)
	s.writeWithoutID(runtimeEvent{gap.next - 1, gapEvent, append(payload, ',')})
	if gap.before.name != "" {
		s.writeWithoutID(gap.before)
	}
	s.seen = gap.next - 1
}

// beginStream answers with the header of an event stream.
func beginStream(w http.ResponseWriter) {
	header := w.Header()
	header.Set("Content-Type", "text/event-stream")
	header.Set("Cache-Control", "no-cache")
	header.Set("X-Accel-Buffering", "no")
	header.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(http.StatusOK)
}

// lastSeen is the number of the last event that a client has seen. A browser that
// reconnects sends the header, and the query it began with; so the header counts.
func lastSeen(r *http.Request) (after int64, given bool, err error) {
	name, text := "Last-Event-ID", r.Header.Get("Last-Event-ID")
	if text == "" {
		name, text = "after", r.URL.Query().Get("after")
	}
	if text == "" {
		return 0, false, nil
	}
	after, err = strconv.ParseInt(text, 10, 64)
	if err != nil || after < 0 {
		return 0, false, invalidRequest("%s must be the number of an event, not %q", name, text)
	}
	return after, true, nil
}
