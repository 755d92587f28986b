package daemonize

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"time"
)

// maxTailBytes bounds what is read to find the last lines of a log.
const maxTailBytes = 1 << 20

// followPause is how often a followed log is looked at, in which a person sees no
// delay.
const followPause = 100 * time.Millisecond

// LastLines gives the last lines of the log at path, at most count, without their
// line ends; when it was rotated of late, the file before it makes up what is
// missing. A log that is not there has no lines.
func LastLines(path string, count int) ([]string, error) {
	lines, err := linesFrom(path, 0, count)
	if err != nil || len(lines) >= count {
		return lines, err
	}
	earlier, err := linesFrom(path+".1", 0, count-len(lines))
	return append(earlier, lines...), err
}

// linesFrom gives at most count last lines of what stands in the file after offset.
// A file that is shorter than that was begun anew and is read from the start.
func linesFrom(path string, offset int64, count int) ([]string, error) {
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the log: %w", err)
	}
	defer func() { _ = file.Close() }()
	info, err := file.Stat()
	if err != nil {
		return nil, fmt.Errorf("read the log: %w", err)
	}
	if offset > info.Size() {
		offset = 0
	}
	start := max(offset, info.Size()-maxTailBytes)
	text, err := io.ReadAll(io.NewSectionReader(file, start, info.Size()-start))
	if err != nil {
		return nil, fmt.Errorf("read the log: %w", err)
	}
	if start > offset {
		// The first line is most likely a part of one.
		_, text, _ = bytes.Cut(text, []byte("\n"))
	}
	if len(text) == 0 || count <= 0 {
		return nil, nil
	}
	lines := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
	return lines[max(0, len(lines)-count):], nil
}

// Follow writes the last lines of the log at path to out, at most count, and then
// what is appended to it, from file to file when it is rotated, until ctx ends,
// which is no error. It waits for a log that is not there yet.
func Follow(ctx context.Context, path string, count int, out io.Writer) error {
	var file *os.File
	defer func() {
		if file != nil {
			_ = file.Close()
		}
	}()
	for {
		if file == nil {
			opened, err := openToFollow(path, count)
			if err != nil {
				return err
			}
			file = opened
		}
		if file != nil {
			if err := copyAppended(file, out); err != nil {
				return err
			}
			if next, err := successor(file, path); err != nil || next != nil {
				// What was written just before the rename comes first.
				err = errors.Join(err, copyAppended(file, out), file.Close())
				file = next
				if err != nil {
					return err
				}
				continue
			}
		}
		// From now on the log is shown from its first line.
		count = -1
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(followPause):
		}
	}
}

// openToFollow opens the log with count last lines before it, all of them when count
// is below 0, or gives nil when there is no log.
func openToFollow(path string, count int) (*os.File, error) {
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("follow the log: %w", err)
	}
	if count < 0 {
		return file, nil
	}
	offset, err := offsetOfLastLines(file, count)
	if err == nil {
		_, err = file.Seek(offset, io.SeekStart)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("follow the log: %w", err), file.Close())
	}
	return file, nil
}

func offsetOfLastLines(file *os.File, count int) (int64, error) {
	end, err := file.Seek(0, io.SeekEnd)
	if err != nil || count == 0 {
		return end, err
	}
	start := max(0, end-maxTailBytes)
	text := make([]byte, end-start)
	if _, err := file.ReadAt(text, start); err != nil && !errors.Is(err, io.EOF) {
		return 0, err
	}
	// The last byte is, as a rule, the end of the last line.
	for position := len(text) - 2; position >= 0; position-- {
		if text[position] != '\n' {
			continue
		}
		if count--; count == 0 {
			return start + int64(position) + 1, nil
		}
	}
	return start, nil
}

func copyAppended(file *os.File, out io.Writer) error {
	position, err := file.Seek(0, io.SeekCurrent)
	if err == nil {
		var info fs.FileInfo
		if info, err = file.Stat(); err == nil && info.Size() < position {
			_, err = file.Seek(0, io.SeekStart)
		}
	}
	if err == nil {
		_, err = io.Copy(out, file)
	}
	if err != nil {
		return fmt.Errorf("follow the log: %w", err)
	}
	return nil
}

// successor opens the file that bears the log's name when that is no longer file.
func successor(file *os.File, path string) (*os.File, error) {
	current, err := file.Stat()
	if err != nil {
		return nil, fmt.Errorf("follow the log: %w", err)
	}
	named, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) || err == nil && os.SameFile(current, named) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("follow the log: %w", err)
	}
	return openToFollow(path, -1)
}
