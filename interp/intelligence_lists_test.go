package interp

import (
	"reflect"
	"testing"

	"github.com/mrmd/mrmd-python/mrp"
)

// TestLongListIsTrue changes variables in every way there is and compares the list, of
// which the entries that hold are kept, with one of which nothing was.
func TestLongListIsTrue(t *testing.T) {
	session := newSession(t, `
for i in range(1200):
    globals()[f"v{i:04}"] = [i, str(i), [i, i + 1], {"a": i}, {i}, (i,), None][i % 7]
def f0600(): pass
class C0601: pass
import os
w1, w2 = ["one"], ["two", "three"]`)
	counts := map[int]bool{}
	for _, change := range []string{
		"pass",
		"v0000 = 5",
		"v0002[1] = 'changed'",
		"v0002.append(3)",
		"w1.append(w2.pop(0))",
		"v0003['a'] = 'changed'",
		"v0003['b'] = v0003.pop('a')",
		"v0010 = {'a': 3}; v0011.add('changed')",
		"v0700 = f0600; f0600 = 1",
		"v0701 = C0601; C0601.__name__ = 'Other'",
		"del v0005",
		"del v0006",
		"v0005 = None; a_new_one = 2; z = 3; v06005 = []",
		"v0004 = os; os = 'no module'",
		"_private = 1",
	} {
		runHere(t, session, change)
		kept := listVariables(t, mrp.VariablesQuestion{Session: session})
		runHere(t, session, "from _mrmd import variable_list; variable_list._memories.clear(); del variable_list")
		fresh := listVariables(t, mrp.VariablesQuestion{Session: session})
		if !reflect.DeepEqual(kept, fresh) {
			t.Errorf("after %s the list differs:\n%+v\n%+v", change, kept, fresh)
		}
		// What is asked now is answered from what the fresh list has left.
		if again := listVariables(t, mrp.VariablesQuestion{Session: session}); !reflect.DeepEqual(again, fresh) {
			t.Errorf("after %s the list asked again differs", change)
		}
		counts[fresh.Count] = true
	}
	if len(counts) < 4 {
		t.Errorf("the lists have %v names: too little has changed", counts)
	}
}
