package interp

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/go-json-experiment/json"

	"github.com/mrmd/mrmd-python/cpython"
	"github.com/mrmd/mrmd-python/mrp"
)

// inputAnswer is what python/ask.py reads; Text or Error is set.
type inputAnswer struct {
	Text    *string `json:"text,omitzero"`
	Error   string  `json:"error,omitempty"`
	Message string  `json:"message,omitempty"`
}

// pendingInputs lets an interrupt end the waits for input: the thread that waits
// is inside Go then, where a signal alone does not wake it.
type pendingInputs struct {
	mutex   sync.Mutex
	cancels map[int]context.CancelFunc
	next    int
}

func (p *pendingInputs) begin() (ctx context.Context, end func()) {
	ctx, cancel := context.WithCancel(context.Background())
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if p.cancels == nil {
		p.cancels = map[int]context.CancelFunc{}
	}
	number := p.next
	p.next++
	p.cancels[number] = cancel
	return ctx, func() {
		p.mutex.Lock()
		defer p.mutex.Unlock()
		delete(p.cancels, number)
		cancel()
	}
}

func (p *pendingInputs) cancelAll() {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	for _, cancel := range p.cancels {
		cancel()
	}
}

func (e *Engine) registerInput() {
	cpython.RegisterHostFunction("input", func(argument string) (*string, error) {
		var request struct {
			Prompt   string `json:"prompt"`
			Password bool   `json:"password"`
		}
		if err := json.Unmarshal([]byte(argument), &request); err != nil {
			return nil, fmt.Errorf("reading an input request: %w", err)
		}
		text, err := json.Marshal(e.ask(request.Prompt, request.Password))
		if err != nil {
			return nil, fmt.Errorf("writing the answer to an input request: %w", err)
		}
		answer := string(text)
		return &answer, nil
	})
}

func (e *Engine) ask(prompt string, password bool) inputAnswer {
	var sink mrp.Sink
	e.output.FlushThen(func() { sink = e.router.sink })
	if sink == nil {
		return inputAnswer{Error: "not_allowed", Message: "no cell is running that could ask for input"}
	}
	ctx, end := e.inputs.begin()
	defer end()
	text, err := sink.Input(ctx, prompt, password)
	switch {
	case err == nil:
		return inputAnswer{Text: &text}
	case errors.Is(err, mrp.ErrInputCancelled):
		return inputAnswer{Error: "cancelled"}
	case ctx.Err() != nil:
		return inputAnswer{Error: "interrupted"}
	default:
		return inputAnswer{Error: "not_allowed", Message: err.Error()}
	}
}
