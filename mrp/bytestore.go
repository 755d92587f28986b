package mrp

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync/atomic"
)

// byteStore is an append-only run of bytes: about the first memoryLimit of them
// in memory, the rest in a spool file with the newest part in memory as well. It is
// not safe for concurrent use; the log that owns it locks around it.
//
// When the spool file can't be written, a store that must keep everything stays
// in memory. Any other keeps unsavedLimit bytes, for who reads along and is behind,
// then loses the older half of them and remembers where: a cell's output is no
// reason to run out of memory.
type byteStore struct {
	memoryLimit  int
	unsavedLimit int
	mustKeep     bool
	spool        *spool

	head []byte
	// tail holds the bytes from tailStart on; those before spilled are in the
	// file too (or lost).
	tail      []byte
	tailStart int64
	spilled   int64
	file      *os.File
	path      string
	gaps      []byteRange
	spoolErr  error
	// retryAt is the size from which on it is worth trying to write again.
	retryAt int64
}

// byteRange is the bytes from (included) to to (excluded) of a store.
type byteRange struct{ from, to int64 }

// tailKept is how much of the end of a spooled store stays in memory; the spool
// file is written when twice as much has come together.
const tailKept = mebibyte

func (s *byteStore) size() int64 {
	if s.tail == nil && s.spilled == 0 {
		return int64(len(s.head))
	}
	return s.tailStart + int64(len(s.tail))
}

func (s *byteStore) append(b []byte) {
	if s.spilled == 0 && s.tail == nil {
		room := s.memoryLimit - len(s.head)
		if len(b) <= room {
			s.head = append(s.head, b...)
			return
		}
		room = runeBoundary(b, room)
		s.head = append(s.head, b[:room]...)
		b = b[room:]
		s.tailStart = int64(len(s.head))
		s.spilled = s.tailStart
		s.tail = make([]byte, 0, max(2*tailKept, len(b)))
	}
	s.tail = append(s.tail, b...)
	if len(s.tail) < 2*tailKept || s.size() < s.retryAt {
		return
	}
	if s.spill() {
		s.forget(int64(len(s.tail)) - tailKept)
		return
	}
	s.retryAt = s.size() + tailKept
	if limit := max(s.unsavedLimit, 2*tailKept); !s.mustKeep && len(s.tail) > limit {
		s.lose(len(s.tail) - limit/2)
	}
}

// lose drops about the first n bytes of the tail, of which some are nowhere else.
func (s *byteStore) lose(n int) {
	cut := s.tailStart + int64(runeBoundary(s.tail, n))
	if last := len(s.gaps) - 1; last >= 0 && s.gaps[last].to == s.spilled {
		s.gaps[last].to = cut
	} else {
		s.gaps = append(s.gaps, byteRange{s.spilled, cut})
	}
	s.spilled = cut
	s.forget(cut - s.tailStart)
}

// forget drops the first n bytes of the tail from memory.
func (s *byteStore) forget(n int64) {
	kept := copy(s.tail, s.tail[n:])
	s.tail = s.tail[:kept]
	if cap(s.tail) > 8*tailKept {
		s.tail = append(make([]byte, 0, 2*tailKept), s.tail...)
	}
	s.tailStart += n
}

// spill brings everything into the spool file. It reports whether that worked.
func (s *byteStore) spill() bool {
	end := s.size()
	if s.spilled == end {
		return true
	}
	err := s.writeSpool(s.tail[s.spilled-s.tailStart:], s.spilled-int64(len(s.head)))
	if err != nil {
		// Once is enough: what fails now fails at every mebibyte.
		if s.spoolErr == nil {
			s.spool.failed(err)
		}
		s.spoolErr = err
		return false
	}
	s.spilled = end
	return true
}

func (s *byteStore) writeSpool(b []byte, at int64) error {
	if s.file == nil {
		file, err := s.spool.create()
		if err != nil {
			return err
		}
		s.file, s.path = file, file.Name()
	}
	if _, err := s.file.WriteAt(b, at); err != nil {
		return fmt.Errorf("writing the spool file: %w", err)
	}
	return nil
}

