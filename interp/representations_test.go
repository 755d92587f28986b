package interp

import (
	"strings"
	"testing"
)

func TestRepresentationsAreMadeOnce(t *testing.T) {
	mustRun(t, `
calls = []
class Counted:
    def __repr__(self): calls.append('repr'); return 'Counted()'
class Page(Counted):
    def _repr_html_(self): calls.append('html'); return '<b>'
class Whole(Counted):
    def _repr_mimebundle_(self, include=None, exclude=None):
        calls.append('bundle')
        return {'text/plain': 'its own text', 'application/x-own+json': {'a': 1}}, {'application/x-own+json': {'m': 1}}
class Partly(Counted):
    def _repr_mimebundle_(self, **options): calls.append('bundle'); return {'text/html': '<i>'}
    def _repr_html_(self): calls.append('html')
class Itself(Counted):
    def _ipython_display_(self): calls.append('itself'); display('inside')
class Pretty(Counted):
    def _repr_pretty_(self, p, cycle): calls.append('pretty'); p.text('pretty!')
    def _repr_latex_(self): calls.append('latex'); return '$x$'`)
	for _, step := range []struct{ code, result, types, calls string }{
		{"Counted()", "Counted()", "", "repr"},
		{"Page()", "Counted()", `text/plain="Counted()" text/html="<b>"`, "html repr"},
		{"Whole()", "Counted()", `text/plain="its own text"`, "bundle repr"},
		{"Partly()", "Counted()", `text/plain="Counted()" text/html="<i>"`, "bundle repr"},
		{"Itself()", "Counted()", `text/plain="'inside'"`, "itself repr"},
		{"Pretty()", "Counted()", `text/plain="pretty!"`, "latex pretty repr"},
		{"display(Page())", "", `text/plain="Counted()" text/html="<b>"`, "html repr"},
		{"display(Whole(), include=['text/plain'])", "", `text/plain="its own text"`, "bundle"},
		{"display(Whole(), exclude=['application/x-own+json'])", "", `text/plain="its own text"`, "bundle"},
		{"Page();", "", "", ""},
	} {
		mustRun(t, "calls.clear()")
		result, shown := mustRun(t, step.code)
		var types []string
		for _, display := range shown.displays {
			types = append(types, mimeTypes(display))
		}
		if got := strings.Join(types, " | "); got != step.types || result != step.result {
			t.Errorf("%s gave %s and showed %s", step.code, result, got)
		}
		if got, _ := mustRun(t, "' '.join(sorted(calls))"); got != "'"+step.calls+"'" {
			t.Errorf("%s called %s, not %s", step.code, got, step.calls)
		}
	}
	_, shown := mustRun(t, "Whole()")
	if got := string(shown.displays[0].Metadata); got != `{"application/x-own+json": {"m": 1}}` {
		t.Errorf("metadata %s", got)
	}
}

func TestFailingRepresentations(t *testing.T) {
	result, shown := mustRun(t, `
class Broken:
    def _repr_html_(self): raise ValueError('no page')
    def __repr__(self): return 'Broken()'
Broken()`)
	if result != "Broken()" || len(shown.displays) != 0 || !strings.Contains(shown.stderr(), "ValueError") {
		t.Errorf("result %s, %d displays, stderr %q", result, len(shown.displays), shown.stderr())
	}
}

func TestWidgetsAreShownAsText(t *testing.T) {
	result, shown := mustRun(t, `
class Widget:
    def _repr_mimebundle_(self, **options):
        return {'application/vnd.jupyter.widget-view+json': {'model_id': 'm'}, 'text/plain': 'IntSlider(value=3)'}
    def __repr__(self): return 'IntSlider(value=3)'
Widget()`)
	if result != "IntSlider(value=3)" || len(shown.displays) != 1 {
		t.Fatalf("result %s, %d displays", result, len(shown.displays))
	}
	if got := mimeTypes(shown.displays[0]); !strings.Contains(got, `IntSlider(value=3)\n(`) {
		t.Errorf("shown as %s", got)
	}
}
