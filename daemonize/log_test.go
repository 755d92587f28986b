package daemonize

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

func openTestLog(t *testing.T, path string, limits LogLimits, followers ...int) *Log {
	t.Helper()
	log, err := OpenLog(path, limits, followers...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = log.Close() })
	return log
}

// newFollower gives a descriptor as standard error is one.
func newFollower(t *testing.T) int {
	t.Helper()
	descriptor, err := unix.Open(os.DevNull, unix.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Close(descriptor) })
	return descriptor
}

func write(t *testing.T, log *Log, text string) {
	t.Helper()
	if written, err := io.WriteString(log, text); err != nil || written != len(text) {
		t.Fatalf("Write = %d, %v", written, err)
	}
}

func TestRotationKeepsTheNewest(t *testing.T) {
	defer syscall.Umask(syscall.Umask(0))
	path := filepath.Join(t.TempDir(), "x.log")
	if err := os.WriteFile(path, []byte("0\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	log := openTestLog(t, path, LogLimits{MaxBytes: 4, Keep: 2})
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("an earlier log is left with %v, %v", info.Mode(), err)
	}
	for number := 1; number < 10; number++ {
		write(t, log, fmt.Sprintf("%d\n", number))
	}
	write(t, log, "longer than the limit\n")
	for name, want := range map[string]string{"": "longer than the limit\n", ".1": "8\n9\n", ".2": "6\n7\n"} {
		if got, err := os.ReadFile(path + name); err != nil || string(got) != want {
			t.Errorf("x.log%s: %q, %v; want %q", name, got, err, want)
		}
		if info, err := os.Stat(path + name); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("x.log%s: %v, %v", name, info.Mode(), err)
		}
	}
	if files, err := filepath.Glob(path + "*"); err != nil || len(files) != 3 {
		t.Errorf("files: %v, %v", files, err)
	}
	lines, err := LastLines(path, 4)
	if want := []string{"8", "9", "longer than the limit"}; err != nil || !slices.Equal(lines, want) {
		t.Errorf("LastLines = %q, %v; want %q", lines, err, want)
	}
	if lines, err := LastLines(path, 1); err != nil || len(lines) != 1 {
		t.Errorf("LastLines(1) = %q, %v", lines, err)
	}
	if lines, err := LastLines(path+"x", 1); err != nil || len(lines) != 0 {
		t.Errorf("LastLines of no log = %q, %v", lines, err)
	}
}

func TestNothingIsLostWhileWritersGoOn(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.log")
	follower := newFollower(t)
	log := openTestLog(t, path, LogLimits{MaxBytes: 500, Keep: 1000}, follower)
	const lines = 2000
	var writers sync.WaitGroup
	writers.Go(func() {
		for number := range lines {
			_, _ = fmt.Fprintf(log, "log %d\n", number)
		}
	})
	writers.Go(func() {
		for number := range lines {
			_, _ = unix.Write(follower, fmt.Appendf(nil, "descriptor %d\n", number))
		}
	})
	writers.Wait()
	files, err := filepath.Glob(path + "*")
	if err != nil || len(files) < 10 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	seen := map[string]int{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			seen[line]++
		}
	}
	for _, writer := range []string{"log", "descriptor"} {
		for number := range lines {
			if line := fmt.Sprintf("%s %d\n", writer, number); seen[line] != 1 {
				t.Fatalf("%q is there %d times", line, seen[line])
			}
		}
	}
	if len(seen) != 2*lines {
		t.Errorf("there are %d lines, want %d", len(seen), 2*lines)
	}
}

func TestFollowersKeepCloseOnExec(t *testing.T) {
	inherited, private := newFollower(t), newFollower(t)
	unix.CloseOnExec(private)
	path := filepath.Join(t.TempDir(), "x.log")
	log := openTestLog(t, path, LogLimits{MaxBytes: 1, Keep: 1}, inherited, private)
	if _, err := unix.Write(inherited, []byte("by descriptor\n")); err != nil {
		t.Fatal(err)
	}
	if err := log.RotateIfFull(); err != nil {
		t.Fatal(err)
	}
	for descriptor, want := range map[int]int{inherited: 0, private: unix.FD_CLOEXEC} {
		if flags, err := unix.FcntlInt(uintptr(descriptor), unix.F_GETFD, 0); err != nil || flags != want {
			t.Errorf("descriptor %d has flags %d, %v; want %d", descriptor, flags, err, want)
		}
	}
	if text, err := os.ReadFile(path + ".1"); err != nil || string(text) != "by descriptor\n" {
		t.Errorf("the earlier file: %q, %v", text, err)
	}
	if err := log.RotateIfFull(); err != nil {
		t.Fatal(err)
	}
	for _, descriptor := range []int{inherited, private} {
		if _, err := unix.Write(descriptor, []byte("again\n")); err != nil {
			t.Fatal(err)
		}
	}
	if text, err := os.ReadFile(path); err != nil || string(text) != "again\nagain\n" {
		t.Errorf("the new file: %q, %v", text, err)
	}
	if text, err := os.ReadFile(path + ".1"); err != nil || string(text) != "by descriptor\n" {
		t.Errorf("a log that is not full was rotated: %q, %v", text, err)
	}
}

