package mrp

import (
	"fmt"
	"net/http"
	"strconv"

	"github.com/julienschmidt/httprouter"
)

func (h *Handler) executionOf(params httprouter.Params) (*execution, error) {
	id := params.ByName("execId")
	e := h.archive.find(id)
	if e == nil {
		return nil, notFound("there is no execution %q: it never was, or is no longer retained", id)
	}
	return e, nil
}

// writeExecution writes the members that tell of an execution.
func writeExecution(w *wireWriter, e *execution) {
	status := e.status()
	w.raw(`"execId":`)
	w.quoted(e.request.execID)
	w.raw(`,"session":`)
	w.quoted(e.request.session)
	w.raw(`,"cellId":`)
	if e.request.cellID == "" {
		w.raw("null")
	} else {
		w.quoted(e.request.cellID)
	}
	w.raw(`,"state":`)
	w.quoted(status.state.String())
	w.raw(`,"queuedAt":`)
	w.time(status.queuedAt)
	w.raw(`,"startedAt":`)
	w.time(status.startedAt)
	w.raw(`,"finishedAt":`)
	w.time(status.finishedAt)
	w.raw(`,"duration":`)
	if status.finishedAt.IsZero() {
		w.raw(`null,"success":null`)
	} else {
		w.number(status.duration().Milliseconds())
		w.raw(`,"success":`)
		w.boolean(e.outcome.Error == nil)
	}
	w.raw(`,"bytes":`)
	w.number(e.log.outputBytes())
}

func (h *Handler) serveExecutions(w http.ResponseWriter, _ *http.Request, _ httprouter.Params) error {
	out := newWireWriter(nil)
	defer out.release()
	out.raw(`{"executions":[`)
	for i, e := range h.archive.list() {
		if i > 0 {
			out.raw(",")
		}
		out.raw("{")
		writeExecution(out, e)
		out.raw("}")
	}
	out.raw("]}")
	writeJSON(w, http.StatusOK, out.buffer)
	return nil
}

func (h *Handler) serveExecution(w http.ResponseWriter, _ *http.Request, params httprouter.Params) error {
	e, err := h.executionOf(params)
	if err != nil {
		return err
	}
	e.log.hold()
	defer e.log.letGo()
	w.Header()["Content-Type"] = jsonContentType
	w.WriteHeader(http.StatusOK)
	out := newWireWriter(w)
	defer out.release()
	out.raw("{")
	writeExecution(out, e)
	if e.status().state.ended() {
		out.raw(`,"result":{`)
		h.writeResult(out, e)
		out.raw("}")
	}
	h.archive.writeLateOutput(out, e)
	out.raw("}")
	out.flush()
	if out.err != nil {
		panic(http.ErrAbortHandler)
	}
	return nil
}

func (h *Handler) serveExecutionDelete(w http.ResponseWriter, _ *http.Request, params httprouter.Params) error {
	e, err := h.executionOf(params)
	if err != nil {
		return err
	}
	cancelled := h.cancelQueued(e, "taken off the queue by a client") ||
		h.interrupt(func(running *execution) bool { return running == e })
	writeJSON(w, http.StatusOK, fmt.Appendf(nil, `{"cancelled":%t}`, cancelled))
	return nil
}

// serveOutput sends a text stream whole, as it is so far, or with ?late=1 what was
// written to it between later cells.
func (h *Handler) serveOutput(w http.ResponseWriter, r *http.Request, params httprouter.Params) error {
	e, err := h.executionOf(params)
	if err != nil {
		return err
	}
	var stream Stream
	switch name := params.ByName("stream"); name {
	case "stdout":
		stream = Stdout
	case "stderr":
		stream = Stderr
	default:
		return notFound("an execution has the outputs stdout and stderr, not %q", name)
	}
	if late, err := asksForLate(r); err != nil {
		return err
	} else if late {
		writeText(w, h.archive.lateOutput(e, stream))
		return nil
	}
	e.log.hold()
	defer e.log.letGo()
	log, store := &e.log, &e.log.text[stream]
	log.mu.Lock()
	size := store.size()
	lossless := store.gaps == nil
	log.mu.Unlock()
	header := w.Header()
	header.Set("Content-Type", "text/plain; charset=utf-8")
	header.Set("X-Content-Type-Options", "nosniff")
	if lossless {
		header.Set("Content-Length", strconv.FormatInt(size, 10))
	}
	w.WriteHeader(http.StatusOK)
	if r.Method == http.MethodHead {
		return nil
	}
	var scratch []byte
	log.eachPiece(store, 0, size, &scratch, func(piece []byte) {
		if err == nil {
			_, err = w.Write(piece)
		}
	})
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	return nil
}

func asksForLate(r *http.Request) (bool, error) {
	switch word := r.URL.Query().Get("late"); word {
	case "", "0", "false":
		return false, nil
	case "1", "true":
		return true, nil
	default:
		return false, invalidRequest("late must be 1 or 0, not %q", word)
	}
}

func writeText(w http.ResponseWriter, text []byte) {
	header := w.Header()
	header.Set("Content-Type", "text/plain; charset=utf-8")
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Content-Length", strconv.Itoa(len(text)))
	w.WriteHeader(http.StatusOK)
	_, _ = w.Write(text)
}
