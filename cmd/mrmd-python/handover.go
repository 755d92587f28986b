package main

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/mrmd/mrmd-python/cpython"
)

// handedOverVariable tells the build that takes over that it must not hand over
// again, whatever it thinks of the venv.
const handedOverVariable = "MRMD_HANDED_OVER_BY"

// ensureSamePython returns when this binary can run the target's Python. When that
// is of another minor version, whose extension modules have another ABI, the build
// for it takes this process over; the error says how to make one.
func ensureSamePython(python target) error {
	earlier := os.Getenv(handedOverVariable)
	// The user's code is not to see it.
	if err := os.Unsetenv(handedOverVariable); err != nil {
		return fmt.Errorf("taking %s out of the environment: %w", handedOverVariable, err)
	}
	wanted, err := minorVersionOf(python)
	if err != nil {
		return err
	}
	if wanted == cpython.MinorVersion() {
		return ensureSameRelease(python)
	}
	if earlier == "" {
		if build := buildFor(python, wanted); build != "" {
			return handOver(build)
		}
	}
	self, err := ownPath()
	if err != nil {
		self = "this mrmd-python"
	}
	return fmt.Errorf("%s has Python %s and %s is built for Python %s: build one for it with: make install VENV=%[1]s",
		python.folder, wanted, self, cpython.MinorVersion())
}

// buildFor finds the mrmd-python for a minor version: one that says so in its name
// beside this binary, or one that was installed in the venv. "" when there is none.
func buildFor(python target, minorVersion string) string {
	var places []string
	if self, err := ownPath(); err == nil {
		name := "mrmd-python-cp" + strings.ReplaceAll(minorVersion, ".", "")
		places = append(places, filepath.Join(filepath.Dir(self), name))
	}
	places = append(places, filepath.Join(python.folder, "bin", "mrmd-python"))
	for _, place := range places {
		info, err := os.Stat(place)
		if err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 && !isThisBinary(place) && !isPythonScript(place) {
			return place
		}
	}
	return ""
}

// isPythonScript recognises what pip puts into bin/ for the Python package
// mrmd-python: a program of the same name that is another one.
func isPythonScript(path string) bool {
	file, err := os.Open(path)
	if err != nil {
		return false
	}
	defer func() { _ = file.Close() }()
	line, err := bufio.NewReaderSize(file, 512).ReadSlice('\n')
	return err == nil && bytes.HasPrefix(line, []byte("#!")) && bytes.Contains(line, []byte("python"))
}

func handOver(build string) error {
	environment := append(os.Environ(), handedOverVariable+"="+version)
	arguments := append([]string{build}, os.Args[1:]...)
	return fmt.Errorf("running %s in place of this mrmd-python: %w", build, syscall.Exec(build, arguments, environment))
}
