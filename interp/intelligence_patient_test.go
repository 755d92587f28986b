package interp

import (
	"context"
	"errors"
	"time"

	"github.com/mrmd/mrmd-python/mrp"
)

// patient asks the engine again while Python can't be asked in time, as on a
// machine that is busy with something else. What tests the deadline asks the
// engine itself.
var patient patientClient

type patientClient struct{}

func (patientClient) ask(question func(context.Context) (mrp.Answer, error)) (mrp.Answer, error) {
	limit, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	for {
		answer, err := question(limit)
		if limit.Err() != nil || !answer.Stale && !errors.Is(err, mrp.ErrBusy) {
			return answer, err
		}
	}
}

func (p patientClient) Complete(question mrp.CompleteQuestion) (mrp.Answer, error) {
	return p.ask(func(ctx context.Context) (mrp.Answer, error) { return engine.Complete(ctx, question) })
}

func (p patientClient) Inspect(question mrp.InspectQuestion) (mrp.Answer, error) {
	return p.ask(func(ctx context.Context) (mrp.Answer, error) { return engine.Inspect(ctx, question) })
}

func (p patientClient) Hover(question mrp.HoverQuestion) (mrp.Answer, error) {
	return p.ask(func(ctx context.Context) (mrp.Answer, error) { return engine.Hover(ctx, question) })
}

func (p patientClient) Variable(question mrp.VariableQuestion) (mrp.Answer, error) {
	return p.ask(func(ctx context.Context) (mrp.Answer, error) { return engine.Variable(ctx, question) })
}

func (p patientClient) Variables(question mrp.VariablesQuestion) (mrp.Answer, error) {
	return p.ask(func(ctx context.Context) (mrp.Answer, error) { return engine.Variables(ctx, question) })
}

func (p patientClient) Format(question mrp.FormatQuestion) (mrp.Answer, error) {
	return p.ask(func(ctx context.Context) (mrp.Answer, error) { return engine.Format(ctx, question) })
}

func (p patientClient) History(question mrp.HistoryQuestion) (mrp.Answer, error) {
	return p.ask(func(ctx context.Context) (mrp.Answer, error) { return engine.History(ctx, question) })
}
