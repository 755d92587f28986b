package interp

import "testing"

// TestInspectWhatIsInherited: documentation comes from the class above, and the
// signature of what wraps a C function from that.
func TestInspectWhatIsInherited(t *testing.T) {
	session := newSession(t, `
import functools
class Base:
    "Base doc"
    def method(self):
        "method doc"
    @classmethod
    def make(cls):
        "make doc"
class Sub(Base):
    def method(self): pass
    @classmethod
    def make(cls): pass
class Bare: pass
sub, bare = Sub(), Bare()
@functools.wraps(len)
def length(*arguments): return len(*arguments)
`)
	text := func(value *string) string {
		if value == nil {
			return ""
		}
		return *value
	}
	for _, test := range []struct{ code, signature, docstring string }{
		{"Sub", "", "Base doc"},
		{"sub", "", "Base doc"},
		{"sub.method", "sub.method()", "method doc"},
		{"Sub.make", "Sub.make()", "make doc"},
		{"Bare", "", ""},
		{"bare", "", ""},
		{"length", "length(obj, /)", "Return the number of items in a container."},
		{"open", "open(file, mode='r', buffering=-1, encoding=None, errors=None, newline=None, closefd=True, opener=None)", ""},
	} {
		got := inspect(t, session, test.code, 1)
		if test.signature != "" && text(got.Signature) != test.signature {
			t.Errorf("%s has the signature %q, want %q", test.code, text(got.Signature), test.signature)
		}
		if test.code != "open" && text(got.Docstring) != test.docstring {
			t.Errorf("%s has the documentation %q, want %q", test.code, text(got.Docstring), test.docstring)
		}
	}
}
