package registry

import (
	"testing"
	"time"

	"github.com/mrmd/mrmd-python/daemonize/process"
)

func TestRuntimeOf042IsAlive(t *testing.T) {
	sleeper := startSleeper(t, "/opt/venv/bin/mrmd-python")
	stat, err := process.Read(sleeper.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	started := startOf(t, stat.Identity)
	for _, test := range []struct {
		name    string
		created time.Time
		alive   bool
	}{
		{"created as the process started", started, true},
		{"created long after, as by a process that took its time", started.Add(time.Hour), true},
		{"created before the process started", started.Add(-time.Minute), false},
	} {
		entry := Entry{ID: "x", PID: stat.PID, Created: NewTimestamp(test.created)}
		if got := entry.Alive(); got != test.alive {
			t.Errorf("%s: alive %t, want %t", test.name, got, test.alive)
		}
	}
}

func TestEntryWithoutBootIDIsKnownByItsStartTime(t *testing.T) {
	self, err := process.Self()
	if err != nil {
		t.Fatal(err)
	}
	if !(Entry{PID: self.PID, StartTime: self.StartTicks}).Alive() {
		t.Error("this process is said to have ended")
	}
	if (Entry{PID: self.PID, StartTime: self.StartTicks + 1}).Alive() {
		t.Error("another start time is taken for this process's")
	}
}

func startOf(t *testing.T, id process.Identity) time.Time {
	t.Helper()
	started, err := id.StartedAt()
	if err != nil {
		t.Fatal(err)
	}
	return started
}
