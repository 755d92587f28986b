package daemonize

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/mrmd/mrmd-python/daemonize/process"
)

// familyScript starts, and names with six pids: a child, one that called setsid, one
// that ignores SIGTERM, an orphan, an orphan that called setsid and its child.
const familyScript = `
sleep 1000 & echo $!
setsid sh -c 'echo $$; exec sleep 1001' &
sh -c 'trap "" TERM; echo $$; while :; do sleep 1002; done' &
(sh -c 'echo $$; exec sleep 1003' &)
(setsid sh -c 'echo $$; sleep 1004 & echo $!; wait' &)
wait`

func startFamily(t *testing.T, script, atTerm string) *part {
	t.Helper()
	root := newPart(t, "root", script, atTerm)
	root.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	root.start()
	return root
}

func TestNothingThatTheRootStartedSurvives(t *testing.T) {
	for _, atTerm := range []string{"exit", "ignore SIGTERM", "end descendants"} {
		t.Run(atTerm, func(t *testing.T) {
			root := startFamily(t, familyScript, atTerm)
			family := root.pids(6)
			// Were the grace of the descendants not to end before, the context would.
			grace := time.Hour
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
			defer cancel()
			if atTerm == "ignore SIGTERM" {
				grace = 50 * time.Millisecond
			}
			ended, err := StopTree(ctx, root.identity(), StopOptions{Grace: grace, DescendantsGrace: 50 * time.Millisecond})
			if err != nil {
				t.Fatal(err)
			}
			if left := marked(t); len(left) != 0 {
				t.Errorf("still there: %+v", left)
			}
			if len(ended) < 1+len(family) || ended[0].PID != root.cmd.Process.Pid {
				t.Errorf("it says it ended %v, the family is %v", ended, family)
			}
			commands := map[int]string{}
			for _, one := range ended {
				commands[one.PID] = one.Command
			}
			for _, pid := range family {
				if commands[pid] == "" {
					t.Errorf("process %d of the family is not among %v", pid, ended)
				}
			}
			if commands[family[0]] != "sleep 1000" {
				t.Errorf("the first child is called %q", commands[family[0]])
			}
			killed := errors.As(root.cmd.Wait(), new(*exec.ExitError))
			if want := atTerm == "ignore SIGTERM"; killed != want {
				t.Errorf("the root was killed: %t", killed)
			}
		})
	}
}

func TestOrphansOfARootThatAdoptsNobodyAreFoundByTheirSession(t *testing.T) {
	root := startFamily(t, "(sh -c 'echo $$; sleep 1000 & echo $!; wait' &); wait", "adopt nobody")
	for _, pid := range root.pids(2) {
		waitUntil(t, "it has lost its parent", func() bool { return mustRead(t, pid).Parent != root.cmd.Process.Pid })
	}
	if _, err := StopTree(t.Context(), root.identity(), StopOptions{}); err != nil {
		t.Fatal(err)
	}
	if left := marked(t); len(left) != 0 {
		t.Errorf("still there: %+v", left)
	}
}

// breeder is a script that starts orphans in sessions of their own all the time.
const breeder = `
breed() { while :; do (setsid sh -c 'sleep 1000 & exec sleep 1000' &); echo $$; done; }
breed & breed & wait`

func TestProcessesThatStartOthersAllTheTime(t *testing.T) {
	root := startFamily(t, breeder, "ignore SIGTERM")
	root.pids(6)
	// The pipe must not fill up: the breeders would wait.
	go func() { _, _ = io.Copy(io.Discard, root.stdout) }()
	if _, err := StopTree(t.Context(), root.identity(), StopOptions{}); err != nil {
		t.Fatal(err)
	}
	if left := marked(t); len(left) != 0 {
		t.Errorf("%d processes still there", len(left))
	}
}

func TestStoppedProcessesSeeSIGTERM(t *testing.T) {
	root := startFamily(t, "echo $$; exec sleep 1000", "exit")
	root.pids(1)
	if err := root.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	waitUntil(t, "the root is stopped", func() bool { return mustRead(t, root.cmd.Process.Pid).State == 'T' })
	if _, err := StopTree(t.Context(), root.identity(), StopOptions{Grace: time.Minute}); err != nil {
		t.Fatal(err)
	}
	if err := root.cmd.Wait(); err != nil {
		t.Errorf("the root was not left to end by itself: %v", err)
	}
}

