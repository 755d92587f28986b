package daemonize

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mrmd/mrmd-python/daemonize/process"
)

// TestRecordedDescendantsOutliveTheirRootOnlyUntilTheyAreEnded has a root killed, which
// can end nothing itself.
func TestRecordedDescendantsOutliveTheirRootOnlyUntilTheyAreEnded(t *testing.T) {
	path := filepath.Join(t.TempDir(), "record")
	root := newPart(t, "recorder", path, familyScript)
	root.start()
	family := root.pids(6)
	waitUntil(t, "the family is recorded", func() bool {
		recorded, err := readRecord(path)
		return err == nil && !slices.ContainsFunc(family, func(pid int) bool {
			return !slices.ContainsFunc(recorded, func(one process.Identity) bool { return one.PID == pid })
		})
	})
	if err := root.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = root.cmd.Wait()
	ended, err := StopRecorded(t.Context(), path, StopOptions{DescendantsGrace: 50 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	if left := marked(t); len(left) != 0 {
		t.Errorf("still there: %+v", left)
	}
	for _, pid := range family {
		if !slices.ContainsFunc(ended, func(one Ended) bool { return one.PID == pid }) {
			t.Errorf("process %d of the family is not among %v", pid, ended)
		}
	}
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		t.Errorf("the record is still there: %v", err)
	}
	if ended, err := StopRecorded(t.Context(), path, StopOptions{}); err != nil || len(ended) != 0 {
		t.Errorf("without a record: %v, %v", ended, err)
	}
}

// TestRecordOfStrangers has a record name what it must not end.
func TestRecordOfStrangers(t *testing.T) {
	stranger := newPart(t, "root", "sleep 1000 & echo $!", "exit")
	stranger.start()
	pid := stranger.pids(1)[0]
	stat, err := process.Read(pid)
	if err != nil {
		t.Fatal(err)
	}
	boot, err := process.BootID()
	if err != nil {
		t.Fatal(err)
	}
	line := fmt.Sprintf("%d %d\n", pid, stat.StartTicks)
	for name, test := range map[string]struct {
		text  string
		spare func(process.Stat) bool
	}{
		"another start time": {boot + "\n" + fmt.Sprintf("%d %d\n", pid, stat.StartTicks-1), nil},
		"another boot":       {"x\n" + line, nil},
		"a cut line":         {boot + "\n" + strings.TrimSuffix(line, "\n"), nil},
		"no record":          {"\x00\xff", nil},
		"spared":             {boot + "\n" + line, func(one process.Stat) bool { return one.PID == pid }},
		"the killer":         {boot + "\n" + selfLine(t), nil},
		"init":               {boot + "\n1 0\n", nil},
	} {
		path := filepath.Join(t.TempDir(), "record")
		if err := os.WriteFile(path, []byte(test.text), 0o600); err != nil {
			t.Fatal(err)
		}
		ended, err := StopRecorded(t.Context(), path, StopOptions{Spare: test.spare})
		if err != nil || len(ended) != 0 {
			t.Errorf("%s: it ended %v, %v", name, ended, err)
		}
		if !stat.Identity.Living() {
			t.Fatalf("%s: the stranger was ended", name)
		}
	}
}

func selfLine(t *testing.T) string {
	t.Helper()
	self, err := process.Self()
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%d %d\n", self.PID, self.StartTicks)
}

// TestRecordForgetsTheEnded writes more lines than a record holds of the ended.
func TestRecordForgetsTheEnded(t *testing.T) {
	path := filepath.Join(t.TempDir(), "record")
	record, err := OpenRecord(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	// A child, without which nobody is looked for.
	living := newPart(t, "root", "echo started", "exit")
	living.start()
	for pid := range recordSlack + 8 {
		if err := record.add(process.Identity{PID: 1<<22 + pid, StartTicks: 1}); err != nil {
			t.Fatal(err)
		}
	}
	if err := record.look(); err != nil {
		t.Fatal(err)
	}
	recorded, err := readRecord(path)
	if err != nil || len(recorded) > 8 || !slices.Contains(recorded, living.identity()) {
		t.Errorf("it names %d processes: %v", len(recorded), err)
	}
	if err := record.Remove(); err != nil {
		t.Error(err)
	}
	if err := record.Started(os.Getpid()); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		t.Errorf("the record is still there: %v", err)
	}
}
