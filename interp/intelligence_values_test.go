package interp

import (
	"strings"
	"testing"

	"github.com/mrmd/mrmd-python/mrp"
)

func TestHoverSaysWhatAValueIs(t *testing.T) {
	session := newSession(t, `
import collections, dataclasses, datetime, decimal, enum, functools, types, array as arrays
import numpy as np, pandas as pd, polars as pl, pyarrow as pa
@dataclasses.dataclass
class Point: x: int; y: list
@dataclasses.dataclass
class Own:
    x: int
    def __repr__(self): return 'own'
Pair = collections.namedtuple('Pair', 'a b')
class Colour(enum.Enum): RED = 1
point, own, pair, red = Point(1, [2]), Own(1), Pair(1, 2), Colour.RED
cyclic = []; cyclic.append(cyclic)
huge = 10 ** 100000
long_text = 'z' * 1000
big = {i: i for i in range(500)}
counter = collections.Counter('aab'); dd = collections.defaultdict(list, a=[1]); od = collections.OrderedDict(a=1)
dq = collections.deque([1, 2], maxlen=5)
arr = np.arange(12).reshape(3, 4); objects = np.array([None, 'x'], dtype=object); scalar = np.float64(1.5)
df = pd.DataFrame({'a': [1, 2, 3], 'b': ['x', 'y', None]}); ser = pd.Series([1, 2, 3], name='a')
pf = pl.DataFrame({'p': [1, 2]}); ps = pl.Series('s', [1, 2]); tbl = pa.table({'t': [1, 2]})
gen = (i for i in range(3)); now = datetime.datetime(2020, 1, 2); dec = decimal.Decimal('1.5')
error = ValueError('no'); half = functools.partial(int, base=2)
def f(a, b=2): 'doc of f'
class C:
    'doc of C'
    def m(self, q=1): 'doc of m'
    @property
    def p(self): raise AssertionError
    @staticmethod
    def s(z): pass
    @classmethod
    def k(cls, y): pass
c = C()
surrogate = 'a\ud800b'
proxy = types.MappingProxyType({'a': 1}); masked = np.ma.array([1, 2], mask=[0, 1])
moved = collections.OrderedDict(a=1, b=2); moved.move_to_end('a')
`)
	for code, want := range map[string]string{
		"point": "Point(x=1, y=[2])", "own": "own", "pair": "Pair(a=1, b=2)", "red": "<Colour.RED: 1>",
		"cyclic": "[[...]]", "counter": "Counter({'a': 2, 'b': 1})", "dd": "defaultdict(<class 'list'>, {'a': [1]})",
		"od": "OrderedDict({'a': 1})", "dq": "deque([1, 2])", "arr": "ndarray (3, 4) dtype=int64 [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, ...]",
		"objects": "ndarray (2) dtype=object [None, 'x']", "df": "DataFrame (3, 2): a, b",
		"ser": "Series (3) dtype=int64 [1, 2, 3]", "pf": "DataFrame (2, 1): p", "ps": "Series (2) dtype=Int64 [1, 2]",
		"tbl": "Table (2, 1): t", "now": "datetime.datetime(2020, 1, 2, 0, 0)", "dec": "Decimal('1.5')",
		"error": "ValueError('no')", "half": "functools.partial(<class 'int'>, base=2)", "c.p": "<not evaluated>",
		"surrogate": "'a\\ud800b'", "df.shape": "(3, 2)", "proxy": "mappingproxy({'a': 1})", "moved": "OrderedDict({'b': 2, 'a': 1})", "pair.b": "2",
	} {
		got := hoverEnd(t, session, code)
		if text(got.Value) != want {
			t.Errorf("%s is %s, want %s", code, text(got.Value), want)
		}
	}
	for code, want := range map[string]string{
		"f": "f(a, b=2)", "c.m": "c.m(q=1)", "C.s": "C.s(z)", "c.k": "c.k(y)", "abs": "abs(x, /)",
		"C": "C()", "len": "len(obj, /)", "point.y.append": "point.y.append(object, /)", "Point": "Point(x: int, y: list) -> None",
	} {
		got := hoverEnd(t, session, code)
		if text(got.Signature) != want {
			t.Errorf("the signature of %s is %s, want %s", code, text(got.Signature), want)
		}
	}
	if got := hoverEnd(t, session, "f"); text(got.Documentation) != "doc of f" || text(got.Docstring) != "doc of f" {
		t.Errorf("f's documentation: %+v", got)
	}
	for _, code := range []string{"x + y", "for", "", "undefined", "# f", "'f'", "f(1)"} {
		if got := hoverEnd(t, session, code); got.Found {
			t.Errorf("something is found at the end of %q: %+v", code, got)
		}
	}
	if got := hover(t, session, "'😀'; f(1)", 6); text(got.Name) != "f" {
		t.Errorf("after an emoji: %+v", got)
	}
	if got := text(hoverEnd(t, session, "huge").Value); !strings.HasSuffix(got, "bits)") {
		t.Errorf("a huge int is %s", got)
	}
	if got := text(hoverEnd(t, session, "long_text").Value); len(got) > 210 || !strings.HasSuffix(got, "...") {
		t.Errorf("a long text is %s", got)
	}
	runHere(t, session, "assert list(gen) == [0, 1, 2]")
}

