package wheeltest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mrmd/mrmd-python/internal/livetest"
)

const (
	largeSize = 8 << 20
	bodyLimit = 64 << 20
)

// isConnection says whether a socket is a TCP connection that is open at both ends.
func isConnection(t *testing.T, inode string) bool {
	t.Helper()
	const established = "01"
	table, err := os.ReadFile("/proc/net/tcp")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(table)) {
		if fields := strings.Fields(line); fields[9] == inode && fields[3] == established {
			return true
		}
	}
	return false
}

func TestAppServesTheProtocol(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*patience)
	defer cancel()
	assets := t.TempDir()
	app := serveApp(t, livetest.Object{
		"venv": virtualenv, "assets_dir": assets, "daemon_mode": true, "allowed_origins": []string{"http://editor.example"},
	})
	if app.origin == "" {
		t.Fatal(app.output())
	}
	execute := func(t *testing.T, code string) livetest.Object {
		t.Helper()
		answer, err := app.Post(ctx, "/execute", livetest.Object{"code": code, "execId": t.Name()})
		if err != nil {
			t.Fatal(err)
		}
		return answer
	}
	ask := func(t *testing.T, method, path string, body io.Reader, headers ...string) (*http.Response, string) {
		t.Helper()
		request, err := http.NewRequestWithContext(ctx, method, app.URL+path, body)
		if err != nil {
			t.Fatal(err)
		}
		for i := 0; i < len(headers); i += 2 {
			if request.Header.Set(headers[i], headers[i+1]); headers[i] == "Host" {
				request.Host = headers[i+1]
			}
		}
		answer, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		content, err := io.ReadAll(answer.Body)
		if err != nil {
			t.Fatal(err)
		}
		return answer, string(content)
	}

	t.Run("capabilities", func(t *testing.T) {
		answer, err := app.Get(ctx, "/capabilities")
		if err != nil {
			t.Fatal(err)
		}
		environment := answer["environment"].(livetest.Object)
		if environment["virtualenv"] != virtualenv || environment["executable"] != pythonIn(virtualenv) {
			t.Errorf("environment: %v", environment)
		}
	})
	t.Run("stream and input", func(t *testing.T) {
		// The question arrives while the cell waits for the answer, or never.
		var said []string
		body := livetest.Object{"code": "name = input('name? ')\nprint('hello', name)"}
		err := app.Stream(ctx, "/execute/stream", body, func(event livetest.Event) bool {
			said = append(said, event.Name)
			if event.Name == "stdin_request" {
				answer, err := app.Post(ctx, "/input", livetest.Object{"execId": event.Data["execId"], "text": "Ada\n"})
				if err != nil || answer["accepted"] != true {
					t.Errorf("the answer: %v, %v", answer, err)
				}
			}
			if event.Name == "result" && !strings.Contains(event.Data["stdout"].(string), "hello Ada\n") {
				t.Errorf("stdout: %q", event.Data["stdout"])
			}
			return true
		})
		if err != nil || said[len(said)-1] != "done" {
			t.Errorf("events: %q, %v", said, err)
		}
	})
	t.Run("interrupt", func(t *testing.T) {
		ended := ""
		body := livetest.Object{"code": "print('running')\nwhile True: pass"}
		err := app.Stream(ctx, "/execute/stream", body, func(event livetest.Event) bool {
			if event.Name == "stdout" && event.Data["accumulated"] == "running\n" {
				if answer, err := app.Post(ctx, "/interrupt", livetest.Object{}); err != nil || answer["interrupted"] != true {
					t.Errorf("interrupt: %v, %v", answer, err)
				}
			}
			if event.Name == "error" {
				ended, _ = event.Data["type"].(string)
			}
			return true
		})
		if err != nil || ended != "KeyboardInterrupt" {
			t.Errorf("the cell ended with %q, %v", ended, err)
		}
	})
	t.Run("a client that goes away", func(t *testing.T) {
		pid := execute(t, "import os; os.getpid()")["result"].(string)
		connections := func() (count int) {
			descriptors, err := filepath.Glob("/proc/" + pid + "/fd/*")
			if err != nil {
				t.Fatal(err)
			}
			for _, descriptor := range descriptors {
				target, err := os.Readlink(descriptor)
				if inode, isSocket := strings.CutPrefix(target, "socket:["); err == nil && isSocket && isConnection(t, strings.TrimSuffix(inode, "]")) {
					count++
				}
			}
			return count
		}
		waitUntil(t, "the connections of earlier requests are closed", func() bool { return connections() == 0 })
		body := livetest.Object{"code": "go = False\nprint('seen')\nimport time\nwhile not go: time.sleep(0.01)", "execId": "left"}
		err := app.Stream(ctx, "/execute/stream", body, func(event livetest.Event) bool { return event.Name != "stdout" })
		if err != nil {
			t.Fatal(err)
		}
		waitUntil(t, "the runtime's connection is closed too", func() bool { return connections() == 0 })
		answer, err := app.Get(ctx, "/executions/left")
		if err != nil || answer["state"] != "running" {
			t.Errorf("the execution: %v, %v", answer, err)
		}
		if _, err := app.Post(ctx, "/interrupt", livetest.Object{}); err != nil {
			t.Error(err)
		}
	})
	t.Run("large bodies", func(t *testing.T) {
		code := "text = '" + strings.Repeat("x", largeSize) + "'\nprint(text)"
		if answer := execute(t, code); answer["success"] != true {
			t.Fatalf("it failed: %.300v", answer["error"])
		}
		answer, content := ask(t, http.MethodGet, "/executions/"+strings.ReplaceAll(t.Name(), "/", "%2F")+"/output/stdout", nil)
		if answer.StatusCode != http.StatusOK || len(content) != largeSize+1 {
			t.Errorf("its output: %s, %d bytes", answer.Status, len(content))
		}
		// Without a length the body is sent in chunks.
		tooLarge := struct{ io.Reader }{bytes.NewReader(make([]byte, bodyLimit+1))}
		answer, content = ask(t, http.MethodPost, "/execute", tooLarge, "Content-Type", "application/json")
		if answer.StatusCode != http.StatusRequestEntityTooLarge {
			t.Errorf("too much: %s %.300s", answer.Status, content)
		}
	})
	t.Run("assets", func(t *testing.T) {
		saved := execute(t, "from IPython.display import SVG\nSVG('<svg xmlns=\"http://www.w3.org/2000/svg\"/>')")
		asset := saved["assets"].([]any)[0].(livetest.Object)
		path := strings.TrimPrefix(asset["url"].(string), "/mrp/v1")
		whole, content := ask(t, http.MethodGet, path, nil)
		if !strings.HasPrefix(content, "<svg") || len(content) != int(asset["size"].(float64)) {
			t.Errorf("the asset: %s %q", whole.Status, content)
		}
		head, nothing := ask(t, http.MethodHead, path, nil)
		if head.StatusCode != http.StatusOK || nothing != "" || head.ContentLength != int64(len(content)) {
			t.Errorf("HEAD: %s, %d bytes announced, %q", head.Status, head.ContentLength, nothing)
		}
		part, bytes := ask(t, http.MethodGet, path, nil, "Range", "bytes=1-3")
		if part.StatusCode != http.StatusPartialContent || bytes != "svg" {
			t.Errorf("a range: %s %q", part.Status, bytes)
		}
	})
	t.Run("the guard", func(t *testing.T) {
		host := strings.TrimPrefix(app.origin, "http://")
		port := host[strings.LastIndexByte(host, ':'):]
		for _, c := range []struct {
			status  int
			headers []string
		}{
			{http.StatusOK, nil},
			{http.StatusOK, []string{"Origin", app.origin}},
			{http.StatusOK, []string{"Host", "localhost" + port, "Origin", "http://localhost" + port}},
			{http.StatusOK, []string{"Host", "[::1]" + port}},
			{http.StatusOK, []string{"Origin", "http://editor.example", "Sec-Fetch-Site", "cross-site"}},
			{http.StatusForbidden, []string{"Host", "evil.example" + port}},
			{http.StatusForbidden, []string{"Host", "evil.example" + port, "Origin", "http://evil.example" + port}},
			{http.StatusForbidden, []string{"Host", "localhost:1"}},
			{http.StatusForbidden, []string{"Origin", "http://evil.example"}},
			{http.StatusForbidden, []string{"Origin", "http://localhost" + port}},
			{http.StatusForbidden, []string{"Origin", "null"}},
			{http.StatusForbidden, []string{"Sec-Fetch-Site", "cross-site"}},
		} {
			answer, content := ask(t, http.MethodGet, "/health", nil, c.headers...)
			if answer.StatusCode != c.status {
				t.Errorf("%q: %s %s", c.headers, answer.Status, content)
			}
			allowed := answer.Header.Get("Access-Control-Allow-Origin")
			if foreign := strings.Contains(fmt.Sprint(c.headers), "editor.example"); (allowed == "http://editor.example") != foreign {
				t.Errorf("%q: Access-Control-Allow-Origin is %q", c.headers, allowed)
			}
		}
	})
	t.Run("errors keep their form", func(t *testing.T) {
		answer, content := ask(t, http.MethodDelete, "/execute", nil)
		if answer.StatusCode != http.StatusMethodNotAllowed || answer.Header.Get("Allow") == "" || !strings.Contains(content, "method_not_allowed") {
			t.Errorf("%s %v %s", answer.Status, answer.Header, content)
		}
	})
}
