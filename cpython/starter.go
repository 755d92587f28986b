package cpython

// #include "bridge.h"
import "C"

import (
	"os/signal"
	"syscall"
)

// KeepIgnoredSignals ignores the signals that whoever started this process ignored
// (as nohup and a shell without job control do), for which Go's runtime has put its
// handlers in: what the user's code starts is to inherit that. SIGCHLD is left out,
// as nothing could wait for its children. Call it before any os/signal.Notify; any
// goroutine, before Python starts.
func KeepIgnoredSignals() {
	for number := syscall.Signal(1); number < 32; number++ {
		if number != syscall.SIGCHLD && C.mrmd_starter_ignored(C.int(number)) != 0 {
			signal.Ignore(number)
		}
	}
}
