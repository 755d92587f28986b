package registry

import (
	"fmt"
	"strings"
	"time"

	"github.com/mrmd/mrmd-python/daemonize/process"
)

// clockSlack is how far a process's start may lie after the time its entry was
// created and still be the process that wrote it: both are rounded, and the clock
// is adjusted now and then.
const clockSlack = 2 * time.Second

// Alive reports whether the runtime that wrote the entry still runs.
func (e Entry) Alive() bool {
	_, alive := e.Process()
	return alive
}

// Process gives the process that wrote the entry, and whether it still runs. Only
// what it gives may be signalled: a process that merely bears the pid may not.
//
// An entry of 0.4.2 has no start time. Its process is known by two things that
// must both hold: it started no later than the entry was created, when the pid
// was the writer's and so could be nobody else's, and it looks like an
// mrmd-python.
func (e Entry) Process() (process.Identity, bool) {
	if e.PID == 0 {
		return process.Identity{}, false
	}
	stat, err := process.Read(e.PID)
	if err != nil || !stat.Living() {
		return process.Identity{}, false
	}
	if e.StartTime == 0 {
		return stat.Identity, e.wroteWithoutStartTime(stat.Identity)
	}
	if e.StartTime != stat.StartTicks || e.fromEarlierBoot() {
		return process.Identity{}, false
	}
	return stat.Identity, true
}

func (e Entry) wroteWithoutStartTime(candidate process.Identity) bool {
	created, ok := e.Created.Time()
	if !ok {
		return false
	}
	started, err := candidate.StartedAt()
	if err != nil || started.After(created.Add(clockSlack)) {
		return false
	}
	for _, argument := range process.CommandLine(candidate.PID) {
		if strings.Contains(argument, "mrmd-python") || strings.Contains(argument, "mrmd_python") {
			return true
		}
	}
	return false
}

// fromEarlierBoot reports whether the machine was started anew since the entry was
// written.
func (e Entry) fromEarlierBoot() bool {
	current, err := process.BootID()
	return err == nil && e.BootID != "" && e.BootID != current
}

// identifySelf fills in what tells this process from every other.
func (e *Entry) identifySelf() error {
	self, err := process.Self()
	if err != nil {
		return fmt.Errorf("identify this process: %w", err)
	}
	boot, err := process.BootID()
	if err != nil {
		return fmt.Errorf("identify this process: %w", err)
	}
	e.PID, e.StartTime, e.BootID = self.PID, self.StartTicks, boot
	return nil
}

// sameProcess reports whether both entries were written by one process.
func (e Entry) sameProcess(other Entry) bool {
	return e.PID == other.PID && e.StartTime == other.StartTime && e.BootID == other.BootID
}
