package interp

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"golang.org/x/sys/unix"

	"github.com/mrmd/mrmd-python/cpython"
	"github.com/mrmd/mrmd-python/mrp"
)

type described struct {
	Name       string      `json:"name"`
	Type       string      `json:"type"`
	Value      string      `json:"value"`
	Size       *string     `json:"size"`
	Expandable bool        `json:"expandable"`
	Shape      []int       `json:"shape"`
	Dtype      *string     `json:"dtype"`
	Length     *int        `json:"length"`
	Bytes      *int        `json:"nbytes"`
	Keys       []string    `json:"keys"`
	FullValue  string      `json:"fullValue"`
	Children   []described `json:"children"`
	ChildCount *int        `json:"childCount"`
	Methods    []string    `json:"methods"`
	Attributes []string    `json:"attributes"`
	Truncated  bool        `json:"truncated"`
}

type listedVariables struct {
	Variables []described `json:"variables"`
	Count     int         `json:"count"`
	Truncated bool        `json:"truncated"`
}

type hovered struct {
	Found         bool    `json:"found"`
	Name          *string `json:"name"`
	Type          *string `json:"type"`
	Value         *string `json:"value"`
	Signature     *string `json:"signature"`
	Docstring     *string `json:"docstring"`
	Documentation *string `json:"documentation"`
}

type inspected struct {
	hovered
	Kind       *string `json:"kind"`
	SourceCode *string `json:"sourceCode"`
	File       *string `json:"file"`
	Line       *int    `json:"line"`
	Children   *int    `json:"children"`
}

// read decodes an answer that must not have failed.
func read[T any](t testing.TB, answer mrp.Answer, err error) T {
	t.Helper()
	var value T
	if err != nil {
		var exception *cpython.Error
		if errors.As(err, &exception) {
			t.Log(exception.Traceback)
		}
		t.Fatal(err)
	}
	if err := json.Unmarshal(answer.JSON, &value); err != nil {
		t.Fatalf("the answer %s: %v", answer.JSON, err)
	}
	return value
}

func text(pointer *string) string {
	if pointer == nil {
		return "<null>"
	}
	return *pointer
}

// newSession gives the name of a session of the test's own, in which code has run.
func newSession(t testing.TB, code string) string {
	t.Helper()
	session := t.Name()
	runHere(t, session, code)
	t.Cleanup(func() {
		if err := engine.CloseSession(context.Background(), session); err != nil {
			t.Error(err)
		}
	})
	return session
}

func runHere(t testing.TB, session, code string) {
	t.Helper()
	outcome, err := engine.Execute(context.Background(), mrp.Execution{Code: code, Session: session, StoreHistory: true}, &transcript{})
	if err != nil {
		t.Fatal(err)
	}
	if outcome.Error != nil {
		t.Fatalf("%s: %s", outcome.Error.Type, strings.Join(outcome.Error.Traceback, ""))
	}
}

func listVariables(t testing.TB, question mrp.VariablesQuestion) listedVariables {
	t.Helper()
	answer, err := patient.Variables(question)
	return read[listedVariables](t, answer, err)
}

func variableNames(list listedVariables) string {
	var names []string
	for _, variable := range list.Variables {
		names = append(names, variable.Name)
	}
	return strings.Join(names, " ")
}

func hover(t testing.TB, session, code string, cursor int) hovered {
	t.Helper()
	answer, err := patient.Hover(mrp.HoverQuestion{Session: session, Code: code, Cursor: &cursor})
	return read[hovered](t, answer, err)
}

func hoverEnd(t testing.TB, session, code string) hovered {
	t.Helper()
	return hover(t, session, code, utf8.RuneCountInString(code))
}

func inspect(t testing.TB, session, code string, detail int) inspected {
	t.Helper()
	answer, err := patient.Inspect(mrp.InspectQuestion{Session: session, Code: code, Detail: detail})
	return read[inspected](t, answer, err)
}

func variable(t testing.TB, session, name string, path ...string) described {
	t.Helper()
	answer, err := patient.Variable(mrp.VariableQuestion{
		Session: session, Name: name, Path: path, MaxChildren: 100, MaxValueLength: 1000})
	return read[described](t, answer, err)
}

func childNames(d described) string {
	var names []string
	for _, child := range d.Children {
		names = append(names, child.Name)
	}
	return strings.Join(names, " ")
}

// whileRunning runs code that prints "begun" in the default session, calls during
// and interrupts the cell.
func whileRunning(t testing.TB, code string, during func()) {
	t.Helper()
	sink := &signalled{text: "begun\n", seen: make(chan struct{})}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = engine.Execute(context.Background(), mrp.Execution{Code: "print('begun')\n" + code}, sink)
	}()
	<-sink.seen
	defer func() {
		engine.Interrupt()
		<-done
	}()
	during()
}

