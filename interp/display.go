package interp

import (
	"bytes"
	"errors"
	"fmt"
	"runtime/debug"
	"unsafe"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/mrmd/mrmd-python/cpython"
	"github.com/mrmd/mrmd-python/mrp"
)

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
		if len(argument) > largeBundle {
			e.largeBundles.Store(true)
		}
		return nil, nil
	}
}

// largeBundle is from how many bytes on a bundle is worth to be given back to the
// system at once.
const largeBundle = 8 << 20

// returnMemory gives back what large bundles took. Go would keep it for a while.
func (e *Engine) returnMemory() {
	if e.largeBundles.CompareAndSwap(true, false) {
		go debug.FreeOSMemory()
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

// parseBundle reads what python/display.py sends. The values are parts of the text:
// a picture is large, and copies of it are as well.
func parseBundle(text string) (mrp.Display, error) {
	var display mrp.Display
	content := bytes.NewBuffer(unsafe.Slice(unsafe.StringData(text), len(text)))
	decoder := jsontext.NewDecoder(content, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	err := readMembers(decoder, func(name string) (err error) {
		switch name {
		case "data":
			display.Data = map[string]jsontext.Value{}
			return readMembers(decoder, func(mimeType string) (err error) {
				display.Data[mimeType], err = decoder.ReadValue()
				return err
			})
		case "metadata":
			display.Metadata, err = decoder.ReadValue()
		case "transient":
			display.Transient, err = decoder.ReadValue()
		default:
			err = decoder.SkipValue()
		}
		return err
	})
	if err != nil {
		return mrp.Display{}, fmt.Errorf("reading a mime bundle: %w", err)
	}
	display.DisplayID = displayID(display.Transient)
	return display, nil
}

// readMembers calls read for each member of an object, to read its value.
func readMembers(decoder *jsontext.Decoder, read func(name string) error) error {
	if token, err := decoder.ReadToken(); err != nil || token.Kind() != '{' {
		return errors.Join(err, errors.New("an object was expected"))
	}
	for decoder.PeekKind() == '"' {
		name, err := decoder.ReadToken()
		if err != nil {
			return err
		}
		if err := read(name.String()); err != nil {
			return err
		}
	}
	_, err := decoder.ReadToken()
	return err
}

func displayID(transient jsontext.Value) string {
	var named struct {
		DisplayID string `json:"display_id"`
	}
	if len(transient) > 0 {
		// Anything else a display id may be is no id that could be updated.
		_ = json.Unmarshal(transient, &named, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	}
	return named.DisplayID
}
