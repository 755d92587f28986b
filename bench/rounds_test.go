package main

import (
	"context"
	"encoding/xml"
	"errors"
	"io"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestQuantiles(t *testing.T) {
	var hundred []float64
	for i := 100; i > 0; i-- {
		hundred = append(hundred, float64(i))
	}
	for _, c := range []struct {
		name      string
		is, wants float64
	}{
		{"p99 of 100", quantile(hundred, 0.99), 99},
		{"p100", quantile(hundred, 1), 100},
		{"p0", quantile(hundred, 0), 1},
		{"p99 of one", quantile([]float64{7}, 0.99), 7},
		{"median of an even number", middle([]float64{4, 1, 3, 2}), 2.5},
		{"median of an odd number", middle([]float64{9, 1, 3}), 3},
		{"spread", spreadOf([]float64{1, 2, 3, 4}).relative(), 2 / 2.5},
	} {
		if c.is != c.wants {
			t.Errorf("%s is %g and not %g", c.name, c.is, c.wants)
		}
	}
	if !math.IsNaN(middle(nil)) || !math.IsNaN(quantile(nil, 0.5)) {
		t.Error("nothing measured has a median")
	}
}

// scripted is a contender that gives one figure a round and tells whose turn it is.
func scripted(name string, turns *[]string, rounds ...float64) contender {
	return contender{name, func(context.Context, *lab) (*subject, error) {
		return &subject{end: func() { *turns = append(*turns, "end of "+name) }, measure: func(_ context.Context, count int) ([]float64, error) {
			*turns = append(*turns, name)
			next := rounds[0]
			rounds = rounds[1:]
			return slices.Repeat([]float64{next}, count), nil
		}}, nil
	}}
}

func TestContendersTakeTurnsAndRatiosAreOfNeighbours(t *testing.T) {
	var turns []string
	// The machine is ten times slower in the second round: the ratio does not show it.
	r := &row{
		name: "made/up", unit: "ms", block: 3, quickBlock: 1,
		contenders: []contender{
			scripted(ours, &turns, 1, 10, 1), scripted(stock, &turns, 2, 20, 4), scripted(original, &turns, 10, 100, 10),
		},
		targets: []target{
			{of: ratio, who: ours, over: stock, atMost: 0.6},
			{of: ratio, who: original, over: ours, atLeast: 11},
			{of: p99, who: ours, atMost: 9},
			{of: difference, who: ours, over: stock, atMost: 0},
		},
	}
	o, err := r.measure(t.Context(), &lab{}, 3, false)
	if err != nil {
		t.Fatal(err)
	}
	wanted := []string{
		ours, stock, original, stock, original, ours, original, ours, stock,
		"end of " + ours, "end of " + stock, "end of " + original,
	}
	if !slices.Equal(turns, wanted) {
		t.Errorf("the turns were %q and not %q", turns, wanted)
	}
	var values []float64
	var reached []bool
	for _, found := range o.Targets {
		values, reached = append(values, found.Value), append(reached, found.Reached)
	}
	if !slices.Equal(values, []float64{0.5, 10, 10, -3}) || !slices.Equal(reached, []bool{true, false, false, true}) {
		t.Errorf("the targets are %v, reached %v", values, reached)
	}
	if f := o.figuresOf(ours); f.Samples != 9 || f.Median != 1 || f.P99 != 10 {
		t.Errorf("the figures of %s are %+v", ours, f)
	}
}

func TestFailureEndsAllContenders(t *testing.T) {
	var turns []string
	broken := contender{"broken", func(context.Context, *lab) (*subject, error) { return nil, errors.New("no such thing") }}
	r := &row{name: "made/up", block: 1, contenders: []contender{scripted(ours, &turns, 1), broken}}
	if _, err := r.measure(t.Context(), &lab{}, 1, false); err == nil || !strings.Contains(err.Error(), "broken: no such thing") {
		t.Errorf("the error is %v", err)
	}
	if !slices.Equal(turns, []string{"end of " + ours}) {
		t.Errorf("what happened is %q", turns)
	}
}

// made is a report with one quiet row, one that was disturbed and one that failed.
func made() *report {
	quiet := noise{Calibration: spread{Median: 3, Low: 2.9, High: 3.1}}
	of := func(name string, value float64) *figures {
		return &figures{Name: name, Median: value, P99: 2 * value, Samples: 200, Rounds: []float64{value, value}}
	}
	r := &report{Began: time.Date(2030, 1, 2, 3, 4, 0, 0, time.UTC), Minutes: 5, Rounds: 2, Machine: "2 × <fast> CPU", Contenders: []string{"mrmd-python: 1"}}
	r.Rows = []*outcome{
		{
			Name: "one/quiet", Title: "quiet & short", Unit: "ms", Noise: quiet,
			Contenders: []*figures{of(ours, 0.25), of(stock, 0.5), of(original, 4)},
			Ratios:     []comparison{{original, ours, spread{16, 15, 17}}, {ours, stock, spread{0.5, 0.4, 0.6}}},
			Targets:    []judged{{Text: "mrmd-python / IPython ≤ 0.9", Value: 0.5, Reached: true}},
		},
		{
			Name: "two/disturbed", Title: "disturbed", Unit: "ms",
			Noise:      noise{Calibration: spread{Median: 4, Low: 3, High: 5}, Steal: 0.1, Foreign: 1.5},
			Contenders: []*figures{of(ours, 1)}, Targets: []judged{{Text: "p50 ≤ 0.5 ms", Value: 1}},
		},
		{Name: "three/failed", Title: "failed", Unit: "ms", Failed: "it broke"},
	}
	r.Rows[0].Contenders[0].Rounds = []float64{0.25, 0.25, 0.25}
	distrust(r.Rows)
	return r
}

func TestDistrustNamesWhatDisturbed(t *testing.T) {
	r := made()
	if len(r.Rows[0].Distrust) > 0 {
		t.Errorf("the quiet row is distrusted: %q", r.Rows[0].Distrust)
	}
	text := strings.Join(r.Rows[1].Distrust, "; ")
	for _, reason := range []string{"other programs used 150 % of a core", "hypervisor took 10 %", "1.38 times its best", "wandered by 50 %"} {
		if !strings.Contains(text, reason) {
			t.Errorf("%q lacks %q", text, reason)
		}
	}
	if r.unreached() != 1 {
		t.Errorf("%d targets are unreached", r.unreached())
	}
}

func TestDocumentIsMadeOfTheReport(t *testing.T) {
	path := filepath.Join(t.TempDir(), "results.json")
	if err := made().write(path); err != nil {
		t.Fatal(err)
	}
	r, err := readReport(path)
	if err != nil {
		t.Fatal(err)
	}
	var text, drawing, table strings.Builder
	r.table(&table)
	if err := errors.Join(r.markdown(&text), r.plot(&drawing)); err != nil {
		t.Fatal(err)
	}
	for _, wanted := range []string{
		"| quiet & short (`one/quiet`) | ms | 0.250 / 0.500 | IPython 0.500 | 4.00 / 8.00 | × 16.0 (15.0–17.0) |  |  | mrmd-python / IPython ≤ 0.9: 0.500 | yes |",
		"| p50 ≤ 0.5 ms: 1.00 | no (noisy) |",
		"- `two/disturbed`: other programs used",
		"- `three/failed`: it failed: it broke",
		"2030-01-02 03:04 UTC",
	} {
		if !strings.Contains(text.String(), wanted) {
			t.Errorf("the document lacks %q:\n%s", wanted, text.String())
		}
	}
	if !strings.Contains(table.String(), "Not to be trusted: two/disturbed") {
		t.Errorf("the table does not name the disturbed row:\n%s", table.String())
	}
	bars := 0
	tokens := xml.NewDecoder(strings.NewReader(drawing.String()))
	for {
		token, err := tokens.Token()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatalf("the plot is no XML: %v\n%s", err, drawing.String())
		}
		if element, begins := token.(xml.StartElement); begins && element.Name.Local == "title" {
			bars++
		}
	}
	if bars != 3 {
		t.Errorf("the plot has %d bars and not 3", bars)
	}
}

