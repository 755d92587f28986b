package cpython

// #include "bridge.h"
import "C"

import (
	"context"
	"errors"
	"runtime"
	"time"
)

// ErrStopped is returned by Main.Do when the main thread takes no more jobs.
var ErrStopped = errors.New("the Python main thread has stopped")

// Main is the one door to Python's main thread: functions given to Do run there,
// one after the other, holding the GIL. While it waits the GIL is free.
type Main struct {
	jobs jobQueue
	spin time.Duration
	idle Idle
}

// Idle is something else the main thread can do while it waits, such as to run
// an event loop. Its functions are called on the main thread with the GIL held.
type Idle struct {
	// Wanted says whether there is anything to do.
	Wanted func() bool
	// Wait does it and returns when the descriptor can be read, or when nothing
	// is left to do.
	Wait func(descriptor int)
}

// SetIdle sets what the main thread does while it waits. Call it on the main
// thread.
func (m *Main) SetIdle(idle Idle) { m.idle = idle }

// After a job a thread looks for the next one for this long before it sleeps:
// a client that asks again at once is spared the cost of waking a thread.
const spinAfterJob = 200 * time.Microsecond

// spin is spinAfterJob where there is another CPU for who asks.
func spin() time.Duration {
	if runtime.NumCPU() > 1 {
		return spinAfterJob
	}
	return 0
}

func newMain() *Main { return &Main{spin: spin()} }

// Do runs function on Python's main thread with the GIL held and returns its
// error. A panic in it becomes an error. When ctx ends before the function has
// begun it is not run; once begun it is waited for. Any goroutine but one that
// is itself inside Do; must not hold the GIL.
func (m *Main) Do(ctx context.Context, function func() error) error {
	asked := m.jobs.add(function)
	if asked == nil {
		return ErrStopped
	}
	C.mrmd_door_ring()

	select {
	case err := <-asked.outcome:
		return err
	case <-ctx.Done():
		if m.jobs.withdraw(asked) {
			return ctx.Err()
		}
		return <-asked.outcome
	}
}

// Serve runs the functions given to Do until Stop is called, then fails those
// that still wait with ErrStopped. It must be called from the main goroutine,
// which holds the GIL, and still holds it when Serve returns.
func (m *Main) Serve() {
	spin := time.Duration(0)
	for {
		asked, stopping := m.jobs.next()
		switch {
		case asked != nil:
			asked.run()
			spin = m.spin
		case stopping:
			m.jobs.fail(ErrStopped)
			return
		case m.idle.Wanted != nil && m.idle.Wanted():
			m.waitElsewhere()
		default:
			if C.mrmd_door_wait(C.long(spin)) == C.MRMD_BELL_SIGNAL {
				C.mrmd_run_pending_signals()
			}
			spin = 0
		}
	}
}

func (m *Main) waitElsewhere() {
	descriptor := C.mrmd_door_descriptor()
	if descriptor == -1 || C.mrmd_door_leave() == 0 {
		// Somebody rang, or descriptors ran out and the door's own wait has to do.
		C.mrmd_door_wait(0)
		return
	}
	m.idle.Wait(int(descriptor))
	C.mrmd_door_return()
}

// Stop makes Serve return after the job that is running. Any goroutine.
func (m *Main) Stop() {
	m.jobs.close()
	C.mrmd_door_ring()
}
