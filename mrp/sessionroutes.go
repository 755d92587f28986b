package mrp

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/julienschmidt/httprouter"
)

// language is what a session's code is written in, languages what clients call
// it.
const language = "python"

var languages = []string{"python", "py", "python3"}

const maxSessionIDLength = 200

// An answer about sessions waits this long for the engine to count variables; after
// that it tells the last known numbers. An idle engine answers as soon as the machine
// lets it, a busy one perhaps only when the cell ends.
const (
	idleCountDeadline = 2 * time.Second
	busyCountDeadline = 50 * time.Millisecond
)

// sessionObject is a session on the wire.
type sessionObject struct {
	ID             string      `json:"id"`
	Language       string      `json:"language"`
	Created        string      `json:"created"`
	LastActivity   string      `json:"lastActivity"`
	ExecutionCount int         `json:"executionCount"`
	VariableCount  int         `json:"variableCount"`
	Environment    environment `json:"environment"`
}

func (h *Handler) sessionObject(s *session) sessionObject {
	now := h.sessions.snapshot(s)
	return sessionObject{
		ID:             now.id,
		Language:       language,
		Created:        now.created.UTC().Format(timestampLayout),
		LastActivity:   now.lastActivity.UTC().Format(timestampLayout),
		ExecutionCount: now.executionCount,
		VariableCount:  now.variableCount,
		Environment:    environmentOf(h.engine.Info()),
	}
}

// countVariables brings the variable counts up to date as far as the engine
// answers in time; those used last come first.
func (h *Handler) countVariables(ctx context.Context, sessions ...*session) {
	select {
	case <-h.engine.Ready():
	default:
		return
	}
	lastUse := make(map[*session]time.Time, len(sessions))
	for _, s := range sessions {
		lastUse[s] = h.sessions.snapshot(s).lastActivity
	}
	newestFirst := slices.Clone(sessions)
	slices.SortStableFunc(newestFirst, func(a, b *session) int { return lastUse[b].Compare(lastUse[a]) })
	ctx, cancel := context.WithTimeout(ctx, idleCountDeadline)
	defer cancel()
	defer time.AfterFunc(busyCountDeadline, func() {
		if h.Busy() {
			cancel()
		}
	}).Stop()
	for _, s := range newestFirst {
		count, err := h.engine.VariableCount(ctx, s.id)
		switch {
		case err == nil:
			h.sessions.counted(s, count)
		case ctx.Err() != nil:
			return
		}
	}
}

func (h *Handler) serveSessions(w http.ResponseWriter, r *http.Request, _ httprouter.Params) error {
	sessions := h.sessions.list()
	h.countVariables(r.Context(), sessions...)
	answer := struct {
		Sessions []sessionObject `json:"sessions"`
	}{}
	for _, s := range sessions {
		answer.Sessions = append(answer.Sessions, h.sessionObject(s))
	}
	return answerJSON(w, answer)
}

func (h *Handler) serveSession(w http.ResponseWriter, r *http.Request, params httprouter.Params) error {
	id := params.ByName("id")
	s := h.sessions.find(id)
	if s == nil {
		return unknownSession(id)
	}
	h.countVariables(r.Context(), s)
	return answerJSON(w, h.sessionObject(s))
}

