package mrp

import (
	"context"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// metric reads one value of /metrics; series has the labels as they are shown.
func (rt *runtimeUnderTest) metric(series string) float64 {
	rt.t.Helper()
	text := string(rt.do("GET", "/metrics", "").body)
	match := regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(series) + ` (\S+)$`).FindStringSubmatch(text)
	if match == nil {
		rt.t.Fatalf("there is no %s in:\n%s", series, text)
	}
	value, err := strconv.ParseFloat(match[1], 64)
	if err != nil {
		rt.t.Fatal(err)
	}
	return value
}

func TestMetrics(t *testing.T) {
	rt := serve(t)
	begun := make(chan struct{})
	rt.engine.on("stuck", func(_ context.Context, _ Sink, interrupted <-chan struct{}) Outcome {
		close(begun)
		<-interrupted
		return keyboardInterrupt()
	})
	rt.engine.on("bad", func(context.Context, Sink, <-chan struct{}) Outcome { return failed("ValueError") })
	rt.engine.on("loud", func(_ context.Context, sink Sink, _ <-chan struct{}) Outcome {
		sink.Text(Stdout, []byte("12345"))
		return Outcome{}
	})
	rt.post("/execute", `{"code":"loud"}`)
	rt.post("/execute", `{"code":"loud","session":"other"}`)
	rt.post("/execute", `{"code":"bad"}`)
	running := rt.run(`{"code":"stuck","execId":"stuck"}`)
	<-begun
	queued := rt.run(`{"code":"1","execId":"queued"}`)
	for series, want := range map[string]float64{
		`mrmd_queued_executions`: 1, `mrmd_running_executions`: 1, `mrmd_sessions`: 2, `mrmd_open_streams`: 2, `mrmd_retained_executions`: 5,
	} {
		if got := rt.metric(series); got != want {
			t.Errorf("%s is %v, want %v", series, got, want)
		}
	}
	rt.do("DELETE", pathPrefix+"/executions/queued", "")
	rt.post("/interrupt", `{}`)
	running.all(0)
	queued.all(0)
	waitFor(t, "the streams to be closed", func() bool { return rt.metric("mrmd_open_streams") == 0 })
	rt.do("GET", "/mrp/v1/nowhere", "")
	rt.do("GET", "/mrp/v1/health", "", "Host: evil.example")
	rt.do("POST", "/mrp/v1/execute", "{}", "Content-Type: text/plain")
	for series, want := range map[string]float64{
		`mrmd_executions_total{outcome="ok"}`:                          2,
		`mrmd_executions_total{outcome="error"}`:                       1,
		`mrmd_executions_total{outcome="interrupted"}`:                 1,
		`mrmd_executions_total{outcome="cancelled"}`:                   1,
		`mrmd_executions_total{outcome="failed"}`:                      0,
		`mrmd_execution_seconds_count`:                                 4,
		`mrmd_execution_seconds_bucket{le="+Inf"}`:                     4,
		`mrmd_queue_seconds_count`:                                     4,
		`mrmd_output_bytes_total`:                                      10,
		`mrmd_interrupts_total`:                                        1,
		`mrmd_refused_requests_total{reason="not_found"}`:              1,
		`mrmd_refused_requests_total{reason="forbidden_host"}`:         1,
		`mrmd_refused_requests_total{reason="unsupported_media_type"}`: 1,
		`mrmd_queued_executions`:                                       0,
	} {
		if got := rt.metric(series); got != want {
			t.Errorf("%s is %v, want %v", series, got, want)
		}
	}
	before := rt.metric("mrmd_response_bytes_total")
	size := len(rt.do("GET", "/mrp/v1/capabilities", "").body)
	if grown := rt.metric("mrmd_response_bytes_total") - before; grown < float64(size) {
		t.Errorf("an answer of %d bytes is counted as %v", size, grown)
	}
	for _, series := range []string{"mrmd_retained_memory_bytes", "mrmd_uptime_seconds", "go_goroutines", "process_open_fds", "process_resident_memory_bytes"} {
		if got := rt.metric(series); got <= 0 {
			t.Errorf("%s is %v", series, got)
		}
	}
	if got := rt.do("GET", "/metrics", ""); !strings.HasPrefix(got.header.Get("Content-Type"), "text/plain") || !strings.Contains(string(got.body), "# HELP mrmd_executions_total") {
		t.Errorf("%v %s", got.header, got.body)
	}
	if got := rt.do("GET", "/metrics", "", "Origin: http://evil.example"); got.status != 403 {
		t.Errorf("the guard lets a foreign page read metrics: %s", fmt.Sprint(got.status))
	}
}
