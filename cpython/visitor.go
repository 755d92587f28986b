package cpython

// #include "bridge.h"
import "C"

import (
	"context"
	"errors"
	"runtime"
	"time"
)

// Visitor runs functions on an OS thread of its own that is attached to Python,
// beside what the main thread runs.
type Visitor struct {
	jobs jobQueue
	bell *C.mrmd_bell
}

// NewVisitor gives a thread to Python for the life of the process. It does not wait
// until that is attached, which takes the GIL where tracemalloc follows allocations.
// Any goroutine, after Start.
func NewVisitor() *Visitor {
	visitor := &Visitor{bell: C.mrmd_bell_new()}
	go visitor.serve()
	return visitor
}

func (v *Visitor) serve() {
	runtime.LockOSThread()
	state := C.mrmd_thread_attach()
	// A thread that waits in C is woken at once; one whose goroutine waits, by way of
	// another thread that Go's scheduler wakes first.
	wait := time.Duration(0)
	for {
		asked, _ := v.jobs.next()
		if asked == nil {
			C.mrmd_bell_wait(v.bell, C.long(wait))
			wait = 0
			continue
		}
		if state == nil {
			asked.outcome <- errors.New("attaching a thread to Python: out of memory")
			continue
		}
		C.mrmd_thread_enter(state)
		err := protect(asked.function)
		C.mrmd_thread_leave()
		asked.outcome <- err
		if C.mrmd_door_is_waited_at() != 0 {
			// Beside a cell the other CPUs are for those who ask.
			wait = spin()
		}
	}
}

// Begin has function run on the visitor's thread with the GIL held, after what was
// begun before, and gives where its error will be; a panic in it becomes an error. It
// waits for the GIL as a Python thread would. Any goroutine.
func (v *Visitor) Begin(function func() error) <-chan error {
	return v.begin(function).outcome
}

func (v *Visitor) begin(function func() error) *job {
	asked := v.jobs.add(function)
	C.mrmd_bell_ring(v.bell)
	return asked
}

// Do is Begin, and returns the function's error. When ctx ends first Do returns its
// error: a function that has not begun is not run, and one that has goes on without an
// audience. Any goroutine; must not hold the GIL.
func (v *Visitor) Do(ctx context.Context, function func() error) error {
	asked := v.begin(function)
	select {
	case err := <-asked.outcome:
		return err
	case <-ctx.Done():
		v.jobs.withdraw(asked)
		return ctx.Err()
	}
}
