package main

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"syscall"

	"github.com/spf13/pflag"
)

// pythonFiles are the Python contenders.
//
//go:embed python/*.py
var pythonFiles embed.FS

// plainStart is what `python -c` runs.
//
//go:embed python/plain_start.py
var plainStart string

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		if !errors.Is(err, pflag.ErrHelp) {
			fmt.Fprintln(os.Stderr, "bench:", err)
		}
		os.Exit(1)
	}
}

func allRows() []*row {
	var rows []*row
	for _, group := range [][]*row{
		cellRows(), outputRows(), startRows(), intelligenceRows(), runningRows(), footprintRows(), {clientRow()},
	} {
		rows = append(rows, group...)
	}
	return rows
}

func run(ctx context.Context, arguments []string) error {
	flags := pflag.NewFlagSet("bench", pflag.ContinueOnError)
	binary := flags.String("binary", "build/bench/mrmd-python", "our binary, built for the venv of our own")
	venvs := flags.String("venvs", ".venvs", "folder of the venvs bench-ours, bench-original and bench-ipykernel")
	pattern := flags.String("rows", "", "measure only the rows whose name matches this regular expression")
	rounds := flags.Int("rounds", 0, "rounds of each row (default 9, with --quick 3)")
	quick := flags.Bool("quick", false, "few and small rounds, without the rows that take minutes")
	jsonFile := flags.String("json", "", "write everything that was measured to this file")
	if err := flags.Parse(arguments); err != nil {
		return err
	}
	matching, err := regexp.Compile(*pattern)
	if err != nil {
		return fmt.Errorf("reading --rows: %w", err)
	}
	if *rounds == 0 {
		*rounds = 9
		if *quick {
			*rounds = 3
		}
	}
	l, err := newLab(*binary, *venvs)
	if err != nil {
		return err
	}
	defer os.RemoveAll(l.root)
	defer context.AfterFunc(ctx, l.endAll)()

	var outcomes []*outcome
	for _, r := range allRows() {
		if !matching.MatchString(r.name) || *quick && r.slow {
			continue
		}
		fmt.Fprintf(os.Stderr, "%s …\n", r.name)
		measured, err := r.measure(ctx, l, *rounds, *quick)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			fmt.Fprintf(os.Stderr, "%s: %v\n", r.name, err)
			measured = &outcome{Name: r.name, Title: r.title, Unit: r.unit, Failed: err.Error()}
		}
		outcomes = append(outcomes, measured)
	}
	distrust(outcomes)
	printTable(os.Stdout, outcomes)
	_ = jsonFile
	return nil
}

// newLab unpacks the Python contenders and checks that what is to be measured is there.
func newLab(binary, venvs string) (*lab, error) {
	root, err := os.MkdirTemp("", "mrmd-bench-")
	if err != nil {
		return nil, fmt.Errorf("making a folder for the contenders: %w", err)
	}
	l := &lab{root: root, scripts: filepath.Join(root, "python"), venvs: map[string]string{}}
	if l.binary, err = filepath.Abs(binary); err == nil {
		_, err = os.Stat(l.binary)
	}
	for who, name := range map[string]string{ours: "bench-ours", original: "bench-original", kernel: "bench-ipykernel"} {
		if err == nil {
			l.venvs[who], err = filepath.Abs(filepath.Join(venvs, name))
		}
		if err == nil {
			_, err = os.Stat(filepath.Join(l.venvs[who], "bin", "python"))
		}
	}
	if err == nil {
		err = os.CopyFS(root, pythonFiles)
	}
	if err != nil {
		os.RemoveAll(root)
		return nil, fmt.Errorf("setting up (make bench makes the venvs and the binary): %w", err)
	}
	return l, nil
}
