package mrp

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// toyEngine runs Go functions as cells: the function registered for a cell's
// code, or else the code's text as its result.
type toyEngine struct {
	ready      chan struct{}
	startError error
	cwd        string

	mu          sync.Mutex
	cells       map[string]toyCell
	interrupted chan struct{}

	// shells are the sessions that executed and were not closed; variables is
	// what is counted in each. While counting is set, nothing is counted before
	// it is closed.
	shells    map[string]bool
	variables map[string]int
	counting  chan struct{}

	running  atomic.Int32
	overlaps atomic.Int32
	count    atomic.Int64
	resets   atomic.Int64
	order    []string
}

// toyCell is a cell's code. interrupted is closed when it is to stop.
type toyCell func(ctx context.Context, sink Sink, interrupted <-chan struct{}) Outcome

func newToyEngine(cwd string) *toyEngine {
	e := &toyEngine{ready: make(chan struct{}), cells: map[string]toyCell{}, cwd: cwd,
		shells: map[string]bool{}, variables: map[string]int{}}
	close(e.ready)
	return e
}

func (e *toyEngine) on(code string, cell toyCell) { e.cells[code] = cell }

func (e *toyEngine) Info() Info {
	return Info{WorkingDirectory: e.cwd, Executable: "/venv/bin/python", Virtualenv: "/venv",
		PythonVersion: "3.12.1", Implementation: "cpython", IPythonVersion: "9.0", CanFormat: true}
}
func (e *toyEngine) Ready() <-chan struct{} { return e.ready }
func (e *toyEngine) StartError() error      { return e.startError }

func (e *toyEngine) Execute(ctx context.Context, request Execution, sink Sink) (Outcome, error) {
	if e.running.Add(1) > 1 {
		e.overlaps.Add(1)
	}
	defer e.running.Add(-1)
	stop := make(chan struct{})
	e.mu.Lock()
	e.interrupted = stop
	e.order = append(e.order, request.ExecID)
	e.shells[request.Session] = true
	cell := e.cells[request.Code]
	e.mu.Unlock()
	defer func() {
		e.mu.Lock()
		e.interrupted = nil
		e.mu.Unlock()
	}()
	n := int(e.count.Load()) + 1
	if request.StoreHistory {
		e.count.Add(1)
	}
	var outcome Outcome
	if cell != nil {
		outcome = cell(ctx, sink, stop)
	} else if request.Code != "" {
		outcome.Result = &request.Code
	}
	outcome.ExecutionCount = n
	return outcome, nil
}

func (e *toyEngine) Interrupt() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.interrupted == nil {
		return false
	}
	select {
	case <-e.interrupted:
	default:
		close(e.interrupted)
	}
	return true
}

func (e *toyEngine) Reset(context.Context, string) error {
	if e.running.Add(1) > 1 {
		e.overlaps.Add(1)
	}
	defer e.running.Add(-1)
	e.count.Store(0)
	e.resets.Add(1)
	return nil
}

func (e *toyEngine) CloseSession(_ context.Context, session string) error {
	if e.running.Add(1) > 1 {
		e.overlaps.Add(1)
	}
	defer e.running.Add(-1)
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.shells, session)
	delete(e.variables, session)
	return nil
}

