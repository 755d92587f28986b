package interp

import (
	"fmt"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/mrmd/mrmd-python/cpython"
	"github.com/mrmd/mrmd-python/mrp"
)

// bundle is what python/display.py sends.
type bundle struct {
	Data      map[string]jsontext.Value `json:"data"`
	Metadata  jsontext.Value            `json:"metadata"`
	Transient jsontext.Value            `json:"transient"`
}

func (e *Engine) registerDisplay() {
	cpython.RegisterHostFunction("display", e.showWith(mrp.Sink.Display))
	cpython.RegisterHostFunction("update_display", e.showWith(mrp.Sink.UpdateDisplay))
	cpython.RegisterHostFunction("clear_output", func(wait string) (*string, error) {
		e.afterOutput(func(sink mrp.Sink) { sink.ClearOutput(wait == "true") })
		return nil, nil
	})
}

func (e *Engine) showWith(show func(mrp.Sink, mrp.Display)) cpython.HostFunction {
	return func(argument string) (*string, error) {
		display, err := parseBundle(argument)
		if err != nil {
			return nil, err
		}
		e.afterOutput(func(sink mrp.Sink) { show(sink, display) })
		return nil, nil
	}
}

// afterOutput calls show once everything written before has been delivered. A
// display between cells has no reader and is left out.
func (e *Engine) afterOutput(show func(mrp.Sink)) {
	e.output.FlushThen(func() {
		if e.router.sink != nil {
			show(e.router.sink)
		}
	})
}

func parseBundle(text string) (mrp.Display, error) {
	var parsed bundle
	options := json.JoinOptions(jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	if err := json.Unmarshal([]byte(text), &parsed, options); err != nil {
		return mrp.Display{}, fmt.Errorf("reading a mime bundle: %w", err)
	}
	var transient struct {
		DisplayID string `json:"display_id"`
	}
	if len(parsed.Transient) > 0 {
		// Anything else a display id may be is no id that could be updated.
		_ = json.Unmarshal(parsed.Transient, &transient, options)
	}
	return mrp.Display{
		Data:      parsed.Data,
		Metadata:  parsed.Metadata,
		Transient: parsed.Transient,
		DisplayID: transient.DisplayID,
	}, nil
}
