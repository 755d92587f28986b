package registry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// maxEntryBytes bounds what is read of a file that calls itself an entry.
const maxEntryBytes = 1 << 20

const entryExtension = ".json"

// ErrNotFound says that no entry has the id asked for.
var ErrNotFound = errors.New("no such runtime")

// Store is the registry in one home folder. It may be used by any number of
// goroutines and processes at once.
type Store struct {
	home Home
	// ActivityInterval is the least time between two writes of lastActivity, 5 s
	// unless set before the first Claim.
	ActivityInterval time.Duration
}

// Open gives the registry in home. Nothing is read or made yet: a folder that is
// not there is an empty registry.
func Open(home Home) *Store {
	return &Store{home: home, ActivityInterval: 5 * time.Second}
}

// Problem is a file in the registry that is no entry, and why it was passed over.
type Problem struct {
	Path string
	Err  error
}

func (p Problem) Error() string {
	return fmt.Sprintf("%s was passed over: %v", p.Path, p.Err)
}

// Unwrap gives the reason.
func (p Problem) Unwrap() error { return p.Err }

// List gives all entries by file name, dead ones too, and the files that are none.
func (s *Store) List() ([]Entry, []Problem, error) {
	files, err := os.ReadDir(s.runtimesDir())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, fmt.Errorf("list the registry: %w", err)
	}
	var entries []Entry
	var problems []Problem
	for _, file := range files {
		if !strings.HasSuffix(file.Name(), entryExtension) {
			continue
		}
		path := filepath.Join(s.runtimesDir(), file.Name())
		entry, err := readEntry(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			problems = append(problems, Problem{Path: path, Err: err})
			continue
		}
		entries = append(entries, entry)
	}
	return entries, problems, nil
}

// Get gives the entry of id. The error wraps ErrNotFound when there is none, and
// is a Problem when its file is no entry.
func (s *Store) Get(id string) (Entry, error) {
	path := s.entryPath(id)
	if strings.ContainsAny(id, "/\x00") {
		return Entry{}, fmt.Errorf("runtime %q: %w", shortened(id), ErrNotFound)
	}
	entry, err := readEntry(path)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENAMETOOLONG) {
		return Entry{}, fmt.Errorf("runtime %q: %w", shortened(id), ErrNotFound)
	}
	if err != nil {
		return Entry{}, Problem{Path: path, Err: err}
	}
	if entry.ID != id {
		return Entry{}, fmt.Errorf("runtime %q: %w: its file belongs to %q", id, ErrNotFound, entry.ID)
	}
	return entry, nil
}

// Remove takes the entry of a runtime that has ended out of the registry, unless
// another runtime has written its own there or is about to. It waits, as long as
// ctx allows, for one that is starting or ending to settle. before, unless nil, is
// called while nobody else can have the id; when it fails the entry stays.
func (s *Store) Remove(ctx context.Context, entry Entry, before func() error) error {
	name := FileName(entry.ID)
	lock, err := s.waitForLock(ctx, name, func() error { return s.stillListed(entry) })
	if errors.Is(err, errNoLongerListed) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("remove the entry of %q: %w", entry.ID, err)
	}
	err = s.stillListed(entry)
	if err == nil && before != nil {
		err = before()
	}
	if err == nil {
		err = os.Remove(s.entryPath(entry.ID))
	}
	if errors.Is(err, errNoLongerListed) || errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return errors.Join(err, lock.release())
}

var errNoLongerListed = errors.New("the entry was taken back or replaced")

func (s *Store) stillListed(entry Entry) error {
	current, err := readEntry(s.entryPath(entry.ID))
	if err != nil || current.ID != entry.ID || !current.sameProcess(entry) {
		return errNoLongerListed
	}
	return nil
}

// LogPath gives the path of runtime id's log, whose folder it makes. Two ids that
// share a FileName share a log.
func (s *Store) LogPath(id string) (string, error) {
	if err := s.ensure(); err != nil {
		return "", err
	}
	return filepath.Join(s.logsDir(), FileName(id)+".log"), nil
}

// RecordPath gives the path of the record of what runtime id has started. Its folder is
// there for who holds the id or removes its entry.
func (s *Store) RecordPath(id string) string {
	return filepath.Join(s.processesDir(), FileName(id))
}

func (s *Store) entryPath(id string) string {
	return filepath.Join(s.runtimesDir(), FileName(id)+entryExtension)
}

// readEntry reads the entry in the file at path, whose name has to be that of the
// entry's id.
func readEntry(path string) (Entry, error) {
	// Neither a pipe nor a link that was put there may hold up or mislead a reader.
	file, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if err != nil {
		return Entry{}, err
	}
	defer func() { _ = file.Close() }()
	info, err := file.Stat()
	if err != nil {
		return Entry{}, err
	}
	if !info.Mode().IsRegular() {
		return Entry{}, fmt.Errorf("it is not a regular file but %s", info.Mode().Type())
	}
	text, err := io.ReadAll(io.LimitReader(file, maxEntryBytes+1))
	if err != nil {
		return Entry{}, err
	}
	if len(text) > maxEntryBytes {
		return Entry{}, fmt.Errorf("it is longer than %d bytes", maxEntryBytes)
	}
	entry, err := ParseEntry(text)
	if err != nil {
		return Entry{}, err
	}
	if expected := FileName(entry.ID) + entryExtension; expected != filepath.Base(path) {
		return Entry{}, fmt.Errorf("it holds the entry of %q, whose file would be %q", shortened(entry.ID), expected)
	}
	return entry, nil
}

// writeEntry replaces the file of entry's id in one step, so that a reader sees
// the old text or the new. Only the holder of the id's lock may call it: the
// temporary file has a fixed name, and so none is ever left over.
//
// It is not synced to the disk. What a crash of the machine could tear describes a
// process that the crash ended as well, and torn files are passed over.
func (s *Store) writeEntry(entry Entry) error {
	text, err := entry.Encode()
	if err != nil {
		return err
	}
	path := s.entryPath(entry.ID)
	temporary := filepath.Join(s.runtimesDir(), "."+filepath.Base(path)+".tmp")
	if err := os.Remove(temporary); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("write the entry of %q: %w", entry.ID, err)
	}
	file, err := os.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_EXCL, privateFileMode)
	if err != nil {
		return fmt.Errorf("write the entry of %q: %w", entry.ID, err)
	}
	_, err = file.Write(text)
	// The umask may have taken the owner's own permissions.
	err = errors.Join(err, file.Chmod(privateFileMode), file.Close())
	if err == nil {
		err = os.Rename(temporary, path)
	}
	if err != nil {
		_ = os.Remove(temporary)
		return fmt.Errorf("write the entry of %q: %w", entry.ID, err)
	}
	return nil
}
