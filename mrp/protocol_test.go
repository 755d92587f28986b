package mrp

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestExecuteAnswersEveryField(t *testing.T) {
	rt := serve(t)
	got := rt.do("POST", "/mrp/v1/execute", `{"code":"1+1","execId":"a"}`)
	object := got.json(t)
	duration, revision := object["duration"], object["stateRevision"]
	want := fmt.Sprintf(`{"success":true,"stdout":"","stderr":"","result":"1+1","error":null,`+
		`"displayData":[],"assets":[],"executionCount":1,"duration":%v,"imports":[],"stateRevision":%v,"execId":"a"}`,
		duration, revision)
	if string(got.body) != want || revision != 1.0 {
		t.Errorf("got  %s\nwant %s", got.body, want)
	}
	if got.header.Get("Content-Type") != "application/json" || got.header.Get("Vary") != "Origin" {
		t.Errorf("headers %v", got.header)
	}
}

func TestFailedCellIsNoHTTPError(t *testing.T) {
	rt := serve(t)
	line := 3
	rt.engine.on("bad", func(_ context.Context, sink Sink, _ <-chan struct{}) Outcome {
		sink.Text(Stderr, []byte("uh\n"))
		outcome := failed("ValueError")
		outcome.Error.Line = &line
		outcome.Imports = []string{"os", "re"}
		return outcome
	})
	answer := rt.post("/execute", `{"code":"bad"}`)
	failure := answer["error"].(map[string]any)
	if answer["success"] != false || answer["stderr"] != "uh\n" || failure["type"] != "ValueError" ||
		failure["line"] != 3.0 || failure["column"] != nil || fmt.Sprint(answer["imports"]) != "[os re]" {
		t.Errorf("got %v", answer)
	}
	events := rt.run(`{"code":"bad"}`).all(0)
	if names(events) != "start stderr error done" {
		t.Fatalf("got %s", names(events))
	}
	data := events[2].data
	for _, member := range []string{"type", "message", "traceback", "line", "column", "executionCount", "duration", "stateRevision", "seq"} {
		if _, ok := data[member]; !ok {
			t.Errorf("the error event has no %s: %v", member, data)
		}
	}
}

func TestStreamHasTheEventsInOrder(t *testing.T) {
	rt := serve(t)
	rt.engine.on("both", func(_ context.Context, sink Sink, _ <-chan struct{}) Outcome {
		sink.Text(Stdout, []byte("a"))
		sink.Text(Stderr, []byte("b"))
		sink.Text(Stdout, []byte("c"))
		text := "7"
		return Outcome{Result: &text}
	})
	reader := rt.run(`{"code":"both","execId":"x"}`)
	for name, value := range map[string]string{"Content-Type": "text/event-stream", "Cache-Control": "no-cache", "X-Accel-Buffering": "no"} {
		if got := reader.response.Header.Get(name); got != value {
			t.Errorf("%s: %q", name, got)
		}
	}
	events := reader.all(0)
	if names(events) != "start stdout stderr stdout result done" {
		t.Fatalf("got %s", names(events))
	}
	if events[0].data["execId"] != "x" || events[0].data["timestamp"] == "" {
		t.Errorf("start: %v", events[0].data)
	}
	if events[3].data["content"] != "c" || events[3].data["accumulated"] != "ac" {
		t.Errorf("second stdout: %v", events[3].data)
	}
	result := events[4].data
	if result["stdout"] != "ac" || result["stderr"] != "b" || result["result"] != "7" || result["success"] != true {
		t.Errorf("result: %v", result)
	}
}

func TestSilentShowsNothingButErrors(t *testing.T) {
	rt := serve(t)
	rt.engine.on("loud", func(_ context.Context, sink Sink, _ <-chan struct{}) Outcome {
		sink.Text(Stdout, []byte("a"))
		sink.Display(textDisplay("shown", ""))
		sink.ClearOutput(false)
		return failed("E")
	})
	events := rt.run(`{"code":"loud","silent":true}`).all(0)
	if names(events) != "start error done" {
		t.Errorf("got %s", names(events))
	}
	answer := rt.post("/execute", `{"code":"loud","silent":true}`)
	if answer["stdout"] != "" || len(answer["displayData"].([]any)) != 0 || answer["error"] == nil {
		t.Errorf("got %v", answer)
	}
	if rt.get("/health")["executionCount"] != 0.0 {
		t.Error("a silent execution was counted")
	}
}