// view gives the longest piece of [from, to) that is in memory and begins at
// from, copied into buffer unless it will never change. It is empty when from
// is only on disk.
func (s *byteStore) view(from, to int64, buffer []byte) []byte {
	if from < int64(len(s.head)) {
		return s.head[from:min(to, int64(len(s.head)))]
	}
	if s.tail == nil || from < s.tailStart {
		return nil
	}
	n := copy(buffer, s.tail[from-s.tailStart:min(to, s.size())-s.tailStart])
	return buffer[:n]
}

// onDisk says where the bytes from from on stand in the spool file and up to
// which of the store's offsets they reach. With lost set they are not there.
func (s *byteStore) onDisk(from, to int64) (path string, at, end int64, lost bool) {
	end = min(to, s.spilled)
	for _, gap := range s.gaps {
		if from >= gap.from && from < gap.to {
			return "", 0, min(to, gap.to), true
		}
		if gap.from > from {
			end = min(end, gap.from)
		}
	}
	return s.path, from - int64(len(s.head)), end, false
}

// settle is called when nothing more will come: it gives back what memory and
// which descriptor it can.
func (s *byteStore) settle() {
	if s.tail != nil && s.spill() {
		s.tailStart = s.size()
		s.tail = nil
	} else if s.tail == nil && cap(s.head)-len(s.head) > wireChunk {
		s.head = append(make([]byte, 0, len(s.head)), s.head...)
	}
	if s.file != nil {
		if err := s.file.Close(); err != nil {
			s.spool.failed(fmt.Errorf("closing the spool file: %w", err))
		}
		s.file = nil
	}
}

// remove deletes the spool file.
func (s *byteStore) remove() {
	if s.file != nil {
		_ = s.file.Close()
		s.file = nil
	}
	if s.path != "" {
		if err := os.Remove(s.path); err != nil && !os.IsNotExist(err) {
			s.spool.failed(fmt.Errorf("removing a spool file: %w", err))
		}
	}
}

func (s *byteStore) memory() int64 { return int64(cap(s.head) + cap(s.tail)) }

func (s *byteStore) disk() int64 {
	if s.path == "" {
		return 0
	}
	return s.spilled - int64(len(s.head))
}

// spool is the folder of the spool files.
type spool struct {
	dir string
	// temporary says that dir is ours to make up and to remove.
	temporary bool
	failed    func(error)
	// closed says that no file may be made any more: a cell that outlives the
	// handler would leave it behind.
	closed atomic.Bool
}

// SpoolPrefix begins the path of the folder in which a Handler of this process keeps
// long output unless Options.SpoolDir names one.
func SpoolPrefix() string {
	return filepath.Join(os.TempDir(), fmt.Sprintf("mrmd-python-%d-", os.Getpid()))
}

// create makes a new spool file that only the runtime's user can read.
func (s *spool) create() (*os.File, error) {
	if s.closed.Load() {
		return nil, errors.New("the runtime has stopped keeping output")
	}
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return nil, fmt.Errorf("making the spool folder: %w", err)
	}
	file, err := os.CreateTemp(s.dir, "output-*.spool")
	if err != nil {
		return nil, fmt.Errorf("making a spool file: %w", err)
	}
	return file, nil
}

// removeAll deletes what is left of the spool files, and the folder when it is
// ours.
func (s *spool) removeAll() {
	s.closed.Store(true)
	if s.temporary {
		_ = os.RemoveAll(s.dir)
		return
	}
	files, _ := filepath.Glob(filepath.Join(s.dir, "output-*.spool"))
	for _, file := range files {
		_ = os.Remove(file)
	}
}

// readSpool reads up to len(buffer) bytes at an offset of a spool file.
func readSpool(path string, at int64, buffer []byte) (int, error) {
	file, err := os.Open(path)
	if err != nil {
		return 0, fmt.Errorf("reading back output: %w", err)
	}
	defer file.Close()
	n, err := file.ReadAt(buffer, at)
	if n > 0 || err == nil {
		return n, nil
	}
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return 0, fmt.Errorf("reading back output: %w", err)
}
