package daemonize

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

func playFailingDaemon() error {
	line, err := Inherited()
	if err != nil {
		return err
	}
	if err := line.Fail("port", "port 7 is in use\nby another"); err != nil {
		return err
	}
	os.Exit(1)
	return nil
}

func playDyingDaemon() error {
	fmt.Println("one")
	fmt.Fprintln(os.Stderr, "two")
	if os.Args[1] == "kill" {
		return syscall.Kill(os.Getpid(), syscall.SIGKILL)
	}
	os.Exit(3)
	return nil
}

func playMumblingDaemon() error {
	line, err := Inherited()
	if err != nil {
		return err
	}
	_, err = line.pipe.WriteString("gibberish\n")
	return err
}

// playHangingDaemon starts a process in a session of its own and is never ready.
func playHangingDaemon() error {
	child := exec.Command("sleep", "1000")
	child.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := child.Start(); err != nil {
		return err
	}
	fmt.Println("hanging")
	return waitForever()
}

func startHere(t *testing.T, ctx context.Context, role string, arguments ...string) (Ready, error) {
	t.Helper()
	t.Setenv(roleVariable, role)
	t.Setenv(markVariable, t.Name())
	t.Cleanup(func() { killMarked(t) })
	logPath := filepath.Join(t.TempDir(), "x.log")
	if err := os.WriteFile(logPath, []byte("of an earlier run\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	return Start(ctx, Command{Args: append([]string{"x"}, arguments...), LogPath: logPath})
}

func TestDaemonsOwnReasonIsTheError(t *testing.T) {
	ready, err := startHere(t, t.Context(), "daemon that fails")
	var failed *FailedError
	if !errors.As(err, &failed) || *failed != (FailedError{Kind: "port", Message: "port 7 is in use\nby another"}) {
		t.Errorf("Start = %+v, %v", ready, err)
	}
}

func TestLastWordsOfADaemonThatDies(t *testing.T) {
	for how, status := range map[string]string{"exit": "exit status 3", "kill": "signal: killed"} {
		_, err := startHere(t, t.Context(), "daemon that dies", how)
		var died *DiedError
		if !errors.As(err, &died) || died.Status != status || !slices.Equal(died.LastLines, []string{"one", "two"}) {
			t.Errorf("%s: %v", how, err)
		}
	}
}

func TestReportThatIsNone(t *testing.T) {
	if ready, err := startHere(t, t.Context(), "daemon that mumbles"); err == nil || !strings.Contains(err.Error(), "read the daemon's report") {
		t.Errorf("Start = %+v, %v", ready, err)
	}
}

func TestDaemonThatIsNeverReadyIsEnded(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		becomesTrue(func() bool { return len(marked(t)) == 2 })
		cancel()
	}()
	_, err := startHere(t, ctx, "daemon that hangs")
	if !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "not ready in time") {
		t.Errorf("Start = %v", err)
	}
	if left := marked(t); len(left) != 0 {
		t.Errorf("still there: %+v", left)
	}
}

func TestStartRefusesWhatCanNotBe(t *testing.T) {
	dir := t.TempDir()
	logPath := filepath.Join(dir, "log")
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		command Command
		want    error
	}{
		{Command{Path: file + "x", Args: []string{"x"}, LogPath: logPath}, os.ErrNotExist},
		{Command{Args: []string{"x"}, LogPath: logPath, Dir: file + "x"}, os.ErrNotExist},
		{Command{Args: []string{"x"}, LogPath: logPath, Dir: file}, syscall.ENOTDIR},
		{Command{Args: []string{"x"}, LogPath: filepath.Join(dir, "no", "log")}, os.ErrNotExist},
	} {
		if _, err := Start(t.Context(), test.command); !errors.Is(err, test.want) {
			t.Errorf("Start(%+v) = %v, want %v", test.command, err, test.want)
		}
	}
}

func TestNobodysLine(t *testing.T) {
	for _, value := range []string{"x", "-1", "1", "999999", ""} {
		t.Setenv(readyVariable, value)
		line, err := Inherited()
		if line != nil || err != nil {
			t.Errorf("%q: %v, %v", value, line, err)
		}
		if _, present := os.LookupEnv(readyVariable); present {
			t.Errorf("%q: the variable is still there", value)
		}
		if err := errors.Join(line.Ready("u"), line.Fail("", "x")); err != nil {
			t.Errorf("a report through no line: %v", err)
		}
	}
}
