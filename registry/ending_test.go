package registry

import (
	"strings"
	"testing"

	"github.com/mrmd/mrmd-python/daemonize/process"
)

func TestHowEnded(t *testing.T) {
	boot, err := process.BootID()
	if err != nil {
		t.Fatal(err)
	}
	killed, err := oomKills()
	if err != nil {
		t.Fatal(err)
	}
	fatal := []string{"Fatal Python error: ", "panic: "}
	trace := []string{
		`time="x" level=info msg="started" pid=4194001`,
		"Fatal Python error: Segmentation fault",
		"", "Current thread 0x00007f (most recent call first):",
	}
	foreign := []string{"panic: of an earlier run", `time=x level=info msg="started" pid=17`, "panic: of that run"}
	killedLater := append(foreign, `time=x level=info msg=started pid=4194001 url="http://localhost:1"`)
	talkative := append(trace[:1:1], `time="x" msg="output between cells" pid=4194001 text="worker pid=17 \" pid=18"`, trace[1])
	dead := Entry{PID: 4194001, StartTime: 5, BootID: boot}
	for _, test := range []struct {
		name  string
		entry Entry
		lines []string
		want  string
	}{
		{"no pid", Entry{}, nil, "its entry names no process"},
		{"reboot", Entry{PID: 4194001, StartTime: 5, BootID: "x"}, trace, "the machine was started anew"},
		{"crash", dead, trace, "it crashed: Fatal Python error: Segmentation fault"},
		{"earlier run", dead, foreign, "most likely by SIGKILL"},
		{"killed after an earlier run", dead, killedLater, "most likely by SIGKILL"},
		{"crash after an earlier run", dead, append(foreign, trace...), "it crashed: Fatal Python error: Segmentation fault"},
		{"pids in the output", dead, talkative, "it crashed: Fatal Python error: Segmentation fault"},
		{"state", Entry{PID: 4194001, BootID: boot, State: "stopping: SIGTERM"}, nil, "while it said: stopping: SIGTERM"},
		{"none ended for memory", Entry{PID: 4194001, BootID: boot, OOMKills: &killed}, nil, "most likely by SIGKILL"},
	} {
		if got := HowEnded(test.entry, test.lines, fatal); !strings.Contains(got, test.want) {
			t.Errorf("%s: %q, want %q in it", test.name, got, test.want)
		}
	}
}

func TestHowEndedOfALivingRuntime(t *testing.T) {
	store := newStore(t)
	claim := mustClaim(t, store, "x")
	mustPublish(t, claim, Entry{})
	if got := HowEnded(claim.Entry(), nil, nil); got != "it is running" {
		t.Errorf("HowEnded = %q", got)
	}
}

func TestEndedWithoutTrace(t *testing.T) {
	if got := endedWithoutTrace(2); !strings.Contains(got, "most likely for want of memory: on this machine 2 processes") {
		t.Errorf("endedWithoutTrace(2) = %q", got)
	}
}

func TestOOMLineIsOfTheVeryProcess(t *testing.T) {
	log := strings.Join([]string{
		"<6>[   10.0] Out of memory: Killed process 71 (mrmd-python-cp3) total-vm:9kB",
		"<6>[   11.0] Memory cgroup out of memory: Killed process 71 (mrmd-python-cp3) total-vm:8kB, anon-rss:1kB",
		"<6>[   12.0] Out of memory: Killed process 711 (mrmd-python-cp3) total-vm:7kB",
		"<6>[   13.0] Out of memory: Killed process 71 (chrome) total-vm:6kB",
	}, "\n")
	got := oomLine(log, Entry{PID: 71, Executable: "/usr/bin/mrmd-python-cp312"})
	if got != "Memory cgroup out of memory: Killed process 71 (mrmd-python-cp3) total-vm:8kB, anon-rss:1kB" {
		t.Errorf("oomLine = %q", got)
	}
	if got := oomLine(log, Entry{PID: 71}); got != "" {
		t.Errorf("oomLine without a name = %q", got)
	}
}
