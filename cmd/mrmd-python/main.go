package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/mrmd/mrmd-python/cpython"
	"github.com/mrmd/mrmd-python/daemonize"
)

// Set by the linker, see scripts/build-binary.
var (
	version = "0.0.0-dev"
	commit  = "unknown"
	// builtForPython is the interpreter this binary was linked for, and builtForVenv
	// the venv that it is in, "" when it is in none.
	builtForPython string
	builtForVenv   string
)

// Exit statuses, those of the original. A shell gives exitInterrupted to a program
// that Ctrl-C ended.
const (
	exitFailure     = 1
	exitUsage       = 2
	exitInterrupted = 130
)

func main() {
	os.Exit(run(os.Args[1:]))
}

func run(arguments []string) int {
	cpython.KeepIgnoredSignals()
	takeFolders()
	// Before anything is started, which would inherit what is for this process.
	notifier, err := daemonize.Inherited()
	if err != nil {
		return report(err)
	}
	chosen, err := parseFlags(arguments)
	if err != nil {
		fmt.Fprintf(os.Stderr, "%smrmd-python: error: %v\n", usageText(), err)
		return exitUsage
	}
	sampleHeap(chosen.diagnostics)
	takeToken(&chosen)
	chosen.guard.noteLauncher(chosen.managed)
	if notifier != nil {
		return runDaemon(chosen, notifier)
	}
	return dispatch(chosen)
}

// dispatch does what the command line asks for. As in the original, managing goes
// before starting when both are asked.
func dispatch(chosen options) int {
	switch {
	case chosen.help:
		fmt.Print(helpText())
		return 0
	case chosen.version:
		fmt.Println(versionText())
		return 0
	case chosen.given["completion"]:
		fmt.Print(completionScript(chosen.completion))
		return 0
	case chosen.list:
		return report(list(chosen.json))
	case chosen.given["kill"]:
		return report(kill(chosen.kill))
	case chosen.killAll:
		return report(killAll())
	case chosen.given["info"]:
		return report(info(chosen.info))
	case chosen.given["logs"]:
		return report(showLog(chosen.logs, chosen.follow))
	case chosen.given["restart"]:
		return report(restart(chosen.restart))
	case chosen.given["exec"]:
		return execute(chosen)
	case chosen.open:
		return report(openPage(chosen))
	case chosen.mcp:
		return report(serveAgent(chosen))
	case chosen.foreground, chosen.managed:
		return report(runForeground(chosen))
	}
	return report(startDaemon(chosen))
}

// errAnswered is a failure that standard output has told of already.
var errAnswered = errors.New("the answer was no")

// report prints an error for the user and gives the exit status.
func report(err error) int {
	switch {
	case err == nil:
		return 0
	case !errors.Is(err, errAnswered):
		fmt.Fprintf(os.Stderr, "mrmd-python: error: %v\n", err)
	}
	return exitFailure
}

func warn(err error) {
	fmt.Fprintf(os.Stderr, "mrmd-python: warning: %v\n", err)
}

func versionText() string {
	return fmt.Sprintf("mrmd-python %s (commit %s), Python %s, ABI tag %s",
		version, commit, cpython.Version(), cpython.ABITag())
}
