package main

import (
	"bytes"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"
)

// terminalUser is a program at a terminal.
type terminalUser struct {
	t       *testing.T
	command *exec.Cmd
	typing  *os.File

	mutex sync.Mutex
	shown bytes.Buffer
	ended chan struct{}
}

func (h *home) atTerminal(arguments ...string) *terminalUser {
	h.t.Helper()
	u := &terminalUser{t: h.t, command: h.command(binary, arguments...), ended: make(chan struct{})}
	terminal, err := pty.Start(u.command)
	if err != nil {
		h.t.Fatal(err)
	}
	u.typing = terminal
	h.t.Cleanup(func() { terminal.Close() })
	go func() {
		defer close(u.ended)
		into := make([]byte, 4096)
		for {
			count, err := terminal.Read(into)
			u.mutex.Lock()
			u.shown.Write(into[:count])
			u.mutex.Unlock()
			if err != nil {
				return
			}
		}
	}()
	return u
}

func (u *terminalUser) screen() string {
	u.mutex.Lock()
	defer u.mutex.Unlock()
	return strings.ReplaceAll(u.shown.String(), "\r", "")
}

func (u *terminalUser) waitFor(pattern string) {
	u.t.Helper()
	expression := regexp.MustCompile(pattern)
	waitUntil(u.t, "the terminal shows "+pattern, func() bool { return expression.MatchString(u.screen()) })
}

func (u *terminalUser) press(text string) {
	u.t.Helper()
	if _, err := u.typing.Write([]byte(text)); err != nil {
		u.t.Fatal(err)
	}
}

// waitUntilHidden waits until the terminal does not show what is typed: a prompt comes
// before the question.
func (u *terminalUser) waitUntilHidden() {
	u.t.Helper()
	raw, err := u.typing.SyscallConn()
	if err != nil {
		u.t.Fatal(err)
	}
	waitUntil(u.t, "what is typed is hidden", func() (hidden bool) {
		_ = raw.Control(func(descriptor uintptr) {
			state, err := unix.IoctlGetTermios(int(descriptor), unix.TCGETS)
			hidden = err == nil && state.Lflag&unix.ECHO == 0
		})
		return hidden
	})
}

// status waits for the end and gives the exit status.
func (u *terminalUser) status() int {
	<-u.ended
	_ = u.command.Wait()
	return u.command.ProcessState.ExitCode()
}

const interruptKey = "\x03"

func TestExecAtTerminal(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	h.start("default")

	user := h.atTerminal("--exec", `import getpass
name = input("name? ")
word = getpass.getpass("word? ")
print("got", name, len(word))`)
	user.waitFor(`name\? $`)
	user.press("Ada\n")
	user.waitFor(`word\? $`)
	user.waitUntilHidden()
	user.press("secret\n")
	if status := user.status(); status != 0 {
		t.Errorf("exit status %d", status)
	}
	if want := "name? Ada\nword? \ngot Ada 6\n"; user.screen() != want {
		t.Errorf("the terminal shows\n%s\nwant\n%s", user.screen(), want)
	}

	// Ctrl-C interrupts the cell, and the runtime stays.
	user = h.atTerminal("--exec", "import time; kept = 1; print('running')\nwhile True: time.sleep(0.01)")
	user.waitFor("running")
	user.press(interruptKey)
	if status := user.status(); status != exitFailure || !strings.Contains(user.screen(), "KeyboardInterrupt") {
		t.Errorf("exit status %d after Ctrl-C:\n%s", status, user.screen())
	}
	if got := h.mustRun("--exec", "kept"); got != "1\n" {
		t.Errorf("after Ctrl-C the namespace gives %q", got)
	}

	// While it waits for input, too.
	user = h.atTerminal("--exec", `input("never? ")`)
	user.waitFor(`never\? $`)
	user.press(interruptKey)
	if status := user.status(); status != exitFailure || !strings.Contains(user.screen(), "KeyboardInterrupt") {
		t.Errorf("exit status %d after Ctrl-C at a question:\n%s", status, user.screen())
	}

	// A second one leaves a cell that does not give way.
	mustExecute(t, h.info("default").URL, "stop = []")
	user = h.atTerminal("--exec", `import time
while not stop:
    try:
        print("stubborn")
        while not stop: time.sleep(100)
    except KeyboardInterrupt: print("no")`)
	user.waitFor("stubborn")
	user.press(interruptKey)
	user.waitFor("no")
	user.press(interruptKey)
	if status := user.status(); status != exitInterrupted {
		t.Errorf("exit status %d after two Ctrl-C:\n%s", status, user.screen())
	}
}

// TestSurvivesItsTerminal starts a daemon at a terminal that is closed then.
func TestSurvivesItsTerminal(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	user := h.atTerminal("--id", "survivor", "--venv", testVenv())
	if status := user.status(); status != 0 {
		t.Fatalf("exit status %d\n%s", status, user.screen())
	}
	if got := mustExecute(t, h.info("survivor").URL, "import os; print(os.getsid(0) == os.getpid())"); got != "True\n" {
		t.Errorf("is it the leader of its session? %s", got)
	}
}

func TestCtrlCInForeground(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	user := h.atTerminal("--id", "fg", "--foreground", "--venv", testVenv())
	user.waitFor("msg=ready")
	user.press(interruptKey)
	if status := user.status(); status != 0 {
		t.Errorf("exit status %d after Ctrl-C:\n%s", status, user.screen())
	}
}
