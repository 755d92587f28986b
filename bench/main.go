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
	"slices"
	"syscall"
	"time"

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

// options are what the command line says.
type options struct {
	binary, venvs, rows, contenders, json, docs, from string
	rounds                                            int
	quick                                             bool
}

func parse(arguments []string) (options, error) {
	var o options
	flags := pflag.NewFlagSet("bench", pflag.ContinueOnError)
	flags.StringVar(&o.binary, "binary", "build/bench/mrmd-python", "our binary, built for the venv bench-ours")
	flags.StringVar(&o.venvs, "venvs", ".venvs", "folder of the venvs bench-ours, bench-original and bench-ipykernel")
	flags.StringVar(&o.rows, "rows", "", "measure only the rows whose name matches this regular expression")
	flags.StringVar(&o.contenders, "contenders", "", "measure only those whose name (mrmd-python, IPython, empty, 0.4.2, ipykernel) matches this regular expression")
	flags.IntVar(&o.rounds, "rounds", 0, "rounds of each row (default 9, with --quick 3)")
	flags.BoolVar(&o.quick, "quick", false, "few and small rounds, without the rows that take minutes")
	flags.StringVar(&o.json, "json", "", "write everything that was measured to this file")
	flags.StringVar(&o.docs, "docs", "", "write benchmarks.md and benchmarks.svg into this folder")
	flags.StringVar(&o.from, "from", "", "measure nothing: take what --json wrote to this file")
	if err := flags.Parse(arguments); err != nil {
		return o, err
	}
	switch {
	case flags.NArg() > 0:
		return o, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	case o.rounds < 0:
		return o, errors.New("--rounds is a positive number")
	case o.rounds == 0 && o.quick:
		o.rounds = 3
	case o.rounds == 0:
		o.rounds = 9
	}
	return o, nil
}

func run(ctx context.Context, arguments []string) error {
	chosen, err := parse(arguments)
	if err != nil {
		return err
	}
	var found *report
	if chosen.from != "" {
		found, err = readReport(chosen.from)
	} else {
		found, err = measureAll(ctx, chosen)
	}
	if err != nil {
		return err
	}
	found.table(os.Stdout)
	if chosen.json != "" {
		err = found.write(chosen.json)
	}
	if chosen.docs != "" && ctx.Err() == nil {
		err = errors.Join(err, found.document(chosen.docs))
	}
	err = errors.Join(err, ctx.Err())
	for _, o := range found.Rows {
		if o.Failed != "" {
			err = errors.Join(err, fmt.Errorf("%s: %s", o.Name, o.Failed))
		}
	}
	return err
}

// measureAll measures the chosen rows. A row that fails does not keep the others from
// being measured.
func measureAll(ctx context.Context, chosen options) (*report, error) {
	matching, err := regexp.Compile(chosen.rows)
	if err != nil {
		return nil, fmt.Errorf("reading --rows: %w", err)
	}
	wanted, err := regexp.Compile(chosen.contenders)
	if err != nil {
		return nil, fmt.Errorf("reading --contenders: %w", err)
	}
	rows := slices.DeleteFunc(allRows(), func(r *row) bool {
		r.contenders = slices.DeleteFunc(r.contenders, func(c contender) bool { return !wanted.MatchString(c.name) })
		return !matching.MatchString(r.name) || chosen.quick && r.slow || len(r.contenders) == 0
	})
	if len(rows) == 0 {
		return nil, fmt.Errorf("no row matches --rows %q and --contenders %q", chosen.rows, chosen.contenders)
	}
	l, err := newLab(chosen.binary, chosen.venvs)
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(l.root)
	defer l.endAll()
	defer context.AfterFunc(ctx, l.endAll)()
	found, err := newReport(ctx, l, chosen.rounds, chosen.quick)
	if err != nil {
		return nil, err
	}
	for i, r := range rows {
		fmt.Fprintf(os.Stderr, "%d of %d: %s\n", i+1, len(rows), r.name)
		measured, err := r.measure(ctx, l, chosen.rounds, chosen.quick)
		if ctx.Err() != nil {
			// What was measured before somebody had enough is still worth telling.
			break
		}
		if err != nil {
			fmt.Fprintf(os.Stderr, "%s failed: %v\n", r.name, err)
			measured = &outcome{Name: r.name, Title: r.title, Unit: r.unit, Note: r.note, Failed: err.Error()}
		}
		found.Rows = append(found.Rows, measured)
	}
	distrust(found.Rows)
	found.Minutes = time.Since(found.Began).Minutes()
	return found, nil
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
