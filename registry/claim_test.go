package registry

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/mrmd/mrmd-python/daemonize/process"
)

func TestPublishedEntryIsAliveAndTakenBack(t *testing.T) {
	store := newStore(t)
	claim := mustClaim(t, store, "a|b")
	mustPublish(t, claim, Entry{Port: 7, URL: "u"})
	entry, err := store.Get("a|b")
	if err != nil {
		t.Fatal(err)
	}
	self, err := process.Self()
	if err != nil {
		t.Fatal(err)
	}
	if identity, alive := entry.Process(); !alive || identity != self.Identity {
		t.Errorf("Process() = %s, %t", identity, alive)
	}
	if entry.Port != 7 || entry.Created == "" || entry.LastActivity == "" || entry.AssetsDir != nil {
		t.Errorf("published %s", entry.Raw)
	}
	if err := claim.Release(); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{store.runtimesDir(), store.locksDir()} {
		if files, err := os.ReadDir(dir); err != nil || len(files) != 0 {
			t.Errorf("left over in %s: %v, %v", dir, files, err)
		}
	}
	if err := claim.Release(); err != nil {
		t.Errorf("a second Release = %v", err)
	}
	if err := claim.Publish(Entry{}); err == nil {
		t.Error("Publish after Release succeeded")
	}
}

func TestClaimRefusesARunningID(t *testing.T) {
	store := newStore(t)
	other := startRole(t, "runtime", store.home.Dir, "a:b")
	if line := other.line(); line != "published" {
		t.Fatal(line)
	}
	var running *RunningError
	if _, err := store.Claim(t.Context(), "a:b"); !errors.As(err, &running) || running.Entry.PID != other.cmd.Process.Pid {
		t.Errorf("Claim of a running id = %v", err)
	}
	var taken *TakenError
	if _, err := store.Claim(t.Context(), "a<b"); !errors.As(err, &taken) || !strings.Contains(err.Error(), `"a:b"`) {
		t.Errorf("Claim of an id with the same file = %v", err)
	}
	other.end()
	mustClaim(t, store, "a<b")
}

func TestRuntimeOf042KeepsItsIDWithoutALock(t *testing.T) {
	store := newStore(t)
	sleeper := startSleeper(t, "mrmd-python")
	text := fmt.Sprintf(`{"id": "x", "pid": %d, "created": %q}`, sleeper.Process.Pid, NewTimestamp(time.Now()))
	writeFile(t, store, "x.json", text)
	var running *RunningError
	if _, err := store.Claim(t.Context(), "x"); !errors.As(err, &running) || running.Entry.PID != sleeper.Process.Pid {
		t.Errorf("Claim = %v", err)
	}
	if files, err := os.ReadDir(store.locksDir()); err != nil || len(files) != 0 {
		t.Errorf("locks left over: %v, %v", files, err)
	}
}

func TestClaimWithinOneProcessIsExclusive(t *testing.T) {
	store := newStore(t)
	claim := mustClaim(t, store, "x")
	var held *HeldError
	if _, err := Open(store.home).Claim(soon(t), "x"); !errors.As(err, &held) || held.PID != os.Getpid() {
		t.Errorf("a second Claim = %v", err)
	}
	// The attempt must not have cost the first claim its lock.
	other := startRole(t, "runtime", store.home.Dir, "x")
	mustPublish(t, claim, Entry{})
	if line := other.line(); !strings.Contains(line, "already running") {
		t.Errorf("another process says %q", line)
	}
}

func TestHeldErrorNamesTheHolder(t *testing.T) {
	store := newStore(t)
	other := startRole(t, "runtime", store.home.Dir, "x")
	if line := other.line(); line != "published" {
		t.Fatal(line)
	}
	if err := os.Remove(store.entryPath("x")); err != nil {
		t.Fatal(err)
	}
	var held *HeldError
	if _, err := store.Claim(soon(t), "x"); !errors.As(err, &held) || held.PID != other.cmd.Process.Pid {
		t.Errorf("Claim = %v", err)
	}
}

func TestClaimWaitsForOneThatStops(t *testing.T) {
	store := newStore(t)
	claim := mustClaim(t, store, "x")
	mustPublish(t, claim, Entry{State: "stopping: SIGTERM"})
	var held *HeldError
	if _, err := Open(store.home).Claim(soon(t), "x"); !errors.As(err, &held) {
		t.Errorf("Claim = %v", err)
	}
	other := startRole(t, "runtime", store.home.Dir, "x")
	if err := claim.Release(); err != nil {
		t.Fatal(err)
	}
	if line := other.line(); line != "published" {
		t.Errorf("another process says %q", line)
	}
}

func TestClaimWaitsForOneThatStarts(t *testing.T) {
	store := newStore(t)
	claim := mustClaim(t, store, "x")
	other := startRole(t, "runtime", store.home.Dir, "x")
	if err := claim.Release(); err != nil {
		t.Fatal(err)
	}
	if line := other.line(); line != "published" {
		t.Errorf("the waiting process says %q", line)
	}
	other.end()
}

