package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	goruntime "runtime"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"golang.org/x/sys/unix"
)

// report is everything that a run has found.
type report struct {
	Began   time.Time `json:"began"`
	Minutes float64   `json:"minutes"`
	Rounds  int       `json:"rounds"`
	Quick   bool      `json:"quick"`
	// Machine and Contenders say what was measured, as lines for the reader.
	Machine    string     `json:"machine"`
	Contenders []string   `json:"contenders"`
	Rows       []*outcome `json:"rows"`
}

// newReport describes the machine and the contenders.
func newReport(ctx context.Context, l *lab, rounds int, quick bool) (*report, error) {
	r := &report{Began: time.Now().UTC().Truncate(time.Second), Rounds: rounds, Quick: quick, Machine: machine()}
	for _, who := range []struct {
		name  string
		venv  string
		names []string
	}{
		{ours, ours, nil},
		{"IPython and what all cells import", ours, []string{"ipython", "numpy", "pandas", "matplotlib"}},
		{original, original, []string{"mrmd-python", "ipython", "uvicorn", "starlette"}},
		{kernel, kernel, []string{"ipykernel", "ipython", "jupyter_client", "pyzmq"}},
	} {
		command := exec.CommandContext(ctx, l.binary, "--version")
		if who.names != nil {
			command = exec.CommandContext(ctx, filepath.Join(l.venvs[who.venv], "bin", "python"),
				append([]string{filepath.Join(l.scripts, "versions.py")}, who.names...)...)
		}
		answer, err := command.Output()
		if err != nil {
			return nil, fmt.Errorf("asking for the versions of %s: %w", who.name, err)
		}
		r.Contenders = append(r.Contenders, who.name+": "+strings.TrimSpace(string(answer)))
	}
	return r, nil
}

// machine is one line on where the run takes place.
func machine() string {
	model := "unknown CPU"
	content, _ := os.ReadFile("/proc/cpuinfo")
	for line := range strings.Lines(string(content)) {
		if name, value, found := strings.Cut(line, ":"); found && strings.TrimSpace(name) == "model name" {
			model = strings.TrimSpace(value)
			break
		}
	}
	var system unix.Utsname
	_ = unix.Uname(&system)
	var memory unix.Sysinfo_t
	_ = unix.Sysinfo(&memory)
	return fmt.Sprintf("%d × %s, %.0f GB, Linux %s, client built with %s", goruntime.NumCPU(), model,
		float64(memory.Totalram)*float64(memory.Unit)/1e9, unix.ByteSliceToString(system.Release[:]), goruntime.Version())
}

// Doubted are the rows that are not to be trusted.
func (r *report) Doubted() []*outcome {
	return slices.DeleteFunc(slices.Clone(r.Rows), func(o *outcome) bool { return len(o.Distrust) == 0 && o.Failed == "" })
}

// unreached are the targets that were not reached.
func (r *report) unreached() int {
	count := 0
	for _, o := range r.Rows {
		for _, t := range o.Targets {
			if !t.Reached {
				count++
			}
		}
	}
	return count
}

// write writes the report as JSON.
func (r *report) write(path string) error {
	content, err := json.Marshal(r, jsontext.WithIndent("  "))
	if err == nil {
		err = os.WriteFile(path, append(content, '\n'), 0o644)
	}
	if err != nil {
		return fmt.Errorf("writing the report: %w", err)
	}
	return nil
}

// readReport reads what write wrote.
func readReport(path string) (*report, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading a report: %w", err)
	}
	r := &report{}
	if err := json.Unmarshal(content, r); err != nil {
		return nil, fmt.Errorf("reading the report %s: %w", path, err)
	}
	return r, nil
}

// document writes benchmarks.md and benchmarks.svg into a folder, and the speed table
// into the README beside it.
func (r *report) document(folder string) error {
	var text, drawing strings.Builder
	err := errors.Join(r.markdown(&text), r.plot(&drawing))
	for name, content := range map[string]string{"benchmarks.md": text.String(), "benchmarks.svg": drawing.String()} {
		if err == nil {
			err = os.WriteFile(filepath.Join(folder, name), []byte(content), 0o644)
		}
	}
	if err == nil {
		err = updateReadme(folder, text.String())
	}
	if err != nil {
		return fmt.Errorf("writing the documentation of a run: %w", err)
	}
	return nil
}
