package daemonize

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/mrmd/mrmd-python/daemonize/process"
)

const (
	// scanPause is the time between two looks at the tree: each reads all of /proc.
	scanPause = 10 * time.Millisecond
	// freezeLimit bounds the attempt to stop everything before it is killed. It is
	// reached only when processes start others faster than they can be listed.
	freezeLimit = 2 * time.Second
	// killLimit is how long a killed process may take to go: the kernel may have to
	// write its memory or wait for a device.
	killLimit = 20 * time.Second
)

// StopOptions says how long to be gentle.
type StopOptions struct {
	// Grace is how long the root may take to end after SIGTERM.
	Grace time.Duration
	// DescendantsGrace is how long its descendants may still take after the root has
	// ended, within Grace.
	DescendantsGrace time.Duration
	// Spare, unless nil, reports a process that is to be left alone with all that
	// descends from it: another runtime, say, that was started in a cell of this one.
	Spare func(process.Stat) bool
}

// Ended is a process that was ended.
type Ended struct {
	PID int
	// Command is its command line, or its name in brackets when it has none.
	Command string
}

// SurvivorsError names the processes that could not be ended.
type SurvivorsError struct{ Processes []Ended }

func (e *SurvivorsError) Error() string {
	var names []string
	for _, survivor := range e.Processes {
		names = append(names, fmt.Sprintf("%d (%s)", survivor.PID, survivor.Command))
	}
	return "still running: " + strings.Join(names, ", ")
}

// StopTree ends the process root and everything it started: its group, children
// that called setsid, their children, and the orphans that root has adopted. It
// returns when all have ended, with the root first among what it ended.
//
// SIGTERM goes to all at once: a root that waits for its children at exit would
// otherwise not come to its end. What is left after the grace is stopped before it
// is killed, since what is stopped can't start anything; and killed before the
// root, which as a subreaper adopts whatever loses its parent meanwhile. A root
// that ends within the grace adopts nothing any more: it had better call
// StopDescendants as its last act.
//
// No signal reaches a process that has merely taken over a pid. The error is
// process.ErrGone when root had ended before, a *SurvivorsError joined with the
// reasons when something could not be ended, and wraps ctx's when that ended first.
// The calling process is never a part of the tree.
func StopTree(ctx context.Context, root process.Identity, options StopOptions) ([]Ended, error) {
	stat, err := process.Read(root.PID)
	if err != nil || stat.Identity != root || !stat.Living() {
		return nil, process.ErrGone
	}
	if root.PID == os.Getpid() {
		return nil, errors.New("a process can't stop its own tree; use StopDescendants")
	}
	s := &stopping{tree: newTree(stat, options.Spare)}
	err = s.terminate(ctx, options)
	if err == nil {
		err = s.kill(ctx, true)
	}
	return s.result(err)
}

// StopDescendants kills everything that this process started, orphans it has
// adopted included, and returns when all have ended. Nothing escapes when
// BecomeSubreaper was called before anything was started.
func StopDescendants(ctx context.Context, options StopOptions) ([]Ended, error) {
	self, err := process.Self()
	if err != nil {
		return nil, fmt.Errorf("end the descendants of this process: %w", err)
	}
	s := &stopping{tree: newTree(self, options.Spare), rootStays: true}
	return s.result(s.kill(ctx, false))
}

// stopping is one call of StopTree or StopDescendants.
type stopping struct {
	*tree
	rootStays bool
	// refusals are the errors of signals that could not be sent.
	refusals map[process.Identity]error
}

// terminate asks everything to end and waits for that as long as the options say.
func (s *stopping) terminate(ctx context.Context, options StopOptions) error {
	if options.Grace <= 0 {
		return nil
	}
	deadline := time.Now().Add(options.Grace)
	if _, err := s.scan(); err != nil {
		return err
	}
	// The root first: what it does at exit goes before the end of its children.
	s.sendTerm(s.livingMembers(s.rootAlone))
	s.sendTerm(s.livingMembers(s.descendants))
	rootEnded := false
	for {
		if _, err := s.scan(); err != nil {
			return err
		}
		if len(s.livingMembers(s.everyone)) == 0 {
			return nil
		}
		if !rootEnded && len(s.livingMembers(s.rootAlone)) == 0 {
			rootEnded = true
			if earlier := time.Now().Add(options.DescendantsGrace); earlier.Before(deadline) {
				deadline = earlier
			}
			// What the root started at exit had to be left in peace for its sake.
			s.sendTerm(s.livingMembers(func(known *member) bool { return !known.terminated }))
		}
		if !time.Now().Before(deadline) {
			return nil
		}
		if err := pause(ctx); err != nil {
			return err
		}
	}
}

