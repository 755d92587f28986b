package registry

import (
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Entry is one file of the registry. The fields up to LastActivity, their names
// and their order are those of mrmd-python 0.4.2; the others were added since and
// are absent from its entries.
type Entry struct {
	ID string `json:"id"`
	// PID is the runtime's process id, or 0 when the file gives none.
	PID  int    `json:"pid"`
	Port int    `json:"port"`
	Host string `json:"host"`
	// URL is where the protocol answers: http://localhost:PORT/mrp/v1.
	URL  string `json:"url"`
	Venv string `json:"venv"`
	Cwd  string `json:"cwd"`
	// AssetsDir is the folder for assets, or nil (null in the file) when none was
	// asked for.
	AssetsDir    *string   `json:"assets_dir"`
	Created      Timestamp `json:"created"`
	LastActivity Timestamp `json:"lastActivity"`

	// StartTime is when the process PID started, in clock ticks since boot, and
	// BootID the boot it counts from. Together they tell the process from a later
	// one with its pid.
	StartTime uint64 `json:"startTime,omitzero"`
	BootID    string `json:"bootId,omitzero"`
	// Version is the version of mrmd-python.
	Version string `json:"version,omitzero"`
	// Python is the path of the interpreter the runtime stands for, PythonVersion
	// its version ("3.12.4") and ABI its tag ("cp312").
	Python        string `json:"python,omitzero"`
	PythonVersion string `json:"pythonVersion,omitzero"`
	ABI           string `json:"abi,omitzero"`
	// VenvReason says why Venv was chosen.
	VenvReason string `json:"venvReason,omitzero"`
	// Executable and Argv start the runtime again with the same options, in Cwd.
	Executable string   `json:"executable,omitzero"`
	Argv       []string `json:"argv,omitzero"`
	// State is what the runtime last said of itself ("stopping: SIGTERM"). A
	// runtime that simply runs says nothing.
	State string `json:"state,omitzero"`
	// OOMKills is how many processes the kernel had killed for want of memory, on
	// the whole machine, when the entry was written: see HowEnded.
	OOMKills *uint64 `json:"oomKills,omitzero"`
	// Token is the secret a client has to show, when the runtime asks for one.
	Token string `json:"token,omitzero"`
	// Socket is the path of the Unix socket that the runtime serves on too, or only:
	// then Port is 0.
	Socket string `json:"socket,omitzero"`

	// Unknown holds the fields that others wrote, so that rewriting keeps them.
	Unknown jsontext.Value `json:",embed"`
	// Raw is the text the entry was read from, nil for one that was not read.
	Raw jsontext.Value `json:"-"`
}

// ParseEntry reads the text of an entry. What is not a JSON object, lacks an id or
// has a field of another type is refused; fields other than the id may be missing,
// and unknown ones are kept.
func ParseEntry(text []byte) (Entry, error) {
	var entry Entry
	// Python writes paths that are not UTF-8 with lone surrogates; they are no
	// reason to lose sight of a runtime.
	if err := json.Unmarshal(text, &entry, jsontext.AllowInvalidUTF8(true)); err != nil {
		return Entry{}, fmt.Errorf("parse a registry entry: %w", err)
	}
	var required struct {
		ID *string `json:"id"`
	}
	if err := json.Unmarshal(text, &required, jsontext.AllowInvalidUTF8(true)); err != nil || required.ID == nil {
		return Entry{}, errors.Join(errors.New("parse a registry entry: it has no id"), err)
	}
	// 0 and below name groups of processes and must never reach kill(2).
	if entry.PID < 0 || entry.PID > math.MaxInt32 {
		return Entry{}, fmt.Errorf("parse a registry entry: %d can't be a pid", entry.PID)
	}
	entry.Raw = append(jsontext.Value(nil), text...)
	return entry, nil
}

// Encode gives the text of the entry's file: an indented JSON object with the
// unknown fields last.
func (e Entry) Encode() ([]byte, error) {
	text, err := json.Marshal(e, jsontext.WithIndent("  "), jsontext.AllowInvalidUTF8(true))
	if err != nil {
		return nil, fmt.Errorf("encode the registry entry of %q: %w", e.ID, err)
	}
	return append(text, '\n'), nil
}

// Stopping says whether the runtime has said that it ends: its id will be free in a
// moment.
func (e Entry) Stopping() bool { return strings.HasPrefix(e.State, "stopping") }
