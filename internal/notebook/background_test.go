package notebook

import (
	"context"
	"strings"
	"testing"
)

// events opens the runtime's own stream. The test ends it.
func events(t *testing.T) *reader {
	t.Helper()
	ctx, leave := context.WithCancel(context.Background())
	t.Cleanup(leave)
	r := stream(t, ctx, "GET", "/events", nil)
	if e, _ := r.next(); e.name != "state" {
		t.Fatalf("the first event is %v", e)
	}
	return r
}

// untilLate reads until a text has come late, and gives the last part's event.
func (r *reader) untilLate(text string) event {
	r.t.Helper()
	soFar := ""
	for {
		e := r.until("late_output")
		soFar += e.data["content"].(string)
		if strings.Contains(soFar, text) {
			return e
		}
	}
}

func TestStatesAreTold(t *testing.T) {
	told := events(t)
	execID := unique(t)
	cell := start(t, execID, "input()")
	for {
		if e := told.until("state"); e.data["state"] == "waiting_input" && e.data["currentExecId"] == execID {
			break
		}
	}
	post(t, "/input", object{"execId": execID, "text": ""})
	revision := cell.end().data["stateRevision"]
	for {
		if e := told.until("state"); e.data["state"] == "idle" && e.data["stateRevision"] == revision {
			break
		}
	}
}

func TestTasksGoOnBetweenCells(t *testing.T) {
	told := events(t)
	execID := unique(t)
	cell := start(t, execID, `
import asyncio
async def tick():
    for i in range(5): await asyncio.sleep(0.01)
    print('ticked')
    return 'done'
task = asyncio.create_task(tick())
print('started')`)
	if ended := cell.end(); ended.data["stdout"] != "started\n" {
		t.Errorf("the cell printed %v", ended.data["stdout"])
	}
	if late := told.untilLate("ticked\n"); late.data["execId"] != execID || late.data["session"] != "default" {
		t.Errorf("came as %v", late.data)
	}
	if late := get(t, "/executions/"+execID)["lateOutput"].(object); late["stdout"] != "ticked\n" || late["stderr"] != "" {
		t.Errorf("kept %v", late)
	}
	if got := result(t, "default", "await task"); got != "'done'" {
		t.Errorf("in a later cell: %s", got)
	}
	if got := result(t, "default", "asyncio.run(asyncio.sleep(0, 'run'))"); got != "'run'" {
		t.Errorf("asyncio.run gave %s", got)
	}
}

func TestThreadsPrintWhereTheyBelong(t *testing.T) {
	told := events(t)
	starter, cellOver, otherRuns, printed := unique(t), unique(t), unique(t), unique(t)
	code := strings.NewReplacer("cell over", cellOver, "other runs", otherRuns, "is printed", printed)
	start(t, starter, code.Replace(`
import threading, os, sys, time
def wait_for(name):
    while not os.path.exists(name): time.sleep(0.001)
def background():
    wait_for('cell over'); print('late', flush=True); print('late error', file=sys.stderr)
    wait_for('other runs'); print('while the next one runs')
    open('is printed', 'w').close()
thread = threading.Thread(target=background); thread.start()`)).end()
	touch(t, cellOver)
	for _, c := range [][2]string{{"late\n", "stdout"}, {"late error\n", "stderr"}} {
		if late := told.untilLate(c[0]); late.data["execId"] != starter || late.data["stream"] != c[1] {
			t.Errorf("%q came as %v", c[0], late.data)
		}
	}
	other := start(t, unique(t), code.Replace("open('other runs', 'w').close()\nwait_for('is printed')\nthread.join()"))
	if ended := other.end(); ended.data["stdout"] != "while the next one runs\n" {
		t.Errorf("the running cell got %v", ended.data["stdout"])
	}
	late := get(t, "/executions/"+starter)["lateOutput"].(object)
	if late["stdout"] != "late\n" || late["stderr"] != "late error\n" {
		t.Errorf("kept %v", late)
	}
	if got := start(t, unique(t), "'next'").end().data["stdout"]; got != "" {
		t.Errorf("the next cell got %v", got)
	}
}

func TestIdleCostsNothing(t *testing.T) {
	// A task that sleeps for long needs no time of the processor meanwhile.
	cell := "import asyncio, time\nsleeping = asyncio.create_task(asyncio.sleep(600))\nbegan = (time.process_time(), time.monotonic())"
	result(t, "default", cell)
	told := events(t)
	start(t, unique(t), "import threading\ntimer = threading.Timer(1, print, ['a second later']); timer.start()").end()
	told.untilLate("a second later")
	used := result(t, "default", "sleeping.cancel()\n(time.process_time() - began[0]) / (time.monotonic() - began[1]) < 0.5")
	if used != "True" {
		t.Error("more than half of a second was computed while idle")
	}
}
