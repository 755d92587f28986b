package daemonize

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"sync"

	"golang.org/x/sys/unix"
)

const privateFileMode fs.FileMode = 0o600

// LogLimits says how much a Log keeps.
type LogLimits struct {
	// MaxBytes is how long the newest file may grow before another is begun.
	MaxBytes int64
	// Keep is how many earlier files are kept, as PATH.1 (the newest) to PATH.Keep.
	Keep int
}

// Log is a file that is written by its owner's loggers and by whatever holds one of
// the process's descriptors of it: standard error, Python's faulthandler, C
// libraries.
//
// When it is full it is renamed and the descriptors are moved to the new file with
// dup3, each in one step: what is written before goes to the one file and what is
// written after to the other, and nothing is lost, as is between the copy and the
// truncation of the other way to rotate. (Libraries such as lumberjack rotate the
// file they write themselves; standard error would go on in the old one.)
type Log struct {
	path   string
	limits LogLimits

	mu        sync.Mutex
	file      *os.File
	followers []int
}

// OpenLog opens the log at path for appending, mode 0600. The descriptors in
// followers (1 and 2 for the standard ones) become descriptors of it and follow it
// from file to file. Only one process may rotate a log: in a runtime, the one that
// holds the claim on the id.
func OpenLog(path string, limits LogLimits, followers ...int) (*Log, error) {
	if limits.MaxBytes <= 0 || limits.Keep < 0 {
		return nil, fmt.Errorf("open the log %s: %+v are no limits", path, limits)
	}
	file, err := openLogFile(path)
	if err != nil {
		return nil, err
	}
	log := &Log{path: path, limits: limits, file: file, followers: followers}
	if err := log.follow(); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return log, nil
}

// Write appends text, to a new file when this one would grow too long by it. When
// no new file can be begun the old one is used, so that nothing is lost.
func (l *Log) Write(text []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	// Others write to the file too, and so its length is asked for each time.
	info, err := l.file.Stat()
	if err == nil && info.Size() > 0 && info.Size()+int64(len(text)) > l.limits.MaxBytes {
		err = l.rotate()
	}
	written, writeErr := l.file.Write(text)
	return written, errors.Join(writeErr, err)
}

// RotateIfFull begins a new file when the descriptors that follow the log have made
// it too long. Write does so by itself.
func (l *Log) RotateIfFull() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	info, err := l.file.Stat()
	if err != nil || info.Size() < l.limits.MaxBytes {
		return err
	}
	return l.rotate()
}

// Close closes the log's own descriptor. Those that follow it stay open.
func (l *Log) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.file.Close()
}

// rotate moves the files up by one and begins a new one. The caller holds mu.
func (l *Log) rotate() error {
	name := func(age int) string {
		if age == 0 {
			return l.path
		}
		return l.path + "." + strconv.Itoa(age)
	}
	if l.limits.Keep == 0 {
		if err := os.Remove(l.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("rotate the log: %w", err)
		}
	}
	for age := l.limits.Keep; age > 0; age-- {
		if err := os.Rename(name(age-1), name(age)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("rotate the log: %w", err)
		}
	}
	file, err := openLogFile(l.path)
	if err != nil {
		return fmt.Errorf("rotate the log: %w", err)
	}
	earlier := l.file
	l.file = file
	return errors.Join(l.follow(), earlier.Close())
}

// follow makes every follower a descriptor of the file.
func (l *Log) follow() error {
	var errs []error
	for _, follower := range l.followers {
		errs = append(errs, l.move(follower))
	}
	return errors.Join(errs...)
}

func (l *Log) move(follower int) error {
	closeOnExec := 0
	if flags, err := unix.FcntlInt(uintptr(follower), unix.F_GETFD, 0); err == nil && flags&unix.FD_CLOEXEC != 0 {
		closeOnExec = unix.O_CLOEXEC
	}
	if err := unix.Dup3(int(l.file.Fd()), follower, closeOnExec); err != nil {
		return fmt.Errorf("move descriptor %d to the log %s: %w", follower, l.path, err)
	}
	return nil
}

// openLogFile opens a log for appending and makes it private whatever the umask and
// whatever it was.
func openLogFile(path string) (*os.File, error) {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE|unix.O_NOFOLLOW, privateFileMode)
	if err != nil {
		return nil, fmt.Errorf("open the log: %w", err)
	}
	if err := file.Chmod(privateFileMode); err != nil {
		return nil, errors.Join(fmt.Errorf("make the log private: %w", err), file.Close())
	}
	return file, nil
}
