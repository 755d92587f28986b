package mrp

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the generated files anew")

// column is one property of a request in the guard's table and the values it is
// tried with.
type column struct {
	name   string
	values []cell
}

// cell is one value of a column. refused is the error it is answered with, "" when
// it is let through.
type cell struct {
	name    string
	change  func(*http.Request)
	refused string
	// foreign is the origin that the answer lets read it.
	foreign string
}

func header(name, value string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set(name, value) }
}

func host(value string) func(*http.Request) { return func(r *http.Request) { r.Host = value } }

func from(peer *connection) func(*http.Request) {
	return func(r *http.Request) {
		*r = *r.WithContext(context.WithValue(r.Context(), connectionKey{}, peer))
	}
}

const (
	tablePort   = "8888"
	tableOrigin = "https://editor.example"
	tableToken  = "t0ken"
	otherUser   = 4242
	allowedUser = 4343
)

// guardTable is what the guard looks at, in its order: the first column that refuses
// decides the answer. The runtime listens at 127.0.0.1:8888 with --allow-host
// lab.example --allow-origin https://editor.example --allow-user 4343 and a token.
func guardTable() []column {
	none := func(*http.Request) {}
	own := uint32(os.Geteuid())
	return []column{
		{"Host", []cell{
			{"`localhost:8888`", host("localhost:" + tablePort), "", ""},
			{"`127.0.0.1:8888`, `[::1]:8888`", host("[::1]:" + tablePort), "", ""},
			{"a name given with `--allow-host`", host("lab.example:1"), "", ""},
			{"any other name (DNS rebinding)", host("evil.example:" + tablePort), "forbidden_host", ""},
			{"another port, another address", host("localhost:1"), "forbidden_host", ""},
			{"none", host(""), "forbidden_host", ""},
		}},
		{"Peer", []cell{
			{"the runtime's user", from(&connection{uid: own}), "", ""},
			{"a user given with `--allow-user`", from(&connection{uid: allowedUser}), "", ""},
			{"another machine, when `--host` lets it connect", from(&connection{beyondLoopback: true}), "", ""},
			{"another user of this machine, root too", from(&connection{uid: otherUser}), "forbidden_peer", ""},
			{"one that the kernel can't tell", from(&connection{err: errNoSocket}), "forbidden_peer", ""},
		}},
		{"Origin", []cell{
			{"absent (scripts, Node, other programs)", none, "", ""},
			{"one given with `--allow-origin`", header("Origin", tableOrigin), "", tableOrigin},
			{"any other, another port of this machine too", header("Origin", "http://localhost:1"), "forbidden_origin", ""},
			{"`null`, `file://` (but see `--managed`)", header("Origin", "null"), "forbidden_origin", ""},
			{"absent, and `Sec-Fetch-Site: cross-site`", header("Sec-Fetch-Site", "cross-site"), "forbidden_origin", ""},
		}},
		{"Token", []cell{
			{"`Authorization: Bearer TOKEN`", header("Authorization", "Bearer "+tableToken), "", ""},
			{"`X-MRMD-Token: TOKEN`", header("X-MRMD-Token", tableToken), "", ""},
			{"a path that begins with `/t/TOKEN/`", func(r *http.Request) { r.URL.Path = "/t/" + tableToken + r.URL.Path }, "", ""},
			{"none", none, "unauthorized", ""},
			{"a wrong one", header("Authorization", "Bearer "+tableToken[:4]), "unauthorized", ""},
		}},
	}
}

// contentTypes are those a POST is tried with, and whether it is taken.
var contentTypes = map[string]bool{
	"application/json": true, "application/json; charset=utf-8": true,
	"": false, "text/plain": false, "application/x-www-form-urlencoded": false, "multipart/form-data; boundary=x": false,
	"application/jsonx": false, "application/json; charset=latin1": false,
}

// everyMethod has one that nobody knows.
var everyMethod = []string{"GET", "HEAD", "POST", "DELETE", "PUT", "PATCH", "OPTIONS", "TRACE", "BREW"}

