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
	if err := typeOnStandardInput("the operator's words\n"); err != nil {
		return nil, err
	}
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

// typeOnStandardInput makes standard input something that has text to read.
func typeOnStandardInput(text string) error {
	reading, writing, err := os.Pipe()
	if err != nil {
		return err
	}
	defer reading.Close()
	defer writing.Close()
	if _, err := writing.WriteString(text); err != nil {
		return err
	}
	return unix.Dup3(int(reading.Fd()), 0, 0)
}
