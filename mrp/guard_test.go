package mrp

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// everyRoute gives a request for each route, with its parameters filled in.
func everyRoute(h *Handler) []route {
	var all []route
	for _, r := range h.routes() {
		r.path = strings.NewReplacer(":execId", "x", ":id", "x", ":stream", "stdout", "*path", "a.png",
			// What streams for ever is asked for what it refuses.
			"/events", "/events?after=none").Replace(r.path)
		all = append(all, r, route{method: "OPTIONS", path: r.path, outside: r.outside})
		if r.method == "GET" {
			all = append(all, route{method: "HEAD", path: r.path, outside: r.outside})
		}
	}
	return append(all, route{method: "GET", path: "/nowhere"})
}

func TestGuardStandsInFrontOfEveryRoute(t *testing.T) {
	rt := serve(t, func(o *Options) {
		o.AllowedOrigins = []string{"http://editor.example:1234", "null"}
		o.AllowedHosts = []string{"lab.example", "exact.example:99"}
		o.BoundAddresses = []string{"0.0.0.0:7"}
	})
	port := rt.server.URL[strings.LastIndexByte(rt.server.URL, ':')+1:]
	local := "localhost:" + port
	for _, c := range []struct {
		name    string
		headers []string
		code    string
		foreign string
	}{
		{"as a script asks", nil, "", ""},
		{"by name", []string{"Host: " + local}, "", ""},
		{"by name in capitals", []string{"Host: LOCALHOST:" + port}, "", ""},
		{"by another loopback address", []string{"Host: 127.9.9.9:" + port}, "", ""},
		{"by IPv6", []string{"Host: [::1]:" + port}, "", ""},
		{"by an allowed name", []string{"Host: lab.example:5"}, "", ""},
		{"by an allowed name and port", []string{"Host: exact.example:99"}, "", ""},
		{"by the bound address", []string{"Host: 0.0.0.0:7"}, "", ""},
		{"from its own pages", []string{"Host: " + local, "Origin: http://" + local, "Sec-Fetch-Site: same-origin"}, "", ""},
		{"from an allowed origin", []string{"Origin: http://editor.example:1234", "Sec-Fetch-Site: cross-site"}, "", "http://editor.example:1234"},
		{"from the allowed null", []string{"Origin: null", "Sec-Fetch-Site: cross-site"}, "", "null"},
		{"by a rebound name", []string{"Host: evil.example:" + port}, "forbidden_host", ""},
		{"by a name that begins like ours", []string{"Host: localhost.evil.example:" + port}, "forbidden_host", ""},
		{"by a name below localhost", []string{"Host: evil.localhost:" + port}, "forbidden_host", ""},
		{"with another port", []string{"Host: localhost:1"}, "forbidden_host", ""},
		{"by an allowed name with another port", []string{"Host: exact.example:98"}, "forbidden_host", ""},
		{"by a foreign address", []string{"Host: 192.0.2.1:" + port}, "forbidden_host", ""},
		{"from another site", []string{"Host: " + local, "Origin: http://evil.example"}, "forbidden_origin", ""},
		{"from another local port", []string{"Host: " + local, "Origin: http://localhost:1"}, "forbidden_origin", ""},
		{"from another loopback name", []string{"Host: " + local, "Origin: http://127.0.0.1:" + port}, "forbidden_origin", ""},
		{"from a file", []string{"Origin: file://"}, "forbidden_origin", ""},
		{"from an origin that begins like an allowed one", []string{"Origin: http://editor.example:12345"}, "forbidden_origin", ""},
		{"from an origin that contains ours", []string{"Host: " + local, "Origin: http://evil.example/" + local}, "forbidden_origin", ""},
		{"from another site without an origin", []string{"Sec-Fetch-Site: cross-site"}, "forbidden_origin", ""},
	} {
		for _, r := range everyRoute(rt.handler) {
			got := rt.do(r.method, r.fullPath(), "", append(c.headers, "Access-Control-Request-Method: POST")...)
			at := c.name + ": " + r.method + " " + r.path
			if got.header.Get("Vary") != "Origin" {
				t.Errorf("%s: Vary is %q", at, got.header.Get("Vary"))
			}
			if allowed := got.header.Get("Access-Control-Allow-Origin"); allowed != c.foreign {
				t.Errorf("%s: Access-Control-Allow-Origin is %q", at, allowed)
			}
			if got.header.Get("Access-Control-Allow-Credentials") != "" {
				t.Errorf("%s: credentials are allowed", at)
			}
			if preflight := got.header.Get("Access-Control-Allow-Methods") != ""; preflight != (r.method == "OPTIONS" && c.foreign != "") {
				t.Errorf("%s: a preflight is answered: %v", at, preflight)
			}
			if (got.status == http.StatusForbidden) != (c.code != "") {
				t.Errorf("%s: %d %s", at, got.status, got.body)
			}
			if c.code != "" && r.method != "HEAD" && got.json(t)["error"] != c.code {
				t.Errorf("%s: %s", at, got.body)
			}
		}
	}
	if rt.engine.count.Load() != 0 {
		t.Error("a request of the guard's table ran code")
	}
}

func TestGuardWantsAHostAndOneOrigin(t *testing.T) {
	rt := serve(t)
	for _, change := range []func(*http.Request){
		func(r *http.Request) { r.Host = "" },
		func(r *http.Request) { r.Host = ":80" },
		func(r *http.Request) { r.Header["Origin"] = []string{"http://localhost", "http://localhost"} },
		func(r *http.Request) { r.Header["Origin"] = []string{""} },
		func(r *http.Request) { r.Header["Origin"] = []string{"http://"} },
		func(r *http.Request) { r.Header["Origin"] = []string{"localhost"} },
	} {
		request := fromOwner(httptest.NewRequest("GET", "http://localhost/mrp/v1/health", nil))
		change(request)
		recorder := httptest.NewRecorder()
		rt.handler.ServeHTTP(recorder, request)
		if recorder.Code != http.StatusForbidden {
			t.Errorf("Host %q, Origin %q: %d", request.Host, request.Header["Origin"], recorder.Code)
		}
	}
}
