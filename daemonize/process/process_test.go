package process

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestParseStatNameWithParenthesesAndLineEnd(t *testing.T) {
	line := "77 (a) R 1 (\n b) S 7 8 9 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 12 0 4711 0 0"
	stat, err := parseStat([]byte(line))
	if err != nil {
		t.Fatal(err)
	}
	want := Stat{Identity: Identity{PID: 77, StartTicks: 4711}, Name: "a) R 1 (\n b",
		State: 'S', Parent: 7, Group: 8, Session: 9, Threads: 12}
	if stat != want {
		t.Errorf("parseStat = %+v, want %+v", stat, want)
	}
	want.Exiting = true
	if stat, err := parseStat([]byte(strings.Replace(line, "4194560", "4194564", 1))); err != nil || stat != want {
		t.Errorf("parseStat = %+v, %v, want %+v", stat, err, want)
	}
}

func TestParseStatRefusesWhatIsNotAStatLine(t *testing.T) {
	for _, text := range []string{"", "1 (x", "1 (x) S 1 2", "x (x) S 7 8 9 0 -1 0 1 2 3 4 5 6 7 8 20 0 12 0 4711",
		"1 (x) S 7 8 9 0 -1 0 1 2 3 4 5 6 7 8 20 0 12 0 soon"} {
		if stat, err := parseStat([]byte(text)); err == nil {
			t.Errorf("parseStat(%q) = %+v, want an error", text, stat)
		}
	}
}

func TestSelfIsLivingAndStartedAMomentAgo(t *testing.T) {
	self, err := Self()
	if err != nil {
		t.Fatal(err)
	}
	if !self.Living() || self.PID != os.Getpid() || self.Parent != os.Getppid() {
		t.Errorf("Self() = %+v", self)
	}
	started, err := self.StartedAt()
	if err != nil {
		t.Fatal(err)
	}
	if started.After(time.Now()) || time.Since(started) > time.Hour {
		t.Errorf("the test process is said to have started at %s", started)
	}
}

func TestReadOfNoProcess(t *testing.T) {
	if _, err := Read(1 << 30); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Read of a pid that can't be = %v, want fs.ErrNotExist", err)
	}
}

func TestZombieIsNotLiving(t *testing.T) {
	child := startSleep(t)
	stat := mustRead(t, child.Process.Pid)
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	waitUntil(t, "the killed child is a zombie", func() bool {
		return mustRead(t, child.Process.Pid).State == 'Z'
	})
	if stat.Identity.Living() {
		t.Error("a zombie is said to be living")
	}
	if err := Signal(stat.Identity, syscall.SIGTERM); !errors.Is(err, ErrGone) {
		t.Errorf("Signal to a zombie = %v, want ErrGone", err)
	}
}

func TestSignalNeverReachesAnotherProcessOfTheSamePID(t *testing.T) {
	child := startSleep(t)
	earlier := mustRead(t, child.Process.Pid).Identity
	earlier.StartTicks--
	if err := Signal(earlier, syscall.SIGKILL); !errors.Is(err, ErrGone) {
		t.Fatalf("Signal = %v, want ErrGone", err)
	}
	// Were the signal on its way, the child would die of it and not of this one.
	if err := child.Process.Signal(syscall.SIGUSR1); err != nil {
		t.Fatal(err)
	}
	var ended *exec.ExitError
	if err := child.Wait(); !errors.As(err, &ended) || ended.Sys().(syscall.WaitStatus).Signal() != syscall.SIGUSR1 {
		t.Errorf("the child ended by %v, want SIGUSR1", err)
	}
}

func TestSignalRefusesGroups(t *testing.T) {
	for _, pid := range []int{0, -1} {
		if err := Signal(Identity{PID: pid}, 0); err == nil || errors.Is(err, ErrGone) {
			t.Errorf("Signal to pid %d = %v, want a refusal", pid, err)
		}
	}
}

func TestAllAndCommandLine(t *testing.T) {
	child := startSleep(t)
	all, err := All()
	if err != nil {
		t.Fatal(err)
	}
	found := false
	for _, stat := range all {
		found = found || stat.PID == child.Process.Pid && stat.Parent == os.Getpid()
	}
	if !found {
		t.Errorf("process %d is not among the %d that All gave", child.Process.Pid, len(all))
	}
	if got := strings.Join(CommandLine(child.Process.Pid), " "); got != "sleep 1000" {
		t.Errorf("CommandLine = %q", got)
	}
	if got := CommandLine(1 << 30); got != nil {
		t.Errorf("CommandLine of no process = %q", got)
	}
}

func TestBootID(t *testing.T) {
	first, err := BootID()
	if err != nil || len(first) != 36 {
		t.Errorf("BootID() = %q, %v", first, err)
	}
}

func startSleep(t *testing.T) *exec.Cmd {
	t.Helper()
	child := exec.Command("sleep", "1000")
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = child.Process.Kill()
		_ = child.Wait()
	})
	return child
}

func mustRead(t *testing.T, pid int) Stat {
	t.Helper()
	stat, err := Read(pid)
	if err != nil {
		t.Fatal(err)
	}
	return stat
}

func waitUntil(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("still not so: %s", what)
		}
	}
}