// TestRowsAreWellFormed holds what the rest of the program takes for granted.
func TestRowsAreWellFormed(t *testing.T) {
	names := map[string]bool{}
	for _, r := range allRows() {
		if names[r.name] {
			t.Errorf("two rows are called %s", r.name)
		}
		names[r.name] = true
		if r.title == "" || r.unit == "" || r.block < 1 || r.quickBlock < 1 {
			t.Errorf("%s lacks something: %+v", r.name, r)
		}
		who := map[string]bool{}
		for _, c := range r.contenders {
			who[c.name] = true
		}
		for _, bound := range r.targets {
			if !who[bound.who] || bound.over != "" && !who[bound.over] || bound.atMost == 0 == (bound.atLeast == 0) {
				t.Errorf("%s has a target of somebody who is not measured, or without a bound: %+v", r.name, bound)
			}
		}
	}
}

func TestOptions(t *testing.T) {
	for _, c := range []struct {
		arguments string
		rounds    int
		complaint string
	}{
		{"", 9, ""}, {"--quick", 3, ""}, {"--quick --rounds 5", 5, ""},
		{"--rounds=-1", 0, "positive"}, {"rows", 0, "unexpected argument"},
	} {
		chosen, err := parse(strings.Fields(c.arguments))
		if c.complaint == "" && (err != nil || chosen.rounds != c.rounds) {
			t.Errorf("%q gives %d rounds: %v", c.arguments, chosen.rounds, err)
		}
		if c.complaint != "" && (err == nil || !strings.Contains(err.Error(), c.complaint)) {
			t.Errorf("%q is not refused: %v", c.arguments, err)
		}
	}
}
