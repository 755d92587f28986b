package main

import (
	"fmt"
	"io"
	stdlog "log"
	"os"
	"runtime/debug"
	"strings"
	"unicode/utf8"

	"github.com/sirupsen/logrus"
	"golang.org/x/sys/unix"

	"github.com/mrmd/mrmd-python/daemonize"
	"github.com/mrmd/mrmd-python/mrp"
)

// logLimits keep a log readable and a disk free.
var logLimits = daemonize.LogLimits{MaxBytes: 8 << 20, Keep: 2}

// console is where this program itself writes: file descriptors 1 and 2 belong to
// the user's code once the engine runs.
type console struct {
	stdout, stderr *os.File
	// crash receives the traces of crashes: the log when there is one, else stderr.
	crash *os.File
}

// originalStreams keeps the first files of descriptors 1 and 2 from being collected,
// which would close them.
var originalStreams = []*os.File{os.Stdout, os.Stderr}

// keepConsole puts duplicates in the place of os.Stdout and os.Stderr.
func keepConsole() (console, error) {
	var kept [3]*os.File
	for i, file := range append(originalStreams, os.Stderr) {
		descriptor, err := unix.FcntlInt(file.Fd(), unix.F_DUPFD_CLOEXEC, 3)
		if err != nil {
			return console{}, fmt.Errorf("duplicating %s: %w", file.Name(), err)
		}
		kept[i] = os.NewFile(uintptr(descriptor), file.Name())
	}
	ours := console{stdout: kept[0], stderr: kept[1], crash: kept[2]}
	os.Stdout, os.Stderr = ours.stdout, ours.stderr
	return ours, ours.directCrashReports()
}

// directCrashReports sends what Go prints when it crashes where Python's traces go:
// standard error would be the terminal of the cells.
func (c console) directCrashReports() error {
	if err := debug.SetCrashOutput(c.crash, debug.CrashOptions{}); err != nil {
		return fmt.Errorf("directing crash reports to %s: %w", c.crash.Name(), err)
	}
	return nil
}

// openLog makes the log at path the place of crashes and gives its writer. Only the
// holder of the claim on the id may call it.
func (c console) openLog(path string) (io.Writer, error) {
	log, err := daemonize.OpenLog(path, logLimits, int(c.crash.Fd()))
	if err != nil {
		return nil, err
	}
	if err := c.directCrashReports(); err != nil {
		return nil, err
	}
	directed, err := c.crash.Stat()
	return &crashLog{Log: log, console: c, directed: directed}, err
}

// crashLog is a log whose newest file gets Go's crash reports, for which Go keeps a
// descriptor of its own.
type crashLog struct {
	*daemonize.Log
	console console
	// directed is the file that crash reports go to.
	directed os.FileInfo
}

// Write implements io.Writer.
func (l *crashLog) Write(text []byte) (int, error) {
	written, err := l.Log.Write(text)
	// Only when a new file was begun: Go opens a descriptor each time.
	now, statErr := l.console.crash.Stat()
	if statErr == nil && !os.SameFile(now, l.directed) {
		if statErr = l.console.directCrashReports(); statErr == nil {
			l.directed = now
		}
	}
	if err == nil {
		err = statErr
	}
	return written, err
}

// httpLogger logs what net/http has to say, which would come out of a cell otherwise.
func httpLogger(log *logrus.Logger) *stdlog.Logger {
	return stdlog.New(httpLog{log}, "", 0)
}

type httpLog struct{ log *logrus.Logger }

// Write implements io.Writer.
func (l httpLog) Write(line []byte) (int, error) {
	l.log.Warn(strings.TrimSpace(string(line)))
	return len(line), nil
}

// newLogger gives the log. Its first event is there whatever the level: by it the run
// is told from earlier ones in the same file.
func newLogger(output io.Writer, level string) (*logrus.Logger, error) {
	log := logrus.New()
	log.SetOutput(output)
	log.SetFormatter(&logrus.TextFormatter{DisableColors: true, FullTimestamp: true, TimestampFormat: "2006-01-02T15:04:05.000Z07:00"})
	parsed, err := logrus.ParseLevel(level)
	if err != nil {
		return nil, err
	}
	log.AddHook(pidField(os.Getpid()))
	log.WithField("version", version).Info("starting")
	log.SetLevel(parsed)
	return log, nil
}

// pidField puts the process id into every event, by which the runs that share a log
// are told apart.
type pidField int

// Levels implements logrus.Hook.
func (pidField) Levels() []logrus.Level { return logrus.AllLevels }

// Fire implements logrus.Hook.
func (pid pidField) Fire(event *logrus.Entry) error {
	event.Data["pid"] = int(pid)
	return nil
}

// maxLoggedText bounds the text in one event, so that a line of the log can be read.
const maxLoggedText = 8 << 10

// logLateOutput logs that something was written while no cell runs: what, while Python
// starts, for that is no user's output but Python's and IPython's, and later only for
// who wants to see everything. execID names the execution it is from, or is "".
func logLateOutput(log *logrus.Logger, started <-chan struct{}) func(string, mrp.Stream, []byte) {
	return func(execID string, stream mrp.Stream, text []byte) {
		fields := logrus.Fields{"stream": stream.String(), "bytes": len(text)}
		if execID != "" {
			fields["execId"] = execID
		}
		log.WithFields(fields).Info("output between cells")
		level := logrus.InfoLevel
		select {
		case <-started:
			level = logrus.DebugLevel
		default:
		}
		for log.IsLevelEnabled(level) && len(text) > 0 {
			length := min(len(text), maxLoggedText)
			// Not within a character.
			for length < len(text) && length > maxLoggedText-utf8.UTFMax && !utf8.RuneStart(text[length]) {
				length--
			}
			log.WithField("text", string(text[:length])).Log(level, "text between cells")
			text = text[length:]
		}
	}
}