func TestTwentySimultaneousStartsGiveOneRuntime(t *testing.T) {
	store := newStore(t)
	const starters = 20
	processes := make([]*runtimeProcess, starters)
	for number := range processes {
		processes[number] = startRole(t, "runtime", store.home.Dir, "x")
	}
	lines := make([]string, starters)
	var all sync.WaitGroup
	for number, starter := range processes {
		all.Go(func() { lines[number] = starter.line() })
	}
	all.Wait()
	winner := 0
	for number, line := range lines {
		if line == "published" {
			winner = processes[number].cmd.Process.Pid
		}
	}
	if winner == 0 {
		t.Fatalf("nobody won: %q", lines)
	}
	refusal := fmt.Sprintf(`error: runtime "x" is already running as process %d at http://localhost:1/mrp/v1`, winner)
	published := 0
	for _, line := range lines {
		switch line {
		case "published":
			published++
		case refusal:
		default:
			t.Errorf("a loser says %q", line)
		}
	}
	if published != 1 {
		t.Errorf("%d processes hold one id", published)
	}
}

func TestLockFilesThatComeAndGoExclude(t *testing.T) {
	home := newStore(t).home.Dir
	churners := make([]*runtimeProcess, 6)
	for number := range churners {
		churners[number] = startRole(t, "churner", home, "x")
	}
	for _, churner := range churners {
		if line := churner.line(); line != "was always alone" {
			t.Error(line)
		}
	}
}

func TestTheDeadHoldNoLock(t *testing.T) {
	store := newStore(t)
	other := startRole(t, "runtime", store.home.Dir, "x")
	if line := other.line(); line != "published" {
		t.Fatal(line)
	}
	other.kill()
	entry, err := store.Get("x")
	if err != nil || entry.Alive() {
		t.Fatalf("after a kill the entry is %+v, %v", entry, err)
	}
	mustPublish(t, mustClaim(t, store, "x"), Entry{})
	if entry, err := store.Get("x"); err != nil || entry.PID != os.Getpid() {
		t.Errorf("the entry is %+v, %v", entry, err)
	}
}

func TestZombieHoldsNothing(t *testing.T) {
	store := newStore(t)
	other := startRole(t, "runtime", store.home.Dir, "x")
	if line := other.line(); line != "published" {
		t.Fatal(line)
	}
	if err := other.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	waitUntil(t, "all threads of the killed runtime have ended", func() bool {
		stat, err := process.Read(other.cmd.Process.Pid)
		return err == nil && stat.State == 'Z' && stat.Threads <= 1
	})
	if entry, err := store.Get("x"); err != nil || entry.Alive() {
		t.Errorf("a zombie's entry: %+v, %v", entry, err)
	}
	mustClaim(t, store, "x")
}

func TestForkedChildDoesNotKeepTheLock(t *testing.T) {
	store := newStore(t)
	forker := startRole(t, "forker", store.home.Dir, "x")
	child, err := strconv.Atoi(forker.line())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Kill(child, syscall.SIGKILL) })
	// Not Wait: the child still has the standard output.
	if _, err := forker.cmd.Process.Wait(); err != nil {
		t.Fatal(err)
	}
	mustClaim(t, store, "x")
	if stat, err := process.Read(child); err != nil || !stat.Living() {
		t.Errorf("the forked child has ended, and so proved nothing: %+v, %v", stat, err)
	}
}

func TestReleaseLeavesAnotherProcessesEntry(t *testing.T) {
	store := newStore(t)
	claim := mustClaim(t, store, "d1")
	mustPublish(t, claim, Entry{})
	writeFile(t, store, "d1.json", entryOf042)
	if err := claim.Release(); err != nil {
		t.Fatal(err)
	}
	if entry, err := store.Get("d1"); err != nil || entry.PID != 7125 {
		t.Errorf("Get = %+v, %v", entry, err)
	}
}

func TestReusedPIDBlocksNothing(t *testing.T) {
	sleeper := startSleeper(t, "sleep")
	stat, err := process.Read(sleeper.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	boot, err := process.BootID()
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"another start time":           fmt.Sprintf(`"startTime": %d, "bootId": %q`, stat.StartTicks-1, boot),
		"another boot":                 fmt.Sprintf(`"startTime": %d, "bootId": "x"`, stat.StartTicks),
		"0.4.2, another program":       fmt.Sprintf(`"created": %q`, NewTimestamp(startOf(t, stat.Identity))),
		"0.4.2, created at no time":    `"created": "x"`,
		"0.4.2, without creation time": `"port": 1`,
	} {
		store := newStore(t)
		writeFile(t, store, "x.json", fmt.Sprintf(`{"id": "x", "pid": %d, %s}`, stat.PID, text))
		entry, err := store.Get("x")
		if err != nil {
			t.Fatal(err)
		}
		if entry.Alive() {
			t.Errorf("%s: the entry is said to be alive", name)
		}
		mustClaim(t, store, "x")
	}
}

func startSleeper(t *testing.T, name string) *exec.Cmd {
	t.Helper()
	sleeper := exec.Command("sleep", "1000")
	sleeper.Args[0] = name
	if err := sleeper.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = sleeper.Process.Kill()
		_ = sleeper.Wait()
	})
	// The arguments are the child's own only once it has called exec.
	waitUntil(t, "the child bears its name", func() bool {
		arguments := process.CommandLine(sleeper.Process.Pid)
		return len(arguments) > 0 && arguments[0] == name
	})
	return sleeper
}
