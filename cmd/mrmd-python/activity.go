package main

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/mrmd/mrmd-python/interp"
	"github.com/mrmd/mrmd-python/mrp"
)

// activity is an engine and a handler seen from outside: it knows when they were
// last used, and tells when that changes.
type activity struct {
	// Engine is not an mrp.Engine, which would hide what else it offers to mrp.
	*interp.Engine
	handler *mrp.Handler
	// touch is told of every use.
	touch func()

	mutex    sync.Mutex
	running  int
	lastUse  time.Time
	lastSeen time.Time
}

// It offers what the engine offers.
var _ interface {
	mrp.Engine
	mrp.Intelligence
} = (*activity)(nil)

func newActivity(engine *interp.Engine, touch func()) *activity {
	return &activity{Engine: engine, touch: touch, lastUse: time.Now()}
}

// Execute implements mrp.Engine.
func (a *activity) Execute(ctx context.Context, request mrp.Execution, sink mrp.Sink) (mrp.Outcome, error) {
	a.count(1)
	defer a.count(-1)
	return a.Engine.Execute(ctx, request, sink)
}

func (a *activity) count(change int) {
	a.mutex.Lock()
	a.running += change
	a.lastUse = time.Now()
	a.mutex.Unlock()
	a.touch()
}

// ServeHTTP implements http.Handler.
func (a *activity) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	defer a.noteRequest()
	a.handler.ServeHTTP(w, r)
}

// noteRequest looks whether there was a request that counts as use.
func (a *activity) noteRequest() {
	last := a.handler.LastActivity()
	a.mutex.Lock()
	seen := a.lastSeen
	a.lastSeen = last
	a.mutex.Unlock()
	if last.After(seen) {
		a.touch()
	}
}

// idleFor is how long nothing was asked and no cell ran; 0 while one runs or waits.
func (a *activity) idleFor() time.Duration {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	// While Python starts, what was asked for waits without having begun.
	if a.running > 0 || a.handler.Busy() {
		return 0
	}
	last := a.lastUse
	if asked := a.handler.LastActivity(); asked.After(last) {
		last = asked
	}
	return time.Since(last)
}

// waitUntilIdle returns when the runtime was not used for limit.
func (a *activity) waitUntilIdle(limit time.Duration) {
	for {
		left := limit - a.idleFor()
		if left <= 0 {
			return
		}
		time.Sleep(left)
	}
}
