package mrp

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

func (rt *runtimeUnderTest) retained() string {
	var ids []string
	for _, e := range rt.handler.archive.list() {
		ids = append(ids, e.request.execID)
	}
	return strings.Join(ids, " ")
}

func TestRetentionByNumber(t *testing.T) {
	rt := serve(t, func(o *Options) { o.Limits.RetainCount = 3 })
	for i, cell := range []string{"A", "", "B", "B", ""} {
		rt.post("/execute", fmt.Sprintf(`{"code":"1","execId":"e%d","cellId":"%s"}`, i, cell))
	}
	// e0 is the last of its cell and outlives e1; e2 is not the last of B.
	if got := rt.retained(); got != "e0 e3 e4" {
		t.Errorf("retained %s", got)
	}
	rt.post("/execute", `{"code":"1","execId":"e5","cellId":"C"}`)
	rt.post("/execute", `{"code":"1","execId":"e6","cellId":"D"}`)
	if got := rt.retained(); got != "e3 e5 e6" {
		t.Errorf("retained %s", got)
	}
	rt.post("/execute", `{"code":"1","execId":"e7","cellId":"B","session":"other"}`)
	if got := rt.retained(); got != "e5 e6 e7" {
		t.Errorf("retained %s", got)
	}
	rt.post("/execute", `{"code":"1","execId":"e0"}`)
	if got := rt.do("GET", "/mrp/v1/executions/e3", ""); got.status != 404 {
		t.Errorf("a dropped one: %d", got.status)
	}
}

func TestRetentionBySize(t *testing.T) {
	rt := serve(t, func(o *Options) { o.Limits.RetainMemory = 200_000 })
	rt.engine.on("loud", printing(10, strings.Repeat("x", 6_000)))
	for i := range 10 {
		rt.post("/execute", fmt.Sprintf(`{"code":"loud","execId":"e%d"}`, i))
	}
	kept := len(rt.handler.archive.list())
	if kept < 1 || kept > 3 || rt.handler.archive.memory > 200_000 {
		t.Errorf("kept %d with %d bytes", kept, rt.handler.archive.memory)
	}
	rt.engine.on("huge", printing(40, strings.Repeat("x", 10_000)))
	rt.post("/execute", `{"code":"huge","execId":"huge"}`)
	if got := rt.retained(); got != "huge" {
		t.Errorf("retained %s", got)
	}
}

func TestRetentionByAge(t *testing.T) {
	rt := serve(t, func(o *Options) { o.Limits.RetainAge = time.Hour })
	rt.post("/execute", `{"code":"1","execId":"old"}`)
	rt.post("/execute", `{"code":"1","execId":"before","cellId":"A"}`)
	rt.post("/execute", `{"code":"1","execId":"last","cellId":"A"}`)
	g := newGate(rt.engine, "wait")
	reader := rt.run(`{"code":"wait","execId":"running"}`)
	<-g.entered
	rt.handler.archive.expire(time.Now().Add(59 * time.Minute))
	if got := rt.retained(); got != "old before last running" {
		t.Errorf("retained %s", got)
	}
	rt.handler.archive.expire(time.Now().Add(2 * time.Hour))
	if got := rt.retained(); got != "last running" {
		t.Errorf("retained %s", got)
	}
	rt.handler.archive.expire(time.Now().Add(8 * 24 * time.Hour))
	if got := rt.retained(); got != "running" {
		t.Errorf("retained %s", got)
	}
	close(g.leave)
	reader.all(0)
}

func TestOptionsThatMakeNoSense(t *testing.T) {
	engine := newToyEngine("/")
	for _, options := range []Options{
		{}, {AssetsDir: "relative"}, {AssetsDir: "/a", SpoolDir: "relative"},
		{AssetsDir: "/a", Limits: Limits{Queue: -1}}, {AssetsDir: "/a", KeepaliveInterval: -1},
	} {
		if _, err := NewHandler(engine, options); err == nil {
			t.Errorf("%+v was taken", options)
		}
	}
	if _, err := NewHandler(nil, Options{AssetsDir: "/a"}); err == nil {
		t.Error("no engine was taken")
	}
}
