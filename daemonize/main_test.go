package daemonize

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/mrmd/mrmd-python/daemonize/process"
)

const (
	// roleVariable makes the test binary play a process of its own.
	roleVariable = "DAEMONIZE_TEST_ROLE"
	// markVariable is what all processes of one test bear in their environment, by
	// which those that survive are found wherever they went.
	markVariable = "DAEMONIZE_TEST_MARK"
)

var roles = map[string]func() error{
	"daemon":              playDaemon,
	"daemon that fails":   playFailingDaemon,
	"daemon that dies":    playDyingDaemon,
	"daemon that hangs":   playHangingDaemon,
	"daemon, bereft":      playBereftDaemon,
	"daemon that mumbles": playMumblingDaemon,
	"starter":             playStarter,
	"starter that dies":   playDyingStarter,
	"root":                playRoot,
	"killer":              playKiller,
	"limited":             playLimited,
	"reaper by proof":     playReaperByProof,
	"reaper by knowledge": playReaperByKnowledge,
	"reaper that runs":    playRunningReaper,
	"recorder":            playRecorder,
}

func TestMain(m *testing.M) {
	role := os.Getenv(roleVariable)
	if role == "" {
		os.Exit(m.Run())
	}
	if err := roles[role](); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// playRoot is a runtime: a subreaper that starts the shell script in its first
// argument, whose output is its own, and then does at SIGTERM what the second says.
func playRoot() error {
	if os.Args[2] != "adopt nobody" {
		if err := BecomeSubreaper(); err != nil {
			return err
		}
	}
	terminated := make(chan os.Signal, 1)
	if os.Args[2] == "ignore SIGTERM" {
		signal.Ignore(syscall.SIGTERM)
	} else {
		signal.Notify(terminated, syscall.SIGTERM)
	}
	script := exec.Command("sh", "-c", os.Args[1], os.Args[0])
	script.Stdout, script.Stderr = os.Stdout, os.Stderr
	if err := script.Start(); err != nil {
		return err
	}
	if os.Args[2] == "ignore SIGTERM" {
		return waitForever()
	}
	<-terminated
	if os.Args[2] == "end descendants" {
		if _, err := StopDescendants(context.Background(), StopOptions{}); err != nil {
			return err
		}
	}
	return nil
}

// playRecorder is a subreaper that keeps the record at the path in its first argument
// and starts the shell script in its second.
func playRecorder() error {
	if err := BecomeSubreaper(); err != nil {
		return err
	}
	record, err := OpenRecord(os.Args[1], nil)
	if err != nil {
		return err
	}
	script := exec.Command("sh", "-c", os.Args[2], os.Args[0])
	script.Stdout, script.Stderr = os.Stdout, os.Stderr
	if err := script.Start(); err != nil {
		return err
	}
	if err := record.Started(script.Process.Pid); err != nil {
		return err
	}
	return record.Run(context.Background())
}

// playKiller ends the tree that it is itself a part of.
func playKiller() error {
	var root process.Identity
	if _, err := fmt.Sscan(os.Args[1], &root.PID); err != nil {
		return err
	}
	stat, err := process.Read(root.PID)
	if err != nil {
		return err
	}
	ended, err := StopTree(context.Background(), stat.Identity, StopOptions{})
	if err != nil {
		return err
	}
	for _, process := range ended {
		if process.PID == os.Getpid() {
			return fmt.Errorf("the killer says it has ended itself: %v", ended)
		}
	}
	return os.WriteFile(os.Args[2], []byte("ended"), 0o600)
}

// part is the test binary in a role.
type part struct {
	t      *testing.T
	cmd    *exec.Cmd
	stdout *bufio.Reader
}

func newPart(t *testing.T, role string, arguments ...string) *part {
	t.Helper()
	cmd := exec.Command(testBinary(t), arguments...)
	cmd.Env = append(os.Environ(), roleVariable+"="+role, markVariable+"="+t.Name(),
		// The race detector sleeps for a second at exit otherwise.
		"GORACE=atexit_sleep_ms=0")
	return &part{t: t, cmd: cmd}
}

// start starts the part and sees to it that at the end of the test nothing is left
// of it.
func (p *part) start() {
	p.t.Helper()
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		p.t.Fatal(err)
	}
	p.stdout = bufio.NewReader(stdout)
	if p.cmd.Stderr == nil {
		p.cmd.Stderr = os.Stderr
	}
	if err := p.cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() {
		_ = p.cmd.Process.Kill()
		_ = p.cmd.Wait()
		killMarked(p.t)
	})
}

func (p *part) identity() process.Identity {
	p.t.Helper()
	return mustRead(p.t, p.cmd.Process.Pid).Identity
}

// pids reads count lines that each hold a pid.
func (p *part) pids(count int) []int {
	p.t.Helper()
	found := make([]int, count)
	for number := range found {
		line, err := p.stdout.ReadString('\n')
		if err != nil {
			p.t.Fatalf("after %d pids: %v", number, err)
		}
		if _, err := fmt.Sscan(line, &found[number]); err != nil {
			p.t.Fatalf("line %q: %v", line, err)
		}
	}
	return found
}

// runPart runs a part to its end and gives what it printed.
func runPart(t *testing.T, role string, arguments ...string) string {
	t.Helper()
	p := newPart(t, role, arguments...)
	p.start()
	printed, err := io.ReadAll(p.stdout)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Wait(); err != nil {
		t.Fatalf("%s: %v\n%s", role, err, printed)
	}
	return string(printed)
}

// marked gives the living processes of this test other than the test itself.
func marked(t *testing.T) []process.Stat {
	t.Helper()
	all, err := process.All()
	if err != nil {
		t.Fatal(err)
	}
	var found []process.Stat
	for _, stat := range all {
		environ, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", stat.PID))
		if err == nil && stat.Living() && stat.PID != os.Getpid() &&
			strings.Contains("\x00"+string(environ), "\x00"+markVariable+"="+t.Name()+"\x00") {
			found = append(found, stat)
		}
	}
	return found
}

func killMarked(t *testing.T) {
	t.Helper()
	waitUntil(t, "nothing of the test is left", func() bool {
		left := marked(t)
		for _, stat := range left {
			_ = process.Signal(stat.Identity, syscall.SIGKILL)
		}
		return len(left) == 0
	})
}

func testBinary(t *testing.T) string {
	t.Helper()
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func mustRead(t *testing.T, pid int) process.Stat {
	t.Helper()
	stat, err := process.Read(pid)
	if err != nil {
		t.Fatal(err)
	}
	return stat
}

func waitUntil(t *testing.T, what string, holds func() bool) {
	t.Helper()
	if !becomesTrue(holds) {
		t.Fatalf("still not so: %s", what)
	}
}

// waitForever is not a select without cases: the Go runtime would call it a deadlock.
func waitForever() error {
	for {
		time.Sleep(time.Hour)
	}
}

func becomesTrue(holds func() bool) bool {
	for deadline := time.Now().Add(time.Minute); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			return false
		}
	}
	return true
}
