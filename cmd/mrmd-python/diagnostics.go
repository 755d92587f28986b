package main

import (
	"net/http"
	"net/http/pprof"
	"runtime"
	profiles "runtime/pprof"

	"github.com/mrmd/mrmd-python/cpython"
	"github.com/mrmd/mrmd-python/mrp"
)

const (
	pprofPath = "/debug/pprof/"
	// heapSample is how many bytes of allocations there are to one that the heap's
	// profile counts; it is Go's default.
	heapSample = 512 << 10
)

// sampleHeap has allocations counted only where they can be asked for. It is to be
// called as early as the answer is known.
func sampleHeap(wanted bool) {
	runtime.MemProfileRate = 0
	if wanted {
		runtime.MemProfileRate = heapSample
	}
}

// addDiagnostics has the profiles of Go's half served, and answers say where their time
// went. net/http/pprof puts itself into http.DefaultServeMux, which is never served.
func (s *server) addDiagnostics(options *mrp.Options) {
	if !s.diagnostics {
		return
	}
	options.ServerTiming = true
	pages := map[string]http.Handler{
		"":        http.HandlerFunc(pprof.Index),
		"cmdline": http.HandlerFunc(pprof.Cmdline),
		"profile": http.HandlerFunc(s.serveCPUProfile),
		"symbol":  http.HandlerFunc(pprof.Symbol),
		"trace":   http.HandlerFunc(pprof.Trace),
	}
	for _, profile := range profiles.Profiles() {
		pages[profile.Name()] = pprof.Handler(profile.Name())
	}
	for name, page := range pages {
		options.Routes = append(options.Routes, mrp.Route{Methods: []string{http.MethodGet}, Path: pprofPath + name, Handler: page})
	}
}

// serveCPUProfile takes a profile unless the user's code uses the signal for it.
func (s *server) serveCPUProfile(w http.ResponseWriter, r *http.Request) {
	select {
	case <-s.engine.Ready():
	case <-r.Context().Done():
		return
	}
	release, err := cpython.HoldProfilingSignal()
	if err != nil {
		http.Error(w, err.Error(), http.StatusConflict)
		return
	}
	defer release()
	pprof.Profile(w, r)
}
