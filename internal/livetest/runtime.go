package livetest

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
)

// Runtime is a process of the binary that serves.
type Runtime struct {
	*Client
	// Home and WorkingDirectory are folders of its own.
	Home, WorkingDirectory string
	// Environment is what it was started with.
	Environment []string
	// Process is the runtime's.
	Process *os.Process

	command *exec.Cmd
	root    string
	exited  chan struct{}
	mutex   sync.Mutex
	said    strings.Builder
}

// Options says how a runtime is started.
type Options struct {
	// Binary is the path of mrmd-python; MRMD_TEST_BINARY when empty.
	Binary string
	// Virtualenv is the venv; MRMD_TEST_VENV when empty.
	Virtualenv string
	// Flags come after those that a test needs; Environment after the caller's.
	Flags, Environment []string
}

var servingAt = regexp.MustCompile(`http://[^\s"]+/mrp/v1`)

// Start starts a runtime and returns when it answers; the error has what it said.
func Start(ctx context.Context, options Options) (*Runtime, error) {
	binary := cmp.Or(options.Binary, os.Getenv("MRMD_TEST_BINARY"))
	virtualenv := cmp.Or(options.Virtualenv, os.Getenv("MRMD_TEST_VENV"))
	if binary == "" || virtualenv == "" {
		return nil, errors.New("set MRMD_TEST_BINARY and MRMD_TEST_VENV, or run `make test-workloads`")
	}
	root, err := os.MkdirTemp("", "mrmd-live-")
	if err != nil {
		return nil, fmt.Errorf("making a folder for the runtime: %w", err)
	}
	if root, err = filepath.EvalSymlinks(root); err != nil {
		return nil, fmt.Errorf("finding the runtime's folder: %w", err)
	}
	runtime := &Runtime{
		Home: filepath.Join(root, "home"), WorkingDirectory: filepath.Join(root, "work"),
		root: root, exited: make(chan struct{}),
	}
	for _, folder := range []string{runtime.Home, runtime.WorkingDirectory} {
		if err := os.Mkdir(folder, 0o700); err != nil {
			return nil, fmt.Errorf("making a folder for the runtime: %w", err)
		}
	}
	if err := runtime.launch(binary, virtualenv, options); err != nil {
		os.RemoveAll(root)
		return nil, err
	}
	return runtime, runtime.waitUntilServing(ctx)
}

func (r *Runtime) launch(binary, virtualenv string, options Options) error {
	flags := append([]string{
		"--foreground", "--host", "127.0.0.1", "--id", filepath.Base(r.root),
		"--venv", virtualenv, "--cwd", r.WorkingDirectory,
	}, options.Flags...)
	r.command = exec.Command(binary, flags...)
	r.Environment = append(withoutFolders(os.Environ()), "HOME="+r.Home)
	r.Environment = append(r.Environment, options.Environment...)
	r.command.Env = r.Environment
	output, err := r.command.StdoutPipe()
	if err != nil {
		return fmt.Errorf("starting %s: %w", binary, err)
	}
	r.command.Stderr = r.command.Stdout
	if err := r.command.Start(); err != nil {
		return fmt.Errorf("starting %s: %w", binary, err)
	}
	r.Process = r.command.Process
	serving := make(chan string, 1)
	r.Client = &Client{base: serving}
	go func() {
		defer close(r.exited)
		lines := bufio.NewScanner(output)
		for lines.Scan() {
			r.mutex.Lock()
			r.said.WriteString(lines.Text() + "\n")
			r.mutex.Unlock()
			if found := servingAt.FindString(lines.Text()); found != "" {
				select {
				case serving <- found:
				default:
				}
			}
		}
		_ = r.command.Wait()
	}()
	return nil
}

// withoutFolders leaves out the variables that name folders of the user.
func withoutFolders(environment []string) []string {
	return slices.DeleteFunc(environment, func(variable string) bool {
		name, _, _ := strings.Cut(variable, "=")
		return name == "HOME" || name == "MRMD_HOME" || name == "IPYTHONDIR"
	})
}

func (r *Runtime) waitUntilServing(ctx context.Context) error {
	select {
	case url := <-r.base:
		r.URL = url
	case <-r.exited:
		return fmt.Errorf("the runtime ended while it started: %s", r.Said())
	case <-ctx.Done():
		return fmt.Errorf("waiting for the runtime: %w: %s", ctx.Err(), r.Said())
	}
	for {
		health, err := r.Get(ctx, "/health")
		if err == nil && health["state"] != "starting" {
			return nil
		}
		select {
		case <-r.exited:
			return fmt.Errorf("the runtime ended while it started: %s", r.Said())
		case <-ctx.Done():
			return fmt.Errorf("waiting for the runtime: %w: %s", ctx.Err(), r.Said())
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// Said is what the runtime has written to its terminal.
func (r *Runtime) Said() string {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	return r.said.String()
}

// Stop ends the runtime, with SIGKILL when it does not end within 10 s, and
// removes its folders.
func (r *Runtime) Stop() error {
	_ = r.Process.Signal(os.Interrupt)
	select {
	case <-r.exited:
	case <-time.After(10 * time.Second):
		_ = r.Process.Kill()
		<-r.exited
	}
	if err := os.RemoveAll(r.root); err != nil {
		return fmt.Errorf("removing the runtime's folders: %w", err)
	}
	return nil
}
