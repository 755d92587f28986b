package interp

import (
	"fmt"
	"strings"
	"testing"

	"github.com/mrmd/mrmd-python/mrp"
)

func mimeTypes(display mrp.Display) string {
	var names []string
	for _, name := range []string{"text/plain", "text/html", "text/markdown", "application/json", "image/png"} {
		if value, found := display.Data[name]; found {
			names = append(names, fmt.Sprintf("%s=%.40s", name, value))
		}
	}
	return strings.Join(names, " ")
}

func TestDisplaysComeInOrder(t *testing.T) {
	_, shown := mustRun(t, "import os\nprint('p'); display('d'); os.write(1, b'q\\n'); display('e')\nfrom IPython.display import clear_output\nclear_output(wait=True)")
	got := strings.ReplaceAll(strings.Join(shown.order, " "), "p stdout:", "p")
	if got != "stdout:p\n display stdout:q\n display clear:true" {
		t.Errorf("order %q", got)
	}
	if got = mimeTypes(shown.displays[0]); got != `text/plain="'d'"` {
		t.Errorf("display is %s", got)
	}
}

func TestRichResultIsAlsoShown(t *testing.T) {
	result, shown := mustRun(t, `
calls = []
class Rich:
    def __repr__(self): calls.append('repr'); return 'Rich()'
    def _repr_html_(self): calls.append('html'); return '<b>rich</b>'
Rich()`)
	if result != "Rich()" || len(shown.displays) != 1 {
		t.Fatalf("result %s, %d displays", result, len(shown.displays))
	}
	if got := mimeTypes(shown.displays[0]); got != `text/plain="Rich()" text/html="<b>rich</b>"` {
		t.Errorf("display is %s", got)
	}
	if called, _ := mustRun(t, "sorted(calls)"); called != "['html', 'repr']" {
		t.Errorf("called %s", called)
	}
	if _, shown := mustRun(t, "{'plain': 1}"); len(shown.displays) != 0 {
		t.Errorf("a plain result was shown %d times", len(shown.displays))
	}
}

func TestUpdateDisplay(t *testing.T) {
	_, shown := mustRun(t, "h = display('v1', display_id='d1')\nh.update('v2')")
	if len(shown.displays) != 1 || shown.displays[0].DisplayID != "d1" || len(shown.updates) != 1 || shown.updates[0].DisplayID != "d1" {
		t.Errorf("displays %+v updates %+v", shown.displays, shown.updates)
	}
}

func TestOddBundles(t *testing.T) {
	_, shown := mustRun(t, `
display({'application/json': {'nan': float('nan'), 'list': [1, (2, 3)], 'bytes': b'ab', 'set': {1}}, 'image/png': b'\x89PNG', 'text/plain': '\ud800'}, raw=True)`)
	if len(shown.displays) != 1 {
		t.Fatalf("%d displays", len(shown.displays))
	}
	got := mimeTypes(shown.displays[0])
	if !strings.Contains(got, `image/png="iVBORw=="`) || !strings.Contains(got, "null") {
		t.Errorf("display is %s", got)
	}
}

func TestRegisteredFormattersAreAsked(t *testing.T) {
	mustRun(t, "html = get_ipython().display_formatter.formatters['text/html']\nhtml.for_type(int, lambda n: f'<i>{n}</i>')")
	result, shown := mustRun(t, "5")
	mustRun(t, "html.pop(int)")
	if result != "5" || len(shown.displays) != 1 || !strings.Contains(mimeTypes(shown.displays[0]), "<i>5</i>") {
		t.Errorf("result %s, displays %v", result, shown.displays)
	}
	mustRun(t, "text = get_ipython().display_formatter.formatters['text/plain']\ntext.for_type(int, lambda n, p, cycle: p.text(f'int:{n}'))")
	result, _ = mustRun(t, "5")
	mustRun(t, "text.pop(int)")
	if result != "int:5" {
		t.Errorf("result %s", result)
	}
	if result, _ = mustRun(t, "5"); result != "5" {
		t.Errorf("afterwards %s", result)
	}
}

// TestFormattersForBuiltins registers formatters in each way that IPython knows for
// values whose formatters are otherwise not asked.
func TestFormattersForBuiltins(t *testing.T) {
	mustRun(t, "html = get_ipython().display_formatter.formatters['text/html']\nchosen = 12345678")
	for _, way := range []struct{ register, undo string }{
		{"html.for_type(int, shown)", "html.pop(int)"},
		{"html.for_type(object, shown)", "html.pop(object)"},
		{"html.for_type('builtins.int', shown)", "html.pop('builtins.int')"},
		{"html.for_type_by_name('builtins', 'int', shown)", "html.pop(int)"},
		{"html.singleton_printers[id(chosen)] = shown", "html.singleton_printers.clear()"},
		{"html.type_printers = {int: shown}", "html.type_printers = {}"},
	} {
		mustRun(t, "def shown(value): return f'<i>{value}</i>'\n"+way.register)
		if _, shown := mustRun(t, "chosen"); len(shown.displays) != 1 || mimeTypes(shown.displays[0]) != `text/plain="12345678" text/html="<i>12345678</i>"` {
			t.Errorf("after %s it shows %v", way.register, shown.displays)
		}
		mustRun(t, way.undo)
		if result, shown := mustRun(t, "chosen"); len(shown.displays) != 0 || result != "12345678" {
			t.Errorf("after %s it shows %v", way.undo, shown.displays)
		}
	}
}
