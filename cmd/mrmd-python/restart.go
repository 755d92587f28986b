package main

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"strconv"

	"github.com/mrmd/mrmd-python/registry"
)

// restart ends a runtime, if it still runs, and starts it with the options it had. It
// gets its port again if that is free; its environment is that of this command.
func restart(id string) error {
	store, entry, err := find(id)
	if err != nil {
		return notFound(err, fmt.Sprintf("Runtime '%s' not found", id))
	}
	chosen, err := parseFlags(argumentsOf(entry))
	if err != nil {
		return fmt.Errorf("runtime '%s' was started with options that this mrmd-python does not know: %w", id, err)
	}
	chosen.preferredPort = entry.Port
	chosen.guard.token = cmp.Or(entry.Token, os.Getenv(tokenVariable))
	// What can't be started again is not ended.
	p, err := newPlan(chosen)
	if err != nil {
		return fmt.Errorf("runtime '%s' can't be started again: %w", id, err)
	}
	if _, err := endRuntime(store, entry, otherRuntimes(store, entry)); err != nil {
		return fmt.Errorf("ending runtime '%s': %w", id, err)
	}
	fmt.Println("Starting mrmd-python daemon...")
	started, err := launch(store, p)
	if err != nil && !errors.Is(err, errRunning) {
		return err
	}
	fmt.Println()
	printStarted(started)
	return nil
}

// argumentsOf is the command line that starts the runtime of an entry again. Entries
// of 0.4.2 don't have it.
func argumentsOf(entry registry.Entry) []string {
	if len(entry.Argv) > 0 {
		return entry.Argv[1:]
	}
	arguments := []string{"--id=" + entry.ID, "--venv=" + entry.Venv, "--cwd=" + entry.Cwd, "--port=" + strconv.Itoa(entry.Port)}
	if entry.Host != "" {
		arguments = append(arguments, "--host="+entry.Host)
	}
	if entry.AssetsDir != nil {
		arguments = append(arguments, "--assets-dir="+*entry.AssetsDir)
	}
	return arguments
}
