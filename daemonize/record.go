package daemonize

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/mrmd/mrmd-python/daemonize/process"
)

const (
	// recordInterval is the time between two looks at the processes as long as there
	// are any children, and recordPause the least time, when one has just ended: it
	// may have left orphans, which only the record knows after a crash.
	recordInterval = time.Second
	recordPause    = 100 * time.Millisecond
	// recordShare bounds what looking costs on a machine with many processes: it takes
	// at most one part in so many of a processor's time.
	recordShare = 50
	// recordSlack is how many lines of the ended a record may hold before it is
	// written anew.
	recordSlack = 1024
)

// Record keeps a file that names the processes which descend from this one, so that
// StopRecorded can end those that survive its crash, wherever they went: nothing else
// tells then whose they were. (Their environment could, but it is to be that of the
// starter; a cgroup takes rights that few users have.)
//
// What Python code starts is written down as it starts, see Started; what that starts
// in turn is looked for. A process that loses its parent within a moment before the
// crash may be missed.
//
// The file holds the boot id and below it a pid and a start time in each line. A nil
// Record, which a process has that keeps none, takes everything and does nothing.
type Record struct {
	path string
	// spare is asked at each look for a function that reports processes which are not
	// to be recorded, with all that descends from them; nil for none.
	spare func() func(process.Stat) bool
	self  process.Identity

	mu    sync.Mutex
	file  *os.File
	known map[process.Identity]bool
	lines int
}

// OpenRecord begins the record at path anew, mode 0600. Only one process may keep it:
// in a runtime, the one that holds the claim on the id.
func OpenRecord(path string, spare func() func(process.Stat) bool) (*Record, error) {
	self, err := process.Self()
	if err != nil {
		return nil, fmt.Errorf("record the processes: %w", err)
	}
	record := &Record{path: path, spare: spare, self: self.Identity, known: map[process.Identity]bool{}}
	return record, record.rewrite()
}

// Started writes down a child as this process starts it. Any goroutine; it costs two
// system calls.
func (r *Record) Started(pid int) error {
	if r == nil {
		return nil
	}
	stat, err := process.Read(pid)
	if err != nil {
		// It has ended and was waited for.
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.add(stat.Identity)
}

// Run looks for descendants until ctx ends, which is no error. It runs once.
func (r *Record) Run(ctx context.Context) error {
	if r == nil {
		return nil
	}
	childEnded := make(chan os.Signal, 1)
	signal.Notify(childEnded, syscall.SIGCHLD)
	defer signal.Stop(childEnded)
	for {
		began := time.Now()
		if err := r.look(); err != nil {
			return err
		}
		cost := recordShare * time.Since(began)
		regularly := time.NewTimer(max(recordInterval, cost))
		select {
		case <-ctx.Done():
		case <-regularly.C:
		case <-childEnded:
			select {
			case <-ctx.Done():
			case <-time.After(max(recordPause, cost) - time.Since(began)):
			}
		}
		regularly.Stop()
		if ctx.Err() != nil {
			return nil
		}
	}
}

// Remove ends the record, when nothing is left of what it names.
func (r *Record) Remove() error {
	if r == nil {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.file == nil {
		return nil
	}
	err := errors.Join(r.file.Close(), os.Remove(r.path))
	r.file = nil
	return err
}

// look writes down the descendants that are new.
func (r *Record) look() error {
	if childless() {
		return nil
	}
	all, err := process.All()
	if err != nil {
		return fmt.Errorf("record the processes: %w", err)
	}
	found := r.descendants(all)
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, one := range found {
		if err := r.add(one); err != nil {
			return err
		}
	}
	if r.lines <= 2*len(found)+recordSlack {
		return nil
	}
	r.known = map[process.Identity]bool{}
	for _, one := range found {
		r.known[one] = true
	}
	return r.rewrite()
}

func (r *Record) descendants(all []process.Stat) []process.Identity {
	children := map[int][]process.Stat{}
	for _, stat := range all {
		children[stat.Parent] = append(children[stat.Parent], stat)
	}
	var isSpared func(process.Stat) bool
	if r.spare != nil {
		isSpared = r.spare()
	}
	var found []process.Identity
	for parents := []int{r.self.PID}; len(parents) > 0; parents = parents[1:] {
		for _, child := range children[parents[0]] {
			if !child.Living() || isSpared != nil && isSpared(child) {
				continue
			}
			found = append(found, child.Identity)
			parents = append(parents, child.PID)
		}
	}
	return found
}

// add appends a process to the file. The caller holds mu.
func (r *Record) add(one process.Identity) error {
	if r.file == nil || r.known[one] {
		return nil
	}
	if _, err := fmt.Fprintf(r.file, "%d %d\n", one.PID, one.StartTicks); err != nil {
		return fmt.Errorf("record the processes: %w", err)
	}
	r.known[one] = true
	r.lines++
	return nil
}

// rewrite replaces the file by one that names what is known, in one step. The caller
// holds mu, or is the only one.
func (r *Record) rewrite() error {
	boot, err := process.BootID()
	if err != nil {
		return fmt.Errorf("record the processes: %w", err)
	}
	text := fmt.Appendln(nil, boot)
	for one := range r.known {
		text = fmt.Appendf(text, "%d %d\n", one.PID, one.StartTicks)
	}
	temporary := r.path + ".new"
	if err := os.Remove(temporary); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("record the processes: %w", err)
	}
	file, err := os.OpenFile(temporary, os.O_WRONLY|os.O_APPEND|os.O_CREATE|os.O_EXCL|unix.O_NOFOLLOW, privateFileMode)
	if err != nil {
		return fmt.Errorf("record the processes: %w", err)
	}
	_, err = file.Write(text)
	if err = errors.Join(err, file.Chmod(privateFileMode)); err == nil {
		err = os.Rename(temporary, r.path)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("record the processes: %w", err), file.Close(), os.Remove(temporary))
	}
	if r.file != nil {
		err = r.file.Close()
	}
	r.file, r.lines = file, len(r.known)
	return err
}