func (s *stopping) sendTerm(members []*member) {
	for _, known := range members {
		known.terminated = true
		s.signal(known, syscall.SIGTERM)
		if known.stat.State == 'T' {
			// It would not get to see it otherwise.
			s.signal(known, syscall.SIGCONT)
		}
	}
}

// kill ends what is left, the root last if at all.
func (s *stopping) kill(ctx context.Context, withRoot bool) error {
	if err := s.freeze(ctx, withRoot); err != nil {
		return err
	}
	if err := s.killUntilGone(ctx, s.descendants); err != nil || !withRoot {
		return err
	}
	return s.killUntilGone(ctx, s.everyone)
}

// freeze stops all members and those they start meanwhile. It is done when a scan
// finds nobody new that was begun after all members were seen to stand still.
func (s *stopping) freeze(ctx context.Context, withRoot bool) error {
	chosen := s.everyone
	if !withRoot {
		chosen = s.descendants
	}
	for deadline, still := time.Now().Add(freezeLimit), false; time.Now().Before(deadline); {
		added, err := s.scan()
		if err != nil {
			return err
		}
		if still && added == 0 {
			return nil
		}
		still = true
		for _, known := range s.livingMembers(chosen) {
			if !known.frozen {
				known.frozen, still = true, false
				s.signal(known, syscall.SIGSTOP)
			} else if known.stat.State == 'R' || known.stat.State == 'S' {
				still = still && s.refusals[known.stat.Identity] != nil
			}
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	return nil
}

// killUntilGone kills the chosen members until a scan finds none of them alive.
func (s *stopping) killUntilGone(ctx context.Context, chosen func(*member) bool) error {
	for deadline := time.Now().Add(killLimit); time.Now().Before(deadline); {
		if _, err := s.scan(); err != nil {
			return err
		}
		left, refused := s.livingMembers(chosen), 0
		for _, known := range left {
			s.signal(known, syscall.SIGKILL)
			if s.refusals[known.stat.Identity] != nil {
				refused++
			}
		}
		if len(left) == refused {
			return nil
		}
		if err := pause(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (s *stopping) signal(known *member, signal syscall.Signal) {
	err := process.Signal(known.stat.Identity, signal)
	if err == nil || errors.Is(err, process.ErrGone) {
		delete(s.refusals, known.stat.Identity)
		return
	}
	if s.refusals == nil {
		s.refusals = map[process.Identity]error{}
	}
	s.refusals[known.stat.Identity] = err
}

// result tells what has ended and what has not.
func (s *stopping) result(err error) ([]Ended, error) {
	var ended, survivors []Ended
	var reasons []error
	for _, known := range s.inOrder() {
		if s.rootStays && s.isRoot(known) {
			continue
		}
		named := Ended{PID: known.stat.PID, Command: known.command}
		if !known.stat.Identity.Living() {
			ended = append(ended, named)
			continue
		}
		survivors = append(survivors, named)
		reasons = append(reasons, s.refusals[known.stat.Identity])
	}
	if len(survivors) > 0 {
		err = errors.Join(append([]error{err, &SurvivorsError{Processes: survivors}}, reasons...)...)
	}
	return ended, err
}

// inOrder gives all members, the root first and the others by their start.
func (s *stopping) inOrder() []*member {
	members := make([]*member, 0, len(s.members))
	for _, known := range s.members {
		members = append(members, known)
	}
	slices.SortFunc(members, func(a, b *member) int {
		switch {
		case s.isRoot(a):
			return -1
		case s.isRoot(b):
			return 1
		}
		return cmp.Or(cmp.Compare(a.stat.StartTicks, b.stat.StartTicks), cmp.Compare(a.stat.PID, b.stat.PID))
	})
	return members
}

func pause(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return fmt.Errorf("end a process tree: %w", ctx.Err())
	case <-time.After(scanPause):
		return nil
	}
}
