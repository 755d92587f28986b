package interp

import (
	"fmt"
	"strings"
	"testing"

	"github.com/mrmd/mrmd-python/mrp"
)

func describeError(failure *mrp.CellError) string {
	if failure == nil {
		return "no error"
	}
	position := func(value *int) string {
		if value == nil {
			return "-"
		}
		return fmt.Sprint(*value)
	}
	return fmt.Sprintf("%s|%s|%s", failure.Type, failure.Message, position(failure.Line))
}

func TestHowCellsFail(t *testing.T) {
	mustRun(t, "def earlier():\n    pass\n    raise ValueError('from an earlier cell')")
	for code, want := range map[string]string{
		"1/0":                                "ZeroDivisionError|division by zero|1",
		"x = 1\n\nundefined_name":            "NameError|name 'undefined_name' is not defined|3",
		"raise RuntimeError":                 "RuntimeError||1",
		"assert 1 == 2, 'msg'":               "AssertionError|msg|1",
		"raise KeyboardInterrupt":            "KeyboardInterrupt||1",
		"import sys\nsys.exit(3)":            "SystemExit|3|2",
		"exit()":                             "SystemExit|None|1",
		"quit(2)":                            "SystemExit|2|1",
		"exit":                               "SystemExit|None|1",
		"raise SystemExit('bye')":            "SystemExit|bye|1",
		"\n\nearlier()":                      "ValueError|from an earlier cell|3",
		"import nonexistent_mod_xyz":         "ModuleNotFoundError|No module named 'nonexistent_mod_xyz'|1",
		"%nosuchmagic":                       "UsageError|Line magic function `%nosuchmagic` not found.|1",
		"def f():\n    eval('1+')\n\nf()":    "SyntaxError|invalid syntax (<string>, line 1)|2",
		"return 5":                           "SyntaxError|'return' outside function",
		"async def f():\n    1/0\nawait f()": "ZeroDivisionError|division by zero|2",
		"class E(Exception):\n    def __str__(self): raise ValueError\nraise E": "E|(its message can't be shown: ValueError)|3",
		"class R:\n    def __repr__(self): raise ValueError('bad repr')\nR()":   "ValueError|bad repr|2",
	} {
		outcome, shown := run(t, code)
		got := describeError(outcome.Error)
		if !strings.HasPrefix(got, want) {
			t.Errorf("%q fails with %s, want %s", code, got, want)
		}
		if shown.stdout() != "" || strings.Contains(shown.stderr(), "Traceback") {
			t.Errorf("%q printed %q, %q", code, shown.stdout(), shown.stderr())
		}
		if outcome.Error == nil {
			continue
		}
		for _, line := range outcome.Error.Traceback {
			if strings.Contains(line, "IPython/") || strings.Contains(line, "<mrmd>") {
				t.Errorf("%q: a frame of the machinery: %s", code, line)
			}
		}
		if result, _ := mustRun(t, "'alive'"); result != "'alive'" {
			t.Errorf("after %q the next cell gave %s", code, result)
		}
	}
}

func TestSyntaxErrorsSayWhere(t *testing.T) {
	for code, want := range map[string]string{
		"1+":             "SyntaxError|1|3",
		"x = 1\ny = = 2": "SyntaxError|2|5",
		"if 1:\nx=1":     "IndentationError|2|1",
		"\n\n  x = = 2":  "SyntaxError|3|5",
		"return 5":       "SyntaxError|1|1",
		// What IPython's own transformers can't make tokens of; the column is the tokenizer's.
		"\n%time\nif 1:\n        x=1\n    y=2": "IndentationError|5|",
	} {
		outcome, shown := run(t, code)
		failure := outcome.Error
		if failure == nil || failure.Line == nil || failure.Column == nil {
			t.Errorf("%q: %+v", code, failure)
			continue
		}
		if got := fmt.Sprintf("%s|%d|%d", failure.Type, *failure.Line, *failure.Column); !strings.HasPrefix(got, want) {
			t.Errorf("%q: %s, want %s", code, got, want)
		}
		text := strings.Join(failure.Traceback, "")
		line := strings.TrimSpace(strings.Split(code, "\n")[*failure.Line-1])
		if strings.Count(text, "  File ") != 1 || !strings.Contains(text, "\n    "+line+"\n") {
			t.Errorf("%q: more or less than the line %q in\n%s", code, line, text)
		}
		if shown.stdout()+shown.stderr() != "" {
			t.Errorf("%q printed %q%q", code, shown.stdout(), shown.stderr())
		}
	}
}

