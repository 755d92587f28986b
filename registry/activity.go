package registry

import (
	"errors"
	"fmt"
	"io/fs"
	"time"
)

// Touch notes that the runtime was used just now. It costs an atomic store: the
// file is written in the background, the first time at once and then at most once
// in Store.ActivityInterval. What went wrong with the last of those writes is
// returned by Flush and by Release.
func (c *Claim) Touch() {
	c.lastActivity.Store(time.Now().UnixNano())
	if c.flushDue.CompareAndSwap(false, true) {
		c.scheduleFlush()
	}
}

func (c *Claim) scheduleFlush() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.released || !c.published {
		c.flushDue.Store(false)
		return
	}
	wait := time.Until(c.written.Add(c.store.ActivityInterval))
	c.flush = time.AfterFunc(max(wait, 0), func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if !c.released {
			c.lastErr = c.writeActivity()
		}
	})
}

// Flush writes what Touch noted, without waiting for its turn, and returns what
// went wrong now or with the last write in the background.
func (c *Claim) Flush() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	err := c.lastErr
	c.lastErr = nil
	if c.released || !c.published || !c.flushDue.Load() {
		return err
	}
	if c.flush != nil {
		c.flush.Stop()
	}
	return errors.Join(err, c.writeActivity())
}

// writeActivity writes the time Touch noted. The caller holds mu.
func (c *Claim) writeActivity() error {
	// Cleared before the time is read, so that a Touch from now on schedules anew.
	c.flushDue.Store(false)
	if touched := c.lastActivity.Load(); touched != 0 {
		c.entry.LastActivity = NewTimestamp(time.Unix(0, touched))
	}
	return c.write()
}

// write rewrites the entry with the fields that others added meanwhile. A file
// that was removed is written anew, so that the runtime can be found; one that
// another living runtime wrote is left alone. The caller holds mu.
func (c *Claim) write() error {
	c.written = time.Now()
	current, err := readEntry(c.store.entryPath(c.id))
	switch {
	case err == nil && current.sameProcess(c.entry):
		c.entry.Unknown = current.Unknown
	case err == nil && current.Alive():
		return fmt.Errorf("write the entry of %q: process %d, which runs %q, has put its own in its place",
			c.id, current.PID, current.ID)
	case errors.Is(err, fs.ErrNotExist):
		if err := c.store.ensure(); err != nil {
			return err
		}
	}
	return c.store.writeEntry(c.entry)
}
