package main

import (
	"context"
	"fmt"
	goruntime "runtime"
	"slices"
	"sync"
)

// figures are what was measured of one contender in one row.
type figures struct {
	Name    string  `json:"name"`
	Median  float64 `json:"p50"`
	P99     float64 `json:"p99"`
	Samples int     `json:"samples"`
	// Rounds has each round's median.
	Rounds []float64 `json:"rounds"`
	all    []float64
}

// comparison is one contender's figures over another's.
type comparison struct {
	Of   string `json:"of"`
	Over string `json:"over"`
	spread
}

// judged is a target and what became of it.
type judged struct {
	Text    string  `json:"target"`
	Value   float64 `json:"value"`
	Reached bool    `json:"reached"`
}

// outcome is a row that was measured.
type outcome struct {
	Name       string       `json:"name"`
	Title      string       `json:"title"`
	Unit       string       `json:"unit"`
	Note       string       `json:"note,omitempty"`
	Contenders []*figures   `json:"contenders"`
	Ratios     []comparison `json:"ratios"`
	Targets    []judged     `json:"targets"`
	Noise      noise        `json:"noise"`
	// Distrust says why the row's figures are not to be trusted; empty when they are.
	Distrust []string `json:"distrust"`
	// Failed is the error that kept the row from being measured.
	Failed string `json:"failed,omitempty"`
}

// measure runs a row's rounds.
func (r *row) measure(ctx context.Context, l *lab, rounds int, quick bool) (*outcome, error) {
	block := r.block
	if quick {
		block = r.quickBlock
	}
	if r.mostRounds > 0 {
		rounds = min(rounds, r.mostRounds)
	}
	result := &outcome{Name: r.name, Title: r.title, Unit: r.unit, Note: r.note}
	subjects := make([]*subject, 0, len(r.contenders))
	defer func() {
		for _, s := range subjects {
			s.end()
		}
	}()
	for _, c := range r.contenders {
		s, err := c.open(ctx, l)
		if err != nil {
			return nil, fmt.Errorf("setting up %s: %w", c.name, err)
		}
		subjects = append(subjects, s)
		if warmUp := max(s.warmUp, block/4); warmUp > 0 {
			if _, err := s.measure(ctx, warmUp); err != nil {
				return nil, fmt.Errorf("warming up %s: %w", c.name, err)
			}
		}
		result.Contenders = append(result.Contenders, &figures{Name: c.name})
	}
	seen := startWatch()
	for round := range rounds {
		if err := r.playRound(ctx, subjects, result.Contenders, block, round, seen); err != nil {
			return nil, err
		}
	}
	seen.calibrate()
	result.Noise = seen.stop()
	result.sumUp(r)
	return result, nil
}

// playRound lets each contender do a block, in an order that rotates with the rounds.
func (r *row) playRound(ctx context.Context, subjects []*subject, results []*figures, block, round int, seen *watch) error {
	order := make([]int, 0, len(subjects))
	for i := range subjects {
		order = append(order, (i+round)%len(subjects))
	}
	errs := make([]error, len(subjects))
	one := func(i int) {
		measured, err := subjects[i].measure(ctx, block)
		if err != nil {
			errs[i] = fmt.Errorf("measuring %s: %w", results[i].Name, err)
			return
		}
		results[i].all = append(results[i].all, measured...)
		results[i].Rounds = append(results[i].Rounds, middle(measured))
	}
	if r.together {
		seen.calibrate()
		var group sync.WaitGroup
		for _, i := range order {
			group.Go(func() { one(i) })
		}
		group.Wait()
	} else {
		for _, i := range order {
			// The client's garbage is its own affair, not a contender's.
			goruntime.GC()
			seen.calibrate()
			one(i)
		}
	}
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// sumUp makes the figures of what was measured, and judges them.
func (o *outcome) sumUp(r *row) {
	byName := map[string]*figures{}
	for _, f := range o.Contenders {
		f.Median, f.P99, f.Samples = middle(f.all), quantile(f.all, 0.99), len(f.all)
		byName[f.Name] = f
	}
	over := func(a, b float64) float64 { return a / b }
	compare := func(one, other string) spread {
		return spreadOf(pairwise(byName[one].Rounds, byName[other].Rounds, over))
	}
	for _, name := range []string{original, kernel} {
		if byName[name] != nil && byName[ours] != nil && !r.signed {
			o.Ratios = append(o.Ratios, comparison{Of: name, Over: ours, spread: compare(name, ours)})
		}
	}
	for _, t := range r.targets {
		if byName[t.who] == nil || t.over != "" && byName[t.over] == nil {
			continue
		}
		var value spread
		switch t.of {
		case ratio:
			value = compare(t.who, t.over)
			if !slices.ContainsFunc(o.Ratios, func(c comparison) bool { return c.Of == t.who && c.Over == t.over }) {
				o.Ratios = append(o.Ratios, comparison{Of: t.who, Over: t.over, spread: value})
			}
		case difference:
			value = spreadOf(pairwise(byName[t.who].Rounds, byName[t.over].Rounds, func(a, b float64) float64 { return a - b }))
		case p99:
			value = spread{Median: byName[t.who].P99}
		default:
			value = spread{Median: byName[t.who].Median}
		}
		o.Targets = append(o.Targets, judged{Text: t.text(r.unit), Value: value.Median, Reached: t.reached(value.Median)})
	}
}

// distrust says which rows are not to be trusted, once the whole run is known.
func distrust(outcomes []*outcome) {
	best := 0.0
	for _, o := range outcomes {
		if o.Failed == "" && (best == 0 || o.Noise.Calibration.Low < best) {
			best = o.Noise.Calibration.Low
		}
	}
	for _, o := range outcomes {
		if o.Failed != "" {
			continue
		}
		o.Distrust = append([]string{}, o.Noise.reasons(best)...)
		for _, f := range o.Contenders {
			if wide := spreadOf(f.Rounds).relative(); wide > mostDisagreement && f.Name == ours {
				o.Distrust = append(o.Distrust, fmt.Sprintf("the rounds of %s differ by %.0f %%", f.Name, 100*wide))
			}
		}
	}
}
