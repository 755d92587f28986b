package main

import (
	"fmt"
	"os"
	"strings"
)

// point is what a runtime holds at one moment; memory is its resident set in bytes.
type point struct {
	memory               float64
	descriptors, threads int
}

func look(pid int) (point, error) {
	var held point
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return held, fmt.Errorf("looking at the runtime: %w", err)
	}
	for line := range strings.Lines(string(status)) {
		var number int
		if _, err := fmt.Sscanf(line, "VmRSS: %d kB", &number); err == nil {
			held.memory = float64(number) * 1024
		}
		if _, err := fmt.Sscanf(line, "Threads: %d", &number); err == nil {
			held.threads = number
		}
	}
	descriptors, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	if err != nil {
		return held, fmt.Errorf("looking at the runtime: %w", err)
	}
	held.descriptors = len(descriptors)
	return held, nil
}
