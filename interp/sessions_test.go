package interp

import (
	"context"
	"testing"

	"github.com/mrmd/mrmd-python/mrp"
)

func runIn(t *testing.T, session, code string) (result string, outcome mrp.Outcome) {
	t.Helper()
	outcome, err := engine.Execute(context.Background(), mrp.Execution{Session: session, Code: code, StoreHistory: true}, &transcript{})
	if err != nil {
		t.Fatal(err)
	}
	return resultOf(outcome), outcome
}

func TestSessionsAreApart(t *testing.T) {
	for _, session := range []string{"one", "two"} {
		runIn(t, session, "owner = '"+session+"'\nclass Thing:\n    def __eq__(self, other): return True")
	}
	for _, session := range []string{"one", "two", "one"} {
		if result, _ := runIn(t, session, "owner"); result != "'"+session+"'" {
			t.Errorf("%s says %s", session, result)
		}
		result, _ := runIn(t, session, "import pickle, sys\n(pickle.loads(pickle.dumps(Thing())) == Thing(), sys.modules['__main__'].owner, get_ipython().user_ns is globals())")
		if want := "(True, '" + session + "', True)"; result != want {
			t.Errorf("%s: %s, want %s", session, result, want)
		}
	}
	first, _ := runIn(t, "one", "In[1][:10]")
	if first != `"owner = 'o"` {
		t.Errorf("In[1] of one is %s", first)
	}
	if _, outcome := runIn(t, "three", "owner"); outcome.Error == nil || outcome.ExecutionCount != 1 {
		t.Errorf("a new session gave %+v", outcome)
	}
	if result, _ := mustRun(t, "'owner' in globals()"); result != "False" {
		t.Error("the default session sees another's variable")
	}
}

func TestResetAndCloseTouchOneSession(t *testing.T) {
	runIn(t, "kept", "x = 1")
	runIn(t, "cleared", "x = 2")
	if err := engine.Reset(context.Background(), "cleared"); err != nil {
		t.Fatal(err)
	}
	if _, outcome := runIn(t, "cleared", "x"); outcome.Error == nil || outcome.ExecutionCount != 1 {
		t.Errorf("after its reset: %+v", outcome)
	}
	if err := engine.CloseSession(context.Background(), "cleared"); err != nil {
		t.Fatal(err)
	}
	if result, _ := runIn(t, "kept", "x"); result != "1" {
		t.Errorf("the other session has %s", result)
	}
	if err := engine.CloseSession(context.Background(), "never made"); err != nil {
		t.Error(err)
	}
}

func TestClosedSessionGivesItsMemoryBack(t *testing.T) {
	mustRun(t, "import gc, weakref\nimport builtins")
	runIn(t, "heavy", "import weakref, builtins\nclass Big: pass\nbig = Big()\nbuiltins.big_reference = weakref.ref(big)")
	if err := engine.CloseSession(context.Background(), "heavy"); err != nil {
		t.Fatal(err)
	}
	if result, _ := mustRun(t, "gc.collect()\nbuiltins.big_reference() is None"); result != "True" {
		t.Error("the closed session's object is still there")
	}
}

func TestVariableCount(t *testing.T) {
	runIn(t, "counted", "a = 1\nb = 2\n_private = 3\nimport os\nIncome = 4\nOut = 5")
	count, err := engine.VariableCount(context.Background(), "counted")
	list := listVariables(t, mrp.VariablesQuestion{Session: "counted", ExcludePrivate: true})
	if err != nil || count != 4 || list.Count != count {
		t.Errorf("count %d, %v; listed are %d", count, err, list.Count)
	}
	if count, err = engine.VariableCount(context.Background(), "unknown"); err != nil || count != 0 {
		t.Errorf("of an unknown session: %d, %v", count, err)
	}
}
