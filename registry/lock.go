package registry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// fileLock is a lock on a file name that lasts as long as the process at most.
//
// It is a POSIX record lock (fcntl F_SETLK), the one kind that belongs to the
// process and not to an open file. flock(2) and open file description locks pass
// to every child that Python code forks without exec, and such a child would keep
// the id of a runtime that has ended. The price of the POSIX kind is that the
// kernel drops the lock when the process closes any descriptor of the file. Nothing
// here opens the file of a lock that the process holds (see heldLocks); should a
// cell read through ~/.mrmd/locks and so drop the lock, the living entry still
// keeps the id: Claim looks at both.
type fileLock struct {
	path  string
	file  *os.File
	inode inode
}

type inode struct{ device, number uint64 }

// heldLocks knows the lock files this process holds. Within one process a POSIX
// lock excludes nobody, and even to try would drop it.
var heldLocks = struct {
	sync.Mutex
	files map[inode]bool
}{files: map[inode]bool{}}

// lockHeldError says that a lock is held, and by which process when the kernel
// tells (0 for one in another pid namespace).
type lockHeldError struct{ pid int }

func (e *lockHeldError) Error() string {
	return fmt.Sprintf("process %d holds the lock", e.pid)
}

// tryLock takes the lock of name, or returns a *lockHeldError at once.
func (s *Store) tryLock(name string) (*fileLock, error) {
	heldLocks.Lock()
	defer heldLocks.Unlock()
	path := filepath.Join(s.locksDir(), name+".lock")
	for {
		lock, err := tryLockFile(path)
		if !errors.Is(err, errLockFileReplaced) {
			return lock, err
		}
	}
}

var errLockFileReplaced = errors.New("the lock file was removed meanwhile")

// tryLockFile makes one attempt. The caller holds the mutex of heldLocks.
func tryLockFile(path string) (*fileLock, error) {
	if existing, err := inodeAt(path); err == nil && heldLocks.files[existing] {
		return nil, &lockHeldError{pid: os.Getpid()}
	}
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|syscall.O_NOFOLLOW, privateFileMode)
	if err != nil {
		return nil, err
	}
	whole := unix.Flock_t{Type: unix.F_WRLCK, Whence: io.SeekStart}
	err = unix.FcntlFlock(file.Fd(), unix.F_SETLK, &whole)
	if errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EACCES) {
		held := &lockHeldError{}
		if unix.FcntlFlock(file.Fd(), unix.F_GETLK, &whole) == nil && whole.Type != unix.F_UNLCK {
			held.pid = int(whole.Pid)
		}
		return nil, errors.Join(held, file.Close())
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("lock %s: %w", path, err), file.Close())
	}
	// The last holder removes the file while it holds the lock: a lock on a file
	// that no longer bears the name excludes nobody.
	locked, err := inodeOf(file)
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	if named, err := inodeAt(path); err != nil || named != locked {
		return nil, errors.Join(errLockFileReplaced, file.Close())
	}
	heldLocks.files[locked] = true
	return &fileLock{path: path, file: file, inode: locked}, nil
}

// waitForLock takes the lock of name, trying again for as long as ctx allows and
// giveUp returns nil. When ctx ends first the error is a *lockHeldError.
func (s *Store) waitForLock(ctx context.Context, name string, giveUp func() error) (*fileLock, error) {
	if err := s.ensure(); err != nil {
		return nil, err
	}
	const pause = 5 * time.Millisecond
	for {
		lock, err := s.tryLock(name)
		var held *lockHeldError
		if !errors.As(err, &held) {
			return lock, err
		}
		if err := giveUp(); err != nil {
			return nil, err
		}
		select {
		case <-ctx.Done():
			return nil, held
		case <-time.After(pause):
		}
	}
}

// release removes the lock file and gives up the lock.
func (l *fileLock) release() error {
	heldLocks.Lock()
	defer heldLocks.Unlock()
	var err error
	// Only while the name is still this file's: were it removed by hand, it may be
	// another holder's by now.
	if named, statErr := inodeAt(l.path); statErr == nil && named == l.inode {
		err = os.Remove(l.path)
	}
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	delete(heldLocks.files, l.inode)
	return errors.Join(err, l.file.Close())
}

func inodeAt(path string) (inode, error) {
	var stat unix.Stat_t
	if err := unix.Lstat(path, &stat); err != nil {
		return inode{}, &fs.PathError{Op: "lstat", Path: path, Err: err}
	}
	return inode{device: uint64(stat.Dev), number: stat.Ino}, nil
}

func inodeOf(file *os.File) (inode, error) {
	var stat unix.Stat_t
	if err := unix.Fstat(int(file.Fd()), &stat); err != nil {
		return inode{}, &fs.PathError{Op: "fstat", Path: file.Name(), Err: err}
	}
	return inode{device: uint64(stat.Dev), number: stat.Ino}, nil
}
