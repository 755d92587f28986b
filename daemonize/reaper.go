package daemonize

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/mrmd/mrmd-python/daemonize/process"
)

// BecomeSubreaper makes the kernel give every descendant of this process that loses
// its parent to this process and not to init, so that none is lost sight of
// (prctl(2), PR_SET_CHILD_SUBREAPER). It lasts through exec and does not pass to
// children. Somebody has to reap what is adopted: see Reaper.
func BecomeSubreaper() error {
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("become a child subreaper: %w", err)
	}
	return nil
}

// Reaper clears away the zombies of orphans that this process has adopted, and never
// one that code in this process may still wait for: were that reaped, its waiter
// would be told that there is no such child, or Popen.returncode be 0 for a failure.
//
// The kernel keeps no record of who was adopted: such a process is listed with the
// children of the first thread, as are those that Python's main thread started. A
// zombie therefore stays, at the price of a pid, unless something proves or tells
// that it was adopted:
//
//   - it was there in an earlier look at the processes, and not as our child;
//   - it is in a session that is neither ours nor its own. Sessions are only founded
//     or inherited, so that its parent was another process when it was forked;
//   - StartedHere, which knows what was started, says that it was not.
type Reaper struct {
	// StartedHere reports whether this process itself started child, as far as its
	// hooks on fork, posix_spawn and fork_exec saw. It is asked on the Reaper's
	// goroutine. A child that a C library forks unseen is in danger only when it is
	// waited for later than Settle after its end. Nil for no knowledge: then only
	// proof counts.
	StartedHere func(child process.Identity) bool
	// Settle is how long a process has to have been a zombie: who is waiting for it
	// has it long before. 2 s unless set.
	Settle time.Duration
	// Interval is the time between two looks at the processes for proof, as long as
	// there are any children. 15 s unless set.
	Interval time.Duration
	// Reaped, unless nil, is told of every zombie that was cleared away.
	Reaped func(process.Stat)
}

// Run reaps until ctx ends, which is no error. It has to start before anything is
// started by this process, and runs once.
func (r *Reaper) Run(ctx context.Context) error {
	self, err := process.Self()
	if err != nil {
		return fmt.Errorf("reap adopted processes: %w", err)
	}
	settle, interval := r.Settle, r.Interval
	if settle <= 0 {
		settle = 2 * time.Second
	}
	if interval <= 0 {
		interval = 15 * time.Second
	}
	watch := &adoptions{
		self:         self.PID,
		ownSessions:  map[int]bool{self.Session: true},
		strangers:    map[process.Identity]bool{},
		zombiesSince: map[process.Identity]time.Time{},
	}
	childEnded := make(chan os.Signal, 1)
	signal.Notify(childEnded, syscall.SIGCHLD)
	defer signal.Stop(childEnded)
	// The signal only hastens what the timer does: a cell may put its own handler in
	// place of Go's.
	next := time.NewTimer(interval)
	defer next.Stop()
	for due := time.Now().Add(interval); ; {
		select {
		case <-ctx.Done():
			return nil
		case <-childEnded:
			if soon := time.Now().Add(settle); soon.Before(due) {
				due = soon
				next.Reset(settle)
			}
			continue
		case <-next.C:
		}
		wait := interval
		if !childless() {
			undecided, err := r.look(watch, settle)
			if err != nil {
				return err
			}
			if undecided {
				wait = min(settle, interval)
			}
		}
		due = time.Now().Add(wait)
		next.Reset(wait)
	}
}

// adoptions is what successive looks at the processes have shown.
type adoptions struct {
	self        int
	ownSessions map[int]bool
	// strangers are living processes that were seen as the child of another.
	strangers map[process.Identity]bool
	// zombiesSince tells when each zombie among our children was first seen as one.
	zombiesSince map[process.Identity]time.Time
}

// look reads all processes and reaps what may be. It reports whether a zombie was
// seen that has not been one for settle yet.
func (r *Reaper) look(watch *adoptions, settle time.Duration) (undecided bool, err error) {
	all, err := process.All()
	if err != nil {
		return false, fmt.Errorf("reap adopted processes: %w", err)
	}
	now := time.Now()
	zombies := watch.update(all, now)
	for _, zombie := range zombies {
		if now.Sub(watch.zombiesSince[zombie.Identity]) < settle {
			undecided = true
			continue
		}
		if !watch.proveAdopted(zombie) && (r.StartedHere == nil || r.StartedHere(zombie.Identity)) {
			continue
		}
		if reap(zombie) && r.Reaped != nil {
			r.Reaped(zombie)
		}
	}
	return undecided, nil
}

// update takes in one look at all processes and gives the zombies among our
// children.
func (a *adoptions) update(all []process.Stat, now time.Time) []process.Stat {
	strangers := make(map[process.Identity]bool)
	zombiesSince := make(map[process.Identity]time.Time)
	var zombies []process.Stat
	for _, stat := range all {
		switch {
		case stat.PID == a.self:
			// A cell may have called setsid; earlier children keep the session we had.
			a.ownSessions[stat.Session] = true
		case stat.Parent != a.self:
			strangers[stat.Identity] = true
		default:
			if a.strangers[stat.Identity] {
				strangers[stat.Identity] = true
			}
			if stat.State != 'Z' || stat.Living() {
				continue
			}
			zombies = append(zombies, stat)
			zombiesSince[stat.Identity] = now
			if since, known := a.zombiesSince[stat.Identity]; known {
				zombiesSince[stat.Identity] = since
			}
		}
	}
	// Who is no longer there is forgotten.
	a.strangers, a.zombiesSince = strangers, zombiesSince
	return zombies
}

func (a *adoptions) proveAdopted(child process.Stat) bool {
	foreignSession := child.Session != child.PID && !a.ownSessions[child.Session]
	return foreignSession || a.strangers[child.Identity]
}

// reap asks how the zombie ended, which clears it away.
func reap(zombie process.Stat) bool {
	if now, err := process.Read(zombie.PID); err != nil || now.Identity != zombie.Identity || now.Parent != os.Getpid() {
		return false
	}
	reaped, err := unix.Wait4(zombie.PID, nil, unix.WNOHANG, nil)
	return err == nil && reaped == zombie.PID
}

// childless reports whether this process has no children at all, living or zombies,
// and is a cheap question.
func childless() bool {
	err := unix.Waitid(unix.P_ALL, 0, nil, unix.WEXITED|unix.WNOHANG|unix.WNOWAIT, nil)
	return errors.Is(err, unix.ECHILD)
}
