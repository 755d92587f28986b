package main

import (
	"math"
	"slices"
)

// quantile is the smallest measurement that at least the fraction q of all do not
// exceed; NaN of none.
func quantile(measured []float64, q float64) float64 {
	if len(measured) == 0 {
		return math.NaN()
	}
	ordered := slices.Sorted(slices.Values(measured))
	return ordered[max(0, int(math.Ceil(q*float64(len(ordered))))-1)]
}

// middle is the median, between the two in the middle of an even number.
func middle(measured []float64) float64 {
	if len(measured) == 0 {
		return math.NaN()
	}
	ordered := slices.Sorted(slices.Values(measured))
	half := len(ordered) / 2
	if len(ordered)%2 == 1 {
		return ordered[half]
	}
	return (ordered[half-1] + ordered[half]) / 2
}

// spread is a figure over the rounds: its median, and the quarters around it.
type spread struct {
	Median float64 `json:"median"`
	Low    float64 `json:"low"`
	High   float64 `json:"high"`
}

func spreadOf(rounds []float64) spread {
	return spread{Median: middle(rounds), Low: quantile(rounds, 0.25), High: quantile(rounds, 0.75)}
}

// relative is how wide the quarters are, as a part of the median.
func (s spread) relative() float64 {
	if s.Median == 0 {
		return 0
	}
	return (s.High - s.Low) / math.Abs(s.Median)
}

// pairwise combines two contenders' figures round by round.
func pairwise(one, other []float64, combine func(a, b float64) float64) []float64 {
	combined := make([]float64, 0, len(one))
	for i := range min(len(one), len(other)) {
		combined = append(combined, combine(one[i], other[i]))
	}
	return combined
}
