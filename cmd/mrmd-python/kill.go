package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/mrmd/mrmd-python/daemonize"
	"github.com/mrmd/mrmd-python/daemonize/process"
	"github.com/mrmd/mrmd-python/registry"
)

// stopOptions give a runtime the time it gives itself, see stop.go, and its
// descendants a moment.
var stopOptions = daemonize.StopOptions{
	Grace:            cellGrace + exitGrace + 2*time.Second,
	DescendantsGrace: 500 * time.Millisecond,
}

// killLimit bounds a kill as a whole: a process may wait for a device.
const killLimit = time.Minute

// ending is what became of a runtime that was to be killed.
type ending struct {
	// howBefore says how the runtime ended when it had done so before.
	howBefore string
	ended     []daemonize.Ended
}

// kill ends a runtime and everything it started.
func kill(id string) error {
	store, entry, err := find(id)
	if err != nil {
		return notFound(err, fmt.Sprintf("Runtime '%s' not found or already dead", id))
	}
	outcome, err := endRuntime(store, entry, otherRuntimes(store, entry))
	if err != nil {
		return fmt.Errorf("killing runtime '%s': %w", id, err)
	}
	fmt.Printf("Killed runtime '%s'\n", id)
	outcome.print()
	return nil
}

// killAll ends all runtimes at once.
func killAll() error {
	store, err := openRegistry()
	if err != nil {
		return err
	}
	entries, problems, err := store.List()
	if err != nil {
		return err
	}
	for _, problem := range problems {
		warn(problem)
	}
	if len(entries) == 0 {
		fmt.Println("No runtimes to kill")
		return nil
	}
	outcomes := make([]ending, len(entries))
	errs := make([]error, len(entries))
	var all sync.WaitGroup
	for i, entry := range entries {
		all.Go(func() { outcomes[i], errs[i] = endRuntime(store, entry, nil) })
	}
	all.Wait()
	killed := 0
	for i, entry := range entries {
		if errs[i] != nil {
			errs[i] = fmt.Errorf("killing runtime '%s': %w", entry.ID, errs[i])
			continue
		}
		killed++
		fmt.Printf("Killed '%s'\n", entry.ID)
		outcomes[i].print()
	}
	fmt.Printf("\nKilled %d runtime(s)\n", killed)
	return errors.Join(errs...)
}

// endRuntime ends what the entry stands for and takes the entry out of the registry.
func endRuntime(store *registry.Store, entry registry.Entry, spare func(process.Stat) bool) (ending, error) {
	ctx, cancel := context.WithTimeout(context.Background(), killLimit)
	defer cancel()
	outcome := ending{}
	root, alive := entry.Process()
	if alive {
		options := stopOptions
		options.Spare = spare
		var err error
		outcome.ended, err = daemonize.StopTree(ctx, root, options)
		if err != nil && !errors.Is(err, process.ErrGone) {
			return outcome, err
		}
	} else {
		_, lines, err := logOf(store, entry)
		if err != nil {
			return outcome, err
		}
		outcome.howBefore = registry.HowEnded(entry, lines, crashMarks)
	}
	err := store.Remove(ctx, entry, func() error {
		// It did not come to end what it had started itself.
		left, err := daemonize.StopRecorded(ctx, store.RecordPath(entry.ID), recordedOptions(store))
		outcome.ended = append(outcome.ended, left...)
		return err
	})
	return outcome, err
}

// recordedOptions are for what a runtime left behind when it crashed.
func recordedOptions(store *registry.Store) daemonize.StopOptions {
	options := stopOptions
	options.Grace = 0
	options.Spare = otherRuntimes(store)
	return options
}

// otherRuntimes recognises runtimes that a runtime may have among its descendants,
// since they were started in one of its cells, and that have an id of their own to be
// killed by.
func otherRuntimes(store *registry.Store, but ...registry.Entry) func(process.Stat) bool {
	if store == nil {
		return nil
	}
	entries, _, err := store.List()
	if err != nil {
		return nil
	}
	others := map[process.Identity]bool{}
	for _, entry := range entries {
		if identity, alive := entry.Process(); alive {
			others[identity] = true
		}
	}
	for _, entry := range but {
		if identity, alive := entry.Process(); alive {
			delete(others, identity)
		}
	}
	return func(stat process.Stat) bool { return others[stat.Identity] }
}

// print tells what was ended besides what its name says.
func (e ending) print() {
	if e.howBefore != "" {
		fmt.Printf("  it had ended before: %s\n", e.howBefore)
	}
	for _, ended := range e.ended {
		fmt.Printf("  ended process %d: %s\n", ended.PID, shortened(ended.Command))
	}
}

// shortened keeps a command on one line of a terminal.
func shortened(command string) string {
	const shown = 60
	line := strings.Join(strings.Fields(command), " ")
	if characters := []rune(line); len(characters) > shown {
		return string(characters[:shown]) + "…"
	}
	return line
}
