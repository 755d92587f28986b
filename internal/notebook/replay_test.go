package notebook

import (
	"context"
	"fmt"
	"reflect"
	"sync"
	"testing"
)

func TestTheCellGoesOnWithoutItsClient(t *testing.T) {
	execID, gone := unique(t), unique(t)
	ctx, leave := context.WithCancel(context.Background())
	code := "import os, time\nprint('begun')\nwhile not os.path.exists('" + gone + "'): time.sleep(0.01)\nprint('went on')\n'value'"
	first := stream(t, ctx, "POST", "/execute/stream", object{"code": code, "execId": execID})
	first.untilPrinted("begun")
	leave()
	// A request that comes later is served while the cell still runs.
	if state := get(t, "/executions/"+execID)["state"]; state != "running" {
		t.Errorf("state %v", state)
	}
	other := start(t, unique(t), "'queued behind'")
	touch(t, gone)
	if ended := other.end(); ended.data["result"] != "'queued behind'" {
		t.Errorf("the next cell: %v", ended.data)
	}
	read := get(t, "/executions/"+execID)["result"].(object)
	if read["result"] != "'value'" || read["stdout"] != "begun\nwent on\n" {
		t.Errorf("read %v", read)
	}
	if ended := replay(t, execID).end(); !reflect.DeepEqual(ended.data["stdout"], read["stdout"]) {
		t.Errorf("replayed %v", ended.data)
	}
}

func TestManyReadersSeeTheSame(t *testing.T) {
	execID := unique(t)
	code := `
import sys, time
from IPython.display import display
for i in range(300):
    print('line', i, file=[sys.stdout, sys.stderr][i % 7 == 0])
    if i % 50 == 0: display({'text/plain': str(i)}, raw=True); time.sleep(0.001)`
	first := start(t, execID, code)
	first.until("start")
	var wait sync.WaitGroup
	var seen [5][]event
	for n := range seen {
		wait.Go(func() {
			// Each comes back after a few events.
			for len(seen[n]) == 0 || seen[n][len(seen[n])-1].name != "done" {
				after := fmt.Sprint(len(seen[n]))
				again := replay(t, execID, "Last-Event-ID: "+after)
				for range 5 + n*20 {
					e, ok := again.next()
					if !ok {
						break
					}
					seen[n] = append(seen[n], e)
				}
				again.response.Body.Close()
			}
		})
	}
	rest := first.all()
	wait.Wait()
	for n, events := range seen {
		if !reflect.DeepEqual(events[1:], rest) {
			t.Errorf("reader %d saw %d events, the first client %d", n, len(events)-1, len(rest))
		}
		for i, e := range events {
			if e.data["seq"] != float64(i+1) || e.id != fmt.Sprint(i+1) {
				t.Fatalf("reader %d: event %d has seq %v", n, i+1, e.data["seq"])
			}
		}
	}
}

func TestQueueIsSeen(t *testing.T) {
	running, queued, dropped := unique(t), unique(t), unique(t)
	cell := start(t, running, "print('begun')\nwhile True: pass")
	cell.untilPrinted("begun")
	behind := start(t, queued, "'behind'")
	gone := start(t, dropped, "never_defined")
	health := get(t, "/health")
	if health["state"] != "executing" || health["currentExecId"] != running || health["queued"] != 2.0 {
		t.Errorf("health %v", health)
	}
	for execID, state := range map[string]string{running: "running", queued: "queued", dropped: "queued"} {
		if got := get(t, "/executions/"+execID)["state"]; got != state {
			t.Errorf("%s is %v", execID, got)
		}
	}
	if got := must(t, "DELETE", "/executions/"+dropped, nil); got["cancelled"] != true {
		t.Errorf("DELETE: %v", got)
	}
	if ended := gone.end(); ended.data["type"] != "ExecutionCancelled" {
		t.Errorf("taken off: %v", ended.data)
	}
	if got := must(t, "DELETE", "/executions/"+running, nil); got["cancelled"] != true {
		t.Errorf("DELETE of the running one: %v", got)
	}
	if ended := cell.end(); ended.data["type"] != "KeyboardInterrupt" {
		t.Errorf("the running one: %v", ended.data)
	}
	if ended := behind.end(); ended.data["result"] != "'behind'" {
		t.Errorf("the next: %v", ended.data)
	}
}

func TestStopOnError(t *testing.T) {
	gate := unique(t)
	body := object{"code": "print('begun')\nimport time\nwhile not os.path.exists('" + gate + "'): time.sleep(0.001)\n1/0",
		"stopOnError": true}
	result(t, "default", "import os")
	failing := stream(t, context.Background(), "POST", "/execute/stream", body, "X-MRMD-Client: me")
	failing.untilPrinted("begun")
	mine := stream(t, context.Background(), "POST", "/execute/stream", object{"code": "'mine'"}, "X-MRMD-Client: me")
	other := stream(t, context.Background(), "POST", "/execute/stream", object{"code": "'other'"}, "X-MRMD-Client: you")
	touch(t, gate)
	if ended := failing.end(); ended.data["type"] != "ZeroDivisionError" {
		t.Errorf("failing: %v", ended.data)
	}
	if ended := mine.end(); ended.data["type"] != "ExecutionCancelled" {
		t.Errorf("behind it: %v", ended.data)
	}
	if ended := other.end(); ended.data["result"] != "'other'" {
		t.Errorf("another client's: %v", ended.data)
	}
}
