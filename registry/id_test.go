package registry

import (
	"errors"
	"strings"
	"testing"
)

func TestCheckID(t *testing.T) {
	for _, id := range []string{"default", "a:b", "a<b>|c", "...", ".hidden", "two words", "é", "-x", strings.Repeat("x", 200)} {
		if err := CheckID(id); err != nil {
			t.Errorf("CheckID(%q) = %v", id, err)
		}
	}
	for _, id := range []string{"", ".", "..", "/", "a/b", "../x", "a\x00b", "a\nb", "\x1b[31m", "\x9b", "\xff",
		strings.Repeat("x", 201), strings.Repeat("é", 101)} {
		var invalid *InvalidIDError
		if err := CheckID(id); !errors.As(err, &invalid) {
			t.Errorf("CheckID(%q) = %v", id, err)
		} else if len(err.Error()) > 200 || strings.ContainsAny(err.Error(), "\n\x00\x1b") {
			t.Errorf("the error for %q is not one short line: %q", id, err)
		}
	}
}

func TestFileName(t *testing.T) {
	if got := FileName("a:b<c>d|e.f"); got != "a_b_c_d_e.f" {
		t.Errorf("FileName = %q", got)
	}
}
