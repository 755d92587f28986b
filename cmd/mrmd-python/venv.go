package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/mrmd/mrmd-python/cpython"
)

// target is the Python that a runtime runs.
type target struct {
	// folder is the venv, or the prefix of a Python outside any venv.
	folder string
	// interpreter is the folder's bin/python, absolute.
	interpreter string
	// reason says why this one, for the user.
	reason string
}

// chooseTarget finds the Python to run: what --venv says, else the venv this
// binary was installed in, else the activated one, else a .venv in the working
// directory or above it, else the one the binary was built for.
func chooseTarget(asked, workingDirectory string) (target, error) {
	if asked != "" {
		absolute, err := filepath.Abs(asked)
		if err != nil {
			return target{}, fmt.Errorf("--venv %s: %w", asked, err)
		}
		return targetIn(absolute, "--venv")
	}
	if folder := folderOfBinary(); folder != "" {
		return targetIn(folder, "mrmd-python is installed in it")
	}
	if folder := os.Getenv("VIRTUAL_ENV"); folder != "" {
		return targetIn(folder, "VIRTUAL_ENV")
	}
	for folder := workingDirectory; ; folder = filepath.Dir(folder) {
		candidate := filepath.Join(folder, ".venv")
		if isVenv(candidate) {
			return targetIn(candidate, "found from the working directory")
		}
		if folder == filepath.Dir(folder) {
			break
		}
	}
	if builtForPython == "" {
		return target{}, errors.New("no virtual environment found: name one with --venv")
	}
	return target{
		folder:      filepath.Dir(filepath.Dir(builtForPython)),
		interpreter: builtForPython,
		reason:      "this binary was built for it",
	}, nil
}

func isVenv(folder string) bool {
	_, err := os.Stat(filepath.Join(folder, "pyvenv.cfg"))
	return err == nil
}

// folderOfBinary is the venv whose bin/ this binary is in, or "".
func folderOfBinary() string {
	executable, err := os.Executable()
	if err != nil {
		return ""
	}
	folder := filepath.Dir(filepath.Dir(executable))
	if filepath.Base(filepath.Dir(executable)) == "bin" && isVenv(folder) {
		return folder
	}
	return ""
}

func targetIn(folder, reason string) (target, error) {
	interpreter := filepath.Join(folder, "bin", "python")
	if _, err := os.Stat(interpreter); err != nil {
		interpreter = filepath.Join(folder, "bin", "python3")
		if _, err := os.Stat(interpreter); err != nil {
			return target{}, fmt.Errorf("%s (%s) is no virtual environment: it has no bin/python; make one with: python3 -m venv %[1]s",
				folder, reason)
		}
	}
	if err := checkMinorVersion(folder, interpreter); err != nil {
		return target{}, err
	}
	return target{folder: folder, interpreter: interpreter, reason: reason}, nil
}

// checkMinorVersion refuses a Python other than the one this binary is linked
// to: its site-packages hold extensions for another ABI.
func checkMinorVersion(folder, interpreter string) error {
	found := minorVersionOf(folder, interpreter)
	if found == "" || found == cpython.MinorVersion() {
		return nil
	}
	return fmt.Errorf("%s has Python %s and this mrmd-python is built for Python %s: build one for it with: make install VENV=%s",
		folder, found, cpython.MinorVersion(), folder)
}

// minorVersionOf reads a venv's Python version, such as "3.11", without running
// it; "" when it can't be told.
func minorVersionOf(folder, interpreter string) string {
	if text, err := os.ReadFile(filepath.Join(folder, "pyvenv.cfg")); err == nil {
		for line := range strings.Lines(string(text)) {
			name, value, _ := strings.Cut(line, "=")
			name = strings.TrimSpace(name)
			// venv writes "version", virtualenv and uv "version_info".
			if name == "version" || name == "version_info" {
				parts := strings.SplitN(strings.TrimSpace(value), ".", 3)
				if len(parts) >= 2 {
					return parts[0] + "." + parts[1]
				}
			}
		}
	}
	resolved, err := filepath.EvalSymlinks(interpreter)
	if err != nil {
		return ""
	}
	version, found := strings.CutPrefix(filepath.Base(resolved), "python")
	if !found || !strings.Contains(version, ".") {
		return ""
	}
	return version
}
