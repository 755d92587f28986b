package interp

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mrmd/mrmd-python/mrp"
)

type match struct {
	Label         string  `json:"label"`
	InsertText    *string `json:"insertText"`
	Kind          string  `json:"kind"`
	Detail        *string `json:"detail"`
	Documentation *string `json:"documentation"`
	ValuePreview  *string `json:"valuePreview"`
	Type          string  `json:"type"`
	SortText      string  `json:"sortText"`
}

type completed struct {
	Matches     []match `json:"matches"`
	CursorStart int     `json:"cursorStart"`
	CursorEnd   int     `json:"cursorEnd"`
	Source      string  `json:"source"`
}

func (c completed) labels() []string {
	var labels []string
	for _, match := range c.Matches {
		labels = append(labels, match.Label)
	}
	return labels
}

// complete completes code at the "|" in it.
func complete(t testing.TB, session, code string) completed {
	t.Helper()
	before, after, _ := strings.Cut(code, "|")
	cursor := len([]rune(before))
	answer, err := patient.Complete(mrp.CompleteQuestion{Session: session, Code: before + after, Cursor: &cursor})
	return read[completed](t, answer, err)
}

func TestComplete(t *testing.T) {
	session := newSession(t, `
import os, collections, functools
import numpy as np, pandas as pd, polars as pl
class Thing:
    "A thing."
    limit = 3
    def __init__(self): self.size = 1; self._hidden = 2
    def measure(self, unit='cm'): 'Measure it.'
    @property
    def area(self): raise AssertionError('a property was evaluated')
thing = Thing()
def paint(colour, *, shade=2): 'Paint.\n\nMore.'
d = {'alpha': 1, 'al"quote': 2, 7: 3, (1, 2): 4}
nested = {'inner': {'deep': thing}}
df = pd.DataFrame({'price': [1], 'two words': [2]})
pf = pl.DataFrame({'polar': [1]})
levels = pd.DataFrame([[1]], columns=pd.MultiIndex.from_tuples([('outer', 'inner')]))
structured = np.zeros(2, dtype=[('left', int), ('right', float)])
half = functools.partial(paint, 'red')
labelled = pd.Series([1, 2], index=['first label', 'second'])
été = 5
`)
	if err := os.WriteFile("completed_file.txt", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		code string
		// Labels that have to be there, as "label kind"; none at all when empty.
		want string
		not  string
		// start is where the replaced text begins; the cursor when there is nothing.
		start int
	}{
		{code: "import os\nos.pa|", want: "path module;pathsep variable;pardir variable", start: 13},
		{code: "thing.|", want: "size field;limit field;measure method;area property;__init__ method", start: 6},
		{code: "thing.me|asure", want: "measure method", not: "size", start: 6},
		{code: "Thing.|", want: "measure method;limit field", start: 6},
		{code: "nested['inner']['deep'].si|", want: "size field", start: 24},
		{code: "d['al|", want: "alpha value;al\"quote value", not: "7", start: 3},
		{code: "d[|", want: "'alpha' value;7 value;(1, 2) value", start: 2},
		{code: "d[\"al|\"]", want: "alpha value;al\\\"quote value", start: 3},
		{code: "df['|", want: "price field;two words field", start: 4},
		{code: "df[['price', 'tw|", want: "two words field", not: "price", start: 14},
		{code: "labelled.loc['fi|", want: "first label value", not: "second", start: 14},
		{code: "labelled.at['|", want: "first label value;second value", start: 13},
		{code: "unknown['comp|", start: 13},
		{code: "paths = ['comp|", want: "completed_file.txt value", start: 10},
		{code: "df.pri|", want: "price field", start: 3},
		{code: "pf['po|", want: "polar field", start: 4},
		{code: "structured['le|", want: "left field", start: 12},
		{code: "import collecti|", want: "collections module", start: 7},
		{code: "import os, js|", want: "json module", start: 11},
		{code: "import xml.et|", want: "etree module", start: 11},
		{code: "from os import pat|", want: "path module;pathsep variable", start: 15},
		{code: "from os import (sep,\n  pat|", want: "path module", start: 23},
		{code: "import os.pa|", want: "path module", start: 10},
		{code: "from os.|", want: "path module", start: 8},
		{code: "lambda typed_one, *typed_two: typed|", want: "typed_one variable;typed_two variable", start: 30},
		{code: "if x: typed_one = typed_two = 1; typed_three: int = 2\ntyped|", want: "typed_one variable;typed_two variable;typed_three variable", start: 54},
		{code: "typed_one, *typed_two = 1, 2; x.typed_three = 4\ntyped|", want: "typed_one variable;typed_two variable", not: "typed_three", start: 48},
		{code: "def f(typed_one,\n  typed_two=(1, 2)):\n  if typed_three <= 1 == typed_four: typed|", want: "typed_one variable;typed_two variable", not: "typed_three", start: 75},
		{code: "from json.de|", want: "decoder module", start: 10},
		{code: "paint(|", want: "colour= variable;shade= variable;paint function", start: 6},
		{code: "paint(1, sh|", want: "shade= variable", not: "colour=", start: 9},
		{code: "paint(shade=|", want: "thing variable", not: "colour=", start: 12},
		{code: "half(sh|", want: "shade= variable", start: 5},
		{code: "thing.measure(|", want: "unit= variable", not: "self=", start: 14},
		{code: "print(se|", want: "sep= variable", start: 6},
		{code: "def paint(colo|", not: "colour=", start: 14},
		{code: "%ti|", want: "%time function;%timeit function;%%time function", start: 0},
		{code: "%%ti|", want: "%%time function", not: "%time", start: 0},
		{code: "%time os.pa|", want: "path module", start: 9},
		{code: "open('completed_|", want: "completed_file.txt value", start: 6},
		{code: "open('/et|", want: "/etc/ value", start: 6},
		{code: "open(completed_|", start: 15},
		{code: "!cat completed_|", want: "completed_file.txt value", start: 5},
		{code: "# os.pa|", start: 7},
		{code: "x = 1 # th|", start: 10},
		{code: "'#'; th|", want: "thing variable", start: 5},
		{code: "'😀é'; thing.|", want: "size field", start: 12},
		{code: "é = '😀'; ét|", want: "été variable", start: 9},
		{code: "wh|", want: "while keyword", start: 0},
		{code: "pri|", want: "print function", start: 0},
		{code: "soon_defined = 1\nsoon|", want: "soon_defined variable", start: 17},
		{code: "for element in []:\n    elem|", want: "element variable", start: 23},
		{code: "1.|", start: 2},
		{code: "zzzz.q|", start: 6},
		{code: "thing" + strings.Repeat(".size", 390) + ".q|", start: 1957},
		{code: "f'{thing.si|", want: "size field", start: 9},
		{code: "f'thing.si|", start: 10},
		{code: "f'{thing.size:|", start: 14},
		{code: "f'{thing.size:>{thi|", want: "thing variable", start: 16},
		{code: "f'{thing!r|", start: 10},
		{code: "f'{thing != thi|", want: "thing variable", start: 12},
		{code: "x = 1\n%ti|", want: "%time function", not: "%%time", start: 6},
		{code: "thing.measure??|", start: 15},
		{code: "paint('red', |", want: "shade= variable", not: "colour=", start: 13},
		{code: "d.get('al|", want: "alpha value", start: 7},
		{code: "df.groupby(['price', 'tw|", want: "two words field", start: 22},
		{code: "df.loc[:, 'pr|", want: "price field", start: 11},
		{code: "levels['|", want: "outer field", start: 8},
		{code: "d[b'|", start: 4},
		{code: "'abc'.upp|", want: "upper method", start: 6},
		{code: "[].app|", want: "append method", start: 3},
		{code: "", start: 0, want: "thing variable"},
	} {
		got := complete(t, session, test.code)
		var pairs []string
		for _, match := range got.Matches {
			pairs = append(pairs, match.Label+" "+match.Kind)
		}
		shown := pairs[:min(len(pairs), 30)]
		if test.want == "" && test.not == "" && len(pairs) > 0 {
			t.Errorf("%q gives %q, want nothing", test.code, shown)
		}
		if test.want != "" {
			for _, want := range strings.Split(test.want, ";") {
				if !slices.Contains(pairs, want) {
					t.Errorf("%q has no %q: %q", test.code, want, shown)
				}
			}
		}
		if test.not != "" && slices.Contains(got.labels(), test.not) {
			t.Errorf("%q has %q", test.code, test.not)
		}
		if got.CursorStart != test.start {
			t.Errorf("%q: replaces from %d, want %d", test.code, got.CursorStart, test.start)
		}
	}
	if err := os.Remove(filepath.Join(engine.options.WorkingDirectory, "completed_file.txt")); err != nil {
		t.Fatal(err)
	}
}

