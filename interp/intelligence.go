package interp

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/mrmd/mrmd-python/mrp"
)

var _ mrp.Intelligence = (*Engine)(nil)

// Complete implements mrp.Intelligence.
func (e *Engine) Complete(ctx context.Context, question mrp.CompleteQuestion) (mrp.Answer, error) {
	return e.answer(ctx, "complete", question.Session, question)
}

// Inspect implements mrp.Intelligence.
func (e *Engine) Inspect(ctx context.Context, question mrp.InspectQuestion) (mrp.Answer, error) {
	return e.answer(ctx, "inspect", question.Session, question)
}

// Hover implements mrp.Intelligence.
func (e *Engine) Hover(ctx context.Context, question mrp.HoverQuestion) (mrp.Answer, error) {
	return e.answer(ctx, "hover", question.Session, question)
}

// Variable implements mrp.Intelligence.
func (e *Engine) Variable(ctx context.Context, question mrp.VariableQuestion) (mrp.Answer, error) {
	if view := question.View; view != nil && (len(view.Sort) > 0 || view.Filter != "") {
		return e.answerWithin(ctx, computingDeadline, "variable", question.Session, question)
	}
	return e.answer(ctx, "variable", question.Session, question)
}

// History implements mrp.Intelligence.
func (e *Engine) History(ctx context.Context, question mrp.HistoryQuestion) (mrp.Answer, error) {
	return e.answer(ctx, "history", question.Session, question)
}

// Format implements mrp.Intelligence.
func (e *Engine) Format(ctx context.Context, question mrp.FormatQuestion) (mrp.Answer, error) {
	return e.answerWithin(ctx, computingDeadline, "format", "", question)
}

// computingDeadline is for what has to compute before it can answer: a formatter
// has to be imported the first time, a table to be sorted before its first page.
const computingDeadline = 10 * time.Second

// Variables implements mrp.Intelligence. The name pattern is matched here, where
// no pattern can take longer than the names are long: Python's would hold the GIL.
func (e *Engine) Variables(ctx context.Context, question mrp.VariablesQuestion) (mrp.Answer, error) {
	if question.NamePattern == "" {
		return e.answer(ctx, "variables", question.Session, question)
	}
	pattern, err := regexp.Compile(question.NamePattern)
	if err != nil {
		return mrp.Answer{}, fmt.Errorf("reading the pattern for names: %w", err)
	}
	deadline := time.Now().Add(e.lookIn.deadline)
	listed, err := e.answer(ctx, "names", question.Session, question)
	if err != nil {
		return mrp.Answer{}, err
	}
	var names []string
	if err := json.Unmarshal(listed.JSON, &names); err != nil {
		return mrp.Answer{}, fmt.Errorf("reading the names of variables: %w", err)
	}
	question.Names = []string{}
	for _, name := range names {
		if pattern.MatchString(name) {
			question.Names = append(question.Names, name)
		}
	}
	answer, err := e.answerWithin(ctx, time.Until(deadline), "variables", question.Session, question)
	answer.Stale = answer.Stale || listed.Stale
	return answer, err
}

func (e *Engine) answer(ctx context.Context, kind, session string, question any) (mrp.Answer, error) {
	return e.answerWithin(ctx, e.lookIn.deadline, kind, session, question)
}

func (e *Engine) answerWithin(ctx context.Context, allowed time.Duration, kind, session string, question any) (mrp.Answer, error) {
	text, err := json.Marshal(question)
	if err != nil {
		return mrp.Answer{}, fmt.Errorf("encoding a question: %w", err)
	}
	key := snapshotKey{kind, sessionOf(session), string(text)}
	within, cancel := context.WithTimeout(ctx, allowed)
	defer cancel()
	answer, err := e.lookIn.ask(within, e, key, allowed == computingDeadline)
	switch {
	case err == nil:
		if kind != "format" {
			e.lookIn.snapshots.keep(key, answer)
		}
		return mrp.Answer{JSON: answer}, nil
	case ctx.Err() != nil:
		return mrp.Answer{}, ctx.Err()
	case errors.Is(err, context.DeadlineExceeded):
		if old, found := e.lookIn.snapshots.find(key); found {
			return mrp.Answer{JSON: old, Stale: true}, nil
		}
		return mrp.Answer{}, mrp.ErrBusy
	default:
		return mrp.Answer{}, fmt.Errorf("answering /%s: %w", kind, err)
	}
}

type snapshotKey struct{ kind, session, question string }

// answerOf reads what python/intelligence.py's answer gives.
func answerOf(status, text string) (jsontext.Value, error) {
	switch status {
	case "answered":
		return jsontext.Value(text), nil
	case "not ready":
		return nil, errNotReady
	case "not found":
		return nil, &mrp.NoSuchVariable{Message: text}
	default:
		return nil, &mrp.BadQuestion{Message: text}
	}
}
