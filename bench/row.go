package main

import (
	"context"
	"fmt"
)

// row is one line of the table: what is measured, of whom, and what is to be reached.
type row struct {
	// name is what --rows matches; title is what the table says.
	name, title string
	// unit is of all its figures: ms, MB, % or x (times what was asked for).
	unit string
	// block is how many measurements a contender does in its turn; quickBlock with
	// --quick.
	block, quickBlock int
	// mostRounds bounds the rounds where one takes long; 0 does not.
	mostRounds int
	// slow rows are left out with --quick.
	slow bool
	// together says that all contenders measure at the same time, because they only
	// wait.
	together bool
	// signed figures may be around zero: no ratios of them.
	signed bool
	// contenders are those measured; ours comes first.
	contenders []contender
	targets    []target
	// note is for the reader of the table.
	note string
}

// contender is one who is measured in a row.
type contender struct {
	name string
	open func(ctx context.Context, l *lab) (*subject, error)
}

// subject is a contender that runs and is ready to be measured.
type subject struct {
	// measure gives count measurements, or what one long one of them brings.
	measure func(ctx context.Context, count int) ([]float64, error)
	end     func()
	// warmUp is how many measurements are thrown away before the first round, where a
	// quarter of a block is fewer.
	warmUp int
}

// statistic is what a target bounds.
type statistic string

const (
	// median and p99 are of all measurements of a contender.
	median statistic = "p50"
	p99    statistic = "p99"
	// ratio is the median over the rounds of one contender's over another's.
	ratio statistic = "ratio"
	// difference is the median over the rounds of one contender's minus another's.
	difference statistic = "difference"
)

// target is a bound that a row is to keep.
type target struct {
	of   statistic
	who  string
	over string
	// atMost is the bound; atLeast, when it is set, is one from below.
	atMost, atLeast float64
}

// text is the target as the table has it.
func (t target) text(unit string) string {
	sign, bound := "≤", t.atMost
	if t.atLeast > 0 {
		sign, bound = "≥", t.atLeast
	}
	switch t.of {
	case ratio:
		return fmt.Sprintf("%s / %s %s %g", t.who, t.over, sign, bound)
	case difference:
		return fmt.Sprintf("%s − %s %s %g %s", t.who, t.over, sign, bound, unit)
	}
	return fmt.Sprintf("%s %s %g %s", t.of, sign, bound, unit)
}

func (t target) reached(value float64) bool {
	if t.atLeast > 0 {
		return value >= t.atLeast
	}
	return value <= t.atMost
}
