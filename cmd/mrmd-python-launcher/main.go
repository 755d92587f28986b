package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/mrmd/mrmd-python/internal/wheel"
)

// Set by the linker, see scripts/build-wheel.
var (
	// abiTag is that of the runtime, such as "cp312".
	abiTag string
	// libraryName is the libpython that the runtime loads; "" when one is linked into it.
	libraryName string
)

// A signal that the starter has asked for at its own death is kept by an exec of the
// first thread only (prctl(2), PR_SET_PDEATHSIG).
func init() {
	runtime.LockOSThread()
}

func main() {
	fmt.Fprintf(os.Stderr, "mrmd-python: error: %v\n", launch())
	os.Exit(1)
}

// launch has the runtime take this process over; it returns only an error.
func launch() error {
	prefix, err := findPrefix()
	if err != nil {
		return err
	}
	program := wheel.RuntimePath(prefix, abiTag)
	if err := handOver(filepath.Dir(wheel.LauncherPath(prefix)), wheel.LauncherDescriptor); err != nil {
		return err
	}
	if libraryName != "" {
		if folder := findLibrary(prefix, libraryName, filepath.Dir(program)); folder != "" {
			if err := handOver(folder, wheel.LibraryDescriptor); err != nil {
				return err
			}
		}
	}
	return fmt.Errorf("running %s: %w", program, syscall.Exec(program, os.Args, os.Environ()))
}

// findPrefix is the folder whose bin/ has this program, or the link by which it was
// called, and that has the runtime.
func findPrefix() (string, error) {
	own, err := os.Executable()
	if err != nil {
		return "", fmt.Errorf("finding this program: %w", err)
	}
	places := []string{own}
	// An installer may have linked this file to its cache (uv --link-mode=symlink).
	if called, err := exec.LookPath(os.Args[0]); err == nil {
		if absolute, err := filepath.Abs(called); err == nil {
			places = append(places, absolute)
		}
	}
	for _, place := range places {
		prefix := filepath.Dir(filepath.Dir(place))
		_, err := os.Stat(wheel.RuntimePath(prefix, abiTag))
		if err == nil {
			return prefix, nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return "", fmt.Errorf("looking for the runtime: %w", err)
		}
	}
	return "", fmt.Errorf("%s is not there: install mrmd-python again, with the Python of its version",
		wheel.RuntimePath(filepath.Dir(filepath.Dir(own)), abiTag))
}

// handOver opens a folder for the runtime as a descriptor that it knows.
func handOver(folder string, known int) error {
	descriptor, err := unix.Open(folder, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err == nil {
		err = unix.Dup3(descriptor, known, 0)
	}
	if err != nil {
		return fmt.Errorf("opening %s for the runtime: %w", folder, err)
	}
	return nil
}