func (e *toyEngine) VariableCount(ctx context.Context, session string) (int, error) {
	e.mu.Lock()
	counting := e.counting
	e.mu.Unlock()
	if counting != nil {
		select {
		case <-counting:
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.variables[session], nil
}

func (e *toyEngine) openShells() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Sorted(maps.Keys(e.shells))
}

func (e *toyEngine) IsComplete(_ context.Context, code string) (Completeness, error) {
	if strings.HasSuffix(code, ":") {
		return Completeness{"incomplete", "    "}, nil
	}
	return Completeness{"complete", ""}, nil
}

func keyboardInterrupt() Outcome {
	return Outcome{Error: &CellError{Type: "KeyboardInterrupt", Traceback: []string{}}}
}

func failed(kind string) Outcome {
	return Outcome{Error: &CellError{Type: kind, Message: "no", Traceback: []string{"Traceback"}}}
}

// runtimeUnderTest is a served handler and what tests ask of it.
type runtimeUnderTest struct {
	t       testing.TB
	engine  *toyEngine
	handler *Handler
	server  *httptest.Server
	assets  string
	spool   string
}

func serve(t testing.TB, change ...func(*Options)) *runtimeUnderTest {
	return serveEngine(t, newToyEngine(t.TempDir()), change...)
}

func serveEngine(t testing.TB, engine *toyEngine, change ...func(*Options)) *runtimeUnderTest {
	t.Helper()
	rt := &runtimeUnderTest{t: t, engine: engine, assets: t.TempDir() + "/assets", spool: t.TempDir()}
	options := Options{Version: "1.2.3", AssetsDir: rt.assets, SpoolDir: rt.spool}
	for _, c := range change {
		c(&options)
	}
	handler, err := NewHandler(engine, options)
	if err != nil {
		t.Fatal(err)
	}
	rt.handler = handler
	rt.server = httptest.NewUnstartedServer(handler)
	rt.server.Config = NewServer(handler, options.Limits)
	rt.server.Start()
	t.Cleanup(func() {
		handler.Close()
		rt.server.CloseClientConnections()
		rt.server.Close()
	})
	select {
	case <-engine.ready:
		waitFor(t, "the queue to start", func() bool { return handler.queue.state().started })
	default:
	}
	return rt
}

// fromOwner makes a request that comes over no connection one of the runtime's own
// user.
func fromOwner(r *http.Request) *http.Request {
	return r.WithContext(context.WithValue(r.Context(), connectionKey{}, &connection{uid: uint32(os.Geteuid())}))
}

// waitFor waits for a condition; the time limit is only there to end a broken
// test.
func waitFor(t testing.TB, what string, condition func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
		if condition() {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("waited too long for %s", what)
		}
	}
}

type reply struct {
	status int
	header http.Header
	body   []byte
}

func (r reply) json(t testing.TB) map[string]any {
	t.Helper()
	var object map[string]any
	if err := json.Unmarshal(r.body, &object); err != nil {
		t.Fatalf("not a JSON object (%v): %.300s", err, r.body)
	}
	return object
}

// do sends a request; headers are "Name: value". A body gets the JSON type
// unless a header says otherwise.
func (rt *runtimeUnderTest) do(method, path, body string, headers ...string) reply {
	rt.t.Helper()
	response := rt.open(context.Background(), method, path, body, headers...)
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		rt.t.Fatal(err)
	}
	return reply{response.StatusCode, response.Header, content}
}

func (rt *runtimeUnderTest) open(ctx context.Context, method, path, body string, headers ...string) *http.Response {
	rt.t.Helper()
	request, err := http.NewRequestWithContext(ctx, method, rt.server.URL+path, strings.NewReader(body))
	if err != nil {
		rt.t.Fatal(err)
	}
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	for _, header := range headers {
		name, value, _ := strings.Cut(header, ": ")
		switch {
		case name == "Host":
			request.Host = value
		case value == "":
			request.Header.Del(name)
		default:
			request.Header.Set(name, value)
		}
	}
	response, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		rt.t.Fatal(err)
	}
	return response
}

// post sends JSON below the prefix and expects a 200 with an object.
func (rt *runtimeUnderTest) post(path, body string) map[string]any {
	rt.t.Helper()
	answer := rt.do("POST", pathPrefix+path, body)
	if answer.status != http.StatusOK {
		rt.t.Fatalf("POST %s %.200s: %d %s", path, body, answer.status, answer.body)
	}
	return answer.json(rt.t)
}

func (rt *runtimeUnderTest) get(path string) map[string]any {
	rt.t.Helper()
	answer := rt.do("GET", pathPrefix+path, "")
	if answer.status != http.StatusOK {
		rt.t.Fatalf("GET %s: %d %s", path, answer.status, answer.body)
	}
	return answer.json(rt.t)
}

