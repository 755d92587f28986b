package mrp

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func (rt *runtimeUnderTest) sessionIDs() string {
	rt.t.Helper()
	var ids []string
	for _, s := range rt.get("/sessions")["sessions"].([]any) {
		ids = append(ids, s.(map[string]any)["id"].(string))
	}
	return strings.Join(ids, " ")
}

func TestSessionObject(t *testing.T) {
	rt := serve(t)
	made := rt.post("/sessions", `{"id":"s","language":"py","environment":{"cwd":null}}`)
	want := map[string]any{"cwd": rt.engine.cwd, "executable": "/venv/bin/python", "virtualenv": "/venv"}
	if fmt.Sprint(made["environment"]) != fmt.Sprint(want) || made["id"] != "s" || made["language"] != "python" ||
		made["executionCount"] != 0.0 || made["variableCount"] != 0.0 {
		t.Errorf("made %v", made)
	}
	created, err := time.Parse(time.RFC3339, made["created"].(string))
	if err != nil || !strings.HasSuffix(made["created"].(string), "+00:00") {
		t.Errorf("created %v: %v", made["created"], err)
	}
	waitFor(t, "the clock to move", func() bool { return time.Since(created) > 10*time.Microsecond })
	rt.engine.variables["s"] = 7
	rt.post("/execute", `{"code":"1","session":"s"}`)
	rt.post("/execute", `{"code":"1","session":"s","storeHistory":false}`)
	read := rt.get("/sessions/s")
	if read["executionCount"] != 1.0 || read["variableCount"] != 7.0 || read["created"] != made["created"] ||
		read["lastActivity"].(string) <= made["lastActivity"].(string) {
		t.Errorf("read %v", read)
	}
	if again := rt.post("/sessions", `{"id":"s"}`); again["created"] != made["created"] || again["executionCount"] != 1.0 {
		t.Errorf("made again: %v", again)
	}
	if id := rt.post("/sessions", "")["id"].(string); len(id) < 1 || id == rt.post("/sessions", `{}`)["id"] {
		t.Errorf("a made-up id: %v", id)
	}
	if got := rt.sessionIDs(); !strings.HasPrefix(got, "default s ") {
		t.Errorf("sessions %s", got)
	}
}

func TestSessionIDsAreAnyText(t *testing.T) {
	rt := serve(t)
	for _, id := range []string{"a/b ?%é", "-", "...", " ", "\n", strings.Repeat("é", 200), "/", "reset"} {
		rt.post("/sessions", `{"id":`+quote(id)+`}`)
		rt.post("/execute", `{"code":"1","session":`+quote(id)+`}`)
		path := "/sessions/" + url.PathEscape(id)
		if s := rt.get(path); s["id"] != id || s["executionCount"] != 1.0 {
			t.Errorf("%q: %v", id, s)
		}
		if got := rt.post(path+"/reset", ""); got["success"] != true {
			t.Errorf("resetting %q: %v", id, got)
		}
		if got := rt.do("DELETE", pathPrefix+path, ""); got.status != 200 {
			t.Errorf("deleting %q: %d %s", id, got.status, got.body)
		}
	}
	if got := rt.sessionIDs(); got != "default" {
		t.Errorf("sessions %s", got)
	}
}

func TestSessionsThatAreRefused(t *testing.T) {
	rt := serve(t)
	for _, c := range []struct {
		body, says string
		status     int
	}{
		{`{"id":""}`, "200 characters", 400},
		{`{"id":"` + strings.Repeat("é", 201) + `"}`, "200 characters", 400},
		{`{"id":7}`, `\"id\" must be a string`, 400},
		{`{"id":"x","language":"julia"}`, "py, python3", 400},
		{`{"id":"x","environment":[]}`, "an object", 400},
		{`{"id":"x","environment":{"virtualenv":7}}`, "environment.virtualenv", 400},
		{`{"id":"x","environment":{"virtualenv":"/it's"}}`, `mrmd-python --id NAME --venv '/it'\\''s'`, 409},
		{`{"id":"x","environment":{"executable":"/other/bin/python"}}`, `--venv '/other'`, 409},
		{`{"id":"x","environment":{"virtualenv":"/venv/","executable":"/other/bin/python"}}`, `--venv '/venv/'`, 409},
	} {
		got := rt.do("POST", "/mrp/v1/sessions", c.body)
		if got.status != c.status || !strings.Contains(string(got.body), c.says) {
			t.Errorf("%.80s: %d %s", c.body, got.status, got.body)
		}
	}
	if got := rt.sessionIDs(); got != "default" {
		t.Errorf("sessions %s", got)
	}
	rt.post("/sessions", `{"id":"same","environment":{"cwd":"/elsewhere","virtualenv":"/venv/","executable":"/venv/bin/python"}}`)
}

