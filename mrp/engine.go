package mrp

import (
	"context"
	"errors"

	"github.com/go-json-experiment/json/jsontext"
)

// Engine runs code for the protocol. interp implements it on IPython; tests use
// a toy. All methods may be called from any goroutine, none needs the GIL from
// its caller, and a method may be called before Ready is closed: it then waits
// (or, for Info, answers with what is known so far).
type Engine interface {
	// Info describes the runtime. It never waits for Python.
	Info() Info

	// Ready is closed when the engine can run code, or has failed to start (see
	// StartError).
	Ready() <-chan struct{}

	// StartError is why the engine could not start; nil before Ready is closed
	// and after a good start.
	StartError() error

	// Execute runs one cell and returns when it has ended and all its output
	// has been given to sink. The caller sees to it that executions do not
	// overlap. An exception in the user's code is part of the Outcome; the
	// error is for failures of the engine itself. Cancelling ctx stops waiting
	// for the engine to start, never a cell that has begun.
	Execute(ctx context.Context, request Execution, sink Sink) (Outcome, error)

	// Interrupt asks the running cell to stop with KeyboardInterrupt and
	// answers at once. It reports whether a cell was running.
	Interrupt() bool

	// Reset clears the session's namespace, history numbers and outputs. The
	// caller sees to it that no execution runs meanwhile. A session is made by
	// the first execution in it; before that there is nothing to reset.
	Reset(ctx context.Context, session string) error

	// CloseSession ends a session and gives back what its namespace held; the
	// default session is only reset. The caller sees to it that no execution
	// runs meanwhile.
	CloseSession(ctx context.Context, session string) error

	// VariableCount counts the names that the user defined in a session. It
	// does not wait for a running cell.
	VariableCount(ctx context.Context, session string) (int, error)

	// IsComplete says whether code could be run as it stands.
	IsComplete(ctx context.Context, code string) (Completeness, error)
}

// Info is what /capabilities and /health tell of an engine.
type Info struct {
	// WorkingDirectory, Executable and Virtualenv are absolute paths;
	// Executable is the venv's own interpreter, never this binary.
	WorkingDirectory string
	Executable       string
	Virtualenv       string
	// PythonVersion is like "3.11.7", Implementation like "cpython";
	// IPythonVersion is "" until it is known.
	PythonVersion  string
	Implementation string
	IPythonVersion string
	// CanFormat says whether a code formatter can be imported.
	CanFormat bool
}

// Execution is one cell as the engine sees it.
type Execution struct {
	ExecID       string
	Session      string
	Code         string
	StoreHistory bool
	Silent       bool
	AllowStdin   bool
	// Columns is the width of the terminal the code sees, in characters; 0
	// means the runtime's default.
	Columns int
}

// Stream names one of an execution's two text streams.
type Stream uint8

// The text streams, in the order their names are indexed.
const (
	Stdout Stream = iota
	Stderr
)

// String is the stream's name on the wire.
func (s Stream) String() string {
	if s == Stderr {
		return "stderr"
	}
	return "stdout"
}

// Sink takes what a running cell shows. The engine calls it in the order in
// which things happened, one call at a time, from any goroutine or thread, and
// never while it holds the GIL for Input. Text and Display return quickly
// whatever the clients do.
type Sink interface {
	// Text takes output; text is valid UTF-8, ends on a character's boundary
	// and may be reused by the caller after the call.
	Text(stream Stream, text []byte)

	// Display takes a new mime bundle.
	Display(display Display)

	// UpdateDisplay replaces the bundle shown under Transient's display_id.
	UpdateDisplay(display Display)

	// ClearOutput removes what is shown so far, or with wait when the next
	// thing is shown.
	ClearOutput(wait bool)

	// Input asks the reader for a line and blocks until there is an answer
	// (one trailing newline taken off), the reader cancels (ErrInputCancelled),
	// stdin is not allowed (ErrInputNotAllowed) or ctx ends (its error).
	Input(ctx context.Context, prompt string, password bool) (string, error)
}

// Display is a mime bundle on its way to the reader.
type Display struct {
	// Data maps a mime type to its JSON value: a string for text, base64 in a
	// string for binary types, any value for JSON types.
	Data map[string]jsontext.Value
	// Metadata and Transient are JSON objects, or nil.
	Metadata  jsontext.Value
	Transient jsontext.Value
	// DisplayID is Transient's display_id, "" when there is none.
	DisplayID string
}

// Outcome is how a cell ended.
type Outcome struct {
	// Result is the repr of the last expression, nil when there was none.
	Result *string
	// Error is the exception that ended the cell, nil on success.
	Error *CellError
	// ExecutionCount is the cell's own number, 1 for the first.
	ExecutionCount int
	// Imports lists the top-level modules the code imports, in order of
	// appearance.
	Imports []string
}

// CellError is an exception of the user's code as clients see it.
type CellError struct {
	Type      string   `json:"type"`
	Message   string   `json:"message"`
	Traceback []string `json:"traceback"`
	// Line and Column count from 1 in the cell's code; nil when not known.
	Line   *int `json:"line"`
	Column *int `json:"column"`
}

// Completeness is the answer of /is_complete. Status is "complete",
// "incomplete", "invalid" or "unknown"; Indent is spaces for the next line.
type Completeness struct {
	Status string `json:"status"`
	Indent string `json:"indent"`
}

// Errors an engine or a sink gives for the caller to tell apart.
var (
	// ErrInputCancelled: the reader declined to answer an input request.
	ErrInputCancelled = errors.New("input cancelled by user")
	// ErrInputNotAllowed: the execution was sent without allowStdin.
	ErrInputNotAllowed = errors.New("this execution may not ask for input: send it to /execute/stream, or with \"allowStdin\": true")
)
