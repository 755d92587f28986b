package daemonize

import (
	"errors"
	"fmt"
	"syscall"
)

// RestoreFileLimit gives this process the soft limit of open files that it was
// started with. Go raises it to the hard limit at start (golang.org/issue/46279)
// and user code would find, and hand to its children, a limit nobody set: select
// and programs that close every possible descriptor suffer from it. A process
// whose limit was changed since the start, with setrlimit, keeps it.
//
// Go remembers the first limit, tells nobody, and puts it back in syscall.Exec
// before it calls execve, for good. An exec that is bound to fail, of an empty
// path, therefore does nothing else than what is wanted.
func RestoreFileLimit() error {
	err := syscall.Exec("", []string{""}, nil)
	if errors.Is(err, syscall.ENOENT) {
		return nil
	}
	return fmt.Errorf("restore the limit of open files: the exec of an empty path ended with %w", err)
}
