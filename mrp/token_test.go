package mrp

import (
	"bytes"
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/sirupsen/logrus"
)

const testToken = "s3cret+/=%~"

func TestToken(t *testing.T) {
	var logged bytes.Buffer
	logger := logrus.New()
	logger.SetOutput(&logged)
	logger.SetLevel(logrus.TraceLevel)
	rt := serve(t, func(o *Options) {
		o.Token, o.Logger = testToken, logger
		o.AllowedOrigins = []string{"http://editor.example"}
	})
	inPath := "/t/s3cret+%2F=%25~"
	for _, c := range []struct {
		name, path string
		headers    []string
		allowed    bool
	}{
		{"none", "", nil, false},
		{"as bearer", "", []string{"Authorization: Bearer " + testToken}, true},
		{"as bearer in lower case", "", []string{"Authorization: bearer " + testToken}, true},
		{"in its own header", "", []string{"X-MRMD-Token: " + testToken}, true},
		{"beside a proxy's authorization", "", []string{"Authorization: Basic eDp5", "X-MRMD-Token: " + testToken}, true},
		{"in the path", inPath, nil, true},
		{"a wrong one as bearer", "", []string{"Authorization: Bearer " + testToken + "x"}, false},
		{"a part of it", "", []string{"Authorization: Bearer " + testToken[:5]}, false},
		{"an empty one", "", []string{"Authorization: Bearer "}, false},
		{"with basic authorization", "", []string{"Authorization: Basic " + testToken}, false},
		{"a wrong one in its own header", "", []string{"X-MRMD-Token: x"}, false},
		{"a wrong one in the path", "/t/wrong", nil, false},
		{"an empty one in the path", "/t/", nil, false},
	} {
		got := rt.do("GET", c.path+"/mrp/v1/health", "", c.headers...)
		if (got.status == http.StatusOK) != c.allowed {
			t.Errorf("%s: %d %s", c.name, got.status, got.body)
		}
		if c.allowed {
			continue
		}
		if got.status != http.StatusUnauthorized || got.json(t)["error"] != "unauthorized" || !strings.HasPrefix(got.header.Get("WWW-Authenticate"), "Bearer ") {
			t.Errorf("%s: %d %v %s", c.name, got.status, got.header, got.body)
		}
	}
	got := rt.do("GET", "/mrp/v1/health", "", "Origin: http://editor.example")
	if got.status != 401 || got.header.Get("Access-Control-Allow-Origin") != "http://editor.example" {
		t.Errorf("a page is not let read why it is refused: %d %v", got.status, got.header)
	}
	got = rt.do("OPTIONS", "/mrp/v1/execute", "", "Origin: http://editor.example", "Access-Control-Request-Method: POST")
	if allowed := got.header.Get("Access-Control-Allow-Headers"); got.status != 204 || !strings.Contains(allowed, "Authorization") || !strings.Contains(allowed, "X-MRMD-Token") {
		t.Errorf("a preflight, which has no token: %d %v", got.status, got.header)
	}
	if got := rt.do("OPTIONS", "/mrp/v1/execute", "", "Access-Control-Request-Method: POST"); got.status != 401 {
		t.Errorf("what looks like a preflight and has no origin: %d", got.status)
	}
	if text := logged.String(); text == "" || strings.Contains(text, "s3cret") || strings.Contains(text, "wrong") {
		t.Errorf("the log: %s", text)
	}
}

func TestPathsWithoutATokenAreAsTheyAre(t *testing.T) {
	rt := serve(t)
	if got := rt.do("GET", "/t/x/mrp/v1/health", ""); got.status != 404 {
		t.Errorf("%d %s", got.status, got.body)
	}
	if _, err := NewHandler(rt.engine, Options{AssetsDir: "/x", Token: "a b"}); err == nil {
		t.Error("a token with a space is taken")
	}
}

// TestURLsWorkForWhoGetsThem follows the URLs in answers the way a client does that
// knows only the origin it asked.
func TestURLsWorkForWhoGetsThem(t *testing.T) {
	rt := serve(t, func(o *Options) { o.Token, o.Limits.ResultText = testToken, 10 })
	prefix := "/t/s3cret+%2F=%25~"
	rt.engine.on("show", func(_ context.Context, sink Sink, _ <-chan struct{}) Outcome {
		sink.Display(pngDisplay("p"))
		sink.Text(Stdout, bytes.Repeat([]byte("x"), 100))
		return Outcome{}
	})
	result := rt.do("POST", prefix+"/mrp/v1/execute", `{"code":"show"}`).json(t)
	events := newEventReader(t, rt.open(context.Background(), "POST", prefix+"/mrp/v1/execute/stream", `{"code":"show","execId":"s"}`)).all(0)
	urls := []string{
		list(result, "assets")[0]["url"].(string),
		result["stdoutUrl"].(string),
		events[1].data["url"].(string),
		list(events[3].data, "assets")[0]["url"].(string),
	}
	for _, url := range urls {
		if got := rt.do("GET", url, ""); got.status != 200 || got.header.Get("Referrer-Policy") != "no-referrer" {
			t.Errorf("%s: %d %v", url, got.status, got.header)
		}
	}
	// Who sends the token in a header gets the URLs that it has to ask so.
	plain := rt.do("GET", "/mrp/v1/executions/s", "", "X-MRMD-Token: "+testToken).json(t)["result"].(map[string]any)
	if url := list(plain, "assets")[0]["url"]; url != "/mrp/v1/assets/s_0001.png" {
		t.Errorf("without a prefix the URL is %v", url)
	}
	for given, want := range map[string]string{
		"/user/me/proxy/8888": "/user/me/proxy/8888" + prefix + "/mrp/v1/assets/s_0001.png",
		"//evil.example":      prefix + "/mrp/v1/assets/s_0001.png",
		`/a"b`:                prefix + "/mrp/v1/assets/s_0001.png",
	} {
		behind := rt.do("GET", prefix+"/mrp/v1/executions/s", "", "X-Forwarded-Prefix: "+given).json(t)["result"].(map[string]any)
		if url := list(behind, "assets")[0]["url"]; url != want {
			t.Errorf("behind a proxy at %s the URL is %v, want %s", given, url, want)
		}
	}
}
