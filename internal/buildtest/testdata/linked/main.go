// Command linked embeds the Python it was built for and runs a script in it:
//
//	linked PYTHON SCRIPT
//
// PYTHON is the interpreter whose environment (prefix, site-packages) it takes on.
package main

/*
#cgo pkg-config: python3
#include <Python.h>
#include <stdlib.h>

static int run_script(const char *python, const char *script) {
    PyConfig config;
    PyConfig_InitPythonConfig(&config);
    config.parse_argv = 0;
    PyStatus status = PyConfig_SetBytesString(&config, &config.program_name, python);
    if (!PyStatus_Exception(status))
        status = PyConfig_SetBytesString(&config, &config.executable, python);
    if (!PyStatus_Exception(status))
        status = PyConfig_SetBytesString(&config, &config.run_filename, script);
    if (!PyStatus_Exception(status))
        status = Py_InitializeFromConfig(&config);
    PyConfig_Clear(&config);
    if (PyStatus_Exception(status))
        Py_ExitStatusException(status);
    return Py_RunMain();
}
*/
import "C"

import (
	"fmt"
	"os"
	"unsafe"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: linked PYTHON SCRIPT")
		os.Exit(2)
	}
	python, script := C.CString(os.Args[1]), C.CString(os.Args[2])
	status := C.run_script(python, script)
	C.free(unsafe.Pointer(python))
	C.free(unsafe.Pointer(script))
	os.Exit(int(status))
}
