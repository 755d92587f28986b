package mrp

import (
	"bytes"
	"io"
	"strconv"
	"sync"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// timestampLayout is how the protocol writes moments: as 0.4.2 did, in UTC with
// microseconds and a numeric zone.
const timestampLayout = "2006-01-02T15:04:05.000000-07:00"

// wireChunk is how much is gathered before it is handed to the connection, and
// the piece size in which stored text is read and quoted.
const wireChunk = 64 << 10

// wireWriter builds JSON in a buffer and hands it on in chunks, so that a long
// text never stands in memory a second time. With a nil target it only builds.
type wireWriter struct {
	target  io.Writer
	buffer  []byte
	scratch []byte
	err     error
	// urlPrefix stands before the paths of URLs; see admission.
	urlPrefix string
}

var wirePool = sync.Pool{New: func() any { return &wireWriter{buffer: make([]byte, 0, 4<<10)} }}

func newWireWriter(target io.Writer) *wireWriter {
	w := wirePool.Get().(*wireWriter)
	w.target, w.err, w.buffer = target, nil, w.buffer[:0]
	w.urlPrefix = prefixFor(target)
	return w
}

// prefixFor is the URL prefix of the answer that is written to target.
func prefixFor(target io.Writer) string {
	if answer, ok := target.(*responseWriter); ok {
		return answer.urlPrefix
	}
	return ""
}

func (w *wireWriter) release() {
	if cap(w.buffer) > 4*wireChunk {
		w.buffer = nil
	}
	w.target = nil
	wirePool.Put(w)
}

// overflow hands on what has been gathered when that is worth a write.
func (w *wireWriter) overflow() {
	if w.target != nil && len(w.buffer) >= wireChunk {
		w.flush()
	}
}

func (w *wireWriter) flush() {
	if w.err == nil && len(w.buffer) > 0 {
		_, w.err = w.target.Write(w.buffer)
	}
	w.buffer = w.buffer[:0]
}

func (w *wireWriter) raw(text string)    { w.buffer = append(w.buffer, text...) }
func (w *wireWriter) bytes(text []byte)  { w.buffer = append(w.buffer, text...) }
func (w *wireWriter) number(value int64) { w.buffer = strconv.AppendInt(w.buffer, value, 10) }
func (w *wireWriter) quoted(text string) { w.buffer = appendQuoted(w.buffer, text); w.overflow() }
func (w *wireWriter) boolean(value bool) { w.buffer = strconv.AppendBool(w.buffer, value) }

func (w *wireWriter) time(moment time.Time) {
	if moment.IsZero() {
		w.raw("null")
		return
	}
	w.buffer = append(w.buffer, '"')
	w.buffer = moment.UTC().AppendFormat(w.buffer, timestampLayout)
	w.buffer = append(w.buffer, '"')
}

// openString, stringPiece and closeString write one JSON string in pieces; each
// piece ends on a character's boundary.
func (w *wireWriter) openString() { w.buffer = append(w.buffer, '"') }

func (w *wireWriter) stringPiece(text []byte) {
	for len(text) > 0 && w.err == nil {
		piece := text
		if len(piece) > wireChunk {
			piece = piece[:runeBoundary(piece, wireChunk)]
		}
		text = text[len(piece):]
		// The quotes that AppendQuote adds are taken off again: the opening
		// one by letting it overwrite the last byte and putting that back.
		at := len(w.buffer) - 1
		last := w.buffer[at]
		w.buffer = appendQuoted(w.buffer[:at], piece)
		w.buffer[at] = last
		w.buffer = w.buffer[:len(w.buffer)-1]
		if w.target != nil && len(w.buffer) >= wireChunk {
			// One byte stays, for the next piece to stand on.
			last := w.buffer[len(w.buffer)-1]
			w.buffer = w.buffer[:len(w.buffer)-1]
			w.flush()
			w.buffer = append(w.buffer, last)
		}
	}
}

func (w *wireWriter) closeString() { w.buffer = append(w.buffer, '"') }

// appendQuoted appends text as a JSON string on one line, whatever a client
// takes for a line's end: some split at U+0085, U+2028 and U+2029 too. Invalid
// UTF-8 becomes U+FFFD.
func appendQuoted[T ~string | ~[]byte](dst []byte, text T) []byte {
	start := len(dst)
	// The error only repeats that invalid UTF-8 has been replaced.
	dst, _ = jsontext.AppendQuote(dst, text)
	return escapeLineEnds(dst, start)
}

var unusualLineEnds = [...]struct{ raw, escaped []byte }{
	{[]byte("\u0085"), []byte(`\u0085`)},
	{[]byte("\u2028"), []byte(`\u2028`)},
	{[]byte("\u2029"), []byte(`\u2029`)},
}

func escapeLineEnds(dst []byte, start int) []byte {
	for _, end := range unusualLineEnds {
		if bytes.Contains(dst[start:], end.raw) {
			dst = append(dst[:start], bytes.ReplaceAll(dst[start:], end.raw, end.escaped)...)
		}
	}
	return dst
}

// runeBoundary is the largest i <= limit at which no character of text is
// split. Text that is not UTF-8 is split at limit.
func runeBoundary(text []byte, limit int) int {
	if limit >= len(text) {
		return len(text)
	}
	for i := limit; i > limit-4 && i > 0; i-- {
		if !isContinuation(text[i]) {
			return i
		}
	}
	return limit
}

// isContinuation says whether b is a byte of a UTF-8 character other than its
// first.
func isContinuation(b byte) bool { return b&0xC0 == 0x80 }
