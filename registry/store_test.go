package registry

import (
	"errors"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

func TestFindHome(t *testing.T) {
	t.Setenv("HOME", "/home/someone")
	t.Setenv("MRMD_HOME", "")
	if home, err := FindHome(); err != nil || home != (Home{Dir: "/home/someone/.mrmd"}) {
		t.Errorf("FindHome() = %+v, %v", home, err)
	}
	t.Chdir(t.TempDir())
	cwd, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("MRMD_HOME", "here")
	if home, err := FindHome(); err != nil || home != (Home{Dir: filepath.Join(cwd, "here"), Chosen: true}) {
		t.Errorf("FindHome() with MRMD_HOME = %+v, %v", home, err)
	}
	t.Setenv("MRMD_HOME", "")
	t.Setenv("HOME", "")
	known, err := user.LookupId(strconv.Itoa(os.Getuid()))
	if err != nil {
		t.Fatal(err)
	}
	if home, err := FindHome(); err != nil || home != (Home{Dir: filepath.Join(known.HomeDir, ".mrmd")}) {
		t.Errorf("FindHome() without HOME = %+v, %v", home, err)
	}
}

func TestReadingMakesNothing(t *testing.T) {
	store := newStore(t)
	entries, problems, err := store.List()
	if len(entries)+len(problems) != 0 || err != nil {
		t.Errorf("List of nothing = %v, %v, %v", entries, problems, err)
	}
	if _, err := store.Get("x"); !errors.Is(err, ErrNotFound) {
		t.Errorf("Get = %v", err)
	}
	if _, err := os.Stat(store.home.Dir); !os.IsNotExist(err) {
		t.Errorf("the home folder was made: %v", err)
	}
}

func TestListPassesOverWhatIsNoEntry(t *testing.T) {
	store := newStore(t)
	writeFile(t, store, "d1.json", entryOf042)
	writeFile(t, store, "copy.json", entryOf042)
	writeFile(t, store, "torn.json", entryOf042[:40])
	writeFile(t, store, "empty.json", "")
	writeFile(t, store, "notes.txt", "no entry")
	writeFile(t, store, ".json", `{"id": "", "pid": 4194000}`)
	writeFile(t, store, "huge.json", `{"id": "huge", "x": "`+strings.Repeat("x", maxEntryBytes)+`"}`)
	path := func(name string) string { return filepath.Join(store.runtimesDir(), name) }
	for name, make := range map[string]func() error{
		"folder.json": func() error { return os.Mkdir(path("folder.json"), 0o700) },
		"pipe.json":   func() error { return syscall.Mkfifo(path("pipe.json"), 0o600) },
		"link.json":   func() error { return os.Symlink(path("d1.json"), path("link.json")) },
	} {
		if err := make(); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	entries, problems, err := store.List()
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != 2 || entries[0].ID != "" || entries[1].ID != "d1" {
		t.Errorf("entries: %+v", entries)
	}
	var passedOver []string
	for _, problem := range problems {
		passedOver = append(passedOver, filepath.Base(problem.Path))
	}
	if got, want := strings.Join(passedOver, " "), "copy.json empty.json folder.json huge.json link.json pipe.json torn.json"; got != want {
		t.Errorf("passed over %s\nwant        %s", got, want)
	}
	var problem Problem
	if _, err := store.Get("torn"); !errors.As(err, &problem) {
		t.Errorf("Get of a torn entry = %v", err)
	}
}

func TestGetTellsIDsOfOneFileApart(t *testing.T) {
	store := newStore(t)
	mustPublish(t, mustClaim(t, store, "a:b"), Entry{})
	if entry, err := store.Get("a:b"); err != nil || entry.ID != "a:b" {
		t.Errorf("Get = %+v, %v", entry, err)
	}
	for _, id := range []string{"a_b", "a/b", "", strings.Repeat("x", 5000), "a\x00b"} {
		if _, err := store.Get(id); !errors.Is(err, ErrNotFound) {
			t.Errorf("Get(%q) = %v, want ErrNotFound", shortened(id), err)
		}
	}
}

func TestFilesAndFoldersArePrivate(t *testing.T) {
	defer syscall.Umask(syscall.Umask(0))
	store := newStore(t)
	writeFile(t, store, "x.json", strings.Replace(entryOf042, "d1", "x", 1))
	for _, dir := range []string{store.runtimesDir(), store.logsDir(), store.locksDir()} {
		if err := os.Chmod(dir, 0o777); err != nil {
			t.Fatal(err)
		}
	}
	mustPublish(t, mustClaim(t, store, "x"), Entry{})
	logPath, err := store.LogPath("a:x")
	if err != nil || logPath != filepath.Join(store.logsDir(), "a_x.log") {
		t.Errorf("LogPath = %q, %v", logPath, err)
	}
	for _, dir := range []string{store.home.Dir, store.runtimesDir(), store.logsDir(), store.locksDir()} {
		if got := mode(t, dir); got != 0o700 {
			t.Errorf("%s has mode %o", dir, got)
		}
	}
	if got := mode(t, store.entryPath("x")); got != 0o600 {
		t.Errorf("the entry has mode %o", got)
	}
}

func TestHomeIsTightenedUnlessChosen(t *testing.T) {
	for _, chosen := range []bool{false, true} {
		dir := filepath.Join(t.TempDir(), ".mrmd")
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		mustClaim(t, Open(Home{Dir: dir, Chosen: chosen}), "x")
		want := os.FileMode(0o700)
		if chosen {
			want = 0o755
		}
		if got := mode(t, dir); got != want {
			t.Errorf("chosen %t: the home folder has mode %o, want %o", chosen, got, want)
		}
	}
}

func TestUnwritableHomeSaysWhatToDo(t *testing.T) {
	inTheWay := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(inTheWay, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{inTheWay, filepath.Join(inTheWay, ".mrmd"), "/proc/self/.mrmd"} {
		_, err := Open(Home{Dir: dir}).Claim(t.Context(), "x")
		if err == nil || !strings.Contains(err.Error(), dir) || !strings.Contains(err.Error(), "set MRMD_HOME") {
			t.Errorf("Claim with home %s = %v", dir, err)
		}
	}
}

func TestRemove(t *testing.T) {
	store := newStore(t)
	writeFile(t, store, "d1.json", entryOf042)
	dead, err := store.Get("d1")
	if err != nil {
		t.Fatal(err)
	}
	if err := store.Remove(t.Context(), dead, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Get("d1"); !errors.Is(err, ErrNotFound) {
		t.Errorf("after Remove, Get = %v", err)
	}
	if err := store.Remove(t.Context(), dead, nil); err != nil {
		t.Errorf("a second Remove = %v", err)
	}
	leftOver, err := os.ReadDir(store.locksDir())
	if err != nil || len(leftOver) != 0 {
		t.Errorf("locks left over: %v, %v", leftOver, err)
	}
}

func TestRemoveLeavesTheEntryOfANewRuntime(t *testing.T) {
	store := newStore(t)
	mustPublish(t, mustClaim(t, store, "x"), Entry{})
	if err := store.Remove(t.Context(), Entry{ID: "x", PID: 4194000}, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Get("x"); err != nil {
		t.Errorf("the new runtime's entry is gone: %v", err)
	}
}

func TestRemoveLeavesAnEntryThatReplacedTheDeadOne(t *testing.T) {
	store := newStore(t)
	writeFile(t, store, "d1.json", entryOf042)
	if err := store.Remove(t.Context(), Entry{ID: "d1", PID: 4194000}, nil); err != nil {
		t.Fatal(err)
	}
	if entry, err := store.Get("d1"); err != nil || entry.PID != 7125 {
		t.Errorf("Get = %+v, %v", entry, err)
	}
}
