package interp

import (
	"context"
	"strings"
	"testing"

	"github.com/mrmd/mrmd-python/mrp"
)

func TestProfileIsHonoured(t *testing.T) {
	if got := resultOf(profileNames); got != "('seen', 1)" {
		t.Errorf("the profile defined %s", got)
	}
}

func TestNotebookSemantics(t *testing.T) {
	for _, step := range []struct{ code, want string }{
		{"41 + 1", "42"},
		{"_", "42"},
		{"Out[max(Out)] == 42, In[-2]", `(True, '_')`},
		{"get_ipython().__class__.__name__", "'Shell'"},
		{"__name__", "'__main__'"},
		{"import sys\nsys.modules['__main__'].__dict__ is globals()", "True"},
		{"class Point:\n    def __init__(self, x): self.x = x\n    def __eq__(self, other): return self.x == other.x", ""},
		{"import pickle\npickle.loads(pickle.dumps(Point(3))) == Point(3)", "True"},
		{"def g(a):\n    return a * 2", ""},
		{"import inspect\ninspect.getsource(g)", `'def g(a):\n    return a * 2\n'`},
		{"%who_ls Point", ""},
		{"files = !printf 'a\\nb\\n'\nlist(files)", "['a', 'b']"},
		{"%precision 2\n3.14159", "3.14"},
		{"%precision\n3.5", "3.5"},
		{"x: int = 4\nx", "4"},
		{"f'{x!r:>3}'", "'  4'"},
	} {
		outcome, shown := run(t, step.code)
		if outcome.Error != nil {
			t.Errorf("%q failed: %s: %s", step.code, outcome.Error.Type, outcome.Error.Message)
			continue
		}
		if step.want == "" {
			continue
		}
		if outcome.Result == nil || *outcome.Result != step.want {
			t.Errorf("%q gave %s (stdout %q), want %s", step.code, resultOf(outcome), shown.stdout(), step.want)
		}
	}
}

func TestShellCommandsAndHelpAreOutput(t *testing.T) {
	_, shown := mustRun(t, "!echo shell; echo problem >&2")
	if shown.stdout() != "shell\n" || shown.stderr() != "problem\n" {
		t.Errorf("stdout %q, stderr %q", shown.stdout(), shown.stderr())
	}
	_, shown = mustRun(t, "def documented():\n    'what it does'\ndocumented?")
	if !strings.Contains(shown.stdout(), "what it does") {
		t.Errorf("stdout %q", shown.stdout())
	}
	_, shown = mustRun(t, "%%timeit -n1 -r1\npass")
	if !strings.Contains(shown.stdout(), "per loop") {
		t.Errorf("stdout %q", shown.stdout())
	}
}

func TestExecutionCount(t *testing.T) {
	if err := engine.Reset(context.Background(), mrp.DefaultSession); err != nil {
		t.Fatal(err)
	}
	first, _ := run(t, "1")
	second, _ := run(t, "2")
	if first.ExecutionCount != 1 || second.ExecutionCount != 2 {
		t.Errorf("counts %d and %d", first.ExecutionCount, second.ExecutionCount)
	}
	unstored, err := engine.Execute(context.Background(), mrp.Execution{Code: "3"}, &transcript{})
	if err != nil || unstored.ExecutionCount != 3 {
		t.Errorf("without history: %d, %v", unstored.ExecutionCount, err)
	}
	if third, _ := run(t, "4"); third.ExecutionCount != 3 {
		t.Errorf("after it: %d", third.ExecutionCount)
	}
	if result, _ := mustRun(t, "sorted(Out)"); result != "[1, 2, 3]" {
		t.Errorf("Out has %s", result)
	}
}

func TestImports(t *testing.T) {
	outcome, _ := run(t, "import os.path, json as j\nfrom collections import abc\ndef f():\n    import sys\nfrom . import nothing")
	if got := strings.Join(outcome.Imports, " "); got != "os json collections sys" {
		t.Errorf("imports %s", got)
	}
	if outcome, _ := run(t, "1"); outcome.Imports == nil || len(outcome.Imports) != 0 {
		t.Errorf("imports %v", outcome.Imports)
	}
}

func TestSilent(t *testing.T) {
	outcome, err := engine.Execute(context.Background(), mrp.Execution{Code: "silent_was_here = 1\n5", Silent: true, StoreHistory: true}, &transcript{})
	if err != nil || outcome.Result != nil || outcome.Error != nil {
		t.Errorf("outcome %+v, %v", outcome, err)
	}
	if result, _ := mustRun(t, "silent_was_here"); result != "1" {
		t.Errorf("result %s", result)
	}
}

func TestReset(t *testing.T) {
	mustRun(t, "kept_until_reset = 1")
	if err := engine.Reset(context.Background(), mrp.DefaultSession); err != nil {
		t.Fatal(err)
	}
	outcome, _ := run(t, "kept_until_reset")
	if outcome.Error == nil || outcome.Error.Type != "NameError" || outcome.ExecutionCount != 1 {
		t.Errorf("outcome %+v", outcome)
	}
	if result, _ := mustRun(t, "get_ipython() is not None and exit is not None"); result != "True" {
		t.Errorf("result %s", result)
	}
}

func TestIsComplete(t *testing.T) {
	for code, want := range map[string]mrp.Completeness{
		"x=1":                        {Status: "complete"},
		"def f():\n    return 1":     {Status: "incomplete", Indent: "    "},
		"def f():\n    return 1\n\n": {Status: "complete"},
		"'''abc":                     {Status: "incomplete"},
		"'abc":                       {Status: "invalid"},
		"!ls":                        {Status: "complete"},
		"await x":                    {Status: "complete"},
		")":                          {Status: "invalid"},
		"":                           {Status: "complete"},
	} {
		got, err := engine.IsComplete(context.Background(), code)
		if err != nil || got != want {
			t.Errorf("%q: %+v, %v; want %+v", code, got, err, want)
		}
	}
}

func TestHistoryIsKept(t *testing.T) {
	mustRun(t, "'a line for the history'")
	result, _ := mustRun(t, "[line for _, _, line in get_ipython().history_manager.get_range(raw=True)][-2]")
	if result != `"'a line for the history'"` {
		t.Errorf("history has %s", result)
	}
}

func resultOf(outcome mrp.Outcome) string {
	if outcome.Result == nil {
		return "no result"
	}
	return *outcome.Result
}

// The history reaches its database without waiting for the runtime's end, and
// while a cell runs.
func TestHistoryIsWrittenSoon(t *testing.T) {
	_, shown := mustRun(t, `
import sqlite3, time
marker = 'a mark in the history'
manager = get_ipython().history_manager
database = sqlite3.connect(manager.hist_file)
while not database.execute("select 1 from history where source_raw like '%a mark in the history%'").fetchone():
    time.sleep(0.01)
print('found')`)
	if shown.stdout() != "found\n" {
		t.Errorf("stdout %q", shown.stdout())
	}
}