func TestInspectFindsSources(t *testing.T) {
	session := newSession(t, "import functools, json, re\nx = 1\ndef f(a):\n    'doc'\n    return a\n\n@functools.lru_cache\ndef cached(n): return n\n\nclass Thing:\n    a = 1\n    def m(self): pass\nthing = Thing()\nfind = re.compile('a').match\nhalf = functools.partial(f, 1)\nimport os")
	got := inspect(t, session, "f", 2)
	if text(got.SourceCode) != "def f(a):\n    'doc'\n    return a" || got.Line == nil || *got.Line != 3 || text(got.Kind) != "function" {
		t.Errorf("f: %+v %s", got, text(got.SourceCode))
	}
	if got := inspect(t, session, "cached", 2); !strings.Contains(text(got.SourceCode), "def cached") || text(got.Signature) != "cached(n)" {
		t.Errorf("cached: %+v", got)
	}
	if got := inspect(t, session, "Thing", 2); !strings.HasPrefix(text(got.SourceCode), "class Thing:") || text(got.Kind) != "class" {
		t.Errorf("Thing: %s", text(got.SourceCode))
	}
	if got := inspect(t, session, "json.dumps", 2); !strings.HasPrefix(text(got.SourceCode), "def dumps(") || !strings.HasSuffix(text(got.File), ".py") {
		t.Errorf("json.dumps: %s", text(got.SourceCode))
	}
	if got := inspect(t, session, "thing", 2); !strings.HasPrefix(text(got.SourceCode), "class Thing:") || text(got.Kind) != "variable" {
		t.Errorf("an instance: %+v", got)
	}
	if got := inspect(t, session, "os.path.join", 2); !strings.HasSuffix(text(got.File), "posixpath.py") || !strings.HasPrefix(text(got.SourceCode), "def join(") {
		t.Errorf("what Python has frozen: %s %s", text(got.File), text(got.SourceCode))
	}
	if got := inspect(t, session, "os.fork", 2); got.File != nil || got.SourceCode != nil || text(got.Signature) != "os.fork()" {
		t.Errorf("what the runtime replaced: %s %s", text(got.File), text(got.SourceCode))
	}
	if got := inspect(t, session, "find", 1); text(got.Kind) != "method" || text(got.Signature) != "find(string, pos=0, endpos=sys.maxsize)" {
		t.Errorf("a method of C: %s %s", text(got.Kind), text(got.Signature))
	}
	if got := inspect(t, session, "half", 1); text(got.Docstring) != "doc" || text(got.Signature) != "half()" {
		t.Errorf("a partial: %s %s", text(got.Docstring), text(got.Signature))
	}
	if got := inspect(t, session, "f(1, ", 1); text(got.Name) != "f" {
		t.Errorf("inside a call: %+v", got)
	}
	for _, code := range []string{"%timeit", "%%timeit", "x = 1\ny = %timeit"} {
		got := inspect(t, session, code, 2)
		name := code[strings.Index(code, "%"):]
		if text(got.Name) != name || !strings.Contains(text(got.Docstring), "Time execution") || !strings.Contains(text(got.SourceCode), "def timeit") {
			t.Errorf("%q is %s: %.300s %.300s", code, text(got.Name), text(got.Docstring), text(got.SourceCode))
		}
		if hovered := hoverEnd(t, session, code); text(hovered.Name) != name || hovered.Docstring == nil {
			t.Errorf("%q: %+v", code, hovered)
		}
	}
	for _, code := range []string{"(1\n%time", "'''\n%timeit", "%no_such_magic", "%%bash\n%timeit"} {
		if got := inspect(t, session, code, 1); strings.HasPrefix(text(got.Name), "%") {
			t.Errorf("%q: %+v", code, got)
		}
	}
	if got := inspect(t, session, "f", 0); got.Docstring != nil || text(got.Signature) != "f(a)" {
		t.Errorf("detail 0: %+v", got)
	}
}

