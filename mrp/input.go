package mrp

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"github.com/julienschmidt/httprouter"
)

// inputDesk holds the one question a cell may have open.
type inputDesk struct {
	// turn is taken by who asks: threads of a cell may ask at the same time, but
	// the reader answers one question after the other.
	turn chan struct{}

	mu      sync.Mutex
	pending *inputRequest
	closed  bool
}

func (d *inputDesk) init() { d.turn = make(chan struct{}, 1) }

type inputRequest struct {
	// answer has room for the one answer, so that giving it never waits.
	answer chan inputAnswer
	// seq is the number of the event that asks; 0 until it is in the log.
	seq int
	// event is the event's payload, for clients that come later.
	event byteRange
}

type inputAnswer struct {
	text string
	err  error
}

// errCellEnded is why a thread of a cell that has ended gets no answer.
var errCellEnded = errors.New("the cell that asks for input has ended, and nobody would be asked")

// ask puts the question into the log and waits for its answer. changed is called
// when the question has been put.
func (d *inputDesk) ask(ctx context.Context, log *eventLog, execID, prompt string, password bool, changed func()) (string, error) {
	select {
	case d.turn <- struct{}{}:
	case <-ctx.Done():
		return "", ctx.Err()
	}
	defer func() { <-d.turn }()
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
	if d.closed {
		d.mu.Unlock()
		return "", errCellEnded
	}
	d.pending = request
	request.seq, request.event = log.add(eventStdinRequest, payload)
	d.mu.Unlock()
	changed()
	select {
	case answer := <-request.answer:
		return answer.text, answer.err
	case <-ctx.Done():
		d.mu.Lock()
		defer d.mu.Unlock()
		if d.pending == request {
			d.pending = nil
		}
		return "", ctx.Err()
	}
}

// reply answers the open question and gives its event's number; false when there is
// none.
func (d *inputDesk) reply(answer inputAnswer) (seq int, answered bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.pending == nil {
		return 0, false
	}
	seq = d.pending.seq
	d.pending.answer <- answer
	d.pending = nil
	return seq, true
}

// close ends the open question, and every later one, without an answer.
func (d *inputDesk) close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.closed = true
	if d.pending != nil {
		d.pending.answer <- inputAnswer{err: errCellEnded}
		d.pending = nil
	}
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

// AnsweredHeader is the header of /input's answer that has the number of the event
// which asked: who follows the execution can go on from there.
const AnsweredHeader = "Mrmd-Answered-Seq"

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
// runs, for only that can be waiting. nil when there is none, or when it is not of
// the session that is named.
func (t *inputTarget) desk(h *Handler) (*inputDesk, error) {
	if err := h.sessions.check(t.session.value); err != nil {
		return nil, err
	}
	id := t.execID
	if !id.set {
		id = t.other
	}
	var e *execution
	if id.set {
		e = h.archive.find(id.value)
	} else {
		e = h.queue.state().current
	}
	if e == nil || t.session.value != "" && t.session.value != e.request.session {
		return nil, nil
	}
	return &e.input, nil
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
	desk, err := target.desk(h)
	if err != nil {
		return err
	}
	if desk != nil {
		if seq, answered := desk.reply(inputAnswer{text: withoutNewline(text.value)}); answered {
			w.Header().Set(AnsweredHeader, strconv.Itoa(seq))
			writeJSON(w, http.StatusOK, []byte(`{"accepted":true}`))
			return nil
		}
	}
	writeJSON(w, http.StatusOK, []byte(`{"accepted":false,"error":"`+noPendingInput+`"}`))
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
	desk, err := target.desk(h)
	if err != nil {
		return err
	}
	if desk != nil {
		if _, answered := desk.reply(inputAnswer{err: ErrInputCancelled}); answered {
			writeJSON(w, http.StatusOK, []byte(`{"cancelled":true}`))
			return nil
		}
	}
	writeJSON(w, http.StatusOK, []byte(`{"cancelled":false,"error":"`+noPendingInput+`"}`))
	return nil
}
