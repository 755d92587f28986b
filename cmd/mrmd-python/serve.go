package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/debug"
	"syscall"
	"time"

	"github.com/sirupsen/logrus"
	"golang.org/x/sys/unix"

	"github.com/mrmd/mrmd-python/interp"
	"github.com/mrmd/mrmd-python/mrp"
)

// How long a stopping runtime waits for the cell that is running to give way.
const stopGrace = 3 * time.Second

// serve is the runtime: it listens, runs Python on this goroutine, the main
// one, and returns when it was told to stop.
func serve(chosen options) error {
	workingDirectory, err := enterDirectory(chosen.cwd)
	if err != nil {
		return err
	}
	python, err := chooseTarget(chosen.venv, workingDirectory)
	if err != nil {
		return err
	}
	console, err := keepConsole()
	if err != nil {
		return err
	}
	listeners, port, err := listen(chosen.host, chosen.port)
	if err != nil {
		return err
	}
	log := newLogger(console.stderr, chosen.logLevel)
	engine := interp.New(interp.Options{
		Executable:       python.interpreter,
		Virtualenv:       python.folder,
		WorkingDirectory: workingDirectory,
		CrashLog:         console.stderr,
		IdleOutput:       logIdleOutput(log),
		InstallMissing:   chosen.installMissing,
	})
	handler, err := mrp.NewHandler(engine, mrp.Options{
		Version:        version,
		AssetsDir:      assetsFolder(chosen.assetsDir, workingDirectory),
		BoundAddresses: addressesOf(listeners),
		Logger:         log,
	})
	if err != nil {
		return err
	}
	server := mrp.NewServer(handler)
	defer closeServer(server, handler)
	for _, listener := range listeners {
		go func() {
			if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
				log.WithError(err).WithField("address", listener.Addr()).Error("serving stopped")
			}
		}()
	}
	go stopOnSignal(engine, handler, log)
	if !chosen.managed {
		printBanner(console.stdout, chosen.id, python, workingDirectory, port)
	}
	return engine.Run()
}

// closeServer ends the streams and gives their readers a moment to take the end.
func closeServer(server *http.Server, handler *mrp.Handler) {
	handler.Close()
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = server.Shutdown(ctx) // what is still open then ends with the process
}

func enterDirectory(asked string) (string, error) {
	if asked != "" {
		if err := os.Chdir(asked); err != nil {
			return "", fmt.Errorf("--cwd: %w", err)
		}
	}
	current, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("finding the working directory: %w", err)
	}
	return current, nil
}

// console is where this program itself writes: file descriptors 1 and 2 belong
// to the user's code once the engine runs.
type console struct{ stdout, stderr *os.File }

func keepConsole() (console, error) {
	var kept [2]*os.File
	for i, file := range []*os.File{os.Stdout, os.Stderr} {
		descriptor, err := unix.FcntlInt(file.Fd(), unix.F_DUPFD_CLOEXEC, 3)
		if err != nil {
			return console{}, fmt.Errorf("duplicating %s: %w", file.Name(), err)
		}
		kept[i] = os.NewFile(uintptr(descriptor), file.Name())
	}
	// What Go prints when it crashes would end in the terminal of the cells.
	if err := debug.SetCrashOutput(kept[1], debug.CrashOptions{}); err != nil {
		return console{}, fmt.Errorf("directing crash reports to %s: %w", kept[1].Name(), err)
	}
	return console{stdout: kept[0], stderr: kept[1]}, nil
}

func newLogger(output io.Writer, level string) *logrus.Logger {
	log := logrus.New()
	log.SetOutput(output)
	if parsed, err := logrus.ParseLevel(level); err == nil {
		log.SetLevel(parsed)
	}
	return log
}

func logIdleOutput(log logrus.FieldLogger) func(mrp.Stream, []byte) {
	return func(stream mrp.Stream, text []byte) {
		log.WithFields(logrus.Fields{"stream": stream.String(), "text": string(text)}).Info("output between cells")
	}
}

func assetsFolder(asked, workingDirectory string) string {
	if asked == "" {
		asked = ".mrmd-assets"
	}
	if filepath.IsAbs(asked) {
		return asked
	}
	return filepath.Join(workingDirectory, asked)
}

func addressesOf(listeners []net.Listener) []string {
	var addresses []string
	for _, listener := range listeners {
		addresses = append(addresses, listener.Addr().String())
	}
	return addresses
}

func printBanner(output io.Writer, id string, python target, workingDirectory string, port int) {
	fmt.Fprintf(output, `Starting mrmd-python in foreground mode...
  ID:   %s
  venv: %s (%s)
  cwd:  %s
  port: %d
  URL:  http://localhost:%[5]d/mrp/v1

Press Ctrl+C to stop

`, id, python.folder, python.reason, workingDirectory, port)
}

// stopOnSignal ends the runtime when it is asked from outside to. The running
// cell gets a moment; code that can't be interrupted does not keep us.
func stopOnSignal(engine *interp.Engine, handler *mrp.Handler, log logrus.FieldLogger) {
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	log.WithField("signal", (<-signals).String()).Info("stopping")
	ctx, cancel := context.WithTimeout(context.Background(), stopGrace)
	defer cancel()
	if err := handler.Shutdown(ctx); err != nil {
		log.WithError(err).Warn("the running cell is left behind")
	}
	engine.Stop()
	select {
	case <-time.After(stopGrace):
	case <-signals:
	}
	os.Exit(exitFailure)
}