func TestDrillDown(t *testing.T) {
	session := newSession(t, `
import collections, numpy as np, pandas as pd, polars as pl, types
nested = {'a': {'b': [1, 2, {'c': 3}]}, 1: 'int', '1': 'str', (1, 2): 'tuple', 'x#1': 'hash', None: 'none', '[1]': 'brackets'}
class C:
    __slots__ = ('slot',)
    def __init__(self): self.slot = [5]
c = C()
plain = types.SimpleNamespace(q={'z': 1})
df = pd.DataFrame([[1, 2, 3]], columns=['a', 'a', ('t', 1)]); arr = np.arange(6).reshape(2, 3); pf = pl.DataFrame({'p': [1, 2]})
structured = np.array([(1, 2.0)], dtype=[('left', int), ('right', float)])
long = list(range(1000)); crowd = {3}
gen = (i for i in range(3))
floats = {float('nan'): 1, float('inf'): 2, complex('nanj'): 3, 0.5: 4}
spans = pd.DataFrame({'span': pd.to_timedelta([1, 2], unit='s')})
`)
	// Every child's name is the next step to that child.
	for _, path := range []string{"nested", "c", "plain", "df", "arr", "pf", "structured", "crowd", "floats", "spans", "spans span", "spans span 0"} {
		name, path, _ := strings.Cut(path, " ")
		steps := strings.Fields(path)
		parent := variable(t, session, name, steps...)
		if len(parent.Children) == 0 && len(steps) < 2 {
			t.Errorf("%s has no children", name)
		}
		for _, child := range parent.Children {
			if got := variable(t, session, name, append(steps[:len(steps):len(steps)], child.Name)...); got.Value != child.Value || got.Type != child.Type {
				t.Errorf("%s, %s: %s and %s", name, child.Name, got.Value, child.Value)
			}
		}
	}
	for path, want := range map[string]string{
		"nested a b 2 c": "3", "nested ['a'] b [0]": "1", "nested 'a' 'b' -1": "{'c': 3}", "c slot 0": "5", "plain q z": "1",
		"arr 1 2": "np.int64(5)", "df a 0": "np.int64(1)", "pf p 1": "2", "structured left 0": "np.int64(1)", "structured [0] right": "np.float64(2.0)", "long 999": "999",
	} {
		steps := strings.Fields(path)
		got := variable(t, session, steps[0], steps[1:]...).Value
		if got != want && "np.int64("+got+")" != want {
			t.Errorf("%s is %s, want %s", path, got, want)
		}
	}
	answer, err := patient.Variable(mrp.VariableQuestion{Session: session, Name: "long", Offset: 990, MaxChildren: 5})
	if got := read[described](t, answer, err); childNames(got) != "[990] [991] [992] [993] [994]" || !got.Truncated {
		t.Errorf("a slice: %s", childNames(got))
	}
	if got := variable(t, session, "gen"); len(got.Children) != 0 {
		t.Errorf("a generator has the children %s", childNames(got))
	}
	runHere(t, session, "assert list(gen) == [0, 1, 2]")
}

// formatted is what is made of code, in either formatter's style.
var formatted = map[string]string{
	"x=1":                           "x = 1",
	"x=1\n":                         "x = 1\n",
	"x = 1 + 2\n":                   "x = 1 + 2\n",
	"x = = 1":                       "x = = 1",
	"%time x=1\ny=2":                "%time x=1\ny = 2",
	"if x:\n  !ls -l  |  wc\n  y=1": "if x:\n    !ls -l  |  wc\n    y = 1",
	"files=!ls\nx=1":                "files=!ls\nx = 1",
	"%%time\nx=1\n":                 "%%time\nx = 1\n",
	"%%bash\necho  1":               "%%bash\necho  1",
	"a = (1\n  % 2)\n":              "a = 1 % 2\n",
	"'''\n%not a magic\n'''\nx=1":   "\"\"\"\n%not a magic\n\"\"\"\n\nx = 1",
	"f?\nx=1":                       "f?\nx = 1",
	"x=1\r\ny=2\r\n":                "x = 1\r\ny = 2\r\n",
	"":                              "",
	"!ls \\\n  -l\nx=1":             "!ls \\\n  -l\nx = 1",
	"plot( x ) ;":                   "plot(x);",
	"f(\n  !ls\n = = 1)":            "f(\n  !ls\n = = 1)",
	"await f( 1 )":                  "await f(1)",
}

