package cpython

// #include "bridge.h"
import "C"

import (
	"fmt"
	"time"
)

// wakeAfter is when the main thread is woken once more for an interrupt. Python looks
// for signals some instructions before it enters a system call: one that comes in
// between is noted, but does not end the call.
var wakeAfter = []time.Duration{2 * time.Millisecond, 20 * time.Millisecond, 200 * time.Millisecond}

// BeginRun says that the user's code that the main thread runs next is a new run:
// interrupts asked for before do not reach it. Any goroutine, while no user code
// runs; without the GIL.
func BeginRun() {
	C.mrmd_interrupt_begin_run()
}

// Interrupt raises KeyboardInterrupt in the user's code of the current run, or
// as soon as that code begins. Code that never looks at signals (a long loop in
// C) can't be interrupted by anything. Any goroutine, without the GIL; it
// returns at once.
func Interrupt() error {
	run := currentRun()
	if number := C.mrmd_interrupt_request(); number != 0 {
		return fmt.Errorf("signalling the Python main thread: error number %d", number)
	}
	for _, after := range wakeAfter {
		time.AfterFunc(after, func() { wakeMainThread(run) })
	}
	return nil
}

func currentRun() uint32 { return uint32(C.mrmd_interrupt_run()) }

// wakeMainThread does nothing when another run has begun. The signal it sends is lost
// when another one waits; that one does as well.
func wakeMainThread(run uint32) { C.mrmd_interrupt_wake(C.uint(run)) }

// InterruptBackground raises KeyboardInterrupt in the user's code that runs between
// two runs, such as a task of the event loop; there may be none. Any goroutine,
// without the GIL; it returns at once.
func InterruptBackground() error {
	if number := C.mrmd_interrupt_background(); number != 0 {
		return fmt.Errorf("signalling the Python main thread: error number %d", number)
	}
	return nil
}

// Unwind raises SystemExit in the user's code, now or as soon as some begins, in the
// places where Interrupt raises KeyboardInterrupt. Any goroutine, without the GIL;
// it returns at once.
func Unwind() error {
	if number := C.mrmd_unwind_request(); number != 0 {
		return fmt.Errorf("signalling the Python main thread: error number %d", number)
	}
	return nil
}