func TestNothingOfTheUsersIsHidden(t *testing.T) {
	session := newSession(t, "Income = Output = quitting = exit_code = 1\nid = 9; _private = 2\nimport os\nx = 'text'")
	list := listVariables(t, mrp.VariablesQuestion{Session: session, ExcludePrivate: true})
	if got := variableNames(list); got != "Income Output exit_code from_exec_lines from_startup_file id quitting x" && got != "Income Output exit_code id quitting x" {
		t.Errorf("variables are %s", got)
	}
	list = listVariables(t, mrp.VariablesQuestion{Session: session, Types: []string{"str"}, NamePattern: "^x"})
	if got := variableNames(list); got != "x" || list.Count != 1 || list.Variables[0].Value != "'text'" {
		t.Errorf("filtered by type and name: %+v", list)
	}
	list = listVariables(t, mrp.VariablesQuestion{Session: session, NamePattern: "private"})
	if got := variableNames(list); got != "_private" {
		t.Errorf("private variables are %s", got)
	}
	limit := 2
	list = listVariables(t, mrp.VariablesQuestion{Session: session, NamePattern: "it", ExcludePrivate: true, Limit: &limit, Offset: 1})
	if got := variableNames(list); got != "quitting" || list.Count != 2 || list.Truncated {
		t.Errorf("the second page: %+v", list)
	}
}

func TestVariableThatIsNotThere(t *testing.T) {
	session := newSession(t, "d = {'a': 1}\nx = 1")
	for _, path := range [][]string{{"nope"}, {"x + 1"}, {"d", "b"}, {"d", "0"}, {"x", "real", "nope"}, {"__import__('os')"}} {
		_, err := patient.Variable(mrp.VariableQuestion{Session: session, Name: path[0], Path: path[1:]})
		var missing *mrp.NoSuchVariable
		if !errors.As(err, &missing) {
			t.Errorf("%v: %v", path, err)
		}
	}
}

func TestAnswersWhileALoopRuns(t *testing.T) {
	mustRun(t, "watched = [1, 2]")
	whileRunning(t, "n = 0\nwhile True: n += 1", func() {
		for range 100 {
			if got := text(hoverEnd(t, "", "watched").Value); got != "[1, 2]" {
				t.Fatalf("hover says %s", got)
			}
		}
	})
}

// TestCodeThatHoldsTheGIL asks while C code waits without giving anybody else a turn.
func TestCodeThatHoldsTheGIL(t *testing.T) {
	mustRun(t, "seen_before = 5")
	if got := text(hoverEnd(t, "", "seen_before").Value); got != "5" {
		t.Fatalf("hover says %s", got)
	}
	path := filepath.Join(t.TempDir(), "gate")
	if err := unix.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	gate, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	sink := &signalled{text: "begun\n", seen: make(chan struct{})}
	done := make(chan struct{})
	go func() {
		defer close(done)
		// Functions of a PyDLL are called with the GIL held.
		_, _ = engine.Execute(context.Background(), mrp.Execution{Code: fmt.Sprintf(`import ctypes
gate = open(%q, "rb")
print("begun")
ctypes.PyDLL(None).read(gate.fileno(), ctypes.create_string_buffer(1), 1)`, path)}, sink)
	}()
	t.Cleanup(func() {
		_, writeErr := gate.WriteString("!")
		<-done
		if err := errors.Join(writeErr, gate.Close()); err != nil {
			t.Error(err)
		}
	})
	<-sink.seen
	// The cell gets from its print into the C code some time after it was seen.
	sawStale, sawBusy := false, false
	limit := time.Now().Add(3 * time.Minute)
	for tries := 0; !sawStale || !sawBusy; tries++ {
		if time.Now().After(limit) {
			t.Fatalf("stale %v, busy %v", sawStale, sawBusy)
		}
		end := len("seen_before")
		answer, err := engine.Hover(context.Background(), mrp.HoverQuestion{Code: "seen_before", Cursor: &end})
		if err != nil {
			t.Fatal(err)
		}
		sawStale = sawStale || answer.Stale
		_, err = engine.Hover(context.Background(), mrp.HoverQuestion{Code: "never_asked" + strings.Repeat(" ", tries), Cursor: &end})
		sawBusy = sawBusy || errors.Is(err, mrp.ErrBusy)
		cancelled, cancel := context.WithTimeout(context.Background(), time.Millisecond)
		if _, err := engine.Hover(cancelled, mrp.HoverQuestion{Code: "seen_before", Cursor: &end}); err != nil && !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a client that went away: %v", err)
		}
		cancel()
	}
}
