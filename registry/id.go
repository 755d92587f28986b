package registry

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxIDBytes leaves room in a file name, which has at most 255 bytes, for what
// is put around an id.
const maxIDBytes = 200

// InvalidIDError says that a string can't be the id of a runtime, and why.
type InvalidIDError struct {
	ID     string
	Reason string
}

func (e *InvalidIDError) Error() string {
	return fmt.Sprintf("%q can't be a runtime id: %s; choose another with --id", shortened(e.ID), e.Reason)
}

// CheckID returns an *InvalidIDError unless id can name a runtime and its files.
func CheckID(id string) error {
	reason := ""
	switch {
	case id == "":
		reason = "it is empty"
	case len(id) > maxIDBytes:
		reason = fmt.Sprintf("it has %d bytes and a file name has room for %d", len(id), maxIDBytes)
	case id == "." || id == "..":
		reason = "that is the name of a folder"
	case strings.ContainsRune(id, '/'):
		reason = "a file name can't contain a slash"
	case !utf8.ValidString(id):
		reason = "it is not valid UTF-8"
	case strings.ContainsFunc(id, unicode.IsControl):
		reason = "it contains a control character"
	}
	if reason == "" {
		return nil
	}
	return &InvalidIDError{ID: id, Reason: reason}
}

var fileNameReplacer = strings.NewReplacer(":", "_", "<", "_", ">", "_", "|", "_")

// FileName gives the name, without extension, that the files of runtime id bear:
// the id with `:`, `<`, `>` and `|` as `_`. Two ids may share one.
func FileName(id string) string {
	return fileNameReplacer.Replace(id)
}

// shortened keeps an error on one line whatever the id.
func shortened(id string) string {
	const shown = 60
	if len(id) <= shown {
		return id
	}
	return strings.ToValidUTF8(id[:shown], "") + "…"
}