func TestInterpretersUnderOtherNames(t *testing.T) {
	base := t.TempDir()
	for _, folder := range []string{"one/bin", "two/bin"} {
		if err := os.MkdirAll(filepath.Join(base, folder), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"real", "one/bin/other"} {
		if err := os.WriteFile(filepath.Join(base, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for link, target := range map[string]string{"one/bin/python": "real", "one/bin/python3": "real", "two/bin/python": "real", "three": "one"} {
		if err := os.Symlink(filepath.Join(base, target), filepath.Join(base, link)); err != nil {
			t.Fatal(err)
		}
	}
	for other, same := range map[string]bool{"one/bin/python": true, "one/bin/python3": true, "three/bin/python": true,
		"two/bin/python": false, "one/bin/other": false, "one/bin/none": false} {
		if got := sameInterpreter(filepath.Join(base, other), filepath.Join(base, "one/bin/python")); got != same {
			t.Errorf("%s is the same: %v", other, got)
		}
	}
}

func TestMaxSessions(t *testing.T) {
	rt := serve(t, func(o *Options) { o.MaxSessions = 2; o.Limits.Queue = 1 })
	rt.post("/execute", `{"code":"1","session":"made by use"}`)
	for _, request := range [][2]string{{"/sessions", `{"id":"x"}`}, {"/execute", `{"code":"1","session":"x","execId":"e"}`}, {"/execute/stream", `{"code":"1","session":"x"}`}} {
		got := rt.do("POST", pathPrefix+request[0], request[1])
		if got.status != 409 || got.json(t)["error"] != "conflict" || !strings.Contains(string(got.body), "2 sessions") {
			t.Errorf("%s: %d %s", request[0], got.status, got.body)
		}
	}
	if got := rt.do("GET", "/mrp/v1/executions/e", ""); got.status != 404 {
		t.Errorf("the refused execution is there: %d", got.status)
	}
	rt.do("DELETE", "/mrp/v1/sessions/made%20by%20use", "")
	g := newGate(rt.engine, "wait")
	rt.run(`{"code":"wait"}`)
	<-g.entered
	queued := rt.run(`{"code":"1"}`)
	if got := rt.do("POST", "/mrp/v1/execute", `{"code":"1","session":"x"}`); got.status != 503 || rt.sessionIDs() != "default" {
		t.Errorf("with a full queue: %d, sessions %s", got.status, rt.sessionIDs())
	}
	if got := rt.do("DELETE", "/mrp/v1/sessions/default", ""); got.status != 503 || got.header.Get("Retry-After") == "" {
		t.Errorf("deleting with a full queue: %d", got.status)
	}
	close(g.leave)
	queued.all(0)
}

func TestDeletingASessionEndsWhatItDoes(t *testing.T) {
	for _, id := range []string{"s", DefaultSession} {
		rt := serve(t)
		g := newGate(rt.engine, "wait")
		in := fmt.Sprintf(`,"session":"%s"}`, id)
		running := rt.run(`{"code":"wait"` + in)
		<-g.entered
		mine := rt.run(`{"code":"1"` + in)
		other := rt.run(`{"code":"1","session":"other"}`)
		got := rt.do("DELETE", "/mrp/v1/sessions/"+id, "")
		if got.status != 200 || got.json(t)["success"] != true {
			t.Errorf("%d %s", got.status, got.body)
		}
		if events := running.all(0); events[1].data["type"] != "KeyboardInterrupt" {
			t.Errorf("the running one: %v", events[1].data)
		}
		if events := mine.all(0); names(events) != "error done" || events[0].data["type"] != "ExecutionCancelled" ||
			!strings.Contains(events[0].data["message"].(string), "was deleted") {
			t.Errorf("the queued one: %v", events[0].data)
		}
		if events := other.all(0); names(events) != "start result done" {
			t.Errorf("another session's: %s", names(events))
		}
		if shells := fmt.Sprint(rt.engine.openShells()); shells != "[other]" {
			t.Errorf("shells %s", shells)
		}
		if there := rt.do("GET", "/mrp/v1/sessions/"+id, "").status == 200; there != (id == DefaultSession) {
			t.Errorf("%s is still there: %v", id, there)
		}
		if result := rt.post("/execute", `{"code":"1"`+in); result["executionCount"] == nil {
			t.Errorf("afterwards: %v", result)
		}
	}
}

// TestUseOfADeletedSessionWaitsForItsEnd: what is sent after the deletion runs in
// a new session, whose shell is not the one that is closed.
func TestUseOfADeletedSessionWaitsForItsEnd(t *testing.T) {
	rt := serve(t)
	g := newGate(rt.engine, "wait")
	rt.run(`{"code":"wait"}`)
	<-g.entered
	rt.run(`{"code":"1","session":"s","execId":"before"}`)
	deleted := make(chan int)
	go func() { deleted <- rt.do("DELETE", "/mrp/v1/sessions/s", "").status }()
	waitFor(t, "the deletion", func() bool { return rt.handler.sessions.find("s") == nil })
	after := rt.run(`{"code":"1","session":"s","execId":"after"}`)
	if state := rt.get("/executions/before")["state"]; state != "cancelled" {
		t.Errorf("before is %v", state)
	}
	close(g.leave)
	if status := <-deleted; status != 200 {
		t.Errorf("status %d", status)
	}
	if events := after.all(0); names(events) != "start result done" {
		t.Errorf("after: %s", names(events))
	}
	if shells := rt.engine.openShells(); !slices.Contains(shells, "s") {
		t.Errorf("shells %v", shells)
	}
}

func TestResetOfOneSession(t *testing.T) {
	rt := serve(t)
	for _, session := range []string{"a", "b", "default"} {
		rt.post("/execute", `{"code":"1","session":"`+session+`"}`)
	}
	if answer := rt.post("/sessions/a/reset", `{}`); answer["success"] != true || answer["stateRevision"] != 4.0 {
		t.Errorf("got %v", answer)
	}
	if answer := rt.post("/reset", `{"session":"b","scope":"all"}`); answer["stateRevision"] != 5.0 {
		t.Errorf("got %v", answer)
	}
	for session, count := range map[string]float64{"a": 0, "b": 0, "default": 3} {
		if got := rt.get("/sessions/" + session)["executionCount"]; got != count {
			t.Errorf("%s has %v", session, got)
		}
	}
}

func TestSessionsWhileACellRuns(t *testing.T) {
	rt := serve(t)
	g := newGate(rt.engine, "wait")
	rt.engine.variables["default"] = 3
	if got := rt.get("/sessions/default")["variableCount"]; got != 3.0 {
		t.Fatalf("counted %v", got)
	}
	running := rt.run(`{"code":"wait"}`)
	<-g.entered
	rt.engine.mu.Lock()
	rt.engine.counting = make(chan struct{})
	rt.engine.variables["default"] = 4
	rt.engine.mu.Unlock()
	rt.post("/sessions", `{"id":"made meanwhile"}`)
	list := rt.get("/sessions")["sessions"].([]any)
	if first := list[0].(map[string]any); len(list) != 2 || first["variableCount"] != 3.0 {
		t.Errorf("sessions %v", list)
	}
	close(g.leave)
	running.all(0)
}

// TestVariablesAreCountedOnABusyMachine: while no cell runs a count is worth waiting for.
func TestVariablesAreCountedOnABusyMachine(t *testing.T) {
	rt := serve(t)
	rt.engine.variables["default"] = 3
	counted := make(chan struct{})
	rt.engine.counting = counted
	time.AfterFunc(3*busyCountDeadline, func() { close(counted) })
	if got := rt.get("/sessions/default")["variableCount"]; got != 3.0 {
		t.Errorf("counted %v", got)
	}
}

func TestSessionOfARequestThatIsAboutTheRunningCell(t *testing.T) {
	rt := serve(t)
	rt.engine.on("ask", asking(false))
	rt.post("/sessions", `{"id":"other"}`)
	reader := rt.run(`{"code":"ask","execId":"e","session":"s"}`)
	reader.until("stdin_request")
	if got := rt.post("/input", `{"execId":"e","text":"x","session":"other"}`); got["accepted"] != false {
		t.Errorf("another session's answer: %v", got)
	}
	if got := rt.post("/input/cancel", `{"session":"other"}`); got["cancelled"] != false {
		t.Errorf("another session's cancel: %v", got)
	}
	if got := rt.post("/interrupt", `{"execId":"e","session":"other"}`); got["interrupted"] != false {
		t.Errorf("another session's interrupt: %v", got)
	}
	if got := rt.post("/input", `{"session":"s","text":"x"}`); got["accepted"] != true {
		t.Errorf("its own answer: %v", got)
	}
	reader.until("done")
}

func TestSessionsBeforeReady(t *testing.T) {
	engine := newToyEngine(t.TempDir())
	engine.ready = make(chan struct{})
	rt := serveEngine(t, engine)
	rt.post("/sessions", `{"id":"early"}`)
	if got := rt.sessionIDs(); got != "default early" {
		t.Errorf("sessions %s", got)
	}
	deleted := make(chan int)
	go func() { deleted <- rt.do("DELETE", "/mrp/v1/sessions/early", "").status }()
	waitFor(t, "the deletion", func() bool { return rt.handler.sessions.find("early") == nil })
	close(engine.ready)
	if status := <-deleted; status != http.StatusOK {
		t.Errorf("status %d", status)
	}
}

func TestShutdownEndsADeletionThatWaits(t *testing.T) {
	rt := serve(t)
	entered, leave := make(chan struct{}), make(chan struct{})
	rt.engine.on("deaf", func(context.Context, Sink, <-chan struct{}) Outcome {
		close(entered)
		<-leave
		return Outcome{}
	})
	rt.run(`{"code":"deaf"}`)
	<-entered
	deleted := make(chan int)
	go func() { deleted <- rt.do("DELETE", "/mrp/v1/sessions/default", "").status }()
	waitFor(t, "the deletion", func() bool { return rt.handler.queue.state().waiting == 1 })
	rt.handler.stopQueue()
	if status := <-deleted; status != http.StatusServiceUnavailable {
		t.Errorf("status %d", status)
	}
	close(leave)
}
