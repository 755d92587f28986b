package golden

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// exchange is one request to mrmd-python 0.4.2 and what it answered. State
// carries over from each to the next.
type exchange struct {
	// line is its number in testdata/replies.jsonl, from 1.
	line int

	Name   string `json:"name"`
	Method string `json:"method"`
	Path   string `json:"path"`
	// Request is the body: an object that was sent as JSON, a string that was
	// sent as it is, or null.
	Request jsontext.Value `json:"request"`
	Status  int            `json:"status"`
	// Body is the JSON answer, or a string with what else was answered: plain
	// text, or all server-sent events.
	Body jsontext.Value `json:"body"`
}

// cellRequest is what the replay has to know of a request with code in it.
type cellRequest struct {
	Code    *string        `json:"code"`
	Session string         `json:"session"`
	ExecID  jsontext.Value `json:"execId"`
}

// The files the tests compare, read before the runtime changes directory.
var (
	recording     []exchange
	compatibility string
)

const compatibilityFile = "docs/compatibility.md"

func readInputs() error {
	repository, err := filepath.Abs("../..")
	if err != nil {
		return err
	}
	version, err := os.ReadFile(filepath.Join(repository, "VERSION"))
	if err != nil {
		return err
	}
	subject.version = strings.TrimSpace(string(version))
	text, err := os.ReadFile(filepath.Join(repository, compatibilityFile))
	if err != nil {
		return err
	}
	compatibility = string(text)
	recording, err = readRecording("testdata/replies.jsonl")
	return err
}

func readRecording(name string) ([]exchange, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	var read []exchange
	lines := bufio.NewScanner(bytes.NewReader(text))
	lines.Buffer(nil, len(text)+1)
	for lines.Scan() {
		next := exchange{line: len(read) + 1}
		// 0.4.2 took a key that comes twice, and so has the recording.
		if err := json.Unmarshal(lines.Bytes(), &next, jsontext.AllowDuplicateNames(true)); err != nil {
			return nil, fmt.Errorf("%s:%d: %w", name, next.line, err)
		}
		read = append(read, next)
	}
	return read, lines.Err()
}

// executes says whether the request asks for code to be run.
func (e *exchange) executes() bool {
	return e.Method == "POST" && (e.Path == executePath || e.streams())
}

// streams says whether the request asks for server-sent events.
func (e *exchange) streams() bool { return e.Method == "POST" && e.Path == streamPath }

// cell gives the request to run code; its code is nil where it has none.
func (e *exchange) cell() (request cellRequest) {
	body := []byte(e.Request)
	if e.Request.Kind() == '"' {
		body = []byte(unquoted(e.Request))
	}
	// A body that can't be read is a request for an error.
	_ = json.Unmarshal(body, &request, jsontext.AllowDuplicateNames(true))
	return request
}

// execID is the request's execId, "" when it has none that is a text.
func (e *exchange) execID() string {
	if id := e.cell().ExecID; id.Kind() == '"' {
		return unquoted(id)
	}
	return ""
}

// recorded is 0.4.2's answer. Headers were not recorded: the type is what such a
// body had to be sent as for a client to read it.
func (e *exchange) recorded() answer {
	recorded := answer{status: e.Status, body: []byte(e.Body), contentType: jsonType}
	if e.Body.Kind() != '"' {
		return recorded
	}
	recorded.body = []byte(unquoted(e.Body))
	recorded.contentType = "text/plain"
	switch {
	case e.Status >= 300:
	case e.streams():
		recorded.contentType = eventStreamType
	case strings.HasSuffix(e.Path, ".png"):
		recorded.contentType = "image/png"
	case strings.HasSuffix(e.Path, ".svg"):
		recorded.contentType = "image/svg+xml"
	case strings.HasSuffix(e.Path, ".html"):
		recorded.contentType = "text/html"
	}
	return recorded
}

// unquoted gives the text of a JSON string that has been parsed before.
func unquoted(value jsontext.Value) string {
	text, err := jsontext.AppendUnquote(nil, value)
	if err != nil {
		panic(fmt.Sprintf("a JSON string that was read before: %v", err))
	}
	return string(text)
}