// IPython removes leading empty lines.
func TestLeadingEmptyLinesCountAndMeanNothing(t *testing.T) {
	for code, want := range map[string]string{
		"\n\n    1/0":                "ZeroDivisionError|division by zero|3",
		"\r\n \n%%writefile\nx":      "UsageError|the following arguments are required: filename|3",
		"\n\n>>> x = 1\n>>> x / 0":   "ZeroDivisionError|division by zero|4",
		"\nIn [1]: 1/0":              "ZeroDivisionError|division by zero|2",
		"\n\nexit":                   "SystemExit|None|3",
		"\n\nnosuchname\n\n":         "NameError|name 'nosuchname' is not defined|3",
		"\n\n \t\n":                  "no error",
		"\n\n  x = 1\n  assert x":    "no error",
		"\n    %%capture c\n    1/0": "no error",
	} {
		outcome, _ := run(t, code)
		if got := describeError(outcome.Error); got != want {
			t.Errorf("%q fails with %s, want %s", code, got, want)
		}
	}
}

func TestTracebackIsPythonsOwn(t *testing.T) {
	outcome, _ := run(t, "def f():\n    1/0\ntry:\n    f()\nexcept ZeroDivisionError:\n    int('x')")
	text := strings.Join(outcome.Error.Traceback, "")
	for _, part := range []string{
		"Traceback (most recent call last):\n", "line 2, in f\n    1/0\n", "ZeroDivisionError: division by zero\n",
		"During handling of the above exception, another exception occurred:", "    int('x')\n",
		"ValueError: invalid literal for int() with base 10: 'x'\n",
	} {
		if !strings.Contains(text, part) {
			t.Errorf("no %q in\n%s", part, text)
		}
	}
}

func TestExceptionModeIsTheUsersChoice(t *testing.T) {
	mustRun(t, "%xmode Minimal")
	outcome, _ := run(t, "1/0")
	mustRun(t, "%xmode Context")
	if got := strings.Join(outcome.Error.Traceback, ""); got != "ZeroDivisionError: division by zero\n" {
		t.Errorf("traceback %q", got)
	}
}

// Only the cell itself has a reply that an error can be in.
func TestErrorsOfCellsWithinTheCellArePrinted(t *testing.T) {
	for code, want := range map[string]string{
		"get_ipython().run_cell('1/0')":                    "division by zero",
		"get_ipython().run_cell('1 +')":                    "invalid syntax",
		"get_ipython().run_cell('import sys; sys.exit()')": "SystemExit",
		"get_ipython().run_cell('%no_such')":               "UsageError: Line magic function `%no_such` not found.",
		"%%capture kept\n1/0":                              "",
	} {
		outcome, shown := run(t, code)
		if outcome.Error != nil {
			t.Errorf("%q ended with %+v", code, outcome.Error)
		}
		if !strings.Contains(shown.stderr(), want) || strings.Contains(shown.stderr(), "<mrmd>") {
			t.Errorf("%q printed %q", code, shown.stderr())
		}
		if shown.stdout() != "" || want == "" && shown.stderr() != "" {
			t.Errorf("%q printed %q and %q", code, shown.stdout(), shown.stderr())
		}
	}
	result, _ := mustRun(t, "'division by zero' in kept.stderr")
	if result != "True" {
		t.Error("capture has lost the error")
	}
	// An error after that is the cell's own again.
	outcome, shown := run(t, "get_ipython().run_cell('1/0')\nnope")
	if got := describeError(outcome.Error); got != "NameError|name 'nope' is not defined|2" {
		t.Errorf("the cell's own error is %s", got)
	}
	if strings.Contains(shown.stderr(), "NameError") {
		t.Errorf("the cell's own error is also printed: %q", shown.stderr())
	}
}

func TestTracebackMagicShowsTheLast(t *testing.T) {
	run(t, "1/0")
	_, shown := mustRun(t, "%tb")
	if !strings.Contains(shown.stderr(), "ZeroDivisionError") {
		t.Errorf("stderr %q", shown.stderr())
	}
}
