package notebook

import (
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// touch makes a file that a cell waits for.
func touch(t *testing.T, name string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(workingDirectory, name), nil, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestSessionsAreApart(t *testing.T) {
	for _, session := range []string{"one", "two é/"} {
		made := post(t, "/sessions", object{"id": session, "environment": object{"virtualenv": virtualenv}})
		environment := made["environment"].(object)
		if made["id"] != session || environment["cwd"] != workingDirectory || environment["virtualenv"] != virtualenv {
			t.Errorf("made %v", made)
		}
		result(t, session, "owner = '"+session+"'\nclass Thing:\n    def __eq__(self, other): return type(self) is type(other)")
	}
	result(t, "default", "owner = 'default'")
	for _, session := range []string{"one", "two é/", "one"} {
		got := result(t, session, `
import pickle, sys
(owner, pickle.loads(pickle.dumps(Thing())) == Thing(), sys.modules['__main__'].owner == owner,
 __name__, get_ipython().user_ns is globals(), In[1][:5], Out.get(1))`)
		if want := "('" + session + "', True, True, '__main__', True, 'owner', None)"; got != want {
			t.Errorf("%s: %s, want %s", session, got, want)
		}
	}
	if got := result(t, "default", "owner, 'Thing' in globals()"); got != "('default', False)" {
		t.Errorf("the default session: %s", got)
	}
	read := get(t, "/sessions/"+url.PathEscape("two é/"))
	if read["executionCount"] != 2.0 || read["variableCount"] != 2.0 {
		t.Errorf("read %v", read)
	}
	// What is shared, as the documentation says.
	result(t, "one", "import os, json\njson.shared = 1\nos.environ['SHARED'] = 'yes'")
	if got := result(t, "two é/", "import os, json\n(json.shared, os.environ['SHARED'])"); got != "(1, 'yes')" {
		t.Errorf("shared: %s", got)
	}
	for _, session := range []string{"one", "two é/"} {
		must(t, "DELETE", "/sessions/"+url.PathEscape(session), nil)
		if status, _ := ask(t, "GET", "/sessions/"+url.PathEscape(session), nil); status != http.StatusNotFound {
			t.Errorf("a deleted session: %d", status)
		}
	}
	if kind := errorType(t, "one", "owner"); kind != "NameError" {
		t.Errorf("the name outlived its session: %s", kind)
	}
	must(t, "DELETE", "/sessions/one", nil)
}

func TestResetOfSessions(t *testing.T) {
	for _, session := range []string{"kept", "cleared"} {
		result(t, session, "x = 1")
	}
	if got := post(t, "/sessions/cleared/reset", nil); got["success"] != true {
		t.Errorf("reset: %v", got)
	}
	answer := post(t, "/execute", object{"session": "cleared", "code": "x"})
	if answer["success"] != false || answer["executionCount"] != 1.0 {
		t.Errorf("after the reset: %v", answer)
	}
	if got := result(t, "kept", "x"); got != "1" {
		t.Errorf("the other session has %s", got)
	}
	for _, path := range []string{"/sessions/unknown/reset", "/reset"} {
		if status, answer := ask(t, "POST", path, object{"session": "unknown"}); status != http.StatusNotFound {
			t.Errorf("%s: %d %v", path, status, answer)
		}
	}
	must(t, "DELETE", "/sessions/kept", nil)
	must(t, "DELETE", "/sessions/cleared", nil)
}

func TestSessionsOfAnotherVenvAreRefused(t *testing.T) {
	status, answer := ask(t, "POST", "/sessions", object{"environment": object{"virtualenv": "/some/other venv"}})
	if status != http.StatusConflict || !strings.Contains(answer["message"].(string), "mrmd-python --id NAME --venv '/some/other venv'") {
		t.Errorf("%d %v", status, answer)
	}
	post(t, "/sessions", object{"id": "other name", "environment": object{"executable": filepath.Join(virtualenv, "bin", "python3")}})
	must(t, "DELETE", "/sessions/other%20name", nil)
}

func TestSessionsAreMadeWhileACellRuns(t *testing.T) {
	cell := start(t, unique(t), "print('begun')\nwhile True: pass")
	cell.untilPrinted("begun")
	post(t, "/sessions", object{"id": "made meanwhile"})
	var ids []any
	for _, s := range get(t, "/sessions")["sessions"].([]any) {
		ids = append(ids, s.(object)["id"])
	}
	if !slices.Contains(ids, any("default")) || !slices.Contains(ids, any("made meanwhile")) {
		t.Errorf("sessions %v", ids)
	}
	if state := get(t, "/health")["state"]; state != "executing" {
		t.Errorf("state %v", state)
	}
	post(t, "/interrupt", object{"session": "default"})
	cell.end()
	must(t, "DELETE", "/sessions/made%20meanwhile", nil)
}

func TestDeletingASessionThatIsBusy(t *testing.T) {
	cell := startIn(t, "busy", unique(t), "print('begun')\nwhile True: pass")
	cell.untilPrinted("begun")
	queued := startIn(t, "busy", unique(t), "'queued'")
	asking := startIn(t, "default", unique(t), "'of another'")
	must(t, "DELETE", "/sessions/busy", nil)
	if ended := cell.end(); ended.data["type"] != "KeyboardInterrupt" {
		t.Errorf("the running cell: %v", ended.data)
	}
	if ended := queued.end(); ended.data["type"] != "ExecutionCancelled" {
		t.Errorf("the queued one: %v", ended.data)
	}
	if ended := asking.end(); ended.data["result"] != "'of another'" {
		t.Errorf("another session's: %v", ended.data)
	}
}

// TestMemoryOfADeletedSessionIsGivenBack measures the process, not Python.
func TestMemoryOfADeletedSessionIsGivenBack(t *testing.T) {
	resident := "[int(l.split()[1]) for l in open('/proc/self/status') if l.startswith('VmRSS')][0]"
	fill := "import numpy as np\nbig = np.ones((100, 1024, 1024), dtype='u1')\nclass Node: pass\nnode = Node(); node.self = node; node.big = big\nbig"
	kilobytes := func() int {
		n := 0
		for _, digit := range result(t, "default", resident) {
			n = n*10 + int(digit-'0')
		}
		return n
	}
	result(t, "default", "import numpy")
	before := kilobytes()
	result(t, "heavy", fill)
	full := kilobytes()
	must(t, "DELETE", "/sessions/heavy", nil)
	after := kilobytes()
	t.Logf("resident: %d MiB before, %d MiB with 100 MiB in a session, %d MiB after its end", before>>10, full>>10, after>>10)
	if full-before < 90<<10 || after-before > 30<<10 {
		t.Errorf("%d kB before, %d full, %d after", before, full, after)
	}
}

// TestSessionsAreMadeQuickly logs what a session costs; it fails only when that
// is absurd.
func TestSessionsAreMadeQuickly(t *testing.T) {
	var made, first []time.Duration
	for range 20 {
		begin := time.Now()
		id := post(t, "/sessions", object{})["id"].(string)
		made = append(made, time.Since(begin))
		begin = time.Now()
		result(t, id, "1")
		first = append(first, time.Since(begin))
		must(t, "DELETE", "/sessions/"+id, nil)
	}
	slices.Sort(made)
	slices.Sort(first)
	t.Logf("making: p50 %v, max %v; its first cell: p50 %v, max %v", made[10], made[19], first[10], first[19])
	if made[10] > 5*time.Second || first[10] > 5*time.Second {
		t.Error("that is absurd")
	}
}

func TestOneSessionTooMany(t *testing.T) {
	there := len(get(t, "/sessions")["sessions"].([]any))
	var made []string
	for range maxSessions - there {
		made = append(made, post(t, "/sessions", object{})["id"].(string))
	}
	for _, request := range []string{"/sessions", "/execute"} {
		if status, answer := ask(t, "POST", request, object{"code": "1", "session": "one too many", "id": "one too many"}); status != http.StatusConflict {
			t.Errorf("%s: %d %v", request, status, answer)
		}
	}
	for _, id := range made {
		must(t, "DELETE", "/sessions/"+id, nil)
	}
}
