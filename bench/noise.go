package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// What a row may show of other work on the machine before it is not to be trusted.
const (
	// mostForeign is the CPU time others used, in cores.
	mostForeign = 0.15
	// mostSteal is the part of the CPUs' time that the hypervisor gave to others.
	mostSteal = 0.02
	// mostCalibration is how much longer the calibration loop took than at its best
	// in the whole run; mostWander how wide its quarters are.
	mostCalibration = 1.15
	mostWander      = 0.15
	// mostDisagreement is how wide the quarters of the row's own rounds may be.
	mostDisagreement = 0.25
)

// noise is what was seen of the machine while a row was measured.
type noise struct {
	// Calibration is of a loop of fixed work between the blocks, in ms.
	Calibration spread `json:"calibration_ms"`
	// Steal is a part of all CPU time, Foreign in cores, Load the load average.
	Steal   float64 `json:"steal"`
	Foreign float64 `json:"foreign_cores"`
	Load    float64 `json:"load_average"`
	Seconds float64 `json:"seconds"`
}

// reasons says why a row's figures are not to be trusted, given the best calibration
// of the whole run.
func (n noise) reasons(best float64) []string {
	var reasons []string
	if n.Foreign > mostForeign {
		reasons = append(reasons, fmt.Sprintf("other programs used %.0f %% of a core", 100*n.Foreign))
	}
	if n.Steal > mostSteal {
		reasons = append(reasons, fmt.Sprintf("the hypervisor took %.0f %% of the CPUs", 100*n.Steal))
	}
	if slower := n.Calibration.Median / best; slower > mostCalibration {
		reasons = append(reasons, fmt.Sprintf("the calibration loop took %.2f times its best", slower))
	}
	if wander := n.Calibration.relative(); wander > mostWander {
		reasons = append(reasons, fmt.Sprintf("the calibration loop wandered by %.0f %%", 100*wander))
	}
	return reasons
}

// calibrate times a loop of arithmetic that takes about 3 ms, in ms.
func calibrate() float64 {
	began := time.Now()
	value := uint64(1)
	for range 4_000_000 {
		value = value*6364136223846793005 + 1442695040888963407
	}
	if value == 0 {
		// It never is; a loop without use would be optimised away.
		return 0
	}
	return milliseconds(time.Since(began))
}

// watch observes the machine from its start to the call of its stop.
type watch struct {
	began        time.Time
	before       cpuTimes
	calibrations []float64
}

func startWatch() *watch { return &watch{began: time.Now(), before: readCPUTimes()} }

func (w *watch) calibrate() { w.calibrations = append(w.calibrations, calibrate()) }

func (w *watch) stop() noise {
	after := readCPUTimes()
	seconds := time.Since(w.began).Seconds()
	seen := noise{Calibration: spreadOf(w.calibrations), Load: loadAverage(), Seconds: seconds}
	if all := after.all - w.before.all; all > 0 {
		seen.Steal = (after.steal - w.before.steal) / all
	}
	used := (after.busy - w.before.busy) - (after.mine - w.before.mine)
	seen.Foreign = max(0, used/seconds)
	return seen
}

// cpuTimes are in seconds since the machine started: of all CPUs, of what was not idle
// or stolen, of what was stolen, and of this process and its descendants.
type cpuTimes struct{ all, busy, steal, mine float64 }

func readCPUTimes() cpuTimes {
	const ticks = 100 // USER_HZ, the unit of proc(5), is 100 on every Linux that Go knows.
	var times cpuTimes
	content, _ := os.ReadFile("/proc/stat")
	first, _, _ := strings.Cut(string(content), "\n")
	// user nice system idle iowait irq softirq steal; guest time is in user.
	for i, field := range strings.Fields(first)[1:] {
		value, _ := strconv.ParseFloat(field, 64)
		value /= ticks
		switch {
		case i > 7:
			continue
		case i == 7:
			times.steal = value
		case i != 3 && i != 4:
			times.busy += value
		}
		times.all += value
	}
	times.mine = descendantsCPU(ticks)
	return times
}

// descendantsCPU is the CPU time of this process, of its living descendants, and of
// those that ended and were waited for, in seconds.
func descendantsCPU(ticks float64) float64 {
	type stat struct {
		parent int
		used   float64
	}
	stats := map[int]stat{}
	paths, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range paths {
		content, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		// The command in parentheses may contain anything.
		fields := strings.Fields(string(content[strings.LastIndexByte(string(content), ')')+1:]))
		if len(fields) < 15 {
			continue
		}
		var seen stat
		seen.parent, _ = strconv.Atoi(fields[1])
		// utime, stime, cutime, cstime: proc_pid_stat(5), fields 14 to 17.
		for _, field := range fields[11:15] {
			value, _ := strconv.ParseFloat(field, 64)
			seen.used += value / ticks
		}
		stats[pid] = seen
	}
	var sum float64
	for pid, seen := range stats {
		for at := pid; at > 1; at = stats[at].parent {
			if at == os.Getpid() {
				sum += seen.used
				break
			}
		}
	}
	return sum
}

// loadAverage is that of the last minute.
func loadAverage() float64 {
	content, _ := os.ReadFile("/proc/loadavg")
	first, _, _ := strings.Cut(string(content), " ")
	load, _ := strconv.ParseFloat(first, 64)
	return load
}

// cpuClock reads the CPU time that a process has used, in nanoseconds.
func cpuClock(pid int) (int64, error) {
	// clock_getcpuclockid(3) makes a clock's number of a process's id in this way:
	// the kernel's include/linux/posix-timers_types.h, CPUCLOCK_SCHED.
	const scheduled = 2
	clock := int32(^pid<<3 | scheduled)
	var now unix.Timespec
	if err := unix.ClockGettime(clock, &now); err != nil {
		return 0, fmt.Errorf("reading the CPU time of process %d: %w", pid, err)
	}
	return now.Nano(), nil
}
