package mrp

import (
	"cmp"
	"fmt"
	"net/http"

	"github.com/julienschmidt/httprouter"
)

func (h *Handler) serveExecute(w http.ResponseWriter, r *http.Request, _ httprouter.Params) error {
	request, err := h.decodeExecute(r, false)
	if err != nil {
		return err
	}
	e, err := h.admit(request)
	if err != nil {
		return err
	}
	e.log.hold()
	defer e.log.letGo()
	h.run(e)
	return h.answerResult(w, e)
}

func (h *Handler) serveInterrupt(w http.ResponseWriter, r *http.Request, _ httprouter.Params) error {
	var session, execID optional[string]
	err := h.decode(r, func(f field) error {
		switch f.name {
		case "session":
			return f.text(&session)
		case "execId":
			return f.text(&execID)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if err := h.sessions.check(session.value); err != nil {
		return err
	}
	interrupted := h.interrupt(func(e *execution) bool {
		return (!session.set || session.value == "" || session.value == e.request.session) &&
			(!execID.set || execID.value == e.request.execID)
	})
	writeJSON(w, http.StatusOK, fmt.Appendf(nil, `{"interrupted":%t}`, interrupted))
	return nil
}

func (h *Handler) serveReset(w http.ResponseWriter, r *http.Request, _ httprouter.Params) error {
	var session, scope optional[string]
	err := h.decode(r, func(f field) error {
		switch f.name {
		case "session":
			return f.text(&session)
		case "scope":
			// There is one: all of the session.
			return f.text(&scope)
		}
		return nil
	})
	if err != nil {
		return err
	}
	return h.answerReset(w, cmp.Or(session.value, DefaultSession))
}

func (h *Handler) serveIsComplete(w http.ResponseWriter, r *http.Request, _ httprouter.Params) error {
	var code optional[string]
	err := h.decode(r, func(f field) error {
		if f.name == "code" {
			return f.text(&code)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if !code.set {
		return missingField("code", "the text to look at")
	}
	answer, err := h.engine.IsComplete(r.Context(), code.value)
	if err != nil {
		return internal("the code could not be looked at: %v", err)
	}
	return answerJSON(w, answer)
}
