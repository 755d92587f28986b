package interp

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/mrmd/mrmd-python/mrp"
)

func TestTableView(t *testing.T) {
	session := newSession(t, `
import numpy as np, pandas as pd, polars as pl, pyarrow as pa
df = pd.DataFrame({'n': [3, 1, 2], 's': ['c', 'a', None], 'x y': [1.5, float('nan'), 2.5]}, index=['i', 'j', 'k'])
pf = pl.DataFrame({'n': [3, 1, 2], 's': ['c', 'a', None]}); tbl = pa.table({'n': [3, 1, 2], 's': ['c', 'a', None]})
dicts = [{'n': 3, 's': 'c'}, {'n': 1, 's': 'a'}, {'n': 2}]
import collections, decimal
Pair = collections.namedtuple('Pair', 'n s'); pairs = [Pair(3, 'c'), Pair(1, 'a'), (2,), 'b']
prices = pd.DataFrame({'d': [decimal.Decimal('NaN'), decimal.Decimal('1.50'), None, decimal.Decimal('-1')]})
arr = np.array([[3, 0], [1, 0], [2, 0]]); ser = pd.Series([3, 1, 2])
class Trap:
    def __eq__(self, other): raise SystemError('compared')
    __ne__ = __lt__ = __gt__ = __str__ = __bool__ = __eq__
    def __hash__(self): raise SystemError('hashed')
mixed = pd.DataFrame({'o': pd.Series([Trap(), 'b', 1, None, 'A'], dtype=object), 'i': range(5)})
many = pd.DataFrame({'k': ['b', None, 'a', 'b', 'a'], 'i': range(5), 'c': pd.Categorical(['y', 'x', None, 'x', 'y']),
    't': pd.to_datetime(['2020-01-02', None, '2021-01-01', '2020-01-02', '2022-01-01'])})
from datetime import date, datetime, timezone
days = pd.date_range('2020-01-01', periods=3, tz='Europe/Rome')
times = pd.DataFrame({'i': range(3), 't': days, 'p': pd.period_range('2020-01', periods=3, freq='M'),
    'td': pd.to_timedelta([1, 2, None], unit='h'), 'd': pd.Series([date(2020, 1, 1), None, date(2020, 1, 3)], dtype=object),
    'n': pd.array([1, None, 3], dtype='Int64'), 'iv': pd.interval_range(0, 3),
    'a': pd.array(days, dtype='timestamp[us, tz=Europe/Rome][pyarrow]')})
tbl_times = pa.table({'t': pa.array(days), 's': ['x', None, 'y']})
pf_times = pl.DataFrame({'t': pl.Series(days.to_pydatetime().tolist()).dt.convert_time_zone('Europe/Rome')})
back = pd.DataFrame({'i': range(2), 't': pd.to_datetime(['2020-10-25T00:30Z', '2020-10-25T01:10Z']).tz_convert('Europe/Rome')})
twins = pd.DataFrame([[1, 9], [2, 8]], columns=['a', 'a'])
sizes = pd.DataFrame({'i': range(4), 's': pd.Categorical(['high', None, 'low', 'mid'], ['low', 'mid', 'high'], ordered=True)})
structs = pl.DataFrame({'i': [1, 2], 's': [{'u': 1}, {'u': 2}]}); cube = np.arange(24).reshape(2, 3, 4)
masked = np.ma.masked_array([3, 2, 1], mask=[0, 1, 0])
import warnings; filters = warnings.filters[:]; warnings.simplefilter('error')
stamps = [{'t': datetime(2020, 1, 1, 23, tzinfo=timezone.utc)}, {'t': datetime(2020, 1, 2, tzinfo=timezone.utc)}, {}]
`)
	t.Cleanup(func() { runHere(t, session, "warnings.filters[:] = filters") })
	for _, test := range []struct {
		name string
		view mrp.TableView
		want string
	}{
		{"df", mrp.TableView{Rows: [2]int{1, 9}}, `[[1,"a",null],[2,null,2.5]]`},
		{"df", mrp.TableView{Rows: [2]int{0, 9}, Columns: []string{"x y", "n"}}, `[[1.5,3],[null,1],[2.5,2]]`},
		{"df", mrp.TableView{Rows: [2]int{0, 9}, Columns: []string{"n"}, Sort: []mrp.SortKey{{Column: "n"}}}, `[[1],[2],[3]]`},
		{"df", mrp.TableView{Rows: [2]int{0, 9}, Columns: []string{"n"}, Filter: "n >= 2 and s == 'c'"}, `[[3]]`},
		{"df", mrp.TableView{Rows: [2]int{0, 9}, Columns: []string{"n"}, Filter: "`x y` > 1", Sort: []mrp.SortKey{{Column: "n"}}}, `[[2],[3]]`},
		{"df", mrp.TableView{Rows: [2]int{0, 9}, Columns: []string{"n"}, Filter: "n in [1, 2]"}, `[[1],[2]]`},
		{"df", mrp.TableView{Rows: [2]int{0, 9}, Columns: []string{"n"}, Filter: "C"}, `[[3]]`},
		{"pf", mrp.TableView{Rows: [2]int{0, 2}, Sort: []mrp.SortKey{{Column: "s", Descending: true}}}, `[[3,"c"],[1,"a"]]`},
		{"tbl", mrp.TableView{Rows: [2]int{0, 2}, Sort: []mrp.SortKey{{Column: "n"}}}, `[[1,"a"],[2,null]]`},
		{"dicts", mrp.TableView{Rows: [2]int{0, 9}, Sort: []mrp.SortKey{{Column: "n"}}}, `[[1,"a"],[2,null],[3,"c"]]`},
		{"arr", mrp.TableView{Rows: [2]int{0, 2}, Sort: []mrp.SortKey{{Column: "0", Descending: true}}}, `[[3,0],[2,0]]`},
		{"pairs", mrp.TableView{Rows: [2]int{0, 9}}, `[[3,"c"],[1,"a"],[2,null],["b",null]]`},
		{"prices", mrp.TableView{Rows: [2]int{0, 2}, Sort: []mrp.SortKey{{Column: "d"}}}, `[["-1"],["1.50"]]`},
		{"ser", mrp.TableView{Rows: [2]int{1, 2}}, `[[1]]`},
		{"dicts", mrp.TableView{Rows: [2]int{0, 9}, Filter: "s != 'a' and not n == 2"}, `[[3,"c"]]`},
		{"pf", mrp.TableView{Rows: [2]int{0, 9}, Filter: "s in ['a', 'z'] or n == 2"}, `[[1,"a"],[2,null]]`},
		{"tbl", mrp.TableView{Rows: [2]int{0, 9}, Filter: "'c' in s"}, `[[3,"c"]]`},
		{"tbl", mrp.TableView{Rows: [2]int{0, 9}, Filter: "n > 9", Sort: []mrp.SortKey{{Column: "s"}, {Column: "n"}}}, `[]`},
		{"pf", mrp.TableView{Rows: [2]int{0, 9}, Filter: "nowhere", Sort: []mrp.SortKey{{Column: "n"}}}, `[]`},
		{"dicts", mrp.TableView{Rows: [2]int{0, 9}, Filter: "n > 9", Sort: []mrp.SortKey{{Column: "s"}, {Column: "n"}}}, `[]`},
		{"mixed", mrp.TableView{Rows: [2]int{0, 9}, Columns: []string{"i"}, Filter: "o == 'nothing'", Sort: []mrp.SortKey{{Column: "o"}, {Column: "i"}}}, `[]`},
		{"mixed", mrp.TableView{Rows: [2]int{0, 9}, Columns: []string{"i"}, Filter: "o == 'b' or o == 1"}, `[[1],[2]]`},
		{"mixed", mrp.TableView{Rows: [2]int{0, 9}, Columns: []string{"i"}, Filter: "o in ['A', 'b']"}, `[[1],[4]]`},
		{"mixed", mrp.TableView{Rows: [2]int{0, 9}, Columns: []string{"i"}, Filter: "a"}, `[[4]]`},
		{"mixed", mrp.TableView{Rows: [2]int{0, 9}, Columns: []string{"i"}, Sort: []mrp.SortKey{{Column: "o"}}}, `[[2],[4],[1],[0],[3]]`},
		{"many", mrp.TableView{Rows: [2]int{0, 9}, Columns: []string{"i"}, Sort: []mrp.SortKey{{Column: "k"}}}, `[[2],[4],[0],[3],[1]]`},
		{"many", mrp.TableView{Rows: [2]int{0, 9}, Columns: []string{"i"}, Sort: []mrp.SortKey{{Column: "k", Descending: true}, {Column: "i", Descending: true}}}, `[[3],[0],[4],[2],[1]]`},
		{"many", mrp.TableView{Rows: [2]int{0, 9}, Columns: []string{"i"}, Filter: "i > 0", Sort: []mrp.SortKey{{Column: "c", Descending: true}}}, `[[4],[1],[3],[2]]`},
		{"many", mrp.TableView{Rows: [2]int{0, 9}, Columns: []string{"i"}, Filter: "t > '2020-06-01' and c == 'y'"}, `[[4]]`},
		{"many", mrp.TableView{Rows: [2]int{0, 9}, Columns: []string{"i"}, Filter: "2021-01"}, `[[2]]`},
		{"times", mrp.TableView{Rows: [2]int{0, 9}, Columns: []string{"i"}, Sort: []mrp.SortKey{{Column: "t", Descending: true}}}, `[[2],[1],[0]]`},
		{"times", mrp.TableView{Rows: [2]int{0, 9}, Columns: []string{"i"}, Sort: []mrp.SortKey{{Column: "a", Descending: true}}}, `[[2],[1],[0]]`},
		{"times", mrp.TableView{Rows: [2]int{0, 9}, Columns: []string{"i"}, Sort: []mrp.SortKey{{Column: "p", Descending: true}}}, `[[2],[1],[0]]`},
		{"times", mrp.TableView{Rows: [2]int{0, 9}, Columns: []string{"i"}, Sort: []mrp.SortKey{{Column: "td", Descending: true}}}, `[[1],[0],[2]]`},
		{"times", mrp.TableView{Rows: [2]int{0, 9}, Columns: []string{"i"}, Filter: "t >= '2020-01-02'"}, `[[1],[2]]`},
		{"times", mrp.TableView{Rows: [2]int{0, 9}, Columns: []string{"i"}, Filter: "a == '2020-01-02'"}, `[[1]]`},
		{"times", mrp.TableView{Rows: [2]int{0, 9}, Columns: []string{"i"}, Filter: "p == '2020-02'"}, `[[1]]`},
		{"times", mrp.TableView{Rows: [2]int{0, 9}, Columns: []string{"i"}, Filter: "d > '2020-01-01'"}, `[[2]]`},
		{"times", mrp.TableView{Rows: [2]int{0, 9}, Columns: []string{"i"}, Filter: "n == None and d == None"}, `[[1]]`},
		{"times", mrp.TableView{Rows: [2]int{0, 9}, Columns: []string{"i"}, Filter: "n in [1, None] and n != None"}, `[[0]]`},
		{"times", mrp.TableView{Rows: [2]int{0, 9}, Columns: []string{"i"}, Filter: "td != None"}, `[[0],[1]]`},
		{"times", mrp.TableView{Rows: [2]int{0, 1}, Columns: []string{"t", "p", "td", "d", "iv"}}, `[["2020-01-01 00:00:00+01:00","2020-01","0 days 01:00:00","2020-01-01","(0, 1]"]]`},
		{"tbl_times", mrp.TableView{Rows: [2]int{0, 9}, Columns: []string{"s"}, Filter: "t < '2020-01-02' or s == None"}, `[["x"],[null]]`},
		{"tbl_times", mrp.TableView{Rows: [2]int{0, 9}, Columns: []string{"s"}, Filter: "s in ['y', None]", Sort: []mrp.SortKey{{Column: "t", Descending: true}}}, `[["y"],[null]]`},
		{"pf_times", mrp.TableView{Rows: [2]int{0, 9}, Filter: "t < '2020-01-02'"}, `[["2020-01-01 00:00:00+01:00"]]`},
		{"times", mrp.TableView{Rows: [2]int{0, 9}, Columns: []string{"i"}, Filter: "t == '2020-01-02 00:00:00+01:00'"}, `[[1]]`},
		{"times", mrp.TableView{Rows: [2]int{0, 9}, Columns: []string{"i"}, Filter: "t > '2020-01-01T23:00Z'"}, `[[2]]`},
		{"many", mrp.TableView{Rows: [2]int{0, 9}, Columns: []string{"i"}, Filter: "t == '2021-01-01T00:00:00+00:00'"}, `[]`},
		{"times", mrp.TableView{Rows: [2]int{0, 9}, Columns: []string{"i"}, Filter: "td > '0 days 01:00:00'"}, `[[1]]`},
		{"twins", mrp.TableView{Rows: [2]int{0, 9}, Columns: []string{"a#1", "a"}, Filter: "`a#1` < 9"}, `[[8,2]]`},
		{"sizes", mrp.TableView{Rows: [2]int{0, 9}, Columns: []string{"i"}, Sort: []mrp.SortKey{{Column: "s"}}}, `[[2],[3],[0],[1]]`},
		{"sizes", mrp.TableView{Rows: [2]int{0, 9}, Columns: []string{"i"}, Filter: "s > 'low' and s != 'mid'"}, `[[0]]`},
		{"sizes", mrp.TableView{Rows: [2]int{0, 9}, Columns: []string{"i"}, Filter: "s in ['low'] or s == None"}, `[[1],[2]]`},
		{"structs", mrp.TableView{Rows: [2]int{0, 9}, Filter: "1"}, `[[1,`},
		{"cube", mrp.TableView{Rows: [2]int{0, 9}, Filter: "1"}, `[]`},
		{"masked", mrp.TableView{Rows: [2]int{0, 9}, Sort: []mrp.SortKey{{Column: "value"}}}, `[[1],[3],[null]]`},
		{"masked", mrp.TableView{Rows: [2]int{0, 9}, Filter: "value != 2 and value > 0"}, `[[3],[1]]`},
		{"back", mrp.TableView{Rows: [2]int{0, 9}, Columns: []string{"i"}, Sort: []mrp.SortKey{{Column: "t"}}}, `[[0],[1]]`},
		{"stamps", mrp.TableView{Rows: [2]int{0, 9}, Filter: "t >= '2020-01-02'"}, `[["2020-01-02 00:00:00+00:00"]]`},
	} {
		answer, err := patient.Variable(mrp.VariableQuestion{Session: session, Name: test.name, View: &test.view})
		if err != nil {
			t.Errorf("%s %+v: %v", test.name, test.view, err)
			continue
		}
		if !strings.Contains(string(answer.JSON), `"rows":`+test.want) {
			t.Errorf("%s %+v: %s, want %s", test.name, test.view, answer.JSON, test.want)
		}
	}
	for _, view := range []mrp.TableView{{Columns: []string{"nope"}}, {Filter: "nope > 1"}, {Filter: "print(1) > 2"}} {
		_, err := patient.Variable(mrp.VariableQuestion{Session: session, Name: "df", View: &view})
		var bad *mrp.BadQuestion
		if !errors.As(err, &bad) {
			t.Errorf("%+v: %v", view, err)
		}
	}
	for name, column := range map[string]string{"times": "iv", "structs": "s", "cube": "0"} {
		view := mrp.TableView{Sort: []mrp.SortKey{{Column: column}}}
		_, err := patient.Variable(mrp.VariableQuestion{Session: session, Name: name, View: &view})
		if err == nil || !strings.Contains(err.Error(), "holds values without an order") {
			t.Errorf("%s sorted by %s: %v", name, column, err)
		}
	}
	if got := variable(t, session, "masked", "[1]"); !strings.Contains(got.Value, "--") {
		t.Errorf("a masked element: %+v", got)
	}
	if got := variable(t, session, "df"); !slices.Equal(got.Keys, []string{"n", "s", "x y"}) || !slices.Equal(got.Shape, []int{3, 3}) {
		t.Errorf("df: %+v", got)
	}
}
