package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/mrmd/mrmd-python/daemonize"
	"github.com/mrmd/mrmd-python/registry"
)

// shownLines is how much of a log --logs shows.
const shownLines = 1000

// showLog shows the log of a runtime, which may have ended.
func showLog(id string, follow bool) error {
	if err := registry.CheckID(id); err != nil {
		return err
	}
	store, err := openRegistry()
	if err != nil {
		return err
	}
	path, err := store.LogPath(id)
	if err != nil {
		return err
	}
	if _, err := os.Stat(path); err != nil {
		fmt.Printf("Runtime '%s' has no log\n", id)
		return errAnswered
	}
	if follow {
		ctx, cancel := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
		defer cancel()
		return daemonize.Follow(ctx, path, shownLines, os.Stdout)
	}
	lines, err := daemonize.LastLines(path, shownLines)
	if err != nil {
		return err
	}
	for _, line := range lines {
		fmt.Println(line)
	}
	return nil
}
