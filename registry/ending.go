package registry

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// HowEnded tells, in a clause for people, how the runtime of a dead entry ended, as
// far as that can be known: from the boot id, from the last lines of the runtime's
// own log, of which one that starts with any of fatalPrefixes tells of a crash,
// from the kernel's log where that may be read, and from what the runtime said
// last. A process leaves nothing behind that names its end, and init, which was
// told, does not keep it. The clause says "most likely" where it is a conclusion
// from what is missing.
//
// Lines of an earlier run are passed over, see LinesOfRun.
func HowEnded(entry Entry, lastLines, fatalPrefixes []string) string {
	switch {
	case entry.PID == 0:
		return "its entry names no process"
	case entry.Alive():
		return "it is running"
	case entry.fromEarlierBoot():
		return "the machine was started anew since"
	}
	if line := fatalLine(LinesOfRun(entry, lastLines), fatalPrefixes); line != "" {
		return "it crashed: " + line
	}
	if line := oomLine(kernelLog(), entry); line != "" {
		return "the kernel ended it for want of memory: " + line
	}
	if entry.State != "" {
		return "it ended while it said: " + entry.State
	}
	now, err := oomKills()
	if err != nil || entry.OOMKills == nil {
		return endedWithoutTrace(0)
	}
	return endedWithoutTrace(now - *entry.OOMKills)
}

// endedWithoutTrace concludes from how many processes the kernel has ended for
// want of memory since the runtime was started.
func endedWithoutTrace(oomKillsSince uint64) string {
	if oomKillsSince == 0 {
		return "it was killed without a trace, most likely by SIGKILL, or its code called os._exit"
	}
	return fmt.Sprintf("it was killed without a trace, most likely for want of memory: "+
		"on this machine %d processes were since it was started", oomKillsSince)
}

// LinesOfRun gives those of the last lines of a log that the run of entry has
// written: earlier runtimes of its id wrote to the same file. An event is known by its
// field pid=PID, and every run begins with one; what is written in between, such as
// the trace of a crash, belongs to the run of the event before it.
func LinesOfRun(entry Entry, lines []string) []string {
	first, foreign := 0, false
	begun := false
	for number, line := range lines {
		switch pid, logged := loggedBy(line); {
		case !logged:
		case pid != entry.PID:
			first, foreign, begun = number+1, true, false
		case !begun:
			first, begun = number, true
		}
	}
	if foreign && !begun {
		return nil
	}
	return lines[first:]
}

// quoted matches the values of a logged event in which anything may stand.
var quoted = regexp.MustCompile(`"(?:[^"\\]|\\.)*"`)

// loggedBy gives the process that logged an event; false for a line that is none.
func loggedBy(line string) (pid int, logged bool) {
	if !strings.HasPrefix(line, "time=") {
		return 0, false
	}
	for _, field := range strings.Fields(quoted.ReplaceAllString(line, "")) {
		if number, found := strings.CutPrefix(field, "pid="); found {
			pid, err := strconv.Atoi(number)
			return pid, err == nil
		}
	}
	return 0, false
}

func fatalLine(lines, prefixes []string) string {
	for _, line := range lines {
		for _, prefix := range prefixes {
			if strings.HasPrefix(line, prefix) {
				return strings.TrimSpace(line)
			}
		}
	}
	return ""
}

// kernelLog gives the kernel's log, or "" when it may not be read
// (/proc/sys/kernel/dmesg_restrict).
func kernelLog() string {
	size, err := unix.Klogctl(unix.SYSLOG_ACTION_SIZE_BUFFER, nil)
	if err != nil || size <= 0 {
		return ""
	}
	text := make([]byte, size)
	read, err := unix.Klogctl(unix.SYSLOG_ACTION_READ_ALL, text)
	if err != nil {
		return ""
	}
	return string(text[:read])
}

// oomLine finds what the kernel's log says of the end of entry's process for want
// of memory ("Killed process PID (NAME)", mm/oom_kill.c), the newest line if there
// are several, or "". The name has to match as well: the pid in the log is that of
// the machine, which in a container is another one.
func oomLine(kernelLog string, entry Entry) string {
	const kernelNameBytes = 15
	name := filepath.Base(entry.Executable)
	name = name[:min(len(name), kernelNameBytes)]
	mark := fmt.Sprintf("Killed process %d (%s)", entry.PID, name)
	found := ""
	for line := range strings.Lines(kernelLog) {
		if strings.Contains(line, mark) {
			// Before the text stand <level> and [seconds since boot].
			_, text, _ := strings.Cut(line, "] ")
			found = strings.TrimSpace(text)
		}
	}
	return found
}

// oomKills gives how many processes the kernel has ended for want of memory since
// boot (/proc/vmstat, Linux 4.13).
func oomKills() (uint64, error) {
	text, err := os.ReadFile("/proc/vmstat")
	if err != nil {
		return 0, fmt.Errorf("read the count of processes killed for want of memory: %w", err)
	}
	for line := range bytes.Lines(text) {
		if count, found := bytes.CutPrefix(line, []byte("oom_kill ")); found {
			return strconv.ParseUint(string(bytes.TrimSpace(count)), 10, 64)
		}
	}
	return 0, errors.New("the kernel does not count the processes it kills for want of memory")
}