func TestCapabilitiesAndHealthBeforeReady(t *testing.T) {
	engine := newToyEngine(t.TempDir())
	engine.ready = make(chan struct{})
	rt := serveEngine(t, engine)
	capabilities := rt.get("/capabilities")
	if capabilities["runtime"] != "mrmd-python" || capabilities["version"] != "1.2.3" || capabilities["lspFallback"] != nil ||
		capabilities["defaultSession"] != "default" || capabilities["maxSessions"] != 100.0 {
		t.Errorf("capabilities %v", capabilities)
	}
	features := capabilities["features"].(map[string]any)
	for name, want := range map[string]bool{"execute": true, "executeStream": true, "interrupt": true, "reset": true,
		"isComplete": true, "assets": true, "replay": true, "complete": false, "inspect": false, "hover": false,
		"variables": false, "variableExpand": false, "format": false, "history": false, "sessions": true} {
		if features[name] != want {
			t.Errorf("feature %s is %v", name, features[name])
		}
	}
	health := rt.get("/health")
	if health["state"] != "starting" || health["status"] != "ok" || health["currentExecId"] != nil || health["interruptPending"] != nil {
		t.Errorf("health %v", health)
	}
	reader := rt.run(`{"code":"1","execId":"early"}`)
	if got := rt.get("/executions/early")["state"]; got != "queued" {
		t.Errorf("an execution before the engine is ready is %v", got)
	}
	if got := rt.get("/health")["queued"]; got != 1.0 {
		t.Errorf("queued is %v", got)
	}
	close(engine.ready)
	if events := reader.all(0); names(events) != "start result done" {
		t.Errorf("got %s", names(events))
	}
	health = rt.get("/health")
	if health["state"] != "idle" || health["executionCount"] != 1.0 || health["stateRevision"] != 1.0 {
		t.Errorf("health %v", health)
	}
}

func TestEngineThatCouldNotStart(t *testing.T) {
	engine := newToyEngine(t.TempDir())
	engine.startError = fmt.Errorf("no IPython")
	rt := serveEngine(t, engine)
	got := rt.do("POST", "/mrp/v1/execute", `{"code":"1"}`)
	if got.status != 500 || !strings.Contains(string(got.body), "no IPython") || got.json(t)["error"] != "internal" {
		t.Errorf("%d %s", got.status, got.body)
	}
	if events := rt.run(`{"code":"1"}`).all(0); names(events) != "start error done" {
		t.Errorf("got %s", names(events))
	}
}

func TestPanics(t *testing.T) {
	rt := serve(t)
	rt.engine.on("panic", func(context.Context, Sink, <-chan struct{}) Outcome { panic("engine bug") })
	got := rt.do("POST", "/mrp/v1/execute", `{"code":"panic"}`)
	if got.status != 500 || got.json(t)["error"] != "internal" {
		t.Errorf("%d %s", got.status, got.body)
	}
	if answer := rt.post("/execute", `{"code":"2"}`); answer["result"] != "2" {
		t.Errorf("after a panic: %v", answer)
	}
	rt.handler.router = newRouter([]route{{method: "GET", path: "/health", serve: nil}}, func(route) {}, writeError)
	got = rt.do("GET", "/mrp/v1/health", "")
	if got.status != 500 || got.json(t)["error"] != "internal" {
		t.Errorf("%d %s", got.status, got.body)
	}
}

