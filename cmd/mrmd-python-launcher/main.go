package main

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
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
	if called, err := executedPath(); err == nil {
		places = append(places, called)
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

// executedPath is the path that this program was executed by, with its links as they
// are; the first argument need not be one.
func executedPath() (string, error) {
	// getauxval(3): pairs of words, AT_EXECFN has the address of the path.
	const executedFile, word = 31, 8
	vector, err := os.ReadFile("/proc/self/auxv")
	if err != nil {
		return "", err
	}
	for ; len(vector) >= 2*word; vector = vector[2*word:] {
		if binary.NativeEndian.Uint64(vector) == executedFile {
			return readPath(int64(binary.NativeEndian.Uint64(vector[word:])))
		}
	}
	return "", errors.New("the kernel does not tell the path of this program")
}

// readPath reads a path from this process's memory and makes it absolute.
func readPath(address int64) (string, error) {
	memory, err := os.Open("/proc/self/mem")
	if err != nil {
		return "", err
	}
	defer func() { _ = memory.Close() }()
	path, err := bufio.NewReader(io.NewSectionReader(memory, address, unix.PathMax)).ReadString(0)
	if err != nil {
		return "", err
	}
	return filepath.Abs(strings.TrimSuffix(path, "\x00"))
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
