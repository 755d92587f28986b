package notebook

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
)

type object = map[string]any

// ask sends a request and gives the status and the answer.
func ask(t *testing.T, method, path string, body object) (int, object) {
	t.Helper()
	response := open(t, context.Background(), method, path, body)
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	var answer object
	if err := json.Unmarshal(content, &answer); err != nil {
		t.Fatalf("%s %s: %v: %.300s", method, path, err, content)
	}
	return response.StatusCode, answer
}

func open(t *testing.T, ctx context.Context, method, path string, body object, headers ...string) *http.Response {
	t.Helper()
	var content io.Reader
	if body != nil {
		encoded, err := json.Marshal(body)
		if err != nil {
			t.Fatal(err)
		}
		content = bytes.NewReader(encoded)
	}
	request, err := http.NewRequestWithContext(ctx, method, "http://"+address+"/mrp/v1"+path, content)
	if err != nil {
		t.Fatal(err)
	}
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	for _, header := range headers {
		name, value, _ := strings.Cut(header, ": ")
		request.Header.Set(name, value)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	return response
}

// must sends a request that has to be answered with 200.
func must(t *testing.T, method, path string, body object) object {
	t.Helper()
	status, answer := ask(t, method, path, body)
	if status != http.StatusOK {
		t.Fatalf("%s %s: %d %v", method, path, status, answer)
	}
	return answer
}

func post(t *testing.T, path string, body object) object {
	t.Helper()
	return must(t, http.MethodPost, path, body)
}

func get(t *testing.T, path string) object {
	t.Helper()
	return must(t, http.MethodGet, path, nil)
}

// result runs a cell that has to succeed and gives the repr of its value.
func result(t *testing.T, session, code string) string {
	t.Helper()
	answer := post(t, "/execute", object{"code": code, "session": session})
	if answer["success"] != true {
		t.Fatalf("%q failed: %v", code, answer["error"])
	}
	value, _ := answer["result"].(string)
	return value
}

// errorType runs a cell and gives the type of the error it ends with, or "".
func errorType(t *testing.T, session, code string) string {
	t.Helper()
	failure, _ := post(t, "/execute", object{"code": code, "session": session})["error"].(object)
	kind, _ := failure["type"].(string)
	return kind
}

// event is one event of a stream.
type event struct {
	id, name string
	data     object
}

// reader reads a stream of events.
type reader struct {
	t        *testing.T
	response *http.Response
	lines    *bufio.Reader
}

func stream(t *testing.T, ctx context.Context, method, path string, body object, headers ...string) *reader {
	t.Helper()
	response := open(t, ctx, method, path, body, headers...)
	t.Cleanup(func() { response.Body.Close() })
	if response.StatusCode != http.StatusOK {
		content, _ := io.ReadAll(response.Body)
		t.Fatalf("%s %s: %d %s", method, path, response.StatusCode, content)
	}
	return &reader{t, response, bufio.NewReader(response.Body)}
}

// start runs a cell in the default session and gives its stream.
func start(t *testing.T, execID, code string) *reader {
	t.Helper()
	return startIn(t, "default", execID, code)
}

func startIn(t *testing.T, session, execID, code string) *reader {
	t.Helper()
	body := object{"code": code, "session": session, "execId": execID}
	return stream(t, context.Background(), http.MethodPost, "/execute/stream", body)
}

func replay(t *testing.T, execID string, headers ...string) *reader {
	t.Helper()
	return stream(t, context.Background(), http.MethodGet, "/executions/"+url.PathEscape(execID)+"/stream", nil, headers...)
}

// next gives the next event, or false at the stream's end.
func (r *reader) next() (event, bool) {
	r.t.Helper()
	var e event
	for {
		line, err := r.lines.ReadString('\n')
		if err != nil {
			return event{}, false
		}
		line = strings.TrimSuffix(line, "\n")
		switch name, value, _ := strings.Cut(line, ": "); {
		case line == "" && e.name != "":
			return e, true
		case name == "id":
			e.id = value
		case name == "event":
			e.name = value
		case name == "data":
			if err := json.Unmarshal([]byte(value), &e.data); err != nil {
				r.t.Fatalf("event %s: %v", e.name, err)
			}
		}
	}
}

// until reads up to the first event of that name.
func (r *reader) until(name string) event {
	r.t.Helper()
	for {
		e, ok := r.next()
		if !ok {
			r.t.Fatalf("the stream ended before %s", name)
		}
		if e.name == name {
			return e
		}
	}
}

// untilPrinted reads until the cell has printed a text.
func (r *reader) untilPrinted(text string) {
	r.t.Helper()
	for {
		if e := r.until("stdout"); strings.Contains(e.data["accumulated"].(string), text) {
			return
		}
	}
}

// all reads to the end.
func (r *reader) all() (events []event) {
	r.t.Helper()
	for {
		e, ok := r.next()
		if !ok {
			return events
		}
		events = append(events, e)
	}
}

// end reads to the end and gives the last event but done: the result or the error.
func (r *reader) end() event {
	r.t.Helper()
	events := r.all()
	if len(events) < 2 || events[len(events)-1].name != "done" {
		r.t.Fatalf("the stream ends with %v", events)
	}
	return events[len(events)-2]
}

// waitFor waits for a condition; the time limit is only there to end a broken
// test.
func waitFor(t *testing.T, what string, condition func() bool) {
	t.Helper()
	for deadline := time.Now().Add(60 * time.Second); !condition(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited too long for %s", what)
		}
	}
}

var names int

// unique is an execId that was not used before.
func unique(t *testing.T) string {
	names++
	return fmt.Sprintf("%s-%d", t.Name(), names)
}
