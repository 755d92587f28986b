package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/pflag"

	"github.com/mrmd/mrmd-python/cpython"
)

// Set by the linker, see scripts/build-binary.
var (
	version = "0.0.0-dev"
	commit  = "unknown"
	// builtForPython is the interpreter this binary was linked for.
	builtForPython string
)

// Exit statuses, those of the original.
const (
	exitFailure = 1
	exitUsage   = 2
)

func main() {
	os.Exit(run(os.Args[1:]))
}

func run(arguments []string) int {
	options, err := parseFlags(arguments)
	switch {
	case errors.Is(err, pflag.ErrHelp):
		fmt.Print(helpText())
		return 0
	case err != nil:
		fmt.Fprintf(os.Stderr, "%smrmd-python: error: %v\n", usageText(), err)
		return exitUsage
	case options.version:
		fmt.Println(versionText())
		return 0
	}
	return report(serve(options))
}

// report prints an error for the user and gives the exit status.
func report(err error) int {
	if err == nil {
		return 0
	}
	fmt.Fprintf(os.Stderr, "mrmd-python: %v\n", err)
	return exitFailure
}

func versionText() string {
	return fmt.Sprintf("mrmd-python %s (commit %s), Python %s, ABI tag %s",
		version, commit, cpython.Version(), cpython.ABITag())
}
