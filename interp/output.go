package interp

import (
	"unicode/utf8"

	"github.com/mrmd/mrmd-python/cpython"
	"github.com/mrmd/mrmd-python/mrp"
)

// router gives what the process writes to the execution that is running, or to
// late when none is. All its methods are called with the output's lock held, so
// that a change of the sink is a boundary in the stream.
type router struct {
	sink mrp.Sink
	late func(run int64, stream mrp.Stream, text []byte)
	// partial is the beginning of a character whose rest has not come, for each
	// stream and each of the two ways to it, which may cut one another off.
	partial [2][2][]byte
}

// receive takes bytes as they arrive; a character that is not complete yet
// waits for its rest.
func (r *router) receive(written cpython.Written) {
	partial := &r.partial[written.Stream][0]
	if written.Direct {
		partial = &r.partial[written.Stream][1]
	}
	bytes := written.Bytes
	if len(*partial) > 0 {
		bytes = append(*partial, bytes...)
		*partial = nil
	}
	whole := len(bytes) - incompleteTail(bytes)
	if whole < len(bytes) {
		*partial = append([]byte(nil), bytes[whole:]...)
	}
	r.deliver(written.Owner, mrp.Stream(written.Stream), bytes[:whole])
}

// finish delivers the characters whose rest never came.
func (r *router) finish() {
	for stream := range r.partial {
		for way, bytes := range r.partial[stream] {
			r.partial[stream][way] = nil
			r.deliver(0, mrp.Stream(stream), bytes)
		}
	}
}

func (r *router) deliver(run int64, stream mrp.Stream, bytes []byte) {
	if len(bytes) == 0 {
		return
	}
	text := validText(bytes)
	if r.sink != nil {
		r.sink.Text(stream, text)
	} else if r.late != nil {
		r.late(run, stream, text)
	}
}

// validText replaces each byte that is not part of a character.
func validText(bytes []byte) []byte {
	if utf8.Valid(bytes) {
		return bytes
	}
	valid := make([]byte, 0, len(bytes)+16)
	for len(bytes) > 0 {
		character, size := utf8.DecodeRune(bytes)
		valid = utf8.AppendRune(valid, character)
		bytes = bytes[size:]
	}
	return valid
}

// incompleteTail is how many bytes at the end begin a character that needs more.
func incompleteTail(bytes []byte) int {
	for back := 1; back <= 3 && back <= len(bytes); back++ {
		tail := bytes[len(bytes)-back:]
		if utf8.RuneStart(tail[0]) {
			if utf8.FullRune(tail) {
				return 0
			}
			return back
		}
	}
	return 0
}
