package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/mrmd/mrmd-python/cpython"
	"github.com/mrmd/mrmd-python/internal/wheel"
)

// libraryInWheel is set by the linker in a build for a wheel: libraryShared when it
// loads the libpython that its launcher finds, libraryStatic when it has one in it.
var libraryInWheel string

const (
	libraryShared = "shared"
	libraryStatic = "static"
)

// libraryFolder and launcherFolder are what the launcher handed over, "" where it did
// not.
var libraryFolder, launcherFolder string

// takeFolders takes what the launcher of a wheel handed over. The loader has done its
// work.
func takeFolders() {
	if libraryInWheel != "" {
		libraryFolder = takeFolder(wheel.LibraryDescriptor)
		launcherFolder = takeFolder(wheel.LauncherDescriptor)
	}
}

// takeFolder closes a descriptor that is open for a folder and gives its path; "" when
// it is something else, which is not the launcher's.
func takeFolder(descriptor int) string {
	link := wheel.DescriptorLink(descriptor)
	info, err := os.Stat(link)
	if err != nil || !info.IsDir() {
		return ""
	}
	folder, err := os.Readlink(link)
	if err != nil {
		return ""
	}
	// It can't fail: it was open.
	_ = unix.Close(descriptor)
	return folder
}

// ownPath is the file that has to be run to run this program again: in a wheel the
// launcher.
func ownPath() (string, error) {
	if launcherFolder != "" {
		return filepath.Join(launcherFolder, "mrmd-python"), nil
	}
	executable, err := os.Executable()
	if err != nil {
		return "", fmt.Errorf("finding this program: %w", err)
	}
	return executable, nil
}

// bringsLibrary says whether the libpython in use came with the wheel and not with
// the Python that it runs.
func bringsLibrary() bool {
	if libraryInWheel == libraryShared {
		runtime := wheel.RuntimePath(filepath.Dir(launcherFolder), cpython.ABITag())
		return libraryFolder != "" && libraryFolder == filepath.Dir(runtime)
	}
	return libraryInWheel == libraryStatic
}

// ensureSameRelease refuses a Python of another release than a libpython that came
// with the wheel: the modules of the standard library that are written in C use what
// may change from 3.12.1 to 3.12.2.
func ensureSameRelease(python target) error {
	if !bringsLibrary() {
		return nil
	}
	version, err := ask(python.interpreter, "'%d.%d.%d' % sys.version_info[:3]")
	if err != nil {
		return fmt.Errorf("asking %s for its version: %w", python.interpreter, err)
	}
	if version == cpython.Version() {
		return nil
	}
	base, err := ask(python.interpreter, "sys.base_prefix")
	if err != nil {
		return fmt.Errorf("asking %s for the Python it is made from: %w", python.interpreter, err)
	}
	remedy := fmt.Sprintf("make the virtual environment from a Python that has it, such as: uv venv --managed-python --python %s %s",
		version, python.folder)
	if base == "/usr" {
		remedy = "install it; on Debian: sudo apt-get install libpython" + cpython.MinorVersion()
	}
	return fmt.Errorf("the Python of %s (%s, in %s) has no shared library libpython%s, and the one that came with mrmd-python is of %s, another release: %s",
		python.folder, version, base, cpython.MinorVersion(), cpython.Version(), remedy)
}

// pythonOfInstallation is the Python that a wheel was installed for outside any venv:
// the one in its prefix, else (pip install --user) the first on PATH.
func pythonOfInstallation() (target, bool) {
	if launcherFolder == "" {
		return target{}, false
	}
	name := "python" + cpython.MinorVersion()
	for _, place := range []string{filepath.Join(launcherFolder, name), name} {
		interpreter, err := exec.LookPath(place)
		if err != nil {
			continue
		}
		answer, err := ask(interpreter, "sys.executable, sys.prefix, sep='\\n'")
		executable, prefix, found := strings.Cut(answer, "\n")
		if err == nil && found {
			return target{folder: prefix, interpreter: executable, reason: "this mrmd-python is installed for it"}, true
		}
	}
	return target{}, false
}
