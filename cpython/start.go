package cpython

/*
#include <stdlib.h>
#include "bridge.h"
*/
import "C"

import (
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"strings"
	"unsafe"

	python3 "github.com/DataDog/go-python3"
)

// Python's main thread must be the process's main OS thread, as signals and the
// size of its stack depend on it; the main goroutine runs there only if it is
// locked before main starts.
func init() {
	runtime.LockOSThread()
}

// Config says which Python to be.
type Config struct {
	// Program is the absolute path of the venv's interpreter (or of a Python
	// outside any venv): sys.executable, and what sys.prefix is found from.
	Program string
	// PathPrefix are folders put at the front of sys.path, in this order.
	PathPrefix []string
	// OwnPathPrefixes say how the paths begin of files that this process opens for
	// itself, now or later: a child forked by Python code closes them, as it does
	// what is open and close-on-exec when Python starts, and connections to the
	// listeners among that. They are absolute and at most 8.
	OwnPathPrefixes []string
}

var started bool

// Start starts Python and returns the door to its main thread. It must be
// called once, from the main goroutine, which holds the GIL afterwards and
// should go on to call Main.Serve. The environment's PYTHON* variables are
// honoured as the interpreter itself would.
func Start(config Config) (*Main, error) {
	if started {
		return nil, errors.New("starting Python: it was started before in this process, and can't be again: start a new process")
	}
	started = true
	for _, prefix := range config.OwnPathPrefixes {
		own := C.CString(withoutSymlinks(prefix))
		C.mrmd_fork_own_path(own)
		C.free(unsafe.Pointer(own))
	}
	program := C.CString(config.Program)
	defer C.free(unsafe.Pointer(program))
	if failure := C.mrmd_start(program); failure != nil {
		defer C.free(unsafe.Pointer(failure))
		return nil, fmt.Errorf("starting Python as %s: %s", config.Program, C.GoString(failure))
	}
	if err := prependToPath(config.PathPrefix); err != nil {
		return nil, fmt.Errorf("putting the working directory on sys.path: %w", err)
	}
	return newMain(), nil
}

// withoutSymlinks resolves the folder that the path is in, as the kernel does when it
// names an open file.
func withoutSymlinks(path string) string {
	folder, name := filepath.Split(path)
	if resolved, err := filepath.EvalSymlinks(folder); err == nil {
		folder = resolved + string(filepath.Separator)
	}
	return folder + name
}

func prependToPath(folders []string) error {
	path := python3.PySys_GetObject("path") // borrowed
	if path == nil {
		return errors.New("sys.path is missing")
	}
	for i, folder := range folders {
		text := Text(folder)
		if text == nil {
			return TakeError()
		}
		failed := python3.PyList_Insert(path, i, text) != 0
		text.DecRef()
		if failed {
			return TakeError()
		}
	}
	return nil
}

// Version is the version of the linked Python, such as "3.11.7". It may be
// called before Start, from any goroutine.
func Version() string {
	version, _, _ := strings.Cut(Build(), " ")
	return version
}

// Build is the version of the linked Python with its build date and compiler. It may
// be called before Start, from any goroutine.
func Build() string { return C.GoString(C.Py_GetVersion()) }

// HastenStart suits Python to code that makes much and drops little, as a start does,
// until the function it returns is called: the cyclic garbage collector rests, which
// would look through it all for nothing, then and when it is back, and memory is taken
// in larger pieces. Both need the GIL.
func HastenStart() (end func() error) {
	C.mrmd_populate_arenas(1)
	collects := C.PyGC_Disable() != 0
	return func() error {
		C.mrmd_populate_arenas(0)
		if !collects {
			return nil
		}
		C.PyGC_Enable()
		if C.mrmd_make_objects_old() < 0 {
			return fmt.Errorf("making the start's objects old: %w", TakeError())
		}
		return nil
	}
}

// ABITag names the binary interface of the linked Python, such as "cp311". It
// may be called before Start, from any goroutine.
func ABITag() string {
	return fmt.Sprintf("cp%d%d", C.PY_MAJOR_VERSION, C.PY_MINOR_VERSION)
}

// MinorVersion is the linked Python's, such as "3.11". It may be called before
// Start, from any goroutine.
func MinorVersion() string {
	return fmt.Sprintf("%d.%d", C.PY_MAJOR_VERSION, C.PY_MINOR_VERSION)
}
