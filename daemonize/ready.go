package daemonize

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"

	"github.com/go-json-experiment/json"
	"golang.org/x/sys/unix"
)

// readyVariable names the environment variable that tells a daemon the descriptor
// of the pipe it reports through.
const readyVariable = "MRMD_READY_FD"

// maxReportBytes bounds what the starter reads of a report.
const maxReportBytes = 1 << 20

// Ready is what a daemon reports when it can be used.
type Ready struct {
	PID int `json:"pid"`
	// URL is where it answers.
	URL string `json:"url"`
}

// FailedError is the reason a daemon gave for not starting.
type FailedError struct {
	// Kind is a word by which the starter can tell reasons apart, or "".
	Kind string
	// Message is the reason, for people.
	Message string
}

func (e *FailedError) Error() string { return e.Message }

// report is the one JSON object that goes through the pipe.
type report struct {
	Ready   *Ready  `json:"ready,omitzero"`
	Failure *string `json:"failure,omitzero"`
	Kind    string  `json:"kind,omitzero"`
}

// Notifier is a daemon's line to its starter, good for one report. A nil Notifier,
// which a process has that is no daemon, takes reports and does nothing.
type Notifier struct{ pipe *os.File }

// Inherited gives the line to the starter, or nil when Start did not start this
// process. It takes the variable that told of it out of the environment and keeps
// the descriptor from children, and so has to be called before anything is
// started or Python initialised; but after an exec of another program that is to
// report instead.
func Inherited() (*Notifier, error) {
	value, present := os.LookupEnv(readyVariable)
	if !present {
		return nil, nil
	}
	if err := os.Unsetenv(readyVariable); err != nil {
		return nil, fmt.Errorf("take %s out of the environment: %w", readyVariable, err)
	}
	descriptor, err := strconv.Atoi(value)
	var stat unix.Stat_t
	if err != nil || descriptor <= 2 || unix.Fstat(descriptor, &stat) != nil || stat.Mode&unix.S_IFMT != unix.S_IFIFO {
		// Somebody else's variable.
		return nil, nil
	}
	unix.CloseOnExec(descriptor)
	return &Notifier{pipe: os.NewFile(uintptr(descriptor), "the line to the starter")}, nil
}

// Ready tells the starter that the daemon answers at url, which ends the line. A
// starter that has gone is no error.
func (n *Notifier) Ready(url string) error {
	return n.send(report{Ready: &Ready{PID: os.Getpid(), URL: url}})
}

// Fail tells the starter why the daemon can't start, which ends the line. The
// daemon has to exit with a status that is not 0 afterwards.
func (n *Notifier) Fail(kind, message string) error {
	return n.send(report{Failure: &message, Kind: kind})
}

func (n *Notifier) send(what report) error {
	if n == nil {
		return nil
	}
	text, err := json.Marshal(what)
	if err != nil {
		return fmt.Errorf("report to the starter: %w", err)
	}
	_, err = n.pipe.Write(append(text, '\n'))
	err = errors.Join(err, n.pipe.Close())
	if err != nil && !errors.Is(err, unix.EPIPE) {
		return fmt.Errorf("report to the starter: %w", err)
	}
	return nil
}

// errNoReport says that the pipe ended or ran out of time without a whole report.
var errNoReport = errors.New("the daemon reported nothing")

type reportOrError struct {
	report report
	err    error
}

func (r reportOrError) result() (Ready, error) {
	switch {
	case r.err != nil:
		return Ready{}, r.err
	case r.report.Failure != nil:
		return Ready{}, &FailedError{Kind: r.report.Kind, Message: *r.report.Failure}
	case r.report.Ready != nil:
		return *r.report.Ready, nil
	}
	return Ready{}, errors.New("the daemon's report says neither that it is ready nor why not")
}

func readReport(pipe io.Reader) reportOrError {
	line, err := bufio.NewReader(io.LimitReader(pipe, maxReportBytes)).ReadBytes('\n')
	if err != nil {
		return reportOrError{err: errNoReport}
	}
	var received report
	if err := json.Unmarshal(line, &received); err != nil {
		return reportOrError{err: fmt.Errorf("read the daemon's report: %w", err)}
	}
	return reportOrError{report: received}
}
