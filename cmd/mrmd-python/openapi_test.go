package main

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers/legacy"
)

// TestAnswersAreAsDescribed holds answers of a real runtime to its /openapi.json.
func TestAnswersAreAsDescribed(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	url := h.start("described")
	text, err := get(strings.TrimSuffix(url, "/mrp/v1") + "/openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	document, err := openapi3.NewLoader().LoadFromData([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	openapi3filter.RegisterBodyDecoder("text/event-stream", openapi3filter.FileBodyDecoder)
	router, err := legacy.NewRouter(document)
	if err != nil {
		t.Fatal(err)
	}
	answered := map[string]bool{}
	check := func(method, path, body string, status int) {
		t.Helper()
		var request *http.Request
		var response *http.Response
		var content []byte
		// A busy machine may make the runtime ask to be asked again.
		waitUntil(t, method+" "+path+" is answered", func() bool {
			var err error
			if request, err = http.NewRequest(method, strings.TrimSuffix(url, "/mrp/v1")+path, strings.NewReader(body)); err != nil {
				t.Fatal(err)
			}
			if body != "" {
				request.Header.Set("Content-Type", "application/json")
			}
			if response, err = http.DefaultTransport.RoundTrip(request); err != nil {
				t.Fatal(err)
			}
			defer response.Body.Close()
			if content, err = io.ReadAll(response.Body); err != nil {
				t.Fatal(err)
			}
			return response.StatusCode != http.StatusServiceUnavailable
		})
		if response.StatusCode != status {
			t.Errorf("%s %s %s: %s %s", method, path, body, response.Status, content)
		}
		route, parameters, err := router.FindRoute(request)
		if err != nil {
			t.Fatalf("%s %s: %v", method, path, err)
		}
		answered[method+" "+route.Path] = true
		asked := &openapi3filter.RequestValidationInput{Request: request, Route: route, PathParams: parameters}
		if status == 200 {
			request.Body = io.NopCloser(strings.NewReader(body))
			asked.Options = &openapi3filter.Options{AuthenticationFunc: openapi3filter.NoopAuthenticationFunc}
			if err := openapi3filter.ValidateRequest(context.Background(), asked); err != nil {
				t.Errorf("%s %s %s is not described: %v", method, path, body, err)
			}
		}
		err = openapi3filter.ValidateResponse(context.Background(), &openapi3filter.ResponseValidationInput{
			RequestValidationInput: asked, Status: response.StatusCode, Header: response.Header, Body: io.NopCloser(bytes.NewReader(content)),
			Options: &openapi3filter.Options{IncludeResponseStatus: true},
		})
		if err != nil {
			t.Errorf("%s %s %s: %v", method, path, body, err)
		}
	}
	const v1 = "/mrp/v1"
	for _, r := range []struct {
		method, path, body string
		status             int
	}{
		{"POST", v1 + "/execute", `{"code":"from IPython.display import HTML, display\nclass Thing: 'doc'\nd = {'a': [1, 2.5, None]}\ndisplay(HTML('<b>'), {'text/plain': 'x'}, raw=False)\nd","execId":"e1","cellId":null}`, 200},
		{"POST", v1 + "/execute", `{"code":"1/0","cellId":"c"}`, 200},
		{"POST", v1 + "/execute", `{"code":"def f(:"}`, 200},
		{"POST", v1 + "/execute", `{"code":"print('x' * 5_000_000)","execId":"long"}`, 200},
		{"POST", v1 + "/execute", `{}`, 400},
		{"POST", v1 + "/execute/stream", `{"code":"print(1)"}`, 200},
		{"POST", v1 + "/execute/stream", `[]`, 400},
		{"GET", "/metrics", "", 200},
		{"GET", "/openapi.json", "", 200},
		{"GET", v1 + "/capabilities", "", 200},
		{"GET", v1 + "/health", "", 200},
		{"GET", v1 + "/events?after=x", "", 400},
		{"GET", v1 + "/sessions", "", 200},
		{"POST", v1 + "/sessions", `{"id":"other","language":"py","environment":{"cwd":null}}`, 200},
		{"POST", v1 + "/sessions", `{"language":"r"}`, 400},
		{"GET", v1 + "/sessions/other", "", 200},
		{"GET", v1 + "/sessions/none", "", 404},
		{"POST", v1 + "/sessions/other/reset", `{}`, 200},
		{"DELETE", v1 + "/sessions/other", "", 200},
		{"GET", v1 + "/executions", "", 200},
		{"GET", v1 + "/executions/e1", "", 200},
		{"GET", v1 + "/executions/long", "", 200},
		{"GET", v1 + "/executions/none", "", 404},
		{"GET", v1 + "/executions/e1/stream?accumulated=none&after=1", "", 200},
		{"GET", v1 + "/executions/e1/output/stdout?late=0", "", 200},
		{"DELETE", v1 + "/executions/e1", "", 200},
		{"GET", v1 + "/assets/e1_0001.html", "", 200},
		{"GET", v1 + "/assets/none", "", 404},
		{"POST", v1 + "/input", `{"text":"x","exec_id":"none"}`, 200},
		{"POST", v1 + "/input/cancel", `{}`, 200},
		{"POST", v1 + "/interrupt", `{"session":null}`, 200},
		{"POST", v1 + "/is_complete", `{"code":"if x:"}`, 200},
		{"POST", v1 + "/complete", `{"code":"d.ke","cursor":4,"triggerKind":1}`, 200},
		{"POST", v1 + "/complete", `{"code":"pri"}`, 200},
		{"POST", v1 + "/inspect", `{"code":"Thing","cursor":2,"detail":2}`, 200},
		{"POST", v1 + "/inspect", `{"code":"nothing","cursor":2}`, 200},
		{"POST", v1 + "/hover", `{"code":"Thing","cursor":2}`, 200},
		{"POST", v1 + "/hover", `{"code":"nothing"}`, 200},
		{"POST", v1 + "/variables", `{"filter":{"types":["dict"],"namePattern":"^d","excludePrivate":null},"limit":1}`, 200},
		{"POST", v1 + "/variables", ``, 200},
		{"POST", v1 + "/variables/d", `{"path":["a",0]}`, 200},
		{"POST", v1 + "/variables/d", `{"maxChildren":1}`, 200},
		{"POST", v1 + "/variables/none", `{}`, 404},
		{"POST", v1 + "/format", `{"code":"x=1"}`, 200},
		{"POST", v1 + "/format", `{"code":"x=("}`, 200},
		{"POST", v1 + "/history", `{"n":2,"pattern":"*"}`, 200},
		{"POST", v1 + "/reset", `{}`, 200},
	} {
		check(r.method, r.path, r.body, r.status)
	}
	for path, item := range document.Paths.Map() {
		for method := range item.Operations() {
			if !answered[method+" "+path] {
				t.Errorf("no answer of %s %s was looked at", method, path)
			}
		}
	}
}
