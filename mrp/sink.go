package mrp

import (
	"context"
	"fmt"
	"slices"

	"github.com/go-json-experiment/json/jsontext"
)

// executionSink takes an execution's output from the engine and writes it down
// in its log.
type executionSink struct {
	execution *execution
	assets    *assetStore
	// stateChanged is called when the execution begins or ceases to wait for
	// input.
	stateChanged func()
	// assetCount numbers the execution's files.
	assetCount int
	// warned says that the reader has been told why there are no files.
	warned bool
}

var _ Sink = (*executionSink)(nil)

// Text implements Sink.
func (s *executionSink) Text(stream Stream, text []byte) {
	e := s.execution
	if e.request.silent || len(text) == 0 {
		return
	}
	e.screen.somethingShown()
	e.log.write(stream, text)
}

// Display implements Sink.
func (s *executionSink) Display(display Display) { s.show(display, false) }

// UpdateDisplay implements Sink.
func (s *executionSink) UpdateDisplay(display Display) { s.show(display, true) }

// ClearOutput implements Sink.
func (s *executionSink) ClearOutput(wait bool) {
	e := s.execution
	if e.request.silent {
		return
	}
	e.screen.clear(wait)
	e.log.add(eventClearOutput, fmt.Appendf(nil, `"wait":%t`, wait))
}

// Input implements Sink.
func (s *executionSink) Input(ctx context.Context, prompt string, password bool) (string, error) {
	e := s.execution
	if !e.request.allowStdin {
		return "", ErrInputNotAllowed
	}
	text, err := e.input.ask(ctx, &e.log, e.request.execID, prompt, password, s.stateChanged)
	s.stateChanged()
	if err != nil {
		return "", err
	}
	// What a terminal would have echoed. A password's line ends all the same.
	echo := "\n"
	if !password {
		echo = text + "\n"
	}
	s.Text(Stdout, []byte(echo))
	return text, nil
}

func (s *executionSink) show(display Display, update bool) {
	e := s.execution
	if e.request.silent {
		return
	}
	item := screenItem{displayID: display.DisplayID}
	kind := eventDisplay
	if update {
		kind = eventUpdateDisplay
	}
	saved := false
	if e.request.displays != displaysInline {
		var payload []byte
		payload, bundleEnd, ok := s.save(display, update)
		if ok {
			_, place := e.log.add(eventAsset, payload)
			item.asset = byteRange{place.from, place.from + int64(bundleEnd)}
			saved = true
		}
	}
	if !saved || e.request.displays == displaysBoth {
		payload, bundleEnd := bundlePayload(display)
		_, place := e.log.add(kind, payload)
		item.bundle = byteRange{place.from, place.from + int64(bundleEnd)}
	}
	if update {
		e.screen.update(item)
	} else {
		e.screen.show(item)
	}
}

// save writes the display to a file when it has something worth one. The
// payload's first part, up to end, is the asset object's.
func (s *executionSink) save(display Display, update bool) (payload []byte, end int, ok bool) {
	mimeType, content := assetContent(display.Data)
	if mimeType == "" {
		return nil, 0, false
	}
	e := s.execution
	s.assetCount++
	saved, err := s.assets.save(e.request.execID, s.assetCount, e.request.assetDir, mimeType, content)
	if err != nil {
		s.assetCount--
		s.warn(err)
		return nil, 0, false
	}
	payload = saved.appendMembers(nil)
	end = len(payload)
	payload = appendMember(payload, `,"metadata":`, display.Metadata)
	payload = appendMember(payload, `,"transient":`, display.Transient)
	if update {
		payload = append(payload, `,"update":true`...)
	}
	return payload, end, true
}

// warn tells the reader, once, why displays come inline.
func (s *executionSink) warn(err error) {
	if s.warned {
		return
	}
	s.warned = true
	s.Text(Stderr, fmt.Appendf(nil, "mrmd-python: displays are sent inline: %v\n", err))
}

// bundlePayload is a display event's payload; its first part, up to end, is
// what displayData has of it.
func bundlePayload(display Display) (payload []byte, end int) {
	payload = append(payload, `"data":{`...)
	types := make([]string, 0, len(display.Data))
	for mimeType := range display.Data {
		types = append(types, mimeType)
	}
	slices.Sort(types)
	first := true
	for _, mimeType := range types {
		before := len(payload)
		if !first {
			payload = append(payload, ',')
		}
		payload = append(appendQuoted(payload, mimeType), ':')
		grown, err := appendOneLine(payload, display.Data[mimeType])
		if err != nil {
			payload = payload[:before]
			continue
		}
		payload, first = grown, false
	}
	payload = append(payload, '}')
	payload = appendMember(payload, `,"metadata":`, display.Metadata)
	end = len(payload)
	if len(display.Transient) > 0 {
		payload = appendMember(payload, `,"transient":`, display.Transient)
	}
	return payload, end
}

// appendMember appends a member whose value is an object: {} when there is none
// that can be sent.
func appendMember(dst []byte, name string, value jsontext.Value) []byte {
	dst = append(dst, name...)
	if len(value) > 0 && value.Kind() == '{' {
		if grown, err := appendOneLine(dst, value); err == nil {
			return grown
		}
	}
	return append(dst, "{}"...)
}

// appendOneLine appends a JSON value without line breaks. Names that come twice
// and invalid UTF-8, which Python can make, are no reason to lose a display.
func appendOneLine(dst []byte, value jsontext.Value) ([]byte, error) {
	start := len(dst)
	dst, err := jsontext.AppendFormat(dst, value,
		jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	if err != nil {
		return dst[:start], fmt.Errorf("encoding a display: %w", err)
	}
	return escapeLineEnds(dst, start), nil
}
