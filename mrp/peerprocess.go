package mrp

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
)

// runsExecutable says whether a process runs the program in that file. It is false
// as well when this process may not look.
func runsExecutable(pid int32, executable os.FileInfo) bool {
	// The kernel follows this link to the file itself, which may have been replaced
	// since under its name.
	running, err := os.Stat(filepath.Join("/proc", strconv.Itoa(int(pid)), "exe"))
	return err == nil && os.SameFile(running, executable)
}

// anyHoldsSocket says whether a process that runs the program in that file has a
// descriptor of a socket. Programs such as Electron do their networking in another
// process of the same executable than the one that starts others.
func anyHoldsSocket(executable os.FileInfo, inode uint32) bool {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return false
	}
	for _, entry := range entries {
		pid, err := strconv.ParseInt(entry.Name(), 10, 32)
		if err == nil && runsExecutable(int32(pid), executable) && holdsSocket(pid, inode) {
			return true
		}
	}
	return false
}

func holdsSocket(pid int64, inode uint32) bool {
	folder := fmt.Sprintf("/proc/%d/fd", pid)
	descriptors, err := os.ReadDir(folder)
	if err != nil {
		return false
	}
	socket := fmt.Sprintf("socket:[%d]", inode)
	for _, descriptor := range descriptors {
		if target, err := os.Readlink(filepath.Join(folder, descriptor.Name())); err == nil && target == socket {
			return true
		}
	}
	return false
}