// serveSessionCreate makes a session, or answers with the one that there is
// under the id: clients of MRP 0.1 create their session whenever they connect.
// The engine makes what belongs to it when the first cell runs.
func (h *Handler) serveSessionCreate(w http.ResponseWriter, r *http.Request, _ httprouter.Params) error {
	var id, wantedLanguage optional[string]
	var wanted wantedEnvironment
	err := h.decode(r, func(f field) error {
		switch f.name {
		case "id":
			return f.text(&id)
		case "language":
			return f.text(&wantedLanguage)
		case "environment":
			return f.members(wanted.field)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if wantedLanguage.set && !slices.Contains(languages, wantedLanguage.value) {
		return invalidRequest("\"language\" must be one of %s, not %q", strings.Join(languages, ", "), wantedLanguage.value)
	}
	if err := wanted.check(h.engine.Info()); err != nil {
		return err
	}
	if !id.set {
		id.value = newExecID()
	} else if err := checkSessionID("id", id.value); err != nil {
		return err
	}
	var made *session
	err = h.sessions.useOrCreate(id.value, time.Now(), func(s *session) error {
		made = s
		return nil
	})
	if err != nil {
		return err
	}
	return answerJSON(w, h.sessionObject(made))
}

func checkSessionID(name, id string) error {
	if n := utf8.RuneCountInString(id); n < 1 || n > maxSessionIDLength {
		return invalidRequest("%q must have from 1 to %d characters, not %d", name, maxSessionIDLength, n)
	}
	return nil
}

func (h *Handler) serveSessionDelete(w http.ResponseWriter, _ *http.Request, params httprouter.Params) error {
	revision, err := h.deleteSession(params.ByName("id"))
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, fmt.Appendf(nil, `{"success":true,"stateRevision":%d}`, revision))
	return nil
}

// deleteSession ends a session: what it has queued is cancelled, what it runs
// interrupted, and when that has ended the engine gives back what it held. From
// its first moment a client that uses the id gets a new session.
func (h *Handler) deleteSession(id string) (revision int64, err error) {
	var place ticket
	var ending *session
	err = h.sessions.use(id, time.Now(), func(s *session) error {
		if err := h.queue.join(&place); err != nil {
			return err
		}
		ending = s
		h.sessions.replace(s, time.Now())
		return nil
	})
	if err != nil {
		return 0, err
	}
	ofSession := func(e *execution) bool { return e != nil && e.session == ending }
	for _, t := range h.queue.takeOff(func(t *ticket) bool { return ofSession(t.execution) }) {
		h.cancel(t.execution, fmt.Sprintf("not run: its session %q was deleted", id))
	}
	h.interrupt(ofSession)
	h.noteState()
	if !h.queue.wait(&place) {
		return 0, runtimeBusy("the session was not closed: %v", errStopping)
	}
	defer h.leaveQueue()
	if err := h.engine.CloseSession(h.lifetime, id); err != nil {
		h.log.WithError(err).Error("a session could not be closed")
		return 0, internal("the session could not be closed: %v", err)
	}
	if id == DefaultSession {
		return h.stateRevision.Add(1), nil
	}
	return h.stateRevision.Load(), nil
}

func (h *Handler) serveSessionReset(w http.ResponseWriter, r *http.Request, params httprouter.Params) error {
	if err := h.decode(r, func(field) error { return nil }); err != nil {
		return err
	}
	return h.answerReset(w, params.ByName("id"))
}

// answerReset waits for its turn, clears a session and says so.
func (h *Handler) answerReset(w http.ResponseWriter, id string) error {
	revision, err := h.reset(id)
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, fmt.Appendf(nil, `{"success":true,"stateRevision":%d}`, revision))
	return nil
}

func (h *Handler) reset(id string) (revision int64, err error) {
	var place ticket
	var cleared *session
	err = h.sessions.use(id, time.Now(), func(s *session) error {
		cleared = s
		return h.queue.join(&place)
	})
	if err != nil {
		return 0, err
	}
	h.noteState()
	if !h.queue.wait(&place) {
		return 0, runtimeBusy("not reset: %v", errStopping)
	}
	defer h.leaveQueue()
	if err := h.engine.Reset(h.lifetime, id); err != nil {
		h.log.WithError(err).Error("reset failed in the engine")
		return 0, internal("the reset failed: %v", err)
	}
	h.sessions.cleared(cleared)
	return h.stateRevision.Add(1), nil
}

// wantedEnvironment is what a client asks a new session to run in.
type wantedEnvironment struct {
	cwd, executable, virtualenv optional[string]
}

func (w *wantedEnvironment) field(f field) error {
	switch f.name {
	case "cwd":
		return f.text(&w.cwd)
	case "executable":
		return f.text(&w.executable)
	case "virtualenv":
		return f.text(&w.virtualenv)
	}
	return nil
}

// check refuses an environment that this runtime's interpreter is not of. The
// working directory is the process's and thus no reason: the session's
// environment tells which it is.
func (w *wantedEnvironment) check(info Info) error {
	switch {
	case w.virtualenv.value != "" && !samePlace(w.virtualenv.value, info.Virtualenv):
		return otherEnvironment("virtualenv", w.virtualenv.value, info.Virtualenv, w.virtualenv.value)
	case w.executable.value != "" && !sameInterpreter(w.executable.value, info.Executable):
		return otherEnvironment("executable", w.executable.value, info.Executable,
			cmp.Or(w.virtualenv.value, filepath.Dir(filepath.Dir(w.executable.value))))
	}
	return nil
}

func otherEnvironment(name, wanted, ours, folder string) error {
	return conflict("this runtime's %s is %q, and its sessions can't have another; for %q start a runtime of its own: "+
		"mrmd-python --id NAME --venv %s", name, ours, wanted, shellQuoted(folder))
}

func shellQuoted(word string) string {
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

// samePlace says whether two paths lead to the same folder.
func samePlace(a, b string) bool {
	return resolvedPath(a) == resolvedPath(b)
}

func resolvedPath(path string) string {
	path = filepath.Clean(path)
	if resolved, err := filepath.EvalSymlinks(path); err == nil {
		return resolved
	}
	return path
}

// sameInterpreter says whether two paths are names of one interpreter, such as
// bin/python and bin/python3. The programs of two venvs are often links to one
// file: the folder counts as well.
func sameInterpreter(a, b string) bool {
	if filepath.Clean(a) == filepath.Clean(b) {
		return true
	}
	first, err := os.Stat(a)
	if err != nil {
		return false
	}
	second, err := os.Stat(b)
	return err == nil && os.SameFile(first, second) && samePlace(filepath.Dir(a), filepath.Dir(b))
}
