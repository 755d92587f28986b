package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
)

// home is a HOME of its own, in which a test runs the program.
type home struct {
	t *testing.T
	// work is the working directory, and environment what is added to that of the test.
	work        string
	environment []string
}

func newHome(t *testing.T) *home {
	t.Helper()
	root := t.TempDir()
	h := &home{t: t, work: filepath.Join(root, "work")}
	h.environment = []string{"HOME=" + root, "MRMD_HOME=", "VIRTUAL_ENV="}
	if err := os.Mkdir(h.work, 0o700); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { killAllIn(t, root) })
	return h
}

// command is a call of the program, or of another one.
func (h *home) command(name string, arguments ...string) *exec.Cmd {
	command := exec.Command(name, arguments...)
	command.Dir = h.work
	for _, variable := range os.Environ() {
		if !strings.HasPrefix(variable, "LD_LIBRARY_PATH=") && !strings.HasPrefix(variable, "PYTHON") {
			command.Env = append(command.Env, variable)
		}
	}
	command.Env = append(command.Env, h.environment...)
	return command
}

// run calls the program and gives its two outputs and its exit status.
func (h *home) run(arguments ...string) (stdout, stderr string, status int) {
	h.t.Helper()
	return h.finish(h.command(binary, arguments...))
}

func (h *home) finish(command *exec.Cmd) (stdout, stderr string, status int) {
	h.t.Helper()
	var output, problems strings.Builder
	command.Stdout, command.Stderr = &output, &problems
	if err := command.Run(); command.ProcessState == nil {
		h.t.Fatal(err)
	}
	return output.String(), problems.String(), command.ProcessState.ExitCode()
}

func (h *home) mustRun(arguments ...string) string {
	h.t.Helper()
	stdout, stderr, status := h.run(arguments...)
	if status != 0 {
		h.t.Fatalf("%v: exit status %d\n%s%s", arguments, status, stdout, stderr)
	}
	return stdout
}

// entry is what --info tells of a runtime.
type entry struct {
	ID           string `json:"id"`
	PID          int    `json:"pid"`
	Port         int    `json:"port"`
	URL          string `json:"url"`
	LastActivity string `json:"lastActivity"`
	Alive        bool   `json:"alive"`
}

func (h *home) info(id string) entry {
	h.t.Helper()
	var found entry
	if err := json.Unmarshal([]byte(h.mustRun("--info", id)), &found); err != nil {
		h.t.Fatal(err)
	}
	return found
}

// start starts a daemon and gives its URL.
func (h *home) start(id string, arguments ...string) string {
	h.t.Helper()
	h.mustRun(append([]string{"--id", id, "--venv", testVenv()}, arguments...)...)
	return h.info(id).URL
}

// mustExecute runs code and gives what it printed.
func mustExecute(t *testing.T, url, code string) string {
	t.Helper()
	reply, err := post(url+"/execute", map[string]any{"code": code})
	if err != nil {
		t.Fatal(err)
	}
	if !reply.Success {
		t.Fatalf("%s\nended with %+v", code, reply.Error)
	}
	return reply.Stdout
}

func get(url string) (string, error) {
	response, err := http.Get(url)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", response.Status, text)
	}
	return string(text), err
}

func waitUntil(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !holds(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("still not so: %s", what)
		}
	}
}
