package interp

import (
	"bytes"
	"testing"
	"unicode/utf8"

	"github.com/mrmd/mrmd-python/cpython"
	"github.com/mrmd/mrmd-python/mrp"
)

// FuzzOutputInPieces: however what is printed is cut, by writes or by the system, the
// same text arrives, and no piece of it ends within a character. The streams do not mix.
func FuzzOutputInPieces(f *testing.F) {
	f.Add([]byte("plain\n"), []byte{1, 2})
	f.Add([]byte("é\u20ac\U0001f600"), []byte{1, 1, 1, 1, 1, 1, 1, 1})
	f.Add([]byte("\xf0\x9f\x98A\xe2\x82\xff\x80\xed\xa0\x80"), []byte{3, 0, 1, 2})
	f.Fuzz(func(t *testing.T, printed, cuts []byte) {
		shown := [2]*transcript{{}, {}}
		for way, transcript := range shown {
			routed := router{sink: onlyText{t, transcript}}
			rest := printed
			for _, cut := range cuts {
				piece := rest[:min(int(cut), len(rest))]
				rest = rest[len(piece):]
				// On the other stream and the other way a character stays begun.
				routed.receive(cpython.Written{Stream: 1, Direct: way == 1, Bytes: []byte{0xe2}})
				routed.receive(cpython.Written{Direct: way == 1, Bytes: bytes.Clone(piece)})
			}
			routed.receive(cpython.Written{Direct: way == 1, Bytes: bytes.Clone(rest)})
			routed.finish()
			if got, want := transcript.stdout(), string(validText(printed)); got != want {
				t.Fatalf("printed %q in pieces %v: %q arrived, not %q", printed, cuts, got, want)
			}
		}
	})
}

// onlyText wants whole characters.
type onlyText struct {
	t *testing.T
	*transcript
}

func (o onlyText) Text(stream mrp.Stream, text []byte) {
	if !utf8.Valid(text) {
		o.t.Fatalf("a piece is %q", text)
	}
	o.transcript.Text(stream, text)
}
