package process

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// ticksPerSecond is the unit of StartTicks. The kernel reports to user space in
// USER_HZ, which is 100 on every architecture Go runs Linux on (proc(5), "starttime").
const ticksPerSecond = 100

// ErrGone says that the process an Identity names has ended; its pid is free or
// belongs to another process by now.
var ErrGone = errors.New("the process has ended")

// Identity names one process for as long as the machine runs.
type Identity struct {
	// PID is the process id in this process's pid namespace.
	PID int
	// StartTicks is when the process started, in clock ticks (1/100 s) since boot:
	// field 22 of /proc/PID/stat.
	StartTicks uint64
}

// String gives the pid and the start time, for logs and errors.
func (id Identity) String() string {
	return fmt.Sprintf("%d@%d", id.PID, id.StartTicks)
}

// Living reports whether the very process id names still runs. A zombie, which
// only waits for its parent to ask how it ended, does not.
func (id Identity) Living() bool {
	stat, err := Read(id.PID)
	return err == nil && stat.Identity == id && stat.Living()
}

// StartedAt gives the wall-clock time at which the process started, to a
// hundredth of a second, by today's reading of the clock: a clock that was set
// since then moves the answer too.
func (id Identity) StartedAt() (time.Time, error) {
	var sinceBoot unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &sinceBoot); err != nil {
		return time.Time{}, fmt.Errorf("read the time since boot: %w", err)
	}
	started := time.Duration(id.StartTicks) * (time.Second / ticksPerSecond)
	return time.Now().Add(started - time.Duration(sinceBoot.Nano())), nil
}

// Signal sends signal to the process id names and to no other. It returns ErrGone
// when that process has ended, and the kernel's error (os.ErrPermission for a
// process of another user) when the signal may not be sent.
func Signal(id Identity, signal syscall.Signal) error {
	if id.PID <= 0 {
		return fmt.Errorf("signal process %s: a pid of 0 or below names a group of processes", id)
	}
	// FindProcess opens a pidfd where the kernel has them (5.3), which holds on to
	// the process: once the start time is seen to match after that, the pid can't
	// pass to another process before the signal is sent.
	handle, err := os.FindProcess(id.PID)
	if err != nil {
		return fmt.Errorf("open process %s: %w", id, err)
	}
	defer func() { _ = handle.Release() }()
	if !id.Living() {
		return ErrGone
	}
	err = handle.Signal(signal)
	if errors.Is(err, os.ErrProcessDone) || errors.Is(err, syscall.ESRCH) {
		return ErrGone
	}
	if err != nil {
		return fmt.Errorf("send %s to process %s: %w", unix.SignalName(signal), id, err)
	}
	return nil
}

// BootID gives the random id the kernel took at boot (random(4)): start times
// compare only within one boot. It is read once.
var BootID = sync.OnceValues(func() (string, error) {
	text, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return "", fmt.Errorf("read the boot id: %w", err)
	}
	return strings.TrimSpace(string(text)), nil
})
