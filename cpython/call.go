package cpython

// #include "bridge.h"
import "C"

import (
	"fmt"

	python3 "github.com/DataDog/go-python3"
)

// Call calls a Python callable with values that Value accepts. An exception is
// returned as an *Error. In a child that the callable forked it does not return: the
// child ends. Needs the GIL.
func Call(callable *Object, arguments ...any) (*Object, error) {
	tuple, err := Tuple(arguments...)
	if err != nil {
		return nil, fmt.Errorf("passing arguments: %w", err)
	}
	defer tuple.DecRef()
	result := objectOf(C.mrmd_call(pointerOf(callable), pointerOf(tuple)))
	if result == nil {
		return nil, TakeError()
	}
	return result, nil
}

// Tuple makes a tuple of values that Value accepts. Needs the GIL.
func Tuple(values ...any) (*Object, error) {
	tuple := python3.PyTuple_New(len(values))
	if tuple == nil {
		return nil, TakeError()
	}
	for i, value := range values {
		item, err := Value(value)
		if err != nil {
			tuple.DecRef()
			return nil, fmt.Errorf("item %d: %w", i+1, err)
		}
		python3.PyTuple_SetItem(tuple, i, item) // takes the reference over
	}
	return tuple, nil
}

// Import imports a module by its dotted name. Needs the GIL.
func Import(name string) (*Object, error) {
	module := python3.PyImport_ImportModule(name)
	if module == nil {
		return nil, TakeError()
	}
	return module, nil
}

// Attribute reads an attribute. Needs the GIL.
func Attribute(object *Object, name string) (*Object, error) {
	value := object.GetAttrString(name)
	if value == nil {
		return nil, TakeError()
	}
	return value, nil
}

// Items gives the items of a tuple, borrowed: they live as long as the tuple
// does. Needs the GIL.
func Items(tuple *Object, count int) ([]*Object, error) {
	if !python3.PyTuple_Check(tuple) || python3.PyTuple_Size(tuple) != count {
		return nil, fmt.Errorf("expected a tuple of %d from Python", count)
	}
	items := make([]*Object, count)
	for i := range items {
		items[i] = python3.PyTuple_GetItem(tuple, i)
	}
	return items, nil
}

// IsNone says whether object is None. Needs the GIL.
func IsNone(object *Object) bool { return object == python3.Py_None }

// IsTrue says whether object is the True object. Needs the GIL.
func IsTrue(object *Object) bool { return object == python3.Py_True }

// Int reads an int. Needs the GIL.
func Int(object *Object) int { return int(python3.PyLong_AsLongLong(object)) }
