package interp

import (
	"os"

	"golang.org/x/sys/unix"
)

// Were these collected, their finalizers would close descriptors 1 and 2.
var originalStreams = []*os.File{os.Stdout, os.Stderr}

// saveStandardStreams keeps what `go test` reads: the engine takes file
// descriptors 1 and 2 over, so the testing package is given duplicates.
func saveStandardStreams() (*os.File, error) {
	saved := make([]*os.File, 2)
	for i, file := range originalStreams {
		duplicate, err := unix.FcntlInt(file.Fd(), unix.F_DUPFD_CLOEXEC, 10)
		if err != nil {
			return nil, err
		}
		saved[i] = os.NewFile(uintptr(duplicate), file.Name())
	}
	os.Stdout, os.Stderr = saved[0], saved[1]
	return saved[1], nil
}