// TestCompleteWhatHasNotRun waits for jedi, which is imported when it is first
// needed and never waited for by a question.
func TestCompleteWhatHasNotRun(t *testing.T) {
	for {
		got := complete(t, "", "import pathlib\nwhere = pathlib.Path('.')\nwhere.is_d|")
		if slices.Contains(got.labels(), "is_dir") {
			if got.Source != "static" || got.CursorStart != 47 {
				t.Errorf("got %+v", got)
			}
			return
		}
	}
}

// TestCompleteWhatACallGives is about objects that are there, and calls of their methods,
// which nobody has made.
func TestCompleteWhatACallGives(t *testing.T) {
	session := newSession(t, "import pandas as pd\nframe = pd.DataFrame({'n': [1]})\nwords = 'a b'\nclass Own: pass\nown = Own()")
	for _, test := range []struct{ code, want string }{
		{"words.upper().lo|", "lower"},
		{"frame.groupby('n').me|", "mean"},
		{"own; words.split().ap|", "append"},
		{"words = [1]\nwords.copy().ap|", "append"},
	} {
		for end := time.Now().Add(3 * time.Minute); !slices.Contains(complete(t, session, test.code).labels(), test.want); {
			if time.Now().After(end) {
				t.Fatalf("%q is never completed with %q", test.code, test.want)
			}
		}
	}
	if got := complete(t, session, "words; _mrmd_type|").labels(); len(got) > 0 {
		t.Errorf("proposes %q", got)
	}
}

