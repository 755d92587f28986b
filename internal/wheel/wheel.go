// Package wheel is what the two programs of a wheel have to agree on.
//
// cmd/mrmd-python-launcher and cmd/mrmd-python call it, scripts/build-wheel lays the
// files out as it says; it may import nothing of this module.
package wheel

import (
	"path/filepath"
	"strconv"
)

// LibraryDescriptor is the file descriptor by which the launcher hands the folder of
// libpython to the runtime, whose DT_RUNPATH is /proc/self/fd/ and this number. It
// is one that a program which hands on descriptors of its own will hardly use.
const LibraryDescriptor = 197

// LibraryLink is the link under /proc to the folder that the launcher handed over.
func LibraryLink() string {
	return "/proc/self/fd/" + strconv.Itoa(LibraryDescriptor)
}

// RuntimePath is where the runtime for an ABI tag, such as "cp312", is in the prefix
// (the venv's folder) that the wheel is installed in. A libpython of the wheel's own
// lies beside it.
func RuntimePath(prefix, abiTag string) string {
	return filepath.Join(prefix, "libexec", "mrmd-python", abiTag, "mrmd-python")
}

// LauncherPath is where the launcher of the runtime at runtimePath is.
func LauncherPath(runtimePath string) string {
	prefix := runtimePath
	for range 4 {
		prefix = filepath.Dir(prefix)
	}
	return filepath.Join(prefix, "bin", "mrmd-python")
}
