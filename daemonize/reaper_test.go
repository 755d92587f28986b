package daemonize

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/mrmd/mrmd-python/daemonize/process"
)

// orphanage is a shell that this process started, and a child of the shell's which
// lives until its input ends.
type orphanage struct {
	shell        *exec.Cmd
	shellInput   io.Closer
	orphan       int
	orphansInput io.Closer
}

// openOrphanage starts a shell with a script that starts the child, whose input is
// descriptor 3, prints its pid and waits for a line.
func openOrphanage(script string) (*orphanage, error) {
	read, write, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	shell := exec.Command("sh", "-c", script)
	shell.ExtraFiles = []*os.File{read}
	shellInput, err := shell.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := shell.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := shell.Start(); err != nil {
		return nil, err
	}
	opened := &orphanage{shell: shell, shellInput: shellInput, orphansInput: write}
	if _, err := fmt.Fscan(bufio.NewReader(stdout), &opened.orphan); err != nil {
		return nil, err
	}
	return opened, read.Close()
}

// bereave ends the shell, so that its child becomes this process's.
func (o *orphanage) bereave() error {
	_ = o.shellInput.Close()
	if _, err := o.shell.Process.Wait(); err != nil {
		return err
	}
	if !becomesTrue(func() bool {
		stat, err := process.Read(o.orphan)
		return err == nil && stat.Parent == os.Getpid()
	}) {
		return errors.New("the orphan was not adopted")
	}
	return nil
}

// bury ends the orphan, which remains as a zombie.
func (o *orphanage) bury() error {
	_ = o.orphansInput.Close()
	if !becomesTrue(func() bool {
		stat, err := process.Read(o.orphan)
		return err == nil && stat.State == 'Z'
	}) {
		return errors.New("the orphan does not become a zombie")
	}
	return nil
}

// exitsWithSeven starts a child that has ended by the time it is returned.
func exitsWithSeven(attributes *syscall.SysProcAttr) (*exec.Cmd, error) {
	child := exec.Command("sh", "-c", "exit 7")
	child.SysProcAttr = attributes
	if err := child.Start(); err != nil {
		return nil, err
	}
	if !becomesTrue(func() bool {
		stat, err := process.Read(child.Process.Pid)
		return err == nil && stat.State == 'Z'
	}) {
		return nil, errors.New("the child does not become a zombie")
	}
	return child, nil
}

func stillThere(child *exec.Cmd) error {
	var ended *exec.ExitError
	if err := child.Wait(); !errors.As(err, &ended) || ended.ExitCode() != 7 {
		return fmt.Errorf("the child that was waited for: %w", err)
	}
	return nil
}

func watchSelf() (*adoptions, error) {
	self, err := process.Self()
	if err != nil {
		return nil, err
	}
	return &adoptions{self: self.PID, ownSessions: map[int]bool{self.Session: true}}, nil
}

const (
	plainOrphan = "cat <&3 & echo $!; read line"
	// The child of a session that its founder has left.
	sessionOrphan = "setsid sh -c 'cat <&3 >/dev/null & echo $!'; read line"
)

// playReaperByProof sees that without knowledge of what was started here only what
// is proven to be adopted is reaped.
func playReaperByProof() error {
	if err := BecomeSubreaper(); err != nil {
		return err
	}
	watch, err := watchSelf()
	if err != nil {
		return err
	}
	var reaped []int
	reaper := &Reaper{Reaped: func(zombie process.Stat) { reaped = append(reaped, zombie.PID) }}
	look := func() error {
		_, err := reaper.look(watch, 0)
		return err
	}
	own, err := exitsWithSeven(nil)
	if err != nil {
		return err
	}
	ownSession, err := exitsWithSeven(&syscall.SysProcAttr{Setsid: true})
	if err != nil {
		return err
	}
	var expected []int
	for _, test := range []struct {
		script         string
		lookWhileChild bool
		proven         bool
	}{
		{plainOrphan, true, true},
		{plainOrphan, false, false},
		{sessionOrphan, false, true},
	} {
		opened, err := openOrphanage(test.script)
		if err != nil {
			return err
		}
		if test.lookWhileChild {
			if err := look(); err != nil {
				return err
			}
		}
		if err := errors.Join(opened.bereave(), look(), opened.bury(), look(), look()); err != nil {
			return err
		}
		if test.proven {
			expected = append(expected, opened.orphan)
		}
	}
	if fmt.Sprint(reaped) != fmt.Sprint(expected) {
		return fmt.Errorf("reaped %v, expected %v", reaped, expected)
	}
	return errors.Join(stillThere(own), stillThere(ownSession))
}

// playReaperByKnowledge sees that what is known to be started elsewhere is reaped,
// once it has settled.
func playReaperByKnowledge() error {
	if err := BecomeSubreaper(); err != nil {
		return err
	}
	watch, err := watchSelf()
	if err != nil {
		return err
	}
	own, err := exitsWithSeven(nil)
	if err != nil {
		return err
	}
	opened, err := openOrphanage(plainOrphan)
	if err != nil {
		return err
	}
	if err := errors.Join(opened.bereave(), opened.bury()); err != nil {
		return err
	}
	var reaped []int
	reaper := &Reaper{
		StartedHere: func(child process.Identity) bool { return child.PID == own.Process.Pid },
		Reaped:      func(zombie process.Stat) { reaped = append(reaped, zombie.PID) },
	}
	undecided, err := reaper.look(watch, time.Hour)
	if err != nil || !undecided || len(reaped) != 0 {
		return fmt.Errorf("before they have settled: undecided %t, reaped %v, %w", undecided, reaped, err)
	}
	undecided, err = reaper.look(watch, 0)
	if err != nil || undecided || len(reaped) != 1 || reaped[0] != opened.orphan {
		return fmt.Errorf("once they have settled: undecided %t, reaped %v, %w", undecided, reaped, err)
	}
	return stillThere(own)
}

// playRunningReaper sees that Run reaps what SIGCHLD tells of, and ends.
func playRunningReaper() error {
	if err := BecomeSubreaper(); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	reaped := make(chan int, 10)
	ended := make(chan error, 1)
	reaper := &Reaper{Settle: time.Millisecond, Interval: time.Hour,
		Reaped: func(zombie process.Stat) { reaped <- zombie.PID }}
	go func() { ended <- reaper.Run(ctx) }()
	opened, err := openOrphanage(sessionOrphan)
	if err != nil {
		return err
	}
	if err := opened.bereave(); err != nil {
		return err
	}
	_ = opened.orphansInput.Close()
	select {
	case pid := <-reaped:
		if pid != opened.orphan {
			return fmt.Errorf("reaped %d, expected %d", pid, opened.orphan)
		}
	case <-time.After(2 * time.Minute):
		return errors.New("the orphan was not reaped")
	}
	cancel()
	return <-ended
}

func TestReaper(t *testing.T) {
	for _, role := range []string{"reaper by proof", "reaper by knowledge", "reaper that runs"} {
		t.Run(role, func(t *testing.T) { runPart(t, role) })
	}
}