func TestLogThatCanNotBeRotatedIsWrittenOn(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "logs")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	log := openTestLog(t, filepath.Join(dir, "x.log"), LogLimits{MaxBytes: 1, Keep: 1})
	write(t, log, "one\n")
	kept, err := os.Open(filepath.Join(dir, "x.log"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = kept.Close() }()
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if written, err := io.WriteString(log, "two\n"); written != 4 || err == nil {
		t.Errorf("Write = %d, %v", written, err)
	}
	if text, err := io.ReadAll(kept); err != nil || string(text) != "one\ntwo\n" {
		t.Errorf("the file that was removed: %q, %v", text, err)
	}
}

func TestLimitsThatAreNone(t *testing.T) {
	for _, limits := range []LogLimits{{MaxBytes: 0, Keep: 1}, {MaxBytes: 1, Keep: -1}} {
		if _, err := OpenLog(filepath.Join(t.TempDir(), "x"), limits); err == nil {
			t.Errorf("OpenLog took %+v", limits)
		}
	}
}

func TestLogWithoutEarlierFiles(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.log")
	log := openTestLog(t, path, LogLimits{MaxBytes: 1})
	write(t, log, "one\n")
	write(t, log, "two\n")
	if text, err := os.ReadFile(path); err != nil || string(text) != "two\n" {
		t.Errorf("the log: %q, %v", text, err)
	}
	if files, err := filepath.Glob(path + "*"); err != nil || len(files) != 1 {
		t.Errorf("files: %v, %v", files, err)
	}
}

// sharedBuffer is a writer that may be looked at meanwhile.
type sharedBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *sharedBuffer) Write(text []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(text)
}

func (b *sharedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

func TestFollow(t *testing.T) {
	for _, test := range []struct {
		name   string
		before string
		count  int
		first  string
	}{
		{"last two", "1\n2\n3\n", 2, "2\n3\n"},
		{"more than there are", "1\n2\n", 9, "1\n2\n"},
		{"a line without an end", "1\n2", 1, "2"},
		{"an empty log", "", 5, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "x.log")
			if err := os.WriteFile(path, []byte(test.before), 0o600); err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			out := &sharedBuffer{}
			ended := make(chan error, 1)
			go func() { ended <- Follow(ctx, path, test.count, out) }()
			waitUntil(t, "the last lines are shown", func() bool { return out.String() == test.first })
			// One line at a time: a log that rotates faster than it is looked at loses
			// sight of the files between.
			want := test.first
			log := openTestLog(t, path, LogLimits{MaxBytes: 6, Keep: 1})
			for number := range 5 {
				line := fmt.Sprintf("line %d\n", number)
				want += line
				write(t, log, line)
				waitUntil(t, "the line is shown", func() bool { return strings.HasSuffix(out.String(), line) })
			}
			if got := out.String(); got != want {
				t.Errorf("shown: %q, want %q", got, want)
			}
			cancel()
			if err := <-ended; err != nil {
				t.Error(err)
			}
		})
	}
}

func TestFollowFromTheEnd(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.log")
	if err := os.WriteFile(path, []byte("1\n2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	out := &sharedBuffer{}
	if err := Follow(ended, path, 0, out); err != nil || out.String() != "" {
		t.Errorf("shown: %q, %v", out.String(), err)
	}
}

func TestFollowWaitsForALog(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.log")
	ctx, cancel := context.WithCancel(t.Context())
	out := &sharedBuffer{}
	ended := make(chan error, 1)
	go func() { ended <- Follow(ctx, path, 5, out) }()
	write(t, openTestLog(t, path, LogLimits{MaxBytes: 100}), "first\n")
	waitUntil(t, "the first line is shown", func() bool { return out.String() == "first\n" })
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
