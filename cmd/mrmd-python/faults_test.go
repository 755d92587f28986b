package main

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
)

// startUnder starts a runtime below a shell that was given a limit or the like.
func (h *home) startUnder(id, preparation string, arguments ...string) string {
	h.t.Helper()
	arguments = append([]string{"-c", preparation + `; exec "$0" "$@"`, binary, "--id", id, "--venv", testVenv()}, arguments...)
	if stdout, stderr, status := h.finish(h.command("sh", arguments...)); status != 0 {
		h.t.Fatalf("%s: exit status %d\n%s%s", preparation, status, stdout, stderr)
	}
	return h.info(id).URL
}

// TestFullDisk bounds the size of files, which fails a write as a full disk does. No
// output is lost to who reads it as it comes, and what is too long for memory says what
// is missing.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	url := h.startUnder("full", "ulimit -f 2048") // in units of 512 bytes
	const lines = 80_000
	code := fmt.Sprintf("for i in range(%d): print(f'{i:099}')", lines)
	if got := h.mustRun("--id", "full", "--exec", code); len(got) != lines*100 {
		t.Errorf("%d bytes arrive of %d", len(got), lines*100)
	}
	reply, err := post(url+"/execute", map[string]any{"execId": "long", "code": "for _ in range(100): print('x' * 1_000_000)"})
	if err != nil || !reply.Success {
		t.Fatalf("%v %.300s", err, reply.Stderr)
	}
	kept, err := get(url + "/executions/long/output/stdout")
	if err != nil || !strings.Contains(kept, "bytes of output are lost") || len(kept) < 32<<20 {
		t.Errorf("what is kept does not say what is missing: %d bytes, %v", len(kept), err)
	}
	// A display that can't be saved comes all the same, and says why.
	reply, err = post(url+"/execute", map[string]any{"code": "from IPython.display import HTML, display\ndisplay(HTML('x' * 3_000_000))"})
	if err != nil || !reply.Success || !strings.Contains(reply.Stderr, "displays are sent inline") {
		t.Errorf("%v %.300s", err, reply.Stderr)
	}
	if got := mustExecute(t, url, "print('alive')"); got != "alive\n" {
		t.Errorf("got %s", got)
	}
	if log := h.mustRun("--logs", "full"); !strings.Contains(log, "output can't be kept on disk") {
		t.Errorf("the log: %s", log)
	}
}

// TestProfileThatCannotBeMade has a file in the place of the folder that IPython makes,
// which fails as a full disk does.
func TestProfileThatCannotBeMade(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	folder := filepath.Join(h.work, "ipython")
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, "profile_default"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	h.environment = append(h.environment, "IPYTHONDIR="+folder)
	if got := mustExecute(t, h.start("unprofiled"), "x = 1\nprint('alive', _ih[1])"); got != "alive x = 1\nprint('alive', _ih[1])\n" {
		t.Errorf("got %q", got)
	}
	if log := h.mustRun("--logs", "unprofiled"); !strings.Contains(log, "can't be used, and the history is lost") {
		t.Errorf("the log: %s", log)
	}
}

