package mrp

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
)

var tinyPNG = []byte("\x89PNG\r\n\x1a\nnot really")

func pngDisplay(id string) Display {
	return bundle(id, "image/png", base64.StdEncoding.EncodeToString(tinyPNG), "text/plain", "<Figure>")
}

func showing(displays ...Display) toyCell {
	return func(_ context.Context, sink Sink, _ <-chan struct{}) Outcome {
		for _, display := range displays {
			sink.Display(display)
		}
		return Outcome{}
	}
}

func list(object map[string]any, name string) []map[string]any {
	var all []map[string]any
	for _, item := range object[name].([]any) {
		all = append(all, item.(map[string]any))
	}
	return all
}

func TestDisplaysBecomeFiles(t *testing.T) {
	rt := serve(t)
	rt.engine.on("show", showing(bundle("", "text/html", "<b>é</b>", "text/plain", "b"), textDisplay("plain", ""), pngDisplay("p")))
	reader := rt.run(`{"code":"show","execId":"g064e"}`)
	events := reader.all(0)
	if names(events) != "start asset display asset result done" {
		t.Fatalf("got %s", names(events))
	}
	html, png := events[1].data, events[3].data
	path := filepath.Join(rt.assets, "g064e_0001.html")
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]any{"path": path, "url": "/mrp/v1/assets/g064e_0001.html", "mimeType": "text/html", "assetType": "html", "size": float64(len(content))}
	for name, value := range want {
		if html[name] != value {
			t.Errorf("%s is %v, not %v", name, html[name], value)
		}
	}
	if _, ok := html["metadata"].(map[string]any); !ok {
		t.Errorf("no metadata: %v", html)
	}
	page := strings.ToLower(string(content))
	if !strings.HasPrefix(page, "<!doctype html>") || !strings.Contains(page, `<meta charset="utf-8">`) || !strings.Contains(page, "<b>é</b>") {
		t.Errorf("the page: %s", content)
	}
	if png["assetType"] != "image" || png["url"] != "/mrp/v1/assets/g064e_0002.png" || png["transient"].(map[string]any)["display_id"] != "p" {
		t.Errorf("png: %v", png)
	}
	if info, _ := os.Stat(path); info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v", info.Mode())
	}
	if left, _ := filepath.Glob(filepath.Join(rt.assets, ".*")); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
	result := events[4].data
	if assets := list(result, "assets"); len(assets) != 2 || len(assets[0]) != 5 || assets[1]["mimeType"] != "image/png" {
		t.Errorf("assets %v", assets)
	}
	if data := list(result, "displayData"); len(data) != 1 || len(data[0]) != 2 || data[0]["data"].(map[string]any)["text/plain"] != "plain" {
		t.Errorf("displayData %v", data)
	}
	if got := rt.do("GET", png["url"].(string), ""); !bytes.Equal(got.body, tinyPNG) || got.header.Get("Content-Type") != "image/png" {
		t.Errorf("%v %q", got.header, got.body)
	}
}

func TestDisplayModes(t *testing.T) {
	rt := serve(t)
	rt.engine.on("show", showing(pngDisplay("")))
	for mode, want := range map[string]string{"assets": "start asset result done", "inline": "start display result done", "both": "start asset display result done"} {
		events := rt.run(fmt.Sprintf(`{"code":"show","execId":"%s","displays":"%s"}`, mode, mode)).all(0)
		if names(events) != want {
			t.Errorf("%s: %s", mode, names(events))
		}
		result := events[len(events)-2].data
		if len(list(result, "assets")) != strings.Count(want, "asset") || len(list(result, "displayData")) != strings.Count(want, "display") {
			t.Errorf("%s: %v", mode, result)
		}
	}
	if _, err := os.Stat(filepath.Join(rt.assets, "inline_0001.png")); err == nil {
		t.Error("inline made a file")
	}
}

func TestWhichTypeIsSaved(t *testing.T) {
	for _, c := range []struct{ types, want string }{
		{"text/plain", ""}, {"text/plain text/markdown application/json", ""},
		{"image/png text/html", "text/html"}, {"image/png image/svg+xml", "image/svg+xml"},
		{"image/jpeg image/png", "image/png"}, {"image/x-odd text/plain", "image/x-odd"}, {"image/gif image/x-odd", "image/gif"},
	} {
		data := map[string]jsontext.Value{}
		for mimeType := range strings.FieldsSeq(c.types) {
			data[mimeType] = jsontext.Value(`"x"`)
		}
		if got, _ := assetContent(data); got != c.want {
			t.Errorf("%s: %q", c.types, got)
		}
	}
}

