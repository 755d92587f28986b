package cpython

/*
#include <stdlib.h>
#include <string.h>
#include "bridge.h"
*/
import "C"

import (
	"fmt"
	"sync"
	"unsafe"
)

// HostFunction is called by Python code through _mrmd_host.call, without the
// GIL and on the Python thread that called; it may block. Its answer becomes a
// str, nil becomes None, and an error is raised as _mrmd_host.Error.
type HostFunction func(argument string) (answer *string, err error)

var hostFunctions sync.Map // name → HostFunction

// RegisterHostFunction makes a Go function callable from Python by name. A
// later one of the same name takes its place. Any goroutine.
func RegisterHostFunction(name string, function HostFunction) {
	hostFunctions.Store(name, function)
}

//export mrmdHostCall
func mrmdHostCall(name, argument *C.char, length C.size_t, answer **C.char, answerLength *C.size_t) C.int {
	text, err := callHostFunction(C.GoString(name), C.GoStringN(argument, C.int(length)))
	if err != nil {
		message := err.Error()
		text = &message
	}
	if text != nil {
		copied := C.malloc(C.size_t(len(*text) + 1))
		copy(unsafe.Slice((*byte)(copied), len(*text)), *text)
		*answer = (*C.char)(copied)
		*answerLength = C.size_t(len(*text))
	}
	if err != nil {
		return 0
	}
	return 1
}

func callHostFunction(name, argument string) (answer *string, err error) {
	defer func() {
		if reason := recover(); reason != nil {
			err = fmt.Errorf("panic in the host function %q: %v", name, reason)
		}
	}()
	function, found := hostFunctions.Load(name)
	if !found {
		return nil, fmt.Errorf("no host function is called %q", name)
	}
	return function.(HostFunction)(argument)
}