// TestCompleteInALongCell: what is asked is asked many times a minute, of cells as
// long as files. A question whose time does not come to an end leads to ErrBusy.
func TestCompleteInALongCell(t *testing.T) {
	session := newSession(t, "thing = 1")
	var code strings.Builder
	for number := range 7000 {
		fmt.Fprintf(&code, "name_%d = other_%d(1)\n", number, number)
	}
	for _, test := range []struct{ code, want string }{
		{code.String() + "name_69|", "name_6999"},
		{code.String() + "thi|", "thing"},
		{code.String() + "|", "thing"},
		{strings.Repeat("a=1,", 50_000) + "thi|", "thing"},
		{strings.Repeat("def f(", 30_000) + "thi|", "thing"},
		{strings.Repeat(" ", 100_000) + "thi|", "thing"},
		{strings.Repeat("\t", 100_000) + "+ thi|", "thing"},
		{"from os import" + strings.Repeat(" ", 100_000) + "+ thi|", "thing"},
		{"print(" + strings.Repeat("a", 100_000) + ", thi|", "thing"},
	} {
		if got := complete(t, session, test.code).labels(); !slices.Contains(got, test.want) {
			t.Errorf("%.20q... has no %q: %.200q", test.code, test.want, got)
		}
	}
}

func TestCompletionDescribes(t *testing.T) {
	session := newSession(t, "def paint(colour, shade=[1, 2]): 'Paint it.\\n\\nMore.'\nprice = 12\n_private_price = 1")
	for _, match := range complete(t, session, "pai|").Matches {
		if match.Label == "paint" && (text(match.Detail) != "paint(colour, shade=[1, 2])" || text(match.Documentation) != "Paint it.") {
			t.Errorf("paint: %+v", match)
		}
	}
	for _, match := range complete(t, session, "%time|").Matches {
		if strings.Contains(text(match.Documentation), "magics table") || match.Detail != nil {
			t.Errorf("%s: %s %s", match.Label, text(match.Detail), text(match.Documentation))
		}
	}
	got := complete(t, session, "pri|")
	if got.Matches[0].Label != "price" || text(got.Matches[0].ValuePreview) != "12" || text(got.Matches[0].Detail) != "12" {
		t.Errorf("the first match of pri is %+v", got.Matches[0])
	}
	if !slices.IsSortedFunc(got.Matches, func(a, b match) int {
		return strings.Compare(a.SortText[:1], b.SortText[:1])
	}) {
		t.Errorf("not in the order of sortText: %v", got.labels())
	}
	all := complete(t, session, "(1).|").labels()
	if !strings.HasPrefix(all[len(all)-1], "__") || strings.HasPrefix(all[0], "__") {
		t.Errorf("names with two underscores are not last: %v", all)
	}
}

// TestCompletionWithABrokenCache has jedi's files in the cache folder cut short, as
// after a full disk or a kill. What jedi finds is asked for until it is in time.
func TestCompletionWithABrokenCache(t *testing.T) {
	code := "import calendar\ncalendar.weekh|"
	runHere(t, "", `
import jedi, parso.cache, pathlib
jedi.Script('import calendar\ncalendar.w').complete()
broken = list(pathlib.Path(jedi.settings.cache_directory).rglob('*.pkl'))
assert broken
for file in broken: file.write_bytes(b'')
parso.cache.parser_cache.clear()`)
	for !slices.Contains(complete(t, "", code).labels(), "weekheader") {
	}
}

// TestCompletionBesideJedi: a cell may use jedi at the same time. jedi isn't made for
// two threads and may fail in either, but neither waits for the other's answers.
func TestCompletionBesideJedi(t *testing.T) {
	over := make(chan struct{})
	go func() {
		defer close(over)
		runHere(t, "", `
import jedi, math
for number in range(30):
    try: jedi.Script(f'import math\nn_{number} = 1\nmath.c').complete()
    except Exception: pass`)
	}()
	number := 0
	found := func() bool {
		number++
		code := fmt.Sprintf("import time\nn_%d = 1\ntime.monot|", number)
		return slices.Contains(complete(t, "", code).labels(), "monotonic")
	}
	for isOver := false; !isOver; {
		found()
		select {
		case <-over:
			isOver = true
		default:
		}
	}
	for !found() {
	}
}