// event is one event as it came over the wire.
type event struct {
	id   string
	name string
	data map[string]any
	raw  string
}

func (e event) seq() int { return int(e.data["seq"].(float64)) }

// eventReader reads a stream line by line, as strictly as the wire is defined.
type eventReader struct {
	t        testing.TB
	response *http.Response
	lines    *bufio.Reader
	size     int
	// undecoded leaves the data as it came, where there is too much of it.
	undecoded bool
}

func (rt *runtimeUnderTest) stream(ctx context.Context, method, path, body string, headers ...string) *eventReader {
	rt.t.Helper()
	response := rt.open(ctx, method, pathPrefix+path, body, headers...)
	if response.StatusCode != http.StatusOK {
		content, _ := io.ReadAll(response.Body)
		rt.t.Fatalf("%s %s: %d %s", method, path, response.StatusCode, content)
	}
	rt.t.Cleanup(func() { response.Body.Close() })
	return newEventReader(rt.t, response)
}

func (rt *runtimeUnderTest) run(body string) *eventReader {
	return rt.stream(context.Background(), "POST", "/execute/stream", body)
}

// next gives the next event; false at the stream's end.
func (r *eventReader) next() (event, bool) {
	r.t.Helper()
	var e event
	for {
		line, err := r.lines.ReadBytes('\n')
		r.size += len(line)
		if err != nil {
			return event{}, false
		}
		line = bytes.TrimSuffix(line, []byte("\n"))
		switch {
		case len(line) == 0 && e.name == "":
		case len(line) == 0:
			if r.undecoded {
				return e, true
			}
			if err := json.Unmarshal([]byte(e.raw), &e.data); err != nil {
				r.t.Fatalf("event %s has bad data (%v): %.200s", e.name, err, e.raw)
			}
			return e, true
		case bytes.HasPrefix(line, []byte(":")):
		case bytes.HasPrefix(line, []byte("id: ")) && e.name == "":
			e.id = string(line[4:])
		case bytes.HasPrefix(line, []byte("event: ")) && e.raw == "":
			e.name = string(line[7:])
		case bytes.HasPrefix(line, []byte("data: ")) && e.name != "":
			e.raw = string(line[6:])
		default:
			r.t.Fatalf("a line that has no place here: %.200q", line)
		}
	}
}

// until reads events up to the first with that name.
func (r *eventReader) until(name string) event {
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

// all reads to the end and checks what is true of every stream: numbers without
// gap or repeat after the given one, and one done at the end.
func (r *eventReader) all(after int) []event {
	r.t.Helper()
	var events []event
	for {
		e, ok := r.next()
		if !ok {
			break
		}
		if e.id != strconv.Itoa(e.seq()) || e.seq() != after+1+len(events) {
			r.t.Fatalf("event %s has id %q and seq %d where %d was due", e.name, e.id, e.seq(), after+1+len(events))
		}
		events = append(events, e)
	}
	for i, e := range events {
		if (e.name == "done") != (i == len(events)-1) {
			r.t.Fatalf("done in the wrong place: %s", names(events))
		}
	}
	return events
}

func names(events []event) string {
	var list []string
	for _, e := range events {
		list = append(list, e.name)
	}
	return strings.Join(list, " ")
}

func quote(text string) string {
	encoded, err := json.Marshal(text)
	if err != nil {
		panic(err)
	}
	return string(encoded)
}

// bundle is a display of the given types and values, as JSON strings.
func bundle(id string, typesAndValues ...string) Display {
	display := Display{Data: map[string]jsontext.Value{}, Metadata: jsontext.Value(`{}`), DisplayID: id}
	for i := 0; i < len(typesAndValues); i += 2 {
		display.Data[typesAndValues[i]] = jsontext.Value(quote(typesAndValues[i+1]))
	}
	if id != "" {
		display.Transient = jsontext.Value(`{"display_id":` + quote(id) + `}`)
	}
	return display
}

func textDisplay(text, id string) Display { return bundle(id, "text/plain", text) }
