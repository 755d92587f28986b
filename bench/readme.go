package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// The README's speed table stands between these lines.
const (
	speedBegin = "<!-- the speed table: written by make bench -->\n"
	speedEnd   = "<!-- end of the speed table -->"
)

// speedRows are the rows that the README shows, and what it calls them.
var speedRows = []struct{ name, title string }{
	{"execute/sum", "`1+1`, asked and answered over HTTP"},
	{"print/event", "a `print`, to its event at the client"},
	{"stream/10MB", "10 MB of printed lines, streamed"},
	{"start/cell", "start to the first cell's answer"},
	{"complete/os.pa", "complete `os.pa`"},
	{"hover/idle", "hover over a variable"},
	{"interrupt/error", "interrupt a loop, to its `error` event"},
}

// speedTable makes the README's table from the text of docs/benchmarks.md.
func speedTable(benchmarks string) (string, error) {
	var table strings.Builder
	fmt.Fprintf(&table, "| median, in ms | %s | plain IPython | %s | %s |\n| --- | ---: | ---: | ---: | ---: |\n", ours, original, kernel)
	for _, row := range speedRows {
		cells, err := cellsOf(benchmarks, row.name)
		if err != nil {
			return "", err
		}
		plain := ""
		if rest, found := strings.CutPrefix(cells[3], stock+" "); found {
			plain = rest
		}
		fmt.Fprintf(&table, "| %s | %s | %s | %s | %s |\n", row.title, medianIn(cells[2]), plain, medianIn(cells[4]), medianIn(cells[6]))
	}
	return table.String(), nil
}

// cellsOf gives the cells of a row of the document: title, unit, ours, over, 0.4.2, how
// many times ours that is, ipykernel, and so on.
func cellsOf(benchmarks, name string) ([]string, error) {
	for line := range strings.Lines(benchmarks) {
		if !strings.HasPrefix(line, "| ") || !strings.Contains(line, "(`"+name+"`)") {
			continue
		}
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		if len(cells) < 7 || cells[1] != "ms" {
			return nil, fmt.Errorf("row %s of the benchmarks has another form: %s", name, line)
		}
		return cells, nil
	}
	return nil, fmt.Errorf("the benchmarks have no row %s; measure all rows", name)
}

// medianIn is the first figure of a cell that has a median and a 99th percentile.
func medianIn(cell string) string {
	median, _, _ := strings.Cut(cell, " / ")
	return median
}

// withSpeedTable gives the README with the table that belongs to the benchmarks.
func withSpeedTable(readme, benchmarks string) (string, error) {
	before, rest, begins := strings.Cut(readme, speedBegin)
	_, after, ends := strings.Cut(rest, speedEnd)
	if !begins || !ends {
		return "", errors.New("the README has no place for the speed table")
	}
	table, err := speedTable(benchmarks)
	if err != nil {
		return "", err
	}
	return before + speedBegin + table + speedEnd + after, nil
}

// updateReadme writes the speed table into the README beside the folder of documents.
func updateReadme(folder, benchmarks string) error {
	path := filepath.Join(folder, "..", "README.md")
	readme, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	updated, err := withSpeedTable(string(readme), benchmarks)
	if err != nil {
		return err
	}
	return os.WriteFile(path, []byte(updated), 0o644)
}
