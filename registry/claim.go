package registry

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// RunningError says that a runtime of the id asked for runs already.
type RunningError struct{ Entry Entry }

func (e *RunningError) Error() string {
	return fmt.Sprintf("runtime %q is already running as process %d at %s", e.Entry.ID, e.Entry.PID, e.Entry.URL)
}

// TakenError says that the files of the id asked for belong to a living runtime of
// another id.
type TakenError struct {
	ID    string
	Entry Entry
}

func (e *TakenError) Error() string {
	return fmt.Sprintf("runtime id %q would use the file %s of the running runtime %q; choose another with --id",
		e.ID, FileName(e.ID)+entryExtension, e.Entry.ID)
}

// HeldError says that another process holds the id and published no entry before
// the context ended.
type HeldError struct {
	ID string
	// PID is the holder, or 0 when it is in another pid namespace.
	PID int
}

func (e *HeldError) Error() string {
	if e.PID == 0 {
		return fmt.Sprintf("a process in another container holds runtime id %q; end it there or choose another with --id", e.ID)
	}
	return fmt.Sprintf("process %d holds runtime id %q and has not said yet where it listens; try again, or end that process",
		e.PID, e.ID)
}

// Claim is the exclusive right of this process to a runtime id. It ends with
// Release or with the process. Its methods may be called by several goroutines.
type Claim struct {
	store *Store
	id    string
	lock  *fileLock

	mu        sync.Mutex
	entry     Entry
	published bool
	released  bool
	written   time.Time
	flush     *time.Timer
	lastErr   error

	lastActivity atomic.Int64 // Unix time in ns
	flushDue     atomic.Bool
}

// Claim takes id for this process. A dead entry is no obstacle. When another
// process holds the id, Claim waits until that has published its entry, and then
// returns a *RunningError (one that is stopping it waits for), or has given the id up,
// and then takes it; a *HeldError
// when ctx ends before either. Other errors: *InvalidIDError, *TakenError, and what
// the file system says.
//
// The lock is the process's own: it does not pass through fork or exec.
func (s *Store) Claim(ctx context.Context, id string) (*Claim, error) {
	if err := CheckID(id); err != nil {
		return nil, err
	}
	lock, err := s.waitForLock(ctx, FileName(id), func() error { return s.livingOwner(id) })
	var held *lockHeldError
	if errors.As(err, &held) {
		return nil, &HeldError{ID: id, PID: held.pid}
	}
	if err != nil {
		return nil, wrapUnlessTaken(id, err)
	}
	// A runtime of 0.4.2 takes no lock.
	if err := s.livingOwner(id); err != nil {
		return nil, errors.Join(err, lock.release())
	}
	return &Claim{store: s, id: id, lock: lock}, nil
}

// livingOwner returns a *RunningError or a *TakenError when a living runtime that is
// to stay has its entry in the file of id.
func (s *Store) livingOwner(id string) error {
	entry, err := readEntry(s.entryPath(id))
	if err != nil || !entry.Alive() {
		// What is no entry belongs to nobody and is overwritten.
		return nil
	}
	if entry.ID == id && entry.Stopping() {
		return nil
	}
	if entry.ID == id {
		return &RunningError{Entry: entry}
	}
	return &TakenError{ID: id, Entry: entry}
}

func wrapUnlessTaken(id string, err error) error {
	var running *RunningError
	var taken *TakenError
	if errors.As(err, &running) || errors.As(err, &taken) {
		return err
	}
	return fmt.Errorf("claim runtime id %q: %w", id, err)
}

// Publish writes entry, from when on others find the runtime. It fills in ID, PID,
// StartTime, BootID and OOMKills, and Created and LastActivity unless they are set.
func (c *Claim) Publish(entry Entry) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.released {
		return fmt.Errorf("publish runtime %q: %w", c.id, os.ErrClosed)
	}
	entry.ID = c.id
	if err := entry.identifySelf(); err != nil {
		return fmt.Errorf("publish runtime %q: %w", c.id, err)
	}
	if kills, err := oomKills(); err == nil {
		entry.OOMKills = &kills
	}
	now := time.Now()
	if entry.Created == "" {
		entry.Created = NewTimestamp(now)
	}
	if entry.LastActivity == "" {
		entry.LastActivity = NewTimestamp(now)
	}
	if err := c.store.writeEntry(entry); err != nil {
		return err
	}
	c.entry, c.published, c.written = entry, true, now
	return nil
}

// Update changes the published entry and writes it at once. Fields that others
// added to the file are kept.
func (c *Claim) Update(change func(*Entry)) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.released || !c.published {
		return fmt.Errorf("update runtime %q: it is not published", c.id)
	}
	change(&c.entry)
	return c.write()
}

// Entry gives the entry as it was last published or updated.
func (c *Claim) Entry() Entry {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.entry
}

// Release takes the entry back, if the file is still this runtime's, and gives up
// the id. It returns, too, what went wrong with the last write in the background.
// Further calls do nothing.
func (c *Claim) Release() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.released {
		return nil
	}
	c.released = true
	if c.flush != nil {
		c.flush.Stop()
	}
	var err error
	if c.published && c.ownsFile() {
		err = os.Remove(c.store.entryPath(c.id))
	}
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return errors.Join(c.lastErr, err, c.lock.release())
}

// ownsFile reports whether the entry's file is this runtime's. The caller holds mu.
func (c *Claim) ownsFile() bool {
	current, err := readEntry(c.store.entryPath(c.id))
	return err == nil && current.ID == c.id && current.sameProcess(c.entry)
}