func TestWhatIsOnTheScreenAtTheEnd(t *testing.T) {
	rt := serve(t)
	for _, c := range []struct {
		name  string
		shown string
		cell  func(Sink)
	}{
		{"update in place", "two three", func(s Sink) {
			s.Display(textDisplay("one", "a"))
			s.Display(textDisplay("three", ""))
			s.UpdateDisplay(textDisplay("two", "a"))
		}},
		{"update of something not here", "one", func(s Sink) {
			s.Display(textDisplay("one", "a"))
			s.UpdateDisplay(textDisplay("two", "b"))
		}},
		{"the same id twice", "x x", func(s Sink) {
			s.Display(textDisplay("one", "a"))
			s.Display(textDisplay("two", "a"))
			s.UpdateDisplay(textDisplay("x", "a"))
		}},
		{"clear", "two", func(s Sink) {
			s.Display(textDisplay("one", ""))
			s.ClearOutput(false)
			s.Display(textDisplay("two", ""))
		}},
		{"clear at the end", "", func(s Sink) {
			s.Display(textDisplay("one", ""))
			s.ClearOutput(false)
		}},
		{"clear that waits", "two", func(s Sink) {
			s.Display(textDisplay("one", ""))
			s.ClearOutput(true)
			s.Display(textDisplay("two", ""))
		}},
		{"clear that waits for nothing", "one", func(s Sink) {
			s.Display(textDisplay("one", ""))
			s.ClearOutput(true)
		}},
		{"clear that waits for text", "", func(s Sink) {
			s.Display(textDisplay("one", ""))
			s.ClearOutput(true)
			s.Text(Stdout, []byte("x"))
		}},
		{"an update is nothing new", "two", func(s Sink) {
			s.Display(textDisplay("one", "a"))
			s.ClearOutput(true)
			s.UpdateDisplay(textDisplay("two", "a"))
		}},
	} {
		rt.engine.on(c.name, func(_ context.Context, sink Sink, _ <-chan struct{}) Outcome {
			c.cell(sink)
			return Outcome{}
		})
		var shown []string
		for _, item := range list(rt.post("/execute", `{"code":`+quote(c.name)+`}`), "displayData") {
			shown = append(shown, item["data"].(map[string]any)["text/plain"].(string))
		}
		if got := strings.Join(shown, " "); got != c.shown {
			t.Errorf("%s: %q", c.name, got)
		}
	}
	rt.engine.on("result", func(_ context.Context, sink Sink, _ <-chan struct{}) Outcome {
		sink.Display(pngDisplay("p"))
		sink.UpdateDisplay(pngDisplay("p"))
		sink.ClearOutput(true)
		text := "1"
		return Outcome{Result: &text}
	})
	events := rt.run(`{"code":"result","execId":"r"}`).all(0)
	if names(events) != "start asset asset clear_output result done" || events[2].data["update"] != true || events[3].data["wait"] != true {
		t.Errorf("got %s %v", names(events), events[2].data)
	}
	if assets := list(events[4].data, "assets"); len(assets) != 0 {
		t.Errorf("the result did not clear: %v", assets)
	}
}

func TestBundlesAreKeptWhole(t *testing.T) {
	rt := serve(t)
	rt.engine.on("show", showing(Display{
		Data: map[string]jsontext.Value{
			"application/json": jsontext.Value("{\n \"a\": [1, 2.50, null]\n}"),
			"text/plain":       jsontext.Value(`"line\nline"`),
			"application/bad":  jsontext.Value(`{"a":`),
		},
		Metadata:  jsontext.Value("{\"k\":\n1}"),
		Transient: jsontext.Value(`{"display_id":"d"}`),
		DisplayID: "d",
	}))
	e := rt.run(`{"code":"show"}`).until("display")
	want := `{"data":{"application/json":{"a":[1,2.50,null]},"text/plain":"line\nline"},"metadata":{"k":1},"transient":{"display_id":"d"},"seq":2}`
	if e.raw != want {
		t.Errorf("got  %s\nwant %s", e.raw, want)
	}
}

