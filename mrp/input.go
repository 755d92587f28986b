package mrp

import (
	"context"
	"net/http"
	"strings"
	"sync"

	"github.com/julienschmidt/httprouter"
)

// inputDesk holds the one question a cell may have open.
type inputDesk struct {
	mu      sync.Mutex
	pending *inputRequest
}

type inputRequest struct {
	// answer has room for the one answer, so that giving it never waits.
	answer chan inputAnswer
	// seq is the number of the event that asks; 0 until it is in the log.
	seq int
	// event is the event's payload, for clients that come later.
	event byteRange
}

type inputAnswer struct {
	text      string
	cancelled bool
}

// ask puts the question into the log and waits for its answer.
func (d *inputDesk) ask(ctx context.Context, log *eventLog, execID, prompt string, password bool) (string, error) {
	payload := appendQuoted([]byte(`"prompt":`), prompt)
	if password {
		payload = append(payload, `,"password":true`...)
	} else {
		payload = append(payload, `,"password":false`...)
	}
	payload = appendQuoted(append(payload, `,"execId":`...), execID)
	payload = appendQuoted(append(payload, `,"exec_id":`...), execID)

	request := &inputRequest{answer: make(chan inputAnswer, 1)}
	// An answer may come as soon as the event can be read, so the question is
	// open before; the lock keeps the event's number and the question together.
	d.mu.Lock()
	d.pending = request
	request.seq, request.event = log.add(eventStdinRequest, payload)
	d.mu.Unlock()
	select {
	case answer := <-request.answer:
		if answer.cancelled {
			return "", ErrInputCancelled
		}
		return answer.text, nil
	case <-ctx.Done():
		d.mu.Lock()
		defer d.mu.Unlock()
		if d.pending == request {
			d.pending = nil
		}
		return "", ctx.Err()
	}
}

// reply answers the open question; false when there is none.
func (d *inputDesk) reply(answer inputAnswer) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.pending == nil {
		return false
	}
	d.pending.answer <- answer
	d.pending = nil
	return true
}

func (d *inputDesk) waiting() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.pending != nil
}

// unanswered gives the open question's event when its number is at most seen.
func (d *inputDesk) unanswered(seen int) (seq int, event byteRange, ok bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.pending == nil || d.pending.seq > seen {
		return 0, byteRange{}, false
	}
	return d.pending.seq, d.pending.event, true
}

const noPendingInput = "No pending input request"

// inputTarget is the part of an input request that names the execution.
type inputTarget struct {
	session optional[string]
	execID  optional[string]
	other   optional[string]
}

// field takes the members that both input requests have.
func (t *inputTarget) field(f field) error {
	switch f.name {
	case "exec_id":
		return f.text(&t.execID)
	case "execId":
		return f.text(&t.other)
	case "session":
		return f.text(&t.session)
	}
	return nil
}

// desk finds the execution that is asked for; without an id it is the one that
// runs, for only that can be waiting. nil when there is none.
func (t *inputTarget) desk(h *Handler) *inputDesk {
	id := t.execID
	if !id.set {
		id = t.other
	}
	if !id.set {
		if current := h.queue.state().current; current != nil {
			return &current.input
		}
		return nil
	}
	if e := h.archive.find(id.value); e != nil {
		return &e.input
	}
	return nil
}

func (h *Handler) serveInput(w http.ResponseWriter, r *http.Request, _ httprouter.Params) error {
	var target inputTarget
	var text optional[string]
	err := h.decode(r, func(f field) error {
		if f.name == "text" {
			return f.text(&text)
		}
		return target.field(f)
	})
	if err != nil {
		return err
	}
	if !text.set {
		return missingField("text", "a string")
	}
	answer := inputAnswer{text: withoutNewline(text.value)}
	if desk := target.desk(h); desk == nil || !desk.reply(answer) {
		writeJSON(w, http.StatusOK, []byte(`{"accepted":false,"error":"`+noPendingInput+`"}`))
		return nil
	}
	writeJSON(w, http.StatusOK, []byte(`{"accepted":true}`))
	return nil
}

// withoutNewline takes one trailing newline off, in either spelling.
func withoutNewline(text string) string {
	if line, ok := strings.CutSuffix(text, "\n"); ok {
		return strings.TrimSuffix(line, "\r")
	}
	return text
}

func (h *Handler) serveInputCancel(w http.ResponseWriter, r *http.Request, _ httprouter.Params) error {
	var target inputTarget
	if err := h.decode(r, target.field); err != nil {
		return err
	}
	if desk := target.desk(h); desk == nil || !desk.reply(inputAnswer{cancelled: true}) {
		writeJSON(w, http.StatusOK, []byte(`{"cancelled":false,"error":"`+noPendingInput+`"}`))
		return nil
	}
	writeJSON(w, http.StatusOK, []byte(`{"cancelled":true}`))
	return nil
}