func TestErrorsOfPathsAndMethods(t *testing.T) {
	rt := serve(t)
	rt.post("/execute", `{"code":"1","execId":"there"}`)
	for _, c := range []struct {
		method, path, body string
		status             int
		code, allow        string
	}{
		{"GET", "/", "", 404, "not_found", ""},
		{"GET", "/mrp/v1", "", 404, "not_found", ""},
		{"GET", "/mrp/v1/", "", 404, "not_found", ""},
		{"POST", "/mrp/v1/execute/", `{"code":"1"}`, 404, "not_found", ""},
		{"POST", "//mrp/v1/execute", `{"code":"1"}`, 404, "not_found", ""},
		{"POST", "/mrp/v1//execute", `{"code":"1"}`, 404, "not_found", ""},
		{"POST", "/MRP/v1/execute", `{"code":"1"}`, 404, "not_found", ""},
		{"GET", "/mrp/v1/health/", "", 404, "not_found", ""},
		{"GET", "/mrp/v1/execute", "", 405, "method_not_allowed", "OPTIONS, POST"},
		{"PUT", "/mrp/v1/health", "", 405, "method_not_allowed", "GET, HEAD, OPTIONS"},
		{"POST", "/mrp/v1/assets/a.png", "", 405, "method_not_allowed", "GET, HEAD, OPTIONS"},
		{"PATCH", "/mrp/v1/executions/there", "", 405, "method_not_allowed", "DELETE, GET, HEAD, OPTIONS"},
		{"TRACE", "/mrp/v1/health", "", 405, "method_not_allowed", "GET, HEAD, OPTIONS"},
		{"GET", "/mrp/v1/executions/none", "", 404, "not_found", ""},
		{"DELETE", "/mrp/v1/executions/none", "", 404, "not_found", ""},
		{"GET", "/mrp/v1/executions/none/stream", "", 404, "not_found", ""},
		{"GET", "/mrp/v1/executions/there/output/both", "", 404, "not_found", ""},
		{"GET", "/mrp/v1/executions/there/stream?after=-1", "", 400, "invalid_request", ""},
		{"GET", "/mrp/v1/executions/there/stream?after=x", "", 400, "invalid_request", ""},
		{"GET", "/mrp/v1/executions/there/stream?after=99", "", 400, "invalid_request", ""},
		{"GET", "/mrp/v1/executions/there/stream?accumulated=some", "", 400, "invalid_request", ""},
		{"OPTIONS", "/mrp/v1/nope", "", 404, "not_found", ""},
		{"PUT", "/mrp/v1/sessions", `{}`, 405, "method_not_allowed", "GET, HEAD, OPTIONS, POST"},
		{"POST", "/mrp/v1/sessions/default", `{}`, 405, "method_not_allowed", "DELETE, GET, HEAD, OPTIONS"},
		{"GET", "/mrp/v1/sessions/default/reset", "", 405, "method_not_allowed", "OPTIONS, POST"},
		{"GET", "/mrp/v1/sessions/", "", 404, "not_found", ""},
		{"GET", "/mrp/v1/sessions/none", "", 404, "not_found", ""},
		{"DELETE", "/mrp/v1/sessions/none", "", 404, "not_found", ""},
		{"POST", "/mrp/v1/sessions/none/reset", `{}`, 404, "not_found", ""},
		{"POST", "/mrp/v1/reset", `{"session":"none"}`, 404, "not_found", ""},
		{"POST", "/mrp/v1/interrupt", `{"session":"none"}`, 404, "not_found", ""},
		{"POST", "/mrp/v1/input", `{"session":"none","text":"x"}`, 404, "not_found", ""},
		{"POST", "/mrp/v1/input/cancel", `{"session":"none"}`, 404, "not_found", ""},
		{"GET", "/mrp/v1/executions/there/output/stdout?late=2", "", 400, "invalid_request", ""},
		{"GET", "/mrp/v1/events?after=-1", "", 400, "invalid_request", ""},
		{"POST", "/mrp/v1/events", "", 405, "method_not_allowed", "GET, HEAD, OPTIONS"},
		{"POST", "/mrp/v1/complete", `{}`, 404, "not_found", ""},
		{"POST", "/mrp/v1/variables/x", `{}`, 404, "not_found", ""},
	} {
		got := rt.do(c.method, c.path, c.body)
		object := got.json(t)
		if got.status != c.status || object["error"] != c.code || object["message"] == "" || got.header.Get("Allow") != c.allow {
			t.Errorf("%s %s: %d %s, Allow %q", c.method, c.path, got.status, got.body, got.header.Get("Allow"))
		}
	}
	if got := rt.do("POST", "/mrp/v1/hover", `{}`); !strings.Contains(string(got.body), "no code intelligence") {
		t.Errorf("%s", got.body)
	}
	if rt.engine.count.Load() != 1 {
		t.Error("a refused request ran code")
	}
}

