package main

import (
	"fmt"
	"io"
	"math"
	"strings"
	"text/tabwriter"
)

// figure is a number with three digits that count.
func figure(value float64) string {
	switch size := math.Abs(value); {
	case math.IsNaN(value):
		return "–"
	case size >= 100:
		return fmt.Sprintf("%.0f", value)
	case size >= 10:
		return fmt.Sprintf("%.1f", value)
	case size >= 1:
		return fmt.Sprintf("%.2f", value)
	}
	return fmt.Sprintf("%.3f", value)
}

// table writes what was measured for a terminal.
func (r *report) table(to io.Writer) {
	table := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "row\twho\tp50\tp99\tunit\tn\tratio\ttarget\treached")
	for _, o := range r.Rows {
		if o.Failed != "" {
			fmt.Fprintf(table, "%s\tfailed\t\t\t\t\t\t\t\n", o.Name)
			continue
		}
		for i, f := range o.Contenders {
			name := o.Name
			if i > 0 {
				name = ""
			}
			fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%d\t%s\t\t\n", name, f.Name, figure(f.Median), figure(f.P99), o.Unit, f.Samples, o.ratiosOf(f.Name))
		}
		for _, t := range o.Targets {
			fmt.Fprintf(table, "\t\t\t\t\t\t%s\t%s\t%s\n", figure(t.Value), t.Text, o.verdict(t))
		}
	}
	table.Flush()
	fmt.Fprintf(to, "\n%d of the targets were not reached.\n", r.unreached())
	for _, o := range r.Doubted() {
		fmt.Fprintf(to, "Not to be trusted: %s: %s\n", o.Name, strings.Join(o.Distrust, "; ")+o.Failed)
	}
}

// ratiosOf are a contender's ratios with the quarters around them.
func (o *outcome) ratiosOf(name string) string {
	var ratios []string
	for _, c := range o.Ratios {
		if c.Of == name {
			ratios = append(ratios, fmt.Sprintf("%s (%s–%s) × %s", figure(c.Median), figure(c.Low), figure(c.High), c.Over))
		}
	}
	return strings.Join(ratios, ", ")
}

// verdict is whether a target was reached, and whether to believe it.
func (o *outcome) verdict(t judged) string {
	verdict := "no"
	if t.Reached {
		verdict = "yes"
	}
	if len(o.Distrust) > 0 {
		verdict += " (noisy)"
	}
	return verdict
}
