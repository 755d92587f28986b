package mrp

import (
	"bytes"
	"encoding/json"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// FuzzDecode: whatever the body, the answer is a request or a 4xx that says why.
func FuzzDecode(f *testing.F) {
	for _, seed := range []string{``, `{}`, `{"code":"1"}`, `{"code":"\ud800"}`, `{"code":"a","code":null}`, `[1]`, `{"columns":1e2,"code":""}`,
		`{"code":"1","execId":"x","silent":true,"cellMeta":{"a":[[]]}}`, "{\"code\":\"\xff\"}", `{"code":"1","columns":1e309}`, "\xef\xbb\xbf{}"} {
		f.Add([]byte(seed))
	}
	h := &Handler{engine: newToyEngine("/"), assets: newAssetStore(&assetPruner{dir: "/assets"})}
	h.options.fillDefaults()
	f.Fuzz(func(t *testing.T, body []byte) {
		request := httptest.NewRequest("POST", "/", bytes.NewReader(body))
		request.Header.Set("Content-Type", "application/json")
		decoded, err := h.decodeExecute(request, true)
		if err != nil {
			if answer, ok := err.(*apiError); !ok || answer.status/100 != 4 || !utf8.ValidString(answer.message) && utf8.Valid(body) {
				t.Fatalf("%q: %v", body, err)
			}
			return
		}
		if !json.Valid(bytes.TrimPrefix(body, utf8BOM)) || !utf8.ValidString(decoded.code) || decoded.execID == "" ||
			utf8.RuneCountInString(decoded.execID) > maxExecIDLength || decoded.columns < 0 {
			t.Fatalf("%q was taken as %+v", body, decoded)
		}
	})
}

// FuzzQuote: text becomes one line of JSON that means the same, in pieces or
// not.
func FuzzQuote(f *testing.F) {
	for _, seed := range []string{"", "a\nb", "\u2028\u0085", "é€😀", "\xff\xfe", "\xe2\x80", "\x00\x1f\x7f", `"\`} {
		f.Add([]byte(seed), 1)
	}
	f.Fuzz(func(t *testing.T, text []byte, size int) {
		quoted := appendQuoted([]byte("x"), text)[1:]
		if bytes.ContainsAny(quoted, "\n\r\u2028\u2029\u0085") {
			t.Fatalf("%q has a line end: %q", text, quoted)
		}
		var back string
		if err := json.Unmarshal(quoted, &back); err != nil || back != strings.ToValidUTF8(string(text), back) && utf8.Valid(text) {
			t.Fatalf("%q came back as %q: %v", text, back, err)
		}
		if !utf8.Valid(text) {
			return
		}
		w := newWireWriter(nil)
		defer w.release()
		w.openString()
		for rest := text; len(rest) > 0; {
			n := runeBoundary(rest, 4+(size&0xFF))
			w.stringPiece(rest[:n])
			rest = rest[n:]
		}
		w.closeString()
		if !bytes.Equal(w.buffer, quoted) {
			t.Fatalf("%q in pieces: %q, not %q", text, w.buffer, quoted)
		}
	})
}

// FuzzEventStream: whatever a cell shows, every event is three lines and a blank
// one.
func FuzzEventStream(f *testing.F) {
	f.Add("out", "err", `{"text/plain":"x"}`, "prompt")
	f.Add("a\r\n\nevent: x", "\u2028", "{\"a\":\n[1,\r\n2]}", "\n\n")
	f.Add("", "\xff", `{`, "")
	f.Fuzz(func(t *testing.T, stdout, stderr, data, prompt string) {
		h := &Handler{}
		h.options.fillDefaults()
		e := &execution{request: executeRequest{execID: prompt}}
		e.log.init(&spool{dir: os.TempDir(), failed: func(error) {}}, Limits{TextMemory: mebibyte}, accumulateDefault)
		e.sink.execution = e
		e.request.displays = displaysInline
		e.sink.Text(Stdout, []byte(stdout))
		e.sink.Text(Stderr, []byte(stderr))
		e.sink.Display(Display{Data: map[string]jsontext.Value{prompt: jsontext.Value(data)}, Metadata: jsontext.Value(data)})
		e.log.add(eventStdinRequest, appendQuoted([]byte(`"prompt":`), prompt))
		e.outcome.Result = &stdout
		e.log.end(eventResult, eventDone)
		out := newWireWriter(nil)
		defer out.release()
		s := &eventStream{handler: h, execution: e, reader: e.log.follow(0), out: out}
		count := 0
		for {
			event, ok, ended, _, err := s.reader.next(e.log.heldUntil[Stdout].Add(1e9))
			if err != nil {
				t.Fatal(err)
			}
			if ended {
				break
			}
			if ok {
				s.event(event, s.reader.seen)
				count++
			}
		}
		blocks := strings.Split(strings.TrimSuffix(string(out.buffer), "\n\n"), "\n\n")
		if len(blocks) != count || out.err != nil {
			t.Fatalf("%d blocks for %d events: %q", len(blocks), count, out.buffer)
		}
		for _, block := range blocks {
			lines := strings.FieldsFunc(block, func(r rune) bool { return strings.ContainsRune("\n\r\v\f\u0085\u2028\u2029", r) })
			if len(lines) != 3 || !strings.HasPrefix(lines[0], "id: ") || !strings.HasPrefix(lines[1], "event: ") ||
				!strings.HasPrefix(lines[2], "data: ") || !json.Valid([]byte(lines[2][6:])) {
				t.Fatalf("an event is %q", block)
			}
		}
	})
}

// FuzzAssetPath: no path gets anything from outside of the folder.
func FuzzAssetPath(f *testing.F) {
	for _, seed := range []string{"a.txt", "../secret", "..%2fsecret", "sub/../../secret", "link", "%00", "/etc/passwd", "sub//a.txt", "..\\secret", "%2e%2e/secret"} {
		f.Add(seed)
	}
	root := f.TempDir()
	assets := filepath.Join(root, "assets")
	for _, err := range []error{
		os.MkdirAll(filepath.Join(assets, "sub"), 0o700),
		os.WriteFile(filepath.Join(root, "secret"), []byte("secret"), 0o600),
		os.WriteFile(filepath.Join(assets, "a.txt"), []byte("inside"), 0o600),
		os.WriteFile(filepath.Join(assets, "sub", "a.txt"), []byte("inside"), 0o600),
		os.Symlink("../secret", filepath.Join(assets, "link")),
	} {
		if err != nil {
			f.Fatal(err)
		}
	}
	h, err := NewHandler(newToyEngine(root), Options{AssetsDir: assets, SpoolDir: root})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { h.Close() })
	f.Fuzz(func(t *testing.T, path string) {
		request := fromOwner(httptest.NewRequest("GET", "http://localhost/mrp/v1/health", nil))
		parsed, err := request.URL.Parse("/mrp/v1/assets/x")
		if err != nil {
			t.Fatal(err)
		}
		parsed.Path, parsed.RawPath = "/mrp/v1/assets/"+path, ""
		if unescaped, err := parsed.Parse("/mrp/v1/assets/" + path); err == nil && strings.HasPrefix(unescaped.Path, "/mrp/v1/assets/") {
			parsed = unescaped
		}
		request.URL = parsed
		recorder := httptest.NewRecorder()
		h.ServeHTTP(recorder, request)
		body := recorder.Body.String()
		if recorder.Code == 200 && body != "inside" && strings.HasPrefix(request.URL.Path, "/mrp/v1/assets") || strings.Contains(body, "secret") && recorder.Code == 200 {
			t.Fatalf("%q: %d %s", path, recorder.Code, body)
		}
	})
}