// StopRecorded ends what the record at path names and still lives, and all that
// descends from it: what a process that crashed has left behind. Then it removes the
// record. A record that is not there names nothing. The options and the errors are
// those of StopTree; there is no root, and so DescendantsGrace is what counts.
func StopRecorded(ctx context.Context, path string, options StopOptions) ([]Ended, error) {
	recorded, err := readRecord(path)
	if err != nil {
		return nil, err
	}
	s := &stopping{tree: emptyTree(options.Spare)}
	for _, one := range recorded {
		stat, err := process.Read(one.PID)
		if err != nil || stat.Identity != one || !s.mayEnd(stat) {
			continue
		}
		s.add(stat)
	}
	if len(s.members) > 0 {
		options.Grace = max(options.Grace, options.DescendantsGrace)
		if err = s.terminate(ctx, options); err == nil {
			err = s.kill(ctx, true)
		}
	}
	ended, err := s.result(err)
	if err != nil {
		return ended, err
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return ended, fmt.Errorf("remove the record of processes: %w", err)
	}
	return ended, nil
}

// readRecord gives the processes that the record at path names, none when it is of an
// earlier boot.
func readRecord(path string) ([]process.Identity, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the record of processes: %w", err)
	}
	boot, err := process.BootID()
	if err != nil {
		return nil, fmt.Errorf("read the record of processes: %w", err)
	}
	first, text, _ := bytes.Cut(text, []byte("\n"))
	if string(first) != boot {
		return nil, nil
	}
	var recorded []process.Identity
	for line := range bytes.Lines(text) {
		var one process.Identity
		// A line that was cut short would name another process.
		if !bytes.HasSuffix(line, []byte("\n")) {
			continue
		}
		if _, err := fmt.Sscanf(string(line), "%d %d\n", &one.PID, &one.StartTicks); err == nil && one.PID > 1 {
			recorded = append(recorded, one)
		}
	}
	return recorded, nil
}
