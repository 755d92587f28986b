// Package wheel is what the two programs of a wheel have to agree on.
//
// cmd/mrmd-python-launcher and cmd/mrmd-python call it, scripts/build-wheel lays the
// files out as it says; it may import nothing of this module.
package wheel

import (
	"path/filepath"
	"strconv"
)

// The file descriptors by which the launcher hands folders to the runtime: that of
// libpython, which the runtime's DT_RUNPATH names as /proc/self/fd/197, and the
// launcher's own, which can't be told from where the runtime is when an installer has
// linked both to a cache. Programs that hand on descriptors of their own will hardly
// use these.
const (
	LibraryDescriptor  = 197
	LauncherDescriptor = 198
)

// DescriptorLink is the link under /proc to what a descriptor of this process is open
// for.
func DescriptorLink(descriptor int) string {
	return "/proc/self/fd/" + strconv.Itoa(descriptor)
}

// RuntimePath is where the runtime for an ABI tag, such as "cp312", is in the prefix
// (the venv's folder) that the wheel is installed in. A libpython of the wheel's own
// lies beside it.
func RuntimePath(prefix, abiTag string) string {
	return filepath.Join(prefix, "libexec", "mrmd-python", abiTag, "mrmd-python")
}

// LauncherPath is where the launcher is in that prefix.
func LauncherPath(prefix string) string {
	return filepath.Join(prefix, "bin", "mrmd-python")
}
