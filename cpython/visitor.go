package cpython

// #include "bridge.h"
import "C"

import (
	"context"
	"errors"
	"runtime"
)

// Visitor runs functions on an OS thread of its own that is attached to Python,
// beside what the main thread runs.
type Visitor struct {
	visits chan visit
}

type visit struct {
	function func() error
	outcome  chan<- error
}

// NewVisitor attaches a thread to Python for the life of the process. Any
// goroutine, after Start.
func NewVisitor() (*Visitor, error) {
	visitor := &Visitor{visits: make(chan visit)}
	attached := make(chan error)
	go visitor.serve(attached)
	if err := <-attached; err != nil {
		return nil, err
	}
	return visitor, nil
}

func (v *Visitor) serve(attached chan<- error) {
	runtime.LockOSThread()
	state := C.mrmd_thread_attach()
	if state == nil {
		attached <- errors.New("attaching a thread to Python: out of memory")
		return
	}
	attached <- nil
	for visit := range v.visits {
		C.mrmd_thread_enter(state)
		err := protect(visit.function)
		C.mrmd_thread_leave()
		visit.outcome <- err
	}
}

// Do runs function on the visitor's thread with the GIL held and returns its
// error; a panic in it becomes an error. It waits for the GIL as a Python thread
// would. When ctx ends first Do returns its error, and a function that has begun
// goes on without an audience. Any goroutine; must not hold the GIL.
func (v *Visitor) Do(ctx context.Context, function func() error) error {
	outcome := make(chan error, 1)
	select {
	case v.visits <- visit{function, outcome}:
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case err := <-outcome:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}
