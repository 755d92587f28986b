package registry

import (
	"os"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestTouchIsWrittenInTheBackground(t *testing.T) {
	store := newStore(t)
	store.ActivityInterval = 0
	claim := mustClaim(t, store, "x")
	mustPublish(t, claim, Entry{LastActivity: NewTimestamp(time.Unix(0, 0))})
	before := time.Now().Add(-time.Microsecond)
	claim.Touch()
	waitUntil(t, "lastActivity is the time of Touch", func() bool {
		at, ok := mustGet(t, store, "x").LastActivity.Time()
		return ok && at.After(before)
	})
}

func TestTouchesWithinTheIntervalAreOneWrite(t *testing.T) {
	store := newStore(t)
	store.ActivityInterval = time.Hour
	claim := mustClaim(t, store, "x")
	mustPublish(t, claim, Entry{})
	published := lastWrite(t, store, "x")
	var cells sync.WaitGroup
	for range 8 {
		cells.Go(func() {
			for range 1000 {
				claim.Touch()
			}
		})
	}
	cells.Wait()
	if lastWrite(t, store, "x") != published {
		t.Error("the file was written within the interval")
	}
	before := mustGet(t, store, "x").LastActivity
	if err := claim.Flush(); err != nil {
		t.Fatal(err)
	}
	if after := mustGet(t, store, "x").LastActivity; after <= before {
		t.Errorf("after Flush lastActivity is %s, and was %s", after, before)
	}
	flushed := lastWrite(t, store, "x")
	if err := claim.Flush(); err != nil || lastWrite(t, store, "x") != flushed {
		t.Errorf("a Flush of nothing wrote the file or failed: %v", err)
	}
}

func TestRewritingKeepsWhatOthersAdded(t *testing.T) {
	store := newStore(t)
	claim := mustClaim(t, store, "x")
	mustPublish(t, claim, Entry{})
	text := string(mustGet(t, store, "x").Raw)
	writeFile(t, store, "x.json", strings.Replace(text, "{", `{"pinned": true,`, 1))
	if err := claim.Update(func(entry *Entry) { entry.State = "stopping: SIGTERM" }); err != nil {
		t.Fatal(err)
	}
	entry := mustGet(t, store, "x")
	if entry.State != "stopping: SIGTERM" || !strings.Contains(string(entry.Raw), `"pinned": true`) {
		t.Errorf("rewritten as %s", entry.Raw)
	}
	if claim.Entry().State != entry.State {
		t.Errorf("Entry() = %+v", claim.Entry())
	}
}

func TestRemovedEntryIsWrittenAnew(t *testing.T) {
	store := newStore(t)
	claim := mustClaim(t, store, "x")
	mustPublish(t, claim, Entry{})
	if err := os.RemoveAll(store.runtimesDir()); err != nil {
		t.Fatal(err)
	}
	claim.Touch()
	if err := claim.Flush(); err != nil {
		t.Fatal(err)
	}
	if entry := mustGet(t, store, "x"); !entry.Alive() {
		t.Errorf("written anew as %s", entry.Raw)
	}
}

func TestEntryOfAnotherLivingRuntimeIsLeftAlone(t *testing.T) {
	store := newStore(t)
	claim := mustClaim(t, store, "x")
	mustPublish(t, claim, Entry{})
	other := startRole(t, "runtime", newStore(t).home.Dir, "x")
	if line := other.line(); line != "published" {
		t.Fatal(line)
	}
	foreign, err := Open(Home{Dir: other.home()}).Get("x")
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, store, "x.json", string(foreign.Raw))
	claim.Touch()
	err = claim.Flush()
	if err == nil || !strings.Contains(err.Error(), "has put its own in its place") {
		t.Errorf("Flush = %v", err)
	}
	if entry := mustGet(t, store, "x"); entry.PID != foreign.PID {
		t.Errorf("the other's entry was overwritten: %s", entry.Raw)
	}
}

func TestTouchBeforePublishAndAfterReleaseWritesNothing(t *testing.T) {
	store := newStore(t)
	claim := mustClaim(t, store, "x")
	claim.Touch()
	if err := claim.Flush(); err != nil {
		t.Fatal(err)
	}
	mustPublish(t, claim, Entry{})
	if err := claim.Release(); err != nil {
		t.Fatal(err)
	}
	claim.Touch()
	if err := claim.Flush(); err != nil {
		t.Fatal(err)
	}
	if entries, problems, err := store.List(); len(entries)+len(problems) != 0 || err != nil {
		t.Errorf("List = %v, %v, %v", entries, problems, err)
	}
}

func (p *runtimeProcess) home() string {
	p.t.Helper()
	for _, variable := range p.cmd.Env {
		if home, found := strings.CutPrefix(variable, "MRMD_HOME="); found {
			return home
		}
	}
	p.t.Fatal("the process has no home")
	return ""
}

func mustGet(t *testing.T, store *Store, id string) Entry {
	t.Helper()
	entry, err := store.Get(id)
	if err != nil {
		t.Fatal(err)
	}
	return entry
}

// fileWritten tells one write from the next: each makes a new file, and gives it a
// time even where the number of the file before last is used again.
type fileWritten struct {
	inode inode
	at    time.Time
}

func lastWrite(t *testing.T, store *Store, id string) fileWritten {
	t.Helper()
	number, err := inodeAt(store.entryPath(id))
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(store.entryPath(id))
	if err != nil {
		t.Fatal(err)
	}
	return fileWritten{inode: number, at: info.ModTime()}
}