func TestReusedPIDIsNeverSignalled(t *testing.T) {
	root := startFamily(t, "echo $$; exec sleep 1000", "exit")
	root.pids(1)
	earlier := root.identity()
	earlier.StartTicks--
	ended, err := StopTree(t.Context(), earlier, StopOptions{Grace: time.Minute})
	if len(ended) != 0 || !errors.Is(err, process.ErrGone) {
		t.Errorf("StopTree of an earlier process = %v, %v", ended, err)
	}
	if left := marked(t); len(left) != 2 {
		t.Errorf("the processes that live now: %+v", left)
	}
}

func TestFreezeStopsAllForGood(t *testing.T) {
	root := startFamily(t, breeder, "ignore SIGTERM")
	root.pids(6)
	go func() { _, _ = io.Copy(io.Discard, root.stdout) }()
	s := &stopping{tree: newTree(mustRead(t, root.cmd.Process.Pid), nil)}
	if err := s.freeze(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	frozen := marked(t)
	for _, stat := range frozen {
		if stat.State == 'R' || stat.State == 'S' {
			t.Errorf("%+v still runs", stat)
		}
	}
	if again := marked(t); len(again) != len(frozen) || len(frozen) < 3 {
		t.Errorf("there were %d processes and are %d", len(frozen), len(again))
	}
	if err := s.kill(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	if left := marked(t); len(left) != 0 {
		t.Errorf("still there: %+v", left)
	}
}

// stat gives what the tests of belonging need.
func stat(pid, parent, group, session int) process.Stat {
	return process.Stat{Identity: process.Identity{PID: pid, StartTicks: uint64(pid)},
		Parent: parent, Group: group, Session: session, State: 'S'}
}

func TestBelonging(t *testing.T) {
	const initPID = 1
	shell := stat(60, initPID, 60, 60)
	for _, test := range []struct {
		name    string
		root    process.Stat
		other   process.Stat
		belongs bool
	}{
		{"child", stat(70, 60, 70, 60), stat(71, 70, 71, 71), true},
		{"orphan in the root's session", stat(70, initPID, 70, 70), stat(71, initPID, 71, 70), true},
		{"orphan in the root's group", stat(70, initPID, 70, 50), stat(71, initPID, 70, 50), true},
		{"orphan in the root's group, the root's parent being a shell", stat(70, 60, 70, 60), stat(71, initPID, 70, 60), true},
		{"neighbour in a shell's pipeline", stat(70, 60, 70, 60), stat(71, 60, 70, 60), false},
		{"another job of the shell", stat(70, 60, 70, 60), stat(71, 60, 71, 60), false},
		{"in the group of a pipeline that another leads", stat(70, 60, 69, 60), stat(71, initPID, 69, 60), false},
		{"stranger", stat(70, 60, 70, 70), stat(71, initPID, 71, 71), false},
		{"this process", stat(70, 60, 70, 70), stat(os.Getpid(), 70, 70, 70), false},
		{"child of this process", stat(70, 60, 70, 70), stat(71, os.Getpid(), 70, 70), false},
	} {
		grown := newTree(test.root, nil)
		grown.rootParent = process.Stat{}
		if test.root.Parent == shell.PID {
			grown.rootParent = shell
		}
		all := map[int]process.Stat{}
		for _, one := range []process.Stat{stat(initPID, 0, 1, 1), shell, test.root, test.other} {
			all[one.PID] = one
		}
		if got := grown.belongs(test.other, all); got != test.belongs {
			t.Errorf("%s: belongs %t", test.name, got)
		}
	}
}

func TestSessionNumberThatPassedToAStrangerIsForgotten(t *testing.T) {
	founder := stat(70, 1, 70, 70)
	orphan := stat(71, 1, 70, 70)
	orphan.StartTicks = 99
	all := map[int]process.Stat{71: orphan}
	grown := newTree(founder, nil)
	grown.forgetReused(all)
	if !grown.belongs(orphan, all) {
		t.Error("what is in the session of a member that has ended does not belong")
	}
	stranger := founder
	stranger.StartTicks = 98
	all[70] = stranger
	grown.forgetReused(all)
	for _, one := range all {
		if grown.belongs(one, all) {
			t.Errorf("%+v belongs", one)
		}
	}
	grown = newTree(founder, nil)
	grown.forgetReused(map[int]process.Stat{})
	if delete(all, 70); grown.belongs(orphan, all) {
		t.Error("a session that was empty for a while is still that of the member")
	}
}

func TestNeighboursInAPipelineAreLeftAlone(t *testing.T) {
	root := newPart(t, "root", "sleep 1000 & echo $!; wait", "exit")
	root.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	root.start()
	root.pids(1)
	neighbour := exec.Command("sleep", "1000")
	neighbour.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pgid: root.cmd.Process.Pid}
	if err := neighbour.Start(); err != nil {
		t.Fatal(err)
	}
	ended, err := StopTree(t.Context(), root.identity(), StopOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if len(ended) != 3 || len(marked(t)) != 0 {
		t.Errorf("ended %v", ended)
	}
	if err := neighbour.Process.Signal(syscall.SIGUSR1); err != nil {
		t.Fatal(err)
	}
	var status *exec.ExitError
	if err := neighbour.Wait(); !errors.As(err, &status) || status.Sys().(syscall.WaitStatus).Signal() != syscall.SIGUSR1 {
		t.Errorf("the neighbour ended by %v", err)
	}
}

func TestSparedProcessesAreLeftAlone(t *testing.T) {
	root := startFamily(t, "setsid sh -c 'echo $$; sleep 1000 & echo $!; wait' & sleep 1001 & echo $!; wait", "exit")
	root.pids(3)
	isShellOfSession := func(one process.Stat) bool {
		return one.Name == "sh" && one.Session == one.PID
	}
	if _, err := StopTree(t.Context(), root.identity(), StopOptions{Spare: isShellOfSession}); err != nil {
		t.Fatal(err)
	}
	left := marked(t)
	if len(left) != 2 || left[0].Session != left[1].Session {
		t.Errorf("left alone: %+v", left)
	}
}

func TestKillerWithinTheTree(t *testing.T) {
	done := filepath.Join(t.TempDir(), "done")
	// The root and the shell above the killer end before it does.
	root := newPart(t, "root", `sleep 1000 & `+roleVariable+`=killer "$0" $PPID '`+done+`'; wait`, "exit")
	root.start()
	waitUntil(t, "the killer has done its work", func() bool {
		text, err := os.ReadFile(done)
		return err == nil && string(text) == "ended"
	})
	waitUntil(t, "the killer, too, has ended", func() bool { return len(marked(t)) == 0 })
}

func TestCancelledStopSaysWhoIsLeft(t *testing.T) {
	root := startFamily(t, "echo $$; exec sleep 1000", "ignore SIGTERM")
	root.pids(1)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := StopTree(ctx, root.identity(), StopOptions{Grace: time.Hour, DescendantsGrace: time.Hour})
	var survivors *SurvivorsError
	if !errors.Is(err, context.DeadlineExceeded) || !errors.As(err, &survivors) ||
		survivors.Processes[0].PID != root.cmd.Process.Pid {
		t.Errorf("StopTree = %v", err)
	}
}

func TestProcessesOfAnotherUserAreNamed(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can start a process that it may then be forbidden to signal")
	}
	root := startFamily(t, "echo $$; exec sleep 1000", "exit")
	root.pids(1)
	stopped := exec.Command(testBinary(t), fmt.Sprint(root.cmd.Process.Pid), filepath.Join(t.TempDir(), "done"))
	stopped.Env = append(os.Environ(), roleVariable+"=killer")
	stopped.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	// The binary has to be where another user may execute it.
	binary := filepath.Join(sharedDir(t), "test")
	text, err := os.ReadFile(testBinary(t))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(binary, text, 0o755); err != nil {
		t.Fatal(err)
	}
	stopped.Path = binary
	printed, err := stopped.CombinedOutput()
	if err == nil || !strings.Contains(string(printed), fmt.Sprintf("still running: %d (", root.cmd.Process.Pid)) ||
		!strings.Contains(string(printed), "operation not permitted") {
		t.Errorf("the killer: %v\n%s", err, printed)
	}
	if left := marked(t); len(left) != 2 {
		t.Errorf("there are %+v", left)
	}
}

// sharedDir is a temporary folder that every user can look into.
func sharedDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "daemonize")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestStopTreeRefusesItself(t *testing.T) {
	self, err := process.Self()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := StopTree(t.Context(), self.Identity, StopOptions{}); err == nil || errors.Is(err, process.ErrGone) {
		t.Errorf("StopTree of the test itself = %v", err)
	}
}
