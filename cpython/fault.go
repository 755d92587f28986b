package cpython

// #include "bridge.h"
import "C"

import (
	"fmt"
	"os"
	"syscall"
)

// TraceCrashes has Python's faulthandler write the traceback of every thread to
// file when code outside Go crashes (a segmentation fault, say), after which
// the process dies of the signal. A nil pointer in Go code stays a panic. The
// file must stay open. Main thread; needs the GIL.
func TraceCrashes(file *os.File) error {
	if number := C.mrmd_fault_before_enable(); number != 0 {
		return fmt.Errorf("preparing to trace crashes: %w", syscall.Errno(number))
	}
	err := enableFaulthandler(int(file.Fd()))
	if number := C.mrmd_fault_after_enable(); err == nil && number != 0 {
		err = syscall.Errno(number)
	}
	if err != nil {
		return fmt.Errorf("tracing crashes: %w", err)
	}
	return nil
}

func enableFaulthandler(descriptor int) error {
	module, err := Import("faulthandler")
	if err != nil {
		return err
	}
	defer module.DecRef()
	enable, err := Attribute(module, "enable")
	if err != nil {
		return err
	}
	defer enable.DecRef()
	done, err := Call(enable, descriptor)
	if err != nil {
		return err
	}
	done.DecRef()
	return nil
}
