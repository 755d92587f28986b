package cpython

// #include "bridge.h"
import "C"

import "errors"

// ErrProfilingSignalInUse says that SIGPROF can't be had.
var ErrProfilingSignalInUse = errors.New("SIGPROF or ITIMER_PROF is in use, by the code that runs here or by another profile; try again when it is not")

// HoldProfilingSignal gives SIGPROF to Go, which sends it for a CPU profile, until
// release is called; code that sets a handler for it meanwhile waits. It fails with
// ErrProfilingSignalInUse. Python must have been started. Any goroutine, no GIL.
func HoldProfilingSignal() (release func(), err error) {
	if C.mrmd_profiling_begin() != 0 {
		return nil, ErrProfilingSignalInUse
	}
	return func() { C.mrmd_profiling_end() }, nil
}
