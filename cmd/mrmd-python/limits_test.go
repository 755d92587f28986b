package main

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestLimitFlags(t *testing.T) {
	given := []string{
		"--max-body=1MiB", "--max-sessions=3", "--retain-memory=2GiB", "--retain-disk=500KiB", "--retain-age=90s",
		"--retain-count=7", "--max-queue=1", "--answer-within=1.5s",
	}
	var chosen options
	if err := setFlags(flagSet(&chosen), given); err != nil {
		t.Fatal(err)
	}
	l := chosen.limits
	if l.Body != 1<<20 || l.maxSessions != 3 || l.RetainMemory != 2<<30 || l.RetainSpool != 500<<10 ||
		l.RetainAge != 90*time.Second || l.RetainCount != 7 || l.Queue != 1 || l.answerWithin != answerWithin(1500*time.Millisecond) {
		t.Errorf("limits are %+v", l)
	}
	var again options
	if err := setFlags(flagSet(&again), l.limitArguments()); err != nil {
		t.Fatal(err)
	}
	if again.limits != l || len(l.limitArguments()) != len(given) {
		t.Errorf("arguments %v give %+v", l.limitArguments(), again.limits)
	}
}

func TestLimitsThatAreNone(t *testing.T) {
	for _, argument := range []string{
		"--max-body=0", "--max-body=-1", "--max-body=1.5MiB", "--max-body=MiB", "--max-body=9999999999GiB", "--max-body=x",
		"--max-sessions=0", "--max-queue=-3", "--retain-count=many", "--retain-age=soon",
		"--answer-within=0", "--answer-within=1ms", "--answer-within=2m", "--answer-within=soon",
	} {
		err := setFlags(flagSet(&options{}), []string{argument})
		name, _, _ := strings.Cut(argument, "=")
		if err == nil || !strings.Contains(err.Error(), "argument "+name) {
			t.Errorf("%s: %v", argument, err)
		}
	}
}

// TestLimitsAnswerClearly meets every limit of a real runtime once.
func TestLimitsAnswerClearly(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	url := h.start("limited", "--max-body=2KiB", "--max-headers=1KiB", "--max-json-depth=5", "--max-sessions=2", "--max-queue=1",
		"--max-streams=2", "--retain-count=3", "--max-header-time=2s", "--keep-alive=2s")
	ask := func(method, path, body string, headers ...string) (int, string) {
		t.Helper()
		request, err := http.NewRequest(method, url+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Content-Type", "application/json")
		for i := 0; i+1 < len(headers); i += 2 {
			request.Header.Set(headers[i], headers[i+1])
		}
		response, err := http.DefaultTransport.RoundTrip(request)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		text, _ := io.ReadAll(response.Body)
		return response.StatusCode, string(text)
	}
	mustExecute(t, url, "1")
	ask("POST", "/sessions", `{"id":"second"}`)
	// One cell runs, one waits, and both have a stream.
	for _, id := range []string{"running", "waiting"} {
		stream, err := http.Post(url+"/execute/stream", "application/json", strings.NewReader(`{"code":"input()","execId":"`+id+`"}`))
		if err != nil {
			t.Fatal(err)
		}
		defer stream.Body.Close()
	}
	for _, check := range []struct {
		name, method, path, body, header string
		status                           int
		code, says                       string
	}{
		{"body", "POST", "/execute", `{"code":"` + strings.Repeat("x", 3<<10) + `"}`, "", 413, "too_large", "2048 bytes"},
		{"headers", "GET", "/health", "", strings.Repeat("x", 2<<10), 431, "too_large", "--max-headers"},
		{"depth", "POST", "/execute", `{"code":"1","cellMeta":` + strings.Repeat(`{"a":`, 9) + "1" + strings.Repeat("}", 9) + `}`, "", 400, "invalid_request", "5 levels"},
		{"sessions", "POST", "/sessions", `{"id":"third"}`, "", 409, "conflict", "--max-sessions"},
		{"queue", "POST", "/execute", `{"code":"1"}`, "", 503, "runtime_busy", "waiting already"},
		{"streams", "GET", "/events", "", "", 503, "runtime_busy", "2 event streams"},
	} {
		status, text := ask(check.method, check.path, check.body, "X-Long", check.header)
		if status != check.status || !strings.Contains(text, `"error":"`+check.code+`"`) || !strings.Contains(text, check.says) {
			t.Errorf("%s: %d %s", check.name, status, text)
		}
	}
	ask("DELETE", "/executions/waiting", "")
	ask("DELETE", "/executions/running", "")
	for range 5 {
		mustExecute(t, url, "1")
	}
	if _, text := ask("GET", "/executions", ""); strings.Count(text, `"state"`) > 4 {
		t.Errorf("more than 3 ended executions are kept: %s", text)
	}
}
