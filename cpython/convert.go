package cpython

// #include "bridge.h"
import "C"

import (
	"errors"
	"fmt"
	"unsafe"

	python3 "github.com/DataDog/go-python3"
)

// Object is a Python object. Functions that return one return a new reference,
// to be given up with DecRef, unless they say otherwise; all of Object's methods
// need the GIL.
type Object = python3.PyObject

func objectOf(pointer *C.PyObject) *Object {
	return (*Object)(unsafe.Pointer(pointer))
}

func pointerOf(object *Object) *C.PyObject {
	return (*C.PyObject)(unsafe.Pointer(object))
}

// Text makes a str of UTF-8; it may hold NUL. Bytes that are not UTF-8 are
// replaced. nil with an exception set when memory runs out. Needs the GIL.
func Text(text string) *Object {
	return objectOf(C.mrmd_text_to_python((*C.char)(unsafe.Pointer(unsafe.StringData(text))), C.size_t(len(text))))
}

// GoText copies a str into a Go string; lone surrogates come out as a backslash
// escape. Needs the GIL.
func GoText(object *Object) (string, error) {
	if object == nil || !python3.PyUnicode_Check(object) {
		return "", errors.New("expected a str from Python")
	}
	var bytes *C.char
	var length C.size_t
	holder := C.mrmd_text_bytes(pointerOf(object), &bytes, &length)
	if holder == nil {
		return "", TakeError()
	}
	text := string(unsafe.Slice((*byte)(unsafe.Pointer(bytes)), int(length)))
	objectOf(holder).DecRef()
	return text, nil
}

// GoBytes copies a bytes object. Needs the GIL.
func GoBytes(object *Object) ([]byte, error) {
	if object == nil || !python3.PyBytes_Check(object) {
		return nil, errors.New("expected bytes from Python")
	}
	start := C.PyBytes_AsString(pointerOf(object))
	return C.GoBytes(unsafe.Pointer(start), C.int(C.PyBytes_Size(pointerOf(object)))), nil
}

// MemoryView makes a memoryview that reads memory outside Go's heap, which must stay as
// long as the view is used. Needs the GIL.
func MemoryView(memory []byte) (*Object, error) {
	view := objectOf(C.PyMemoryView_FromMemory(
		(*C.char)(unsafe.Pointer(unsafe.SliceData(memory))), C.Py_ssize_t(len(memory)), C.PyBUF_READ))
	if view == nil {
		return nil, TakeError()
	}
	return view, nil
}

// Value makes a Python object of a string, bool, int, []byte (bytes) or nil (None),
// or takes a new reference to a *Object. Needs the GIL.
func Value(value any) (*Object, error) {
	var object *Object
	switch value := value.(type) {
	case nil:
		object = python3.Py_None
		object.IncRef()
	case string:
		object = Text(value)
	case bool:
		object = python3.Py_False
		if value {
			object = python3.Py_True
		}
		object.IncRef()
	case int:
		object = python3.PyLong_FromLongLong(int64(value))
	case []byte:
		object = objectOf(C.PyBytes_FromStringAndSize(
			(*C.char)(unsafe.Pointer(unsafe.SliceData(value))), C.Py_ssize_t(len(value))))
	case *Object:
		object = value
		object.IncRef()
	default:
		return nil, fmt.Errorf("no Python value for a Go %T", value)
	}
	if object == nil {
		return nil, TakeError()
	}
	return object, nil
}