func checkFormatting(t *testing.T) {
	for code, want := range formatted {
		answer, err := patient.Format(mrp.FormatQuestion{Code: code})
		got := read[struct {
			Formatted string  `json:"formatted"`
			Changed   bool    `json:"changed"`
			Error     *string `json:"error"`
		}](t, answer, err)
		isBroken := strings.Contains(code, "= =")
		if got.Formatted != want || got.Changed != (code != want) || (got.Error != nil) != isBroken {
			t.Errorf("%q becomes %q (%v, %s), want %q", code, got.Formatted, got.Changed, text(got.Error), want)
		}
		if isBroken && !strings.HasPrefix(text(got.Error), "cannot parse: ") {
			t.Errorf("%q is left as it is because of %s", code, text(got.Error))
		}
	}
}

func TestFormat(t *testing.T) {
	if !engine.Info().CanFormat {
		t.Error("the runtime says that it can't format")
	}
	checkFormatting(t)
	runHere(t, "", "import sys; black = sys.modules['black']; sys.modules['black'] = None")
	defer runHere(t, "", "sys.modules['black'] = black; del black")
	t.Run("ruff", checkFormatting)
}

func TestHistory(t *testing.T) {
	session := newSession(t, "first = 1")
	for _, code := range []string{"second = [2]", "third = 3", "first + third"} {
		runHere(t, session, code)
	}
	search := func(count int, pattern string, before *int) (codes []string, hasMore bool) {
		answer, err := patient.History(mrp.HistoryQuestion{Session: session, Count: count, Pattern: pattern, Before: before})
		got := read[struct {
			Entries []struct {
				HistoryIndex int    `json:"historyIndex"`
				Code         string `json:"code"`
			} `json:"entries"`
			HasMore bool `json:"hasMore"`
		}](t, answer, err)
		for _, entry := range got.Entries {
			codes = append(codes, entry.Code)
		}
		return codes, got.HasMore
	}
	three := 3
	for _, test := range []struct {
		count   int
		pattern string
		before  *int
		want    string
		hasMore bool
	}{
		{20, "", nil, "first = 1|second = [2]|third = 3|first + third", false},
		{2, "", nil, "third = 3|first + third", true},
		{2, "", &three, "first = 1|second = [2]", false},
		{20, "first", nil, "first = 1|first + third", false},
		{20, "*= ?", nil, "first = 1|third = 3", false},
		{20, "*[2]", nil, "second = [2]", false},
		{0, "", nil, "", true},
	} {
		codes, hasMore := search(test.count, test.pattern, test.before)
		if got := strings.Join(codes, "|"); got != test.want || hasMore != test.hasMore {
			t.Errorf("%+v: %s, %v", test, got, hasMore)
		}
	}
}

// TestListFollowsContainers lists small containers again after they were changed in
// place, also to values that are equal to those before.
func TestListFollowsContainers(t *testing.T) {
	session := newSession(t, "items = [1, 2]\nmapping = {'k': 1}\ncrowd = {1}\nzero = [0.0]")
	values := func() string {
		var texts []string
		for _, variable := range listVariables(t, mrp.VariablesQuestion{Session: session, ExcludePrivate: true}).Variables {
			texts = append(texts, variable.Name+"="+variable.Value)
		}
		return strings.Join(texts, " ")
	}
	for _, step := range []struct{ code, want string }{
		{"", "crowd={1} items=[1, 2] mapping={'k': 1} zero=[0.0]"},
		{"items[0] = True; mapping['k'] = 1.0; zero[0] = -0.0", "crowd={1} items=[True, 2] mapping={'k': 1.0} zero=[-0.0]"},
		{"items.append(3); mapping['m'] = 2; crowd.add(2)", "crowd={1, 2} items=[True, 2, 3] mapping={'k': 1.0, 'm': 2} zero=[-0.0]"},
		{"mapping['n'] = mapping.pop('k'); del zero; items.clear()", "crowd={1, 2} items=[] mapping={'m': 2, 'n': 1.0}"},
	} {
		runHere(t, session, step.code)
		for range 2 {
			if got := values(); got != step.want {
				t.Errorf("after %q: %s, want %s", step.code, got, step.want)
			}
		}
	}
}