func TestHeadAndOptions(t *testing.T) {
	rt := serve(t)
	rt.post("/execute", `{"code":"1","execId":"there"}`)
	for _, path := range []string{"/capabilities", "/health", "/executions", "/executions/there", "/executions/there/stream", "/executions/there/output/stdout",
		"/executions/there/output/stdout?late=1", "/events", "/sessions", "/sessions/default"} {
		got := rt.do("HEAD", pathPrefix+path, "")
		if got.status != 200 || len(got.body) != 0 {
			t.Errorf("HEAD %s: %d %s", path, got.status, got.body)
		}
	}
	got := rt.do("OPTIONS", "/mrp/v1/execute", "")
	if got.status != 204 || got.header.Get("Allow") != "OPTIONS, POST" || got.header.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("OPTIONS: %d %v", got.status, got.header)
	}
}

func TestErrorsOfBodies(t *testing.T) {
	rt := serve(t, func(o *Options) { o.Limits.Body = 1000 })
	deep := strings.Repeat("[", 200) + strings.Repeat("]", 200)
	for _, c := range []struct {
		body   string
		status int
		says   string
		header string
	}{
		{``, 400, `"code\" is required`, ""},
		{`{}`, 400, `"code\" is required`, ""},
		{` `, 400, `"code\" is required`, ""},
		{`{"code":null}`, 400, `"code\" is required`, ""},
		{`{"code":"1","code":null}`, 400, `"code\" is required`, ""},
		{`{not json`, 400, "not valid JSON", ""},
		{`{"code":"1"`, 400, "not valid JSON", ""},
		{`{"code":"1"} x`, 400, "", ""},
		{`{"code":"1"}{}`, 400, "after its JSON object", ""},
		{`{"code":"1",}`, 400, "not valid JSON", ""},
		{`["code"]`, 400, "must be a JSON object", ""},
		{`"a"`, 400, "must be a JSON object", ""},
		{`{"code":1}`, 400, `\"code\" must be a string, not a number`, ""},
		{`{"code":"1","silent":"yes"}`, 400, `\"silent\" must be true or false, not a string`, ""},
		{`{"code":"1","storeHistory":1}`, 400, `storeHistory`, ""},
		{`{"code":"1","execId":7}`, 400, `execId`, ""},
		{`{"code":"1","execId":""}`, 400, `execId`, ""},
		{`{"code":"1","execId":"` + strings.Repeat("é", 201) + `"}`, 400, `200 characters`, ""},
		{`{"code":"1","session":"` + strings.Repeat("é", 201) + `"}`, 400, `200 characters`, ""},
		{`{"code":"1","session":7}`, 400, `session`, ""},
		{`{"code":"1","cellMeta":[]}`, 400, `cellMeta`, ""},
		{`{"code":"1","columns":1.5}`, 400, `columns`, ""},
		{`{"code":"1","columns":-1}`, 400, `columns`, ""},
		{`{"code":"1","columns":1e400}`, 400, `columns`, ""},
		{`{"code":"1","accumulated":"some"}`, 400, `accumulated`, ""},
		{`{"code":"1","displays":"some"}`, 400, `displays`, ""},
		{`{"code":"1","assetDir":"/etc"}`, 400, `assetDir`, ""},
		{`{"code":"1","assetDir":"../.."}`, 400, `assetDir`, ""},
		{`{"code":"1","x":` + deep + `}`, 400, "200 levels", ""},
		{`{"code":"\ud800"}`, 400, "not valid JSON", ""},
		{"{\"code\":\"\xff\"}", 400, "not valid JSON", ""},
		{`{"code":"` + strings.Repeat("x", 1000) + `"}`, 413, "1000 bytes", ""},
		{`{"code":"1"}`, 415, "application/json", "Content-Type: text/plain"},
		{`{"code":"1"}`, 415, "application/json", "Content-Type: "},
		{`{"code":"1"}`, 415, "UTF-8", "Content-Type: application/json; charset=latin1"},
		{`{"code":"1"}`, 415, "encoded", "Content-Encoding: gzip"},
	} {
		var headers []string
		if c.header != "" {
			headers = append(headers, c.header)
		}
		for _, path := range []string{"/execute", "/execute/stream"} {
			got := rt.do("POST", pathPrefix+path, c.body, headers...)
			want := map[int]string{400: "invalid_request", 413: "too_large", 415: "unsupported_media_type"}[c.status]
			if got.status != c.status || got.json(t)["error"] != want || !strings.Contains(string(got.body), c.says) {
				t.Errorf("%s %.100s %s: %d %s", path, c.body, c.header, got.status, got.body)
			}
		}
	}
	for _, body := range []string{
		`{"code":"a","code":"1"}`,
		`{"code":"1","unknown":[{"x":1}],"session":null,"silent":null,"cellMeta":{}}`,
		"\xef\xbb\xbf" + `{"code":"1"}`,
		`{"code":"1","columns":80,"x":` + deep[1:399] + `}`,
		`{"code":"1","execId":"` + strings.Repeat("é", 200) + `"}`,
	} {
		if answer := rt.post("/execute", body); answer["result"] != "1" {
			t.Errorf("%s: %v", body, answer)
		}
	}
	if answer := rt.do("POST", "/mrp/v1/execute", `{"code":"1"}`, "Content-Type: Application/JSON; charset=UTF-8"); answer.status != 200 {
		t.Errorf("%d %s", answer.status, answer.body)
	}
	for _, path := range []string{"/reset", "/interrupt", "/input/cancel"} {
		rt.post(path, "")
	}
	if got := rt.post("/execute", `{"code":""}`); got["success"] != true || got["result"] != nil {
		t.Errorf("empty code: %v", got)
	}
}

