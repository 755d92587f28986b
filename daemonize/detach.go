package daemonize

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/mrmd/mrmd-python/daemonize/process"
)

// lastWords is how many lines of its log an error shows of a daemon that ended
// without giving a reason.
const lastWords = 20

// Command says what to run as a daemon.
type Command struct {
	// Path is the program; "" for the one that runs now.
	Path string
	// Args are its arguments, the first of which is the name it goes by.
	Args []string
	// Dir is the folder it starts in; "" for the current one.
	Dir string
	// LogPath is the file that its standard output and error are appended to. Its
	// folder has to be there.
	LogPath string
}

// DiedError says that a daemon ended before it was ready and gave no reason.
type DiedError struct {
	// Status is how it ended: "exit status 2", "signal: killed".
	Status string
	// LastLines are the last lines it wrote to its log, at most 20.
	LastLines []string
}

func (e *DiedError) Error() string {
	if len(e.LastLines) == 0 {
		return fmt.Sprintf("the daemon ended before it was ready (%s) and wrote nothing to its log", e.Status)
	}
	return fmt.Sprintf("the daemon ended before it was ready (%s):\n%s", e.Status, strings.Join(e.LastLines, "\n"))
}

// Start runs command as a daemon and returns what it reports once it is ready. The
// daemon leads a session and a process group of its own, has /dev/null as standard
// input and none of the caller's other descriptors; the environment, the umask and
// the limits are the caller's. The caller may end at any time after.
//
// When the daemon reports a failure the error is a *FailedError; when it ends
// without a report, a *DiedError. When ctx ends first, the daemon and all it
// started are ended too and the error wraps that of ctx.
//
// Every descriptor above 2 of the calling process is closed on exec from now on,
// those it inherited included.
func Start(ctx context.Context, command Command) (Ready, error) {
	if err := closeOnExec(); err != nil {
		return Ready{}, err
	}
	log, err := openLogFile(command.LogPath)
	if err != nil {
		return Ready{}, err
	}
	defer func() { _ = log.Close() }()
	logged, err := log.Stat()
	if err != nil {
		return Ready{}, fmt.Errorf("start a daemon: %w", err)
	}
	report, reporter, err := os.Pipe()
	if err != nil {
		return Ready{}, fmt.Errorf("start a daemon: %w", err)
	}
	defer func() { _ = report.Close() }()
	daemon, identity, err := execute(command, log, reporter)
	if err := errors.Join(err, reporter.Close()); err != nil {
		return Ready{}, err
	}

	reports := make(chan reportOrError, 1)
	go func() { reports <- readReport(report) }()
	ended := make(chan string, 1)
	go func() { ended <- waitFor(daemon) }()

	select {
	case received := <-reports:
		if !errors.Is(received.err, errNoReport) {
			return received.result()
		}
		// It closed the pipe and most likely ends just now.
		select {
		case status := <-ended:
			return Ready{}, died(status, command.LogPath, logged.Size())
		case <-ctx.Done():
		}
	case status := <-ended:
		// What it reported, if anything, is in the pipe. A child of its that did not
		// exec may hold the other end open.
		_ = report.SetReadDeadline(time.Now().Add(time.Second))
		received := <-reports
		if errors.Is(received.err, errNoReport) {
			return Ready{}, died(status, command.LogPath, logged.Size())
		}
		return received.result()
	case <-ctx.Done():
	}
	// Not ctx: it has ended.
	_, stopErr := StopTree(context.WithoutCancel(ctx), identity, StopOptions{})
	if errors.Is(stopErr, process.ErrGone) {
		stopErr = nil
	}
	lines, _ := linesFrom(command.LogPath, logged.Size(), lastWords)
	return Ready{}, errors.Join(fmt.Errorf("the daemon was not ready in time and was ended: %w%s",
		ctx.Err(), quoted(lines)), stopErr)
}

// execute starts the daemon with its three standard descriptors and the end of a
// pipe that Inherited finds.
func execute(command Command, log, reporter *os.File) (*os.Process, process.Identity, error) {
	path := command.Path
	if path == "" {
		running, err := os.Executable()
		if err != nil {
			return nil, process.Identity{}, fmt.Errorf("find the program that runs: %w", err)
		}
		path = running
	}
	if err := checkDir(command.Dir); err != nil {
		return nil, process.Identity{}, err
	}
	null, err := os.Open(os.DevNull)
	if err != nil {
		return nil, process.Identity{}, fmt.Errorf("start a daemon: %w", err)
	}
	defer func() { _ = null.Close() }()
	files := []*os.File{null, log, log, reporter}
	daemon, err := os.StartProcess(path, command.Args, &os.ProcAttr{
		Dir:   command.Dir,
		Env:   append(environment(), readyVariable+"="+strconv.Itoa(len(files)-1)),
		Files: files,
		Sys:   &syscall.SysProcAttr{Setsid: true},
	})
	if err != nil {
		return nil, process.Identity{}, fmt.Errorf("start a daemon: %w", err)
	}
	// Until it is waited for the pid can't pass to another process.
	stat, err := process.Read(daemon.Pid)
	if err != nil {
		return nil, process.Identity{}, errors.Join(fmt.Errorf("start a daemon: %w", err), daemon.Kill())
	}
	return daemon, stat.Identity, nil
}

// checkDir gives a plainer error than the exec that would fail.
func checkDir(dir string) error {
	if dir == "" {
		return nil
	}
	info, err := os.Stat(dir)
	if err == nil && !info.IsDir() {
		err = &os.PathError{Op: "chdir", Path: dir, Err: syscall.ENOTDIR}
	}
	if err == nil {
		err = unix.Access(dir, unix.X_OK)
	}
	if err != nil {
		return fmt.Errorf("start a daemon in %s: %w", dir, err)
	}
	return nil
}

// environment is the caller's, without what an earlier Start may have left there.
func environment() []string {
	var kept []string
	for _, variable := range os.Environ() {
		if !strings.HasPrefix(variable, readyVariable+"=") {
			kept = append(kept, variable)
		}
	}
	return kept
}

func waitFor(daemon *os.Process) string {
	state, err := daemon.Wait()
	if err != nil {
		return err.Error()
	}
	return state.String()
}

func died(status, logPath string, from int64) error {
	lines, err := linesFrom(logPath, from, lastWords)
	return errors.Join(&DiedError{Status: status, LastLines: lines}, err)
}

func quoted(lines []string) string {
	if len(lines) == 0 {
		return ""
	}
	return "; its last words:\n" + strings.Join(lines, "\n")
}

// closeOnExec marks every descriptor above 2. Go opens its own that way; those the
// process inherited are not.
func closeOnExec() error {
	const firstAfterStandard = 3
	err := unix.CloseRange(firstAfterStandard, math.MaxUint32, unix.CLOSE_RANGE_CLOEXEC)
	if err == nil {
		return nil
	}
	// The kernel is older than 5.11, or a sandbox forbids the call.
	names, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return fmt.Errorf("find the descriptors this process inherited: %w", err)
	}
	for _, name := range names {
		if descriptor, err := strconv.Atoi(name.Name()); err == nil && descriptor >= firstAfterStandard {
			unix.CloseOnExec(descriptor)
		}
	}
	return nil
}
