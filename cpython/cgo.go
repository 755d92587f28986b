package cpython

// The flags of the target Python come from the python3.pc that
// scripts/python_pc.py generates for a venv; its Cflags put compat/ first.

/*
#cgo pkg-config: python3
#cgo CFLAGS: -D_GNU_SOURCE -Wall -Wno-deprecated-declarations
#cgo LDFLAGS: -lpthread
*/
import "C"