func TestFoldersThatCannotBeWritten(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	// Not even root makes a folder below a file.
	file := filepath.Join(h.work, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	h.environment = append(h.environment, "MRMD_HOME="+filepath.Join(file, "home"))
	_, stderr, status := h.run("--id", "nowhere", "--venv", testVenv())
	if status != exitFailure || !strings.Contains(stderr, "set MRMD_HOME to a folder you can write to") {
		t.Errorf("exit status %d\n%s", status, stderr)
	}
	h.environment = append(h.environment, "MRMD_HOME=")
	url := h.start("assets", "--assets-dir", filepath.Join(file, "assets"))
	reply, err := post(url+"/execute", map[string]any{"code": "from IPython.display import HTML, display\ndisplay(HTML('x'))"})
	if err != nil || !reply.Success || !strings.Contains(reply.Stderr, "displays are sent inline: no file can be made of a display in the folder "+file) {
		t.Errorf("%v %s", err, reply.Stderr)
	}
}

// TestNoHome starts runtimes without HOME, as some service managers do.
func TestNoHome(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	h.environment = append(h.environment, "MRMD_HOME="+filepath.Join(h.work, "registry"), "IPYTHONDIR="+filepath.Join(h.work, "ipython"))
	url := h.startUnder("nohome", "unset HOME")
	if got := mustExecute(t, url, "import os; print(os.environ.get('HOME'))"); got != "None\n" {
		t.Errorf("got %s", got)
	}
	h.mustRun("--kill", "nohome")
}

// TestNoDescriptorsLeft has a cell open all files that it may: who asks meanwhile
// waits, and is answered when the cell has closed some.
func TestNoDescriptorsLeft(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	url := h.startUnder("fds", "ulimit -n 80")
	gate := filepath.Join(h.work, "gate")
	code := fmt.Sprintf(`import os, time
files = []
try:
    while True: files.append(open(os.devnull))
except OSError as error: print(error.strerror, len(files) > 10, flush=True)
spare = files.pop()
while not os.path.exists(%q): time.sleep(0.01)
for file in files: file.close()`, gate)
	stream, err := http.Post(url+"/execute/stream", "application/json", strings.NewReader(`{"code":`+quoted(t, code)+`}`))
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Body.Close()
	said := ""
	buffer := make([]byte, 4096)
	for !strings.Contains(said, "Too many open files True") {
		count, err := stream.Body.Read(buffer)
		if err != nil {
			t.Fatalf("%v: %s", err, said)
		}
		said += string(buffer[:count])
	}
	answers := make(chan error, 4)
	for range cap(answers) {
		go func() {
			_, err := get(url + "/health")
			answers <- err
		}()
	}
	if err := os.WriteFile(gate, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for range cap(answers) {
		if err := <-answers; err != nil {
			t.Error(err)
		}
	}
	if got := mustExecute(t, url, "print('alive')"); got != "alive\n" {
		t.Errorf("got %s", got)
	}
}

func quoted(t *testing.T, text string) string {
	t.Helper()
	encoded, err := json.Marshal(text)
	if err != nil {
		t.Fatal(err)
	}
	return string(encoded)
}

func TestLowMemory(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	url := h.startUnder("memory", "ulimit -v 4000000") // in KiB
	reply, err := post(url+"/execute", map[string]any{"code": "hoard = []\nwhile True: hoard.append(bytearray(10**8))"})
	if err != nil || reply.Success || reply.Error.Type != "MemoryError" {
		t.Errorf("%v %+v", err, reply)
	}
	if got := mustExecute(t, url, "print(len(hoard) > 1); del hoard"); got != "True\n" {
		t.Errorf("got %s", got)
	}
	if got := mustExecute(t, url, "print(len(bytearray(10**8)))"); got != "100000000\n" {
		t.Errorf("got %s", got)
	}
}

// TestNoTerminals hides /dev/pts, as some containers do.
func TestNoTerminals(t *testing.T) {
	t.Parallel()
	const hide = "mount -t tmpfs none /dev/pts"
	if output, err := exec.Command("unshare", "-m", "sh", "-c", hide).CombinedOutput(); err != nil {
		t.Skipf("a mount namespace, in which /dev/pts could be hidden, can't be had here: %v %s", err, output)
	}
	h := newHome(t)
	start := h.command("unshare", "-m", "sh", "-c", hide+` && exec "$0" "$@"`, binary, "--id", "nopts", "--venv", testVenv())
	if stdout, stderr, status := h.finish(start); status != 0 {
		t.Fatalf("%s%s", stdout, stderr)
	}
	url := h.info("nopts").URL
	got := mustExecute(t, url, `import os
print(os.isatty(1))
_ = os.system("echo from a child")
_ = os.write(1, b"direct\n")
print("x" * 200_000)
_ = os.system("head -c 200000 /dev/zero | tr '\\0' y")`)
	if want := "False\nfrom a child\ndirect\n" + strings.Repeat("x", 200_000) + "\n" + strings.Repeat("y", 200_000); got != want {
		t.Errorf("%d bytes, want %d: %.100s", len(got), len(want), got)
	}
	if log := h.mustRun("--logs", "nopts"); !strings.Contains(log, "cells see no terminal") {
		t.Errorf("the log: %s", log)
	}
}
