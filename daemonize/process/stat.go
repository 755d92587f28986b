package process

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// Stat is what /proc/PID/stat said of a process at one moment (proc(5)).
type Stat struct {
	Identity
	// Name is the kernel's name of the process, at most 15 bytes.
	Name string
	// State is the kernel's letter: R, S, D, T, t, Z, X, I.
	State byte
	// Parent is the pid of the process that would be told of its end.
	Parent int
	// Group is the process group and Session the session it is in; each bears the
	// pid of the process that founded it.
	Group, Session int
	// Threads counts the threads that have not ended.
	Threads int
	// Exiting says that the first thread is on its way out of the kernel for good: a
	// process that is killed closes its connections some time before it is gone.
	Exiting bool
}

// Living reports whether the process still runs anything. A zombie does not,
// unless only its first thread ended and others go on.
func (s Stat) Living() bool {
	switch s.State {
	case 'X', 'x':
		return false
	case 'Z':
		return s.Threads > 1
	}
	return true
}

// Read gives the state of process pid. The error wraps fs.ErrNotExist when there
// is none.
func Read(pid int) (Stat, error) {
	text, err := os.ReadFile(procPath(pid, "stat"))
	if errors.Is(err, syscall.ESRCH) {
		// The process ended between open and read.
		err = fs.ErrNotExist
	}
	if err != nil {
		return Stat{}, fmt.Errorf("read the state of process %d: %w", pid, err)
	}
	stat, err := parseStat(text)
	if err != nil {
		return Stat{}, fmt.Errorf("read the state of process %d: %w", pid, err)
	}
	return stat, nil
}

// Self gives the state of this process.
func Self() (Stat, error) {
	return Read(os.Getpid())
}

// All gives the state of every process this one may see, in ascending order of
// pid. They are read one after the other: what forks meanwhile may be missing.
func All() ([]Stat, error) {
	dir, err := os.Open("/proc")
	if err != nil {
		return nil, fmt.Errorf("list the processes: %w", err)
	}
	defer func() { _ = dir.Close() }()
	names, err := dir.Readdirnames(-1)
	if err != nil {
		return nil, fmt.Errorf("list the processes: %w", err)
	}
	stats := make([]Stat, 0, len(names))
	for _, name := range names {
		pid, err := strconv.Atoi(name)
		if err != nil {
			continue
		}
		stat, err := Read(pid)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
			continue
		}
		if err != nil {
			return nil, err
		}
		stats = append(stats, stat)
	}
	return stats, nil
}

// CommandLine gives the arguments process pid was started with, or none when it
// has ended, is a zombie or may not be asked.
func CommandLine(pid int) []string {
	text, err := os.ReadFile(procPath(pid, "cmdline"))
	if err != nil || len(text) == 0 {
		return nil
	}
	return strings.Split(strings.TrimRight(string(text), "\x00"), "\x00")
}

func procPath(pid int, file string) string {
	return filepath.Join("/proc", strconv.Itoa(pid), file)
}

// parseStat reads the one line of /proc/PID/stat. The name stands in parentheses
// and may itself contain parentheses, spaces and line ends, so that only the last
// closing one ends it.
func parseStat(text []byte) (Stat, error) {
	opening := bytes.IndexByte(text, '(')
	closing := bytes.LastIndexByte(text, ')')
	if opening < 1 || closing < opening {
		return Stat{}, fmt.Errorf("no name in parentheses in %q", text)
	}
	// The state, field 3 of proc(5), is the first after the name.
	const firstField = 3
	fields := strings.Fields(string(text[closing+1:]))
	const startTimeField = 22
	if len(fields) <= startTimeField-firstField {
		return Stat{}, fmt.Errorf("only %d fields after the name in %q", len(fields), text)
	}
	stat := Stat{Name: string(text[opening+1 : closing]), State: fields[0][0]}
	var errs []error
	number := func(text string) int {
		value, err := strconv.Atoi(text)
		errs = append(errs, err)
		return value
	}
	stat.PID = number(strings.TrimSpace(string(text[:opening])))
	stat.Parent = number(fields[4-firstField])
	stat.Group = number(fields[5-firstField])
	stat.Session = number(fields[6-firstField])
	// PF_EXITING in the kernel's include/linux/sched.h.
	const exiting = 0x4
	stat.Exiting = number(fields[9-firstField])&exiting != 0
	stat.Threads = number(fields[20-firstField])
	ticks, err := strconv.ParseUint(fields[startTimeField-firstField], 10, 64)
	stat.StartTicks = ticks
	return stat, errors.Join(append(errs, err)...)
}