func TestFolderThatCannotBeWritten(t *testing.T) {
	blocked := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(blocked, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	rt := serve(t, func(o *Options) { o.AssetsDir = filepath.Join(blocked, "assets") })
	rt.engine.on("show", showing(pngDisplay(""), pngDisplay("")))
	events := rt.run(`{"code":"show"}`).all(0)
	if names(events) != "start stderr display display result done" || !strings.Contains(events[1].data["content"].(string), blocked) {
		t.Errorf("got %s %v", names(events), events[1].data)
	}
	rt = serve(t)
	rt.engine.on("broken", showing(bundle("", "image/png", "not base64!")))
	if events := rt.run(`{"code":"broken"}`).all(0); names(events) != "start stderr display result done" {
		t.Errorf("got %s", names(events))
	}
}

func TestNamesStayInTheFolder(t *testing.T) {
	rt := serve(t)
	rt.engine.on("show", showing(pngDisplay("")))
	seen := map[string]bool{}
	for _, id := range []string{"../evil", "..", ".", "/etc/x", "a/b", "a_b", "a\\b", "nul\x00", ".hidden", "é", strings.Repeat("x", 200), strings.Repeat("x", 199) + "y", "con:1", "a\nb"} {
		asset := list(rt.post("/execute", `{"code":"show","execId":`+quote(id)+`}`), "assets")[0]
		path := asset["path"].(string)
		if filepath.Dir(path) != rt.assets || strings.HasPrefix(filepath.Base(path), ".") || seen[path] {
			t.Errorf("%q is saved as %q", id, path)
		}
		seen[path] = true
		if got := rt.do("GET", asset["url"].(string), ""); got.status != 200 || !bytes.Equal(got.body, tinyPNG) {
			t.Errorf("%q at %v: %d", id, asset["url"], got.status)
		}
	}
}

func TestAssetDir(t *testing.T) {
	rt := serve(t)
	cwd := rt.engine.cwd
	rt.engine.on("show", showing(pngDisplay("")))
	outside := t.TempDir()
	for link, target := range map[string]string{"out": outside, "loop": "loop", "within": "real dir"} {
		if err := os.Symlink(target, filepath.Join(cwd, link)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(cwd, "real dir"), 0o700); err != nil {
		t.Fatal(err)
	}
	for i, c := range []struct{ dir, want string }{
		{"plots/ä b", filepath.Join(cwd, "plots/ä b")}, {cwd + "/plots", filepath.Join(cwd, "plots")}, {".", cwd},
		{"within", filepath.Join(cwd, "real dir")}, {rt.assets + "/sub", filepath.Join(rt.assets, "sub")}, {rt.assets, rt.assets},
		{"", rt.assets}, {"a/../b", filepath.Join(cwd, "b")},
	} {
		asset := list(rt.post("/execute", fmt.Sprintf(`{"code":"show","execId":"d%d","assetDir":%s}`, i, quote(c.dir))), "assets")[0]
		if path := asset["path"].(string); filepath.Dir(path) != c.want {
			t.Errorf("%s: saved as %s", c.dir, path)
		}
		if got := rt.do("GET", asset["url"].(string), ""); got.status != 200 || !bytes.Equal(got.body, tinyPNG) {
			t.Errorf("%s at %v: %d", c.dir, asset["url"], got.status)
		}
	}
	for _, dir := range []string{"..", "/", "/tmp", outside, "out", "out/below", "loop", "../" + filepath.Base(cwd) + "x", "nul\x00"} {
		got := rt.do("POST", "/mrp/v1/execute", `{"code":"show","assetDir":`+quote(dir)+`}`)
		if got.status != 400 || got.json(t)["error"] != "invalid_request" {
			t.Errorf("%q: %d %s", dir, got.status, got.body)
		}
	}
	if left, _ := os.ReadDir(outside); len(left) != 0 {
		t.Errorf("outside: %v", left)
	}
}

func writeAsset(t *testing.T, rt *runtimeUnderTest, name, content string) {
	t.Helper()
	path := filepath.Join(rt.assets, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestServingAssets(t *testing.T) {
	rt := serve(t)
	writeAsset(t, rt, "a.txt", "0123456789")
	writeAsset(t, rt, "sub/a.svg", "<svg/>")
	writeAsset(t, rt, "p.html", "<script>1</script>")
	writeAsset(t, rt, "none", "?")
	for name, want := range map[string][2]string{
		"a.txt":     {"text/plain; charset=utf-8", ""},
		"sub/a.svg": {"image/svg+xml", "sandbox allow-scripts allow-downloads"},
		"p.html":    {"text/html; charset=utf-8", "sandbox allow-scripts allow-downloads"},
		"none":      {"application/octet-stream", ""},
	} {
		for _, method := range []string{"GET", "HEAD"} {
			got := rt.do(method, "/mrp/v1/assets/"+name, "")
			if got.status != 200 || got.header.Get("Content-Type") != want[0] || got.header.Get("Content-Security-Policy") != want[1] ||
				got.header.Get("X-Content-Type-Options") != "nosniff" || got.header.Get("ETag") == "" || got.header.Get("Last-Modified") == "" {
				t.Errorf("%s %s: %d %v", method, name, got.status, got.header)
			}
			if method == "HEAD" && len(got.body) > 0 {
				t.Errorf("HEAD %s has a body", name)
			}
		}
	}
	if got := rt.do("GET", "/mrp/v1/assets/a.txt", "", "Range: bytes=2-4"); got.status != 206 || string(got.body) != "234" {
		t.Errorf("range: %d %s", got.status, got.body)
	}
	if got := rt.do("GET", "/mrp/v1/assets/a.txt", "", "Range: bytes=50-"); got.status != 416 || got.json(t)["error"] != "invalid_request" {
		t.Errorf("range past the end: %d %s", got.status, got.body)
	}
	etag := rt.do("GET", "/mrp/v1/assets/a.txt", "").header.Get("ETag")
	if got := rt.do("GET", "/mrp/v1/assets/a.txt", "", "If-None-Match: "+etag); got.status != 304 {
		t.Errorf("with the ETag: %d", got.status)
	}
	if got := rt.do("GET", "/mrp/v1/assets/a.txt", "", `If-Match: "x"`); got.status != 412 || got.json(t)["error"] == nil {
		t.Errorf("with a wrong condition: %d %s", got.status, got.body)
	}
}

func TestAssetsThatAreNotThere(t *testing.T) {
	rt := serve(t)
	writeAsset(t, rt, "sub/a.txt", "inside")
	secret := filepath.Join(filepath.Dir(rt.assets), "secret.txt")
	if err := os.WriteFile(secret, []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	for link, target := range map[string]string{"link.txt": secret, "up": "..", "relative.txt": "../secret.txt"} {
		if err := os.Symlink(target, filepath.Join(rt.assets, link)); err != nil {
			t.Fatal(err)
		}
	}
	if err := syscall.Mkfifo(filepath.Join(rt.assets, "pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"", "sub", "sub/", "none.png", "sub/a.txt/", "sub/a.txt/x", "../secret.txt", "..%2fsecret.txt", "%2e%2e/secret.txt",
		"%2e%2e%2fsecret.txt", "sub/../../secret.txt", "sub/%2e%2e/sub/a.txt", "sub%2fa.txt", "/sub/a.txt", "sub//a.txt", "./sub/a.txt", "sub/./a.txt",
		"%2f" + secret, secret, "..\\secret.txt", "..%5csecret.txt", "sub/a.txt%00", "%00", "link.txt", "relative.txt", "up/secret.txt", "up", "pipe",
		"sub/a.txt%00.png", "%252e%252e/secret.txt", "..;/secret.txt", strings.Repeat("x", 5000)} {
		request := fromOwner(httptest.NewRequest("GET", "http://localhost/", nil))
		// The URL is made as net/http's server makes it; a client would tidy it.
		var err error
		if request.URL, err = url.ParseRequestURI("/mrp/v1/assets/" + path); err != nil {
			t.Fatal(err)
		}
		recorder := httptest.NewRecorder()
		rt.handler.ServeHTTP(recorder, request)
		got := reply{recorder.Code, recorder.Header(), recorder.Body.Bytes()}
		if got.status != 404 || got.json(t)["error"] != "not_found" || got.header.Get("Content-Type") != "application/json" {
			t.Errorf("%q: %d %.100s", path, got.status, got.body)
		}
	}
}

func TestWholeDocumentsStayAsTheyAre(t *testing.T) {
	for content, whole := range map[string]bool{
		"<!DOCTYPE html><p>": true, " \n<html lang=en>": true, "<!-- c --> <!-- d -->\n<HTML>": true, "\xef\xbb\xbf<!doctype html>": true,
		"<p>": false, "": false, "<!-- <html>": false, "html": false, "<div><html></div>": false,
	} {
		if got := string(bytes.Join(htmlPage([]byte(content)), nil)) == content; got != whole {
			t.Errorf("%q is taken for a document: %v", content, got)
		}
	}
}