// TestGuardsTable tries every route with every combination of the table's rows, every
// method and every content type. The routes are the router's own, so that a new one
// is in the table too.
func TestGuardsTable(t *testing.T) {
	rt := serve(t, func(o *Options) {
		o.AllowedHosts, o.AllowedOrigins, o.AllowedUsers, o.Token = []string{"lab.example"}, []string{tableOrigin}, []uint32{allowedUser}, tableToken
	})
	paths := map[string][]string{}
	for _, r := range everyRoute(rt.handler) {
		if r.path != "/nowhere" && r.method != http.MethodOptions {
			paths[r.fullPath()] = append(paths[r.fullPath()], r.method)
		}
	}
	tried, combinations := 0, 0
	sorted := slices.Sorted(maps.Keys(paths))
	each(guardTable(), func(chosen []cell) {
		refused, foreign, reasons := "", "", 0
		for _, c := range chosen {
			refused = cmp.Or(refused, c.refused)
			if c.refused != "" {
				reasons++
			}
		}
		asked := sorted
		if reasons > 1 {
			// Which of several reasons counts has nothing to do with the path.
			asked = sorted[combinations%len(sorted):][:1]
		}
		combinations++
		if refused == "" || refused == "unauthorized" {
			foreign = chosen[2].foreign
		}
		for _, path := range asked {
			methods := paths[path]
			for _, method := range everyMethod {
				if refused != "" && method != methods[0] && method != http.MethodOptions {
					// Who is refused is refused before the method counts; one of
					// the route's own and OPTIONS show it.
					continue
				}
				tried++
				rt.checkRow(chosen, method, path, methods, refused, foreign)
			}
		}
	})
	t.Logf("%d requests of %d kinds", tried, combinations)
	if rt.engine.count.Load() != 0 {
		t.Error("a request of the guard's table ran code")
	}
}

// each calls use with every way to choose a cell from each column.
func each(columns []column, use func([]cell)) {
	chosen := make([]cell, len(columns))
	var choose func(int)
	choose = func(i int) {
		if i == len(columns) {
			use(chosen)
			return
		}
		for _, c := range columns[i].values {
			chosen[i] = c
			choose(i + 1)
		}
	}
	choose(0)
}

func (rt *runtimeUnderTest) checkRow(chosen []cell, method, path string, methods []string, refused, foreign string) {
	rt.t.Helper()
	got := rt.direct(method, path, "", func(r *http.Request) {
		r.Header.Set("Access-Control-Request-Method", "POST")
		for _, c := range chosen {
			c.change(r)
		}
	})
	isPreflight := method == http.MethodOptions && foreign != "" && (refused == "" || refused == "unauthorized")
	if isPreflight {
		refused = ""
	}
	code := ""
	if got.status/100 == 4 && len(got.body) > 0 {
		code, _ = got.json(rt.t)["error"].(string)
	}
	known := slices.Contains(methods, method)
	at := func() string {
		return fmt.Sprintf("%s, %s, %s, %s: %s %s", chosen[0].name, chosen[1].name, chosen[2].name, chosen[3].name, method, path)
	}
	switch {
	case refused != "":
		want := http.StatusForbidden
		if refused == "unauthorized" {
			want = http.StatusUnauthorized
		}
		if got.status != want || code != refused {
			rt.t.Errorf("%s: %d %s, want %s", at(), got.status, got.body, refused)
		}
	case method == http.MethodOptions:
		if got.status != http.StatusNoContent {
			rt.t.Errorf("%s: %d", at(), got.status)
		}
	case !known && got.status != http.StatusMethodNotAllowed:
		rt.t.Errorf("%s: %d, want 405", at(), got.status)
	case known && (got.status == 401 || got.status == 403 || got.status == 405 || got.status >= 500):
		rt.t.Errorf("%s: %d %s", at(), got.status, got.body)
	}
	if got.header.Get("Vary") != "Origin" || got.header.Get("Access-Control-Allow-Origin") != foreign || got.header.Get("Access-Control-Allow-Credentials") != "" {
		rt.t.Errorf("%s: %v", at(), got.header)
	}
	if allowed := got.header.Get("Access-Control-Allow-Methods"); (allowed != "") != isPreflight {
		rt.t.Errorf("%s: a preflight is answered with %q", at(), allowed)
	} else if allowed != "" {
		want := slices.Sorted(slices.Values(append([]string{"OPTIONS"}, methods...)))
		if allowed != strings.Join(want, ", ") {
			rt.t.Errorf("%s: a preflight allows %s, want %s", at(), allowed, want)
		}
	}
}

