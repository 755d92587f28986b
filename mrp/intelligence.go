package mrp

import (
	"context"
	"errors"

	"github.com/go-json-experiment/json/jsontext"
)

// Intelligence is what an Engine may offer besides running code: answers about
// live objects, also while a cell runs. All methods may be called from any
// goroutine. None waits longer than the engine's deadline: then the answer is an
// older one, marked as stale, or the error is ErrBusy. When ctx ends the question
// is dropped and the error is ctx's. What the user's objects do when they are
// looked at is never an error.
type Intelligence interface {
	// Complete lists what could stand at the cursor.
	Complete(ctx context.Context, question CompleteQuestion) (Answer, error)
	// Inspect describes what stands at the cursor, or the call it is in.
	Inspect(ctx context.Context, question InspectQuestion) (Answer, error)
	// Hover says in a few words what stands at the cursor.
	Hover(ctx context.Context, question HoverQuestion) (Answer, error)
	// Variables lists what the user defined in a session.
	Variables(ctx context.Context, question VariablesQuestion) (Answer, error)
	// Variable describes one variable or a part of it; the error is a
	// *NoSuchVariable or a *BadQuestion when there is nothing to describe.
	Variable(ctx context.Context, question VariableQuestion) (Answer, error)
	// Format gives code as a formatter would write it.
	Format(ctx context.Context, question FormatQuestion) (Answer, error)
	// History lists cells that a session has run.
	History(ctx context.Context, question HistoryQuestion) (Answer, error)
}

// Answer is what a client is told.
type Answer struct {
	// JSON is the answer as the protocol has it: one JSON object.
	JSON jsontext.Value
	// Stale says that Python could not be asked in time and the answer is the
	// last one to the same question.
	Stale bool
}

// ErrBusy: Python could not be asked within the deadline and nobody asked the
// same before.
var ErrBusy = errors.New("python could not be asked in time")

// NoSuchVariable is the error for a name or a path that leads nowhere.
type NoSuchVariable struct{ Message string }

// Error is the message clients get.
func (e *NoSuchVariable) Error() string { return e.Message }

// BadQuestion is the error for a question that makes no sense for the object it
// is about.
type BadQuestion struct{ Message string }

// Error is the message clients get.
func (e *BadQuestion) Error() string { return e.Message }

// CompleteQuestion, like all questions with a cursor, counts it in characters
// (Unicode code points) from 0; nil and whatever is past the end mean the end.
type CompleteQuestion struct {
	Session string `json:"-"`
	Code    string `json:"code"`
	Cursor  *int   `json:"cursor,omitzero"`
}

// InspectQuestion asks for the signature (Detail 0), the documentation as well
// (1) or the source as well (2).
type InspectQuestion struct {
	Session string `json:"-"`
	Code    string `json:"code"`
	Cursor  *int   `json:"cursor,omitzero"`
	Detail  int    `json:"detail"`
}

// HoverQuestion is what a mouse over code asks.
type HoverQuestion struct {
	Session string `json:"-"`
	Code    string `json:"code"`
	Cursor  *int   `json:"cursor,omitzero"`
}

// VariablesQuestion says which variables to list.
type VariablesQuestion struct {
	Session string `json:"-"`
	// Types are names of types, with or without their module; nil for all.
	Types []string `json:"types,omitzero"`
	// NamePattern is a regular expression in RE2's syntax that has to match
	// somewhere in the name; "" for all.
	NamePattern string `json:"-"`
	// ExcludePrivate leaves names out that begin with "_".
	ExcludePrivate bool `json:"excludePrivate"`
	// Limit and Offset choose from the names in order; a nil Limit is the
	// engine's default.
	Limit  *int `json:"limit,omitzero"`
	Offset int  `json:"offset"`
	// Names are those that the pattern left; nil when there was none.
	Names []string `json:"names,omitzero"`
}

// VariableQuestion asks for a variable, or for what is found in it by a path of
// keys, indices, attributes and columns.
type VariableQuestion struct {
	Session string   `json:"-"`
	Name    string   `json:"name"`
	Path    []string `json:"path"`
	// Offset and MaxChildren choose from the children.
	Offset      int `json:"offset"`
	MaxChildren int `json:"maxChildren"`
	// MaxValueLength bounds fullValue, in characters.
	MaxValueLength int `json:"maxValueLength"`
	// View asks for a page of a table in place of the children.
	View *TableView `json:"view,omitzero"`
}

// TableView is a page of a table.
type TableView struct {
	// Rows are the first row and the one after the last, counted from 0.
	Rows [2]int `json:"rows"`
	// Columns are the names of those to give, nil for all.
	Columns []string `json:"columns,omitzero"`
	// Sort orders the rows before they are counted, the first key first.
	Sort []SortKey `json:"sort,omitzero"`
	// Filter keeps rows: a condition on columns, or a text to look for.
	Filter string `json:"filter"`
}

// SortKey is a column to sort by.
type SortKey struct {
	Column     string `json:"column"`
	Descending bool   `json:"descending"`
}

// FormatQuestion is code to format.
type FormatQuestion struct {
	Code string `json:"code"`
}

// HistoryQuestion chooses from the cells a session has run.
type HistoryQuestion struct {
	Session string `json:"-"`
	// Count is how many to give at most.
	Count int `json:"n"`
	// Pattern is a text the cell contains, or, with * or ? in it, a pattern of
	// the whole cell; "" for all.
	Pattern string `json:"pattern"`
	// Before gives only cells with a smaller historyIndex; nil for the newest.
	Before *int `json:"before,omitzero"`
}
