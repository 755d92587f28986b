package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
)

// TestDiagnosticsUnasked: nothing of it is there without the flag.
func TestDiagnosticsUnasked(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	url := h.start("plain")
	header, _ := executeForHeader(t, url, "1")
	if got := header.Values("Server-Timing"); got != nil {
		t.Errorf("Server-Timing is %q", got)
	}
	for _, name := range []string{"", "heap", "profile?seconds=1"} {
		if answer, err := get(pprofURL(url) + name); err == nil || !strings.Contains(err.Error(), "not_found") {
			t.Errorf("%s%s: %.100s (%v)", pprofPath, name, answer, err)
		}
	}
}

func TestDiagnostics(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	h.start("asked", "--diagnostics")
	h.mustRun("--restart", "asked")
	url := h.info("asked").URL
	header, total := executeForHeader(t, url, "import time; time.sleep(0.1)")
	var queue, python, rest float64
	value := header.Get("Server-Timing")
	if _, err := fmt.Sscanf(value, "queue;dur=%f, python;dur=%f, io;dur=%f", &queue, &python, &rest); err != nil {
		t.Fatalf("Server-Timing is %q: %v", value, err)
	}
	if sum := queue + python + rest; python < 100 || sum > total.Seconds()*1000 {
		t.Errorf("%s of %v", value, total)
	}
	index, err := get(pprofURL(url))
	if err != nil || !strings.Contains(index, "goroutine") {
		t.Errorf("%s (%v)", index, err)
	}
	foreign, err := http.NewRequest(http.MethodGet, pprofURL(url)+"heap", nil)
	if err != nil {
		t.Fatal(err)
	}
	foreign.Header.Set("Origin", "http://evil.example")
	refused, err := http.DefaultClient.Do(foreign)
	if err != nil {
		t.Fatal(err)
	}
	refused.Body.Close()
	if refused.StatusCode != http.StatusForbidden {
		t.Errorf("a foreign page gets a profile: %s", refused.Status)
	}
	heap := h.profile(url, "heap")
	if !strings.Contains(heap, "inuse_space/bytes") {
		t.Errorf("the heap's profile is\n%.500s", heap)
	}
}

// TestDocumentedProfiles takes the profiles that docs/operations.md shows how to take,
// of Python and of Go.
func TestDocumentedProfiles(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	url := h.start("documented", "--diagnostics")
	port := url[strings.LastIndex(url, ":")+1 : strings.Index(url, "/mrp/")]
	operations, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	adapt := strings.NewReplacer("PORT", port, "PID", strconv.Itoa(h.info("documented").PID),
		"seconds=5", "seconds=1", "--duration 10", "--duration 1",
		"py-spy", filepath.Join(os.Getenv("MRMD_TEST_VENV"), "bin", "py-spy"))
	taken := 0
	for line := range strings.Lines(string(operations)) {
		if !strings.HasPrefix(line, "go tool pprof") && !strings.HasPrefix(line, "py-spy ") {
			continue
		}
		taken++
		if scope, err := os.ReadFile("/proc/sys/kernel/yama/ptrace_scope"); strings.HasPrefix(line, "py-spy ") &&
			os.Geteuid() != 0 && err == nil && strings.TrimSpace(string(scope)) != "0" {
			t.Logf("not run, for it needs root or kernel.yama.ptrace_scope=0: %s", line)
			continue
		}
		command := exec.Command("bash", "-c", adapt.Replace(line))
		command.Dir = t.TempDir()
		command.Env = append(os.Environ(), "PPROF_TMPDIR="+command.Dir)
		output, err := command.CombinedOutput()
		if shown := string(output); err != nil || !strings.Contains(shown, "flat%") && !strings.Contains(shown, "Python v") && !strings.Contains(shown, "Wrote") {
			t.Errorf("%s%s (%v)", line, output, err)
		}
	}
	if taken != 4 {
		t.Errorf("%d profiles are documented", taken)
	}
}

// TestProfilesLeaveCellsAlone takes profiles of the CPU while cells sleep, work and use
// the signal for it.
func TestProfilesLeaveCellsAlone(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	url := h.start("profiled", "--diagnostics")
	mustExecute(t, url, `
import os, signal, time
caught = []
signal.signal(signal.SIGPROF, lambda *_: caught.append(1))
signal.setitimer(signal.ITIMER_PROF, 0.01, 0.01)`)
	if answer, err := get(pprofURL(url) + "profile?seconds=1"); err == nil || !strings.Contains(err.Error(), "409") || !strings.Contains(err.Error(), "SIGPROF") {
		t.Errorf("a profile took the user's signal: %.100s (%v)", answer, err)
	}
	mustExecute(t, url, `
before = len(caught)
while len(caught) < before + 3: pass
signal.setitimer(signal.ITIMER_PROF, 0)
signal.signal(signal.SIGPROF, signal.SIG_DFL)`)

	cell := make(chan executed, 1)
	go func() {
		reply, err := post(url+"/execute", map[string]any{"code": `
open("begun", "w").close()
added = slept = 0
for _ in range(50):
    before = time.monotonic()
    time.sleep(0.01)
    slept += time.monotonic() - before >= 0.01
    added += sum(range(1000)) == 499500
while not os.path.exists("taken"):
    previous = signal.signal(signal.SIGPROF, signal.SIG_DFL)
print(added, slept, previous is signal.SIG_DFL)`})
		if err != nil {
			reply.Stdout = err.Error()
		}
		cell <- reply
	}()
	waitUntil(t, "the cell runs", func() bool { return exists(h, "begun") })
	if cpu := h.profile(url, "profile?seconds=1"); !strings.Contains(cpu, "cpu/nanoseconds") {
		t.Errorf("the CPU's profile is\n%.500s", cpu)
	}
	if err := os.WriteFile(filepath.Join(h.work, "taken"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if reply := <-cell; reply.Stdout != "50 50 True\n" {
		t.Errorf("the cell ended with %+v", reply)
	}

	// The user's handler is heard again after a profile, too.
	mustExecute(t, url, `
del caught[:]
signal.signal(signal.SIGPROF, lambda *_: caught.append(1))
signal.raise_signal(signal.SIGPROF)
assert caught == [1]`)
}

func pprofURL(url string) string { return strings.TrimSuffix(url, "/mrp/v1") + pprofPath }

func exists(h *home, name string) bool {
	_, err := os.Stat(filepath.Join(h.work, name))
	return err == nil
}

// profile takes a profile and has Go's own tool read it.
func (h *home) profile(url, name string) string {
	h.t.Helper()
	text, err := get(pprofURL(url) + name)
	if err != nil {
		h.t.Fatal(err)
	}
	path := filepath.Join(h.t.TempDir(), "profile")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		h.t.Fatal(err)
	}
	output, err := exec.Command("go", "tool", "pprof", "-raw", path).CombinedOutput()
	if err != nil {
		h.t.Fatalf("reading the profile: %v\n%s", err, output)
	}
	return string(output)
}

// executeForHeader runs code and gives the answer's header and how long all took.
func executeForHeader(t *testing.T, url, code string) (http.Header, time.Duration) {
	t.Helper()
	body, err := json.Marshal(map[string]string{"code": code})
	if err != nil {
		t.Fatal(err)
	}
	begun := time.Now()
	response, err := http.Post(url+"/execute", "application/json", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if text, err := io.ReadAll(response.Body); err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s (%v)", response.Status, text, err)
	}
	return response.Header, time.Since(begun)
}
