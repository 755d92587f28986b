// Package cpython runs one CPython interpreter inside this process: it starts
// it for a given venv, owns the door to its main thread, carries calls and
// values across, collects what is written to the standard streams, and raises
// interrupts. It knows nothing of notebooks or of HTTP.
//
// Called by interp. It imports no package of this project; everything below it
// is libpython, through cgo and github.com/DataDog/go-python3.
//
// Threads: importing this package locks the main goroutine to the process's
// main OS thread, which becomes Python's main thread when Start is called from
// it. A function that says "needs the GIL" may be called only from within a
// job given to Main.Do.
package cpython
