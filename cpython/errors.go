package cpython

/*
#include <stdlib.h>
#include "bridge.h"
*/
import "C"

import "unsafe"

// Error is a Python exception that reached Go.
type Error struct {
	// Type is the exception's class as its repr names it, such as "ValueError".
	Type string
	// Message is str() of the exception.
	Message string
	// Traceback is what Python would print, with the last line naming the
	// exception.
	Traceback string
}

// Error gives the exception's type and message in one line.
func (e *Error) Error() string {
	if e.Message == "" {
		return e.Type
	}
	return e.Type + ": " + e.Message
}

// TakeError takes the exception that is set on the calling thread and clears
// it; never nil. Needs the GIL.
func TakeError() error {
	var typeName, message *C.char
	text := C.mrmd_exception_text(&typeName, &message)
	defer C.free(unsafe.Pointer(text))
	defer C.free(unsafe.Pointer(typeName))
	defer C.free(unsafe.Pointer(message))
	return &Error{Type: goString(typeName), Message: goString(message), Traceback: goString(text)}
}

func goString(text *C.char) string {
	if text == nil {
		return ""
	}
	return C.GoString(text)
}
