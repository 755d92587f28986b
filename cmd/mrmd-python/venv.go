package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
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
// directory or above it, else the Python that has the wheel of this binary, else the
// one the binary was built for.
func chooseTarget(asked, workingDirectory string) (target, error) {
	if asked != "" {
		absolute, err := filepath.Abs(asked)
		if err != nil {
			return target{}, fmt.Errorf("--venv %s: %w", asked, err)
		}
		return targetIn(absolute, "named by --venv")
	}
	if folder := folderOfBinary(); folder != "" {
		return targetIn(folder, "this mrmd-python is installed in it")
	}
	if folder := os.Getenv("VIRTUAL_ENV"); folder != "" {
		return targetIn(folder, "named by VIRTUAL_ENV")
	}
	for folder := workingDirectory; ; folder = filepath.Dir(folder) {
		candidate := filepath.Join(folder, ".venv")
		if isVenv(candidate) {
			return targetIn(candidate, "found in "+folder)
		}
		if folder == filepath.Dir(folder) {
			break
		}
	}
	if installed, found := pythonOfInstallation(); found {
		return installed, nil
	}
	if builtForPython == "" {
		return target{}, errors.New("no virtual environment found: name one with --venv")
	}
	folder := builtForVenv
	if folder == "" {
		folder = filepath.Dir(filepath.Dir(builtForPython))
	}
	if _, err := os.Stat(builtForPython); err != nil {
		return target{}, fmt.Errorf("the Python this mrmd-python was built for is gone (%w): name a virtual environment with --venv", err)
	}
	return target{folder: folder, interpreter: builtForPython, reason: "this mrmd-python was built for it"}, nil
}

func isVenv(folder string) bool {
	_, err := os.Stat(filepath.Join(folder, "pyvenv.cfg"))
	return err == nil
}

// folderOfBinary is the venv whose bin/ this binary is in, or "". A link to the
// binary counts as well as the binary itself.
func folderOfBinary() string {
	var places []string
	if called, err := exec.LookPath(os.Args[0]); err == nil {
		if absolute, err := filepath.Abs(called); err == nil && isThisBinary(absolute) {
			places = append(places, absolute)
		}
	}
	if own, err := ownPath(); err == nil {
		places = append(places, own)
	}
	for _, place := range places {
		folder := filepath.Dir(filepath.Dir(place))
		if filepath.Base(filepath.Dir(place)) == "bin" && isVenv(folder) {
			return folder
		}
	}
	return ""
}

// isThisBinary says whether the file at path is the one that runs.
func isThisBinary(path string) bool {
	found, err := os.Stat(path)
	if err != nil {
		return false
	}
	own, err := ownPath()
	if err != nil {
		return false
	}
	running, err := os.Stat(own)
	return err == nil && os.SameFile(found, running)
}

// targetIn is the Python of a venv, or of any folder that has one at bin/python.
func targetIn(folder, reason string) (target, error) {
	for _, name := range []string{"python", "python3"} {
		interpreter := filepath.Join(folder, "bin", name)
		if info, err := os.Stat(interpreter); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			return target{folder: folder, interpreter: interpreter, reason: reason}, nil
		}
	}
	return target{}, fmt.Errorf("%s (%s) is no virtual environment: it has no bin/python; make one with: python3 -m venv %[1]s",
		folder, reason)
}

// minorVersionOf tells a target's Python version, such as "3.11", by running it
// only when its files don't tell.
func minorVersionOf(python target) (string, error) {
	// The name of the real interpreter first: pyvenv.cfg keeps the version the venv
	// was made with, which an upgrade of the system's Python leaves behind.
	if resolved, err := filepath.EvalSymlinks(python.interpreter); err == nil {
		version, named := strings.CutPrefix(filepath.Base(resolved), "python")
		if named && strings.Contains(version, ".") {
			return version, nil
		}
	}
	version, err := ask(python.interpreter, "'%d.%d' % sys.version_info[:2]")
	if err != nil {
		return "", fmt.Errorf("asking %s for its version: %w", python.interpreter, err)
	}
	return version, nil
}

// ask runs an interpreter to evaluate an expression of sys and gives what it prints.
func ask(interpreter, expression string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	output, err := exec.CommandContext(ctx, interpreter, "-I", "-S", "-c", "import sys; print("+expression+")").Output()
	return strings.TrimSpace(string(output)), err
}