func TestLengthIsNotTrusted(t *testing.T) {
	rt := serve(t, func(o *Options) { o.Limits.Body = 1000 })
	request, _ := http.NewRequest("POST", rt.server.URL+"/mrp/v1/execute",
		struct{ *strings.Reader }{strings.NewReader(`{"code":"` + strings.Repeat("x", 5000) + `"}`)})
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != 413 {
		t.Errorf("a chunked body over the limit: %d", response.StatusCode)
	}
}

func TestExecIDInUseIsAConflict(t *testing.T) {
	rt := serve(t)
	rt.post("/execute", `{"code":"1","execId":"a/b ?%é"}`)
	got := rt.do("POST", "/mrp/v1/execute", `{"code":"1","execId":"a/b ?%é"}`)
	if got.status != 409 || got.json(t)["error"] != "conflict" {
		t.Errorf("%d %s", got.status, got.body)
	}
	if state := rt.get("/executions/a%2Fb%20%3F%25%C3%A9")["state"]; state != "done" {
		t.Errorf("by its escaped id: %v", state)
	}
	if events := rt.stream(context.Background(), "GET", "/executions/a%2Fb%20%3F%25%C3%A9/stream", "").all(0); names(events) != "start result done" {
		t.Errorf("got %s", names(events))
	}
	first, second := rt.post("/execute", `{"code":"1"}`)["execId"], rt.post("/execute", `{"code":"1"}`)["execId"]
	if first == second || len(first.(string)) > 16 {
		t.Errorf("made-up ids %v %v", first, second)
	}
}

func TestResetAndIsComplete(t *testing.T) {
	rt := serve(t)
	rt.post("/execute", `{"code":"1"}`)
	if answer := rt.post("/reset", `{}`); answer["success"] != true || answer["stateRevision"] != 2.0 {
		t.Errorf("reset: %v", answer)
	}
	if health := rt.get("/health"); health["executionCount"] != 0.0 || health["stateRevision"] != 2.0 {
		t.Errorf("health: %v", health)
	}
	if answer := rt.post("/is_complete", `{"code":"if x:"}`); answer["status"] != "incomplete" || answer["indent"] != "    " {
		t.Errorf("is_complete: %v", answer)
	}
	if got := rt.do("POST", "/mrp/v1/is_complete", `{}`); got.status != 400 {
		t.Errorf("is_complete without code: %d", got.status)
	}
}

func TestLastActivity(t *testing.T) {
	rt := serve(t)
	before := rt.handler.LastActivity()
	rt.get("/health")
	rt.get("/capabilities")
	if rt.handler.LastActivity() != before {
		t.Error("asking for health counted as activity")
	}
	waitFor(t, "the clock to move", func() bool { return time.Now().After(before) })
	rt.post("/execute", `{"code":"1"}`)
	if !rt.handler.LastActivity().After(before) {
		t.Error("an execution did not count as activity")
	}
}
