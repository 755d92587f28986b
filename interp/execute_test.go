package interp

import (
	"strings"
	"testing"
)

func TestResultIsTheLastExpression(t *testing.T) {
	for code, want := range map[string]string{
		"1+1":             "2",
		"'hi'":            "'hi'",
		"x = 5":           "",
		"1+1;":            "",
		"if True:\n    5": "",
		"":                "",
		"   \n  ":         "",
		"[1, 2, 3]":       "[1, 2, 3]",
		"'\\ud800'":       `'\ud800'`,
		"import asyncio\nawait asyncio.sleep(0, 7)":        "7",
		"async def co(): return 8\nawait co()":             "8",
		"import asyncio\nasyncio.run(asyncio.sleep(0, 9))": "9",
	} {
		result, shown := mustRun(t, code)
		if result != want {
			t.Errorf("%q: result %q, want %q", code, result, want)
		}
		if shown.stdout() != "" || shown.stderr() != "" {
			t.Errorf("%q printed %q and %q", code, shown.stdout(), shown.stderr())
		}
	}
}

func TestPrintArrives(t *testing.T) {
	_, shown := mustRun(t, "import sys\nprint('héllo ✓ 😀')\nprint('e', file=sys.stderr)")
	if shown.stdout() != "héllo ✓ 😀\n" || shown.stderr() != "e\n" {
		t.Errorf("stdout %q, stderr %q", shown.stdout(), shown.stderr())
	}
}

func TestErrorsAreTheUsers(t *testing.T) {
	outcome, shown := run(t, "print('before')\ndef f():\n    return 1/0\nf()")
	failure := outcome.Error
	if failure == nil || failure.Type != "ZeroDivisionError" || failure.Message != "division by zero" {
		t.Fatalf("error %+v", failure)
	}
	if shown.stdout() != "before\n" || shown.stderr() != "" {
		t.Errorf("stdout %q, stderr %q", shown.stdout(), shown.stderr())
	}
	if failure.Line == nil || *failure.Line != 3 {
		t.Errorf("line %v, want 3", failure.Line)
	}
	text := strings.Join(failure.Traceback, "")
	if strings.Contains(text, "IPython") || strings.Contains(text, "<mrmd>") || !strings.Contains(text, "return 1/0") {
		t.Errorf("traceback:\n%s", text)
	}
}
