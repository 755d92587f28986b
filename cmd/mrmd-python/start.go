package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/mrmd/mrmd-python/daemonize"
	"github.com/mrmd/mrmd-python/daemonize/process"
	"github.com/mrmd/mrmd-python/registry"
)

const (
	// startLimit is how long a daemon may take until it answers. It does in less than
	// a second; one that has to install IPython waits for the network.
	startLimit   = time.Minute
	installLimit = 10 * time.Minute
	// claimLimit is how long a daemon waits for another of the same id to say where
	// it listens.
	claimLimit = 20 * time.Second
)

// failedRunning is the kind of failure of a daemon that found its id in use.
const failedRunning = "running"

// errRunning says that a runtime of the id was running before.
var errRunning = errors.New("it is already running")

// startDaemon starts a runtime in the background and says where it is.
func startDaemon(chosen options) error {
	store, entry, err := existing(chosen.id)
	if err != nil {
		return err
	}
	if entry != nil {
		printRunning(*entry)
		return nil
	}
	p, err := newPlan(chosen)
	if err != nil {
		return err
	}
	fmt.Println("Starting mrmd-python daemon...")
	started, err := launch(store, p)
	switch {
	case errors.Is(err, errRunning):
		fmt.Println()
		printRunning(started)
		return nil
	case err != nil:
		return err
	}
	fmt.Println()
	printStarted(started)
	return nil
}

// existing gives the entry of a living runtime; nil when there is none, or one that is
// about to end, for which the claim on its id waits.
func existing(id string) (*registry.Store, *registry.Entry, error) {
	if err := registry.CheckID(id); err != nil {
		return nil, nil, err
	}
	store, err := openRegistry()
	if err != nil {
		return nil, nil, err
	}
	entry, err := store.Get(id)
	if err != nil || !stillRuns(entry) || entry.Stopping() {
		// What is no entry, or a dead one's, the new runtime overwrites.
		return store, nil, nil
	}
	return store, &entry, nil
}

// stillRuns says whether a runtime lives. It waits for one that the kernel is just
// ending, which clients know to be gone already.
func stillRuns(entry registry.Entry) bool {
	for deadline := time.Now().Add(claimLimit); ; time.Sleep(5 * time.Millisecond) {
		identity, alive := entry.Process()
		if !alive {
			return false
		}
		stat, err := process.Read(identity.PID)
		if err == nil && stat.Identity == identity && !stat.Exiting || time.Now().After(deadline) {
			return true
		}
	}
}

// launch starts the planned runtime in the background and returns its entry when it
// answers HTTP; with errRunning, that of the
// runtime which has the id.
func launch(store *registry.Store, p plan) (registry.Entry, error) {
	log, err := store.LogPath(p.id)
	if err != nil {
		return registry.Entry{}, err
	}
	limit := startLimit
	if p.installMissing {
		limit += installLimit
	}
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	arguments := p.arguments()
	if p.preferredPort != 0 {
		arguments = append(arguments, "--preferred-port="+strconv.Itoa(p.preferredPort))
	}
	if warning := p.guard.openToOthers(p.host); warning != nil {
		warn(warning)
	}
	if err := passToken(p.guard.token); err != nil {
		return registry.Entry{}, err
	}
	own, err := ownPath()
	if err != nil {
		return registry.Entry{}, err
	}
	_, err = daemonize.Start(ctx, daemonize.Command{Path: own, Args: arguments, LogPath: log})
	var failure *daemonize.FailedError
	running := errors.As(err, &failure) && failure.Kind == failedRunning
	if err != nil && !running {
		return registry.Entry{}, fmt.Errorf("%w\nIts log is %s", err, log)
	}
	entry, err := store.Get(p.id)
	if err != nil {
		return registry.Entry{}, fmt.Errorf("the runtime has ended again: %w", err)
	}
	if running {
		err = errRunning
	}
	return entry, err
}

func printRunning(entry registry.Entry) {
	fmt.Printf(`Runtime '%s' is already running:
  URL:  %s
  PID:  %d
  venv: %s

To kill it: mrmd-python --kill %[1]s
`, entry.ID, entry.URL, entry.PID, entry.Venv)
}

func printStarted(entry registry.Entry) {
	fmt.Printf(`Runtime '%s' started:
  URL:  %s
  PID:  %d
  venv: %s
  cwd:  %s
  why this venv: %s

Management:
  mrmd-python --list          List all runtimes
  mrmd-python --info %-8[1]s Get runtime info
  mrmd-python --kill %-8[1]s Kill this runtime

`, entry.ID, entry.URL, entry.PID, entry.Venv, entry.Cwd, entry.VenvReason)
}

// runDaemon is the daemon that a starter waits for: whatever fails is told to it.
func runDaemon(chosen options, notifier *daemonize.Notifier) int {
	err := serveDaemon(chosen, notifier)
	if err == nil {
		return 0
	}
	kind := ""
	var running *registry.RunningError
	if errors.As(err, &running) {
		kind = failedRunning
	}
	// When nobody listens any more the log has told it.
	_ = notifier.Fail(kind, err.Error())
	return exitFailure
}

func serveDaemon(chosen options, notifier *daemonize.Notifier) error {
	store, err := openRegistry()
	if err != nil {
		return err
	}
	p, err := newPlan(chosen)
	if err != nil {
		return err
	}
	return serve(p, store, notifier)
}

// runForeground is a runtime in the foreground, managed or not.
func runForeground(chosen options) error {
	if chosen.managed {
		p, err := newPlan(chosen)
		if err != nil {
			return err
		}
		return serve(p, nil, nil)
	}
	store, entry, err := existing(chosen.id)
	if err != nil {
		return err
	}
	if entry != nil {
		printRunning(*entry)
		return nil
	}
	p, err := newPlan(chosen)
	if err != nil {
		return err
	}
	err = serve(p, store, nil)
	var running *registry.RunningError
	if errors.As(err, &running) {
		printRunning(running.Entry)
		return nil
	}
	return err
}

func printForeground(output *os.File, p plan, url string, port int) {
	fmt.Fprintf(output, `Starting mrmd-python in foreground mode...
  ID:   %s
  venv: %s
  cwd:  %s
  port: %d
  URL:  %s
  why this venv: %s

Press Ctrl+C to stop

`, p.id, p.python.folder, p.workingDirectory, port, url, p.python.reason)
}
