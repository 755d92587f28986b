package cpython

// #include "bridge.h"
import "C"

// ReturnStartMemory takes those pages of the program and its libraries out of the
// process that are read-only: they come back from the system's cache as they are used,
// most of them never. Any goroutine, without the GIL; about a millisecond.
func ReturnStartMemory() {
	C.mrmd_unmap_start_pages()
}