// direct has the handler answer a request that comes over no connection and whose
// client has gone already, so that no stream waits.
func (rt *runtimeUnderTest) direct(method, path, body string, change func(*http.Request)) reply {
	path, query, _ := strings.Cut(path, "?")
	request := httptest.NewRequest("GET", "http://localhost:"+tablePort+"/", strings.NewReader(body))
	request.Method, request.URL.Path, request.URL.RawQuery, request.ContentLength = method, path, query, int64(len(body))
	address := &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 8888}
	ctx, cancel := context.WithCancel(context.WithValue(request.Context(), http.LocalAddrContextKey, address))
	cancel()
	request = fromOwner(request.WithContext(ctx))
	if change != nil {
		change(request)
	}
	recorder := httptest.NewRecorder()
	rt.handler.ServeHTTP(recorder, request)
	return reply{recorder.Code, recorder.Header(), recorder.Body.Bytes()}
}

// TestContentTypesOfEveryRoute sends every POST a body of every content type. The
// body is no JSON, so that what is let through is a 400.
func TestContentTypesOfEveryRoute(t *testing.T) {
	rt := newRuntimeOf(t, &knowingEngine{toyEngine: newToyEngine(t.TempDir())})
	posts := 0
	for _, r := range everyRoute(rt.handler) {
		if r.method != http.MethodPost {
			continue
		}
		posts++
		for contentType, taken := range contentTypes {
			got := rt.direct("POST", r.fullPath(), "{", func(request *http.Request) {
				if contentType != "" {
					request.Header.Set("Content-Type", contentType)
				}
			})
			want := http.StatusUnsupportedMediaType
			if taken {
				want = http.StatusBadRequest
			}
			if got.status != want {
				t.Errorf("%s as %q: %d %s, want %d", r.path, contentType, got.status, got.body, want)
			}
		}
	}
	if posts < 10 {
		t.Errorf("there are only %d routes that take a POST", posts)
	}
}

// TestSecurityDocumentHasTheTable holds SECURITY.md to the table that is tested.
func TestSecurityDocumentHasTheTable(t *testing.T) {
	const path = "../SECURITY.md"
	const begin, end = "<!-- the guard's table: written by go test ./mrp -run TestSecurityDocument -update -->\n", "<!-- end of the table -->"
	document, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, found := strings.Cut(string(document), begin)
	_, after, ended := strings.Cut(rest, end)
	if !found || !ended {
		t.Fatalf("%s has no place for the table", path)
	}
	want := before + begin + tableText() + end + after
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if want != string(document) {
		t.Error("SECURITY.md has another table; write it anew with: go test ./mrp -run TestSecurityDocument -update")
	}
}

func tableText() string {
	var text strings.Builder
	text.WriteString("\n| | value | answer |\n| --- | --- | --- |\n")
	for _, column := range guardTable() {
		name := "**" + column.name + "**"
		for _, c := range column.values {
			answer := "let through"
			switch {
			case c.refused == "unauthorized":
				answer = "401 `unauthorized`"
			case c.refused != "":
				answer = "403 `" + c.refused + "`"
			case c.foreign != "":
				answer = "let through, and may read the answer"
			}
			fmt.Fprintf(&text, "| %s | %s | %s |\n", name, c.name, answer)
			name = ""
		}
	}
	name := "**Content-Type** of a POST"
	for _, contentType := range slices.Sorted(func(yield func(string) bool) {
		for contentType := range contentTypes {
			if !yield(contentType) {
				return
			}
		}
	}) {
		answer := "415 `unsupported_media_type`"
		if contentTypes[contentType] {
			answer = "let through"
		}
		shown := "`" + contentType + "`"
		if contentType == "" {
			shown = "none, with a body"
		}
		fmt.Fprintf(&text, "| %s | %s | %s |\n", name, shown, answer)
		name = ""
	}
	return text.String() + "\n"
}
