package main

import (
	_ "embed"
	"encoding/xml"
	"fmt"
	"io"
	"math"
	"strings"
	"text/template"
)

//go:embed benchmarks.md.tmpl
var markdownTemplate string

//go:embed benchmarks.svg.tmpl
var plotTemplate string

// markdown writes docs/benchmarks.md.
func (r *report) markdown(to io.Writer) error {
	functions := template.FuncMap{
		"join": strings.Join,
		// measured is a contender's p50 and p99, as one cell of the table.
		"measured": func(o *outcome, who string) string {
			f := o.figuresOf(who)
			switch {
			case f == nil:
				return ""
			case f.Samples < fewSamples:
				return figure(f.Median)
			}
			return figure(f.Median) + " / " + figure(f.P99)
		},
		"over": func(o *outcome) string {
			for _, f := range o.Contenders {
				if f.Name == stock || f.Name == empty {
					return f.Name + " " + figure(f.Median)
				}
			}
			return ""
		},
		// times is how many times ours a contender needs, as one cell of the table.
		"times": func(o *outcome, of, over string) string {
			for _, c := range o.Ratios {
				if c.Of == of && c.Over == over {
					return fmt.Sprintf("× %s (%s–%s)", figure(c.Median), figure(c.Low), figure(c.High))
				}
			}
			return ""
		},
		"verdict": (*outcome).verdict, "figure": figure, "percent": func(part float64) string { return fmt.Sprintf("%.1f %%", 100*part) },
		"few": func() int { return fewSamples },
	}
	parsed, err := template.New("benchmarks.md").Funcs(functions).Parse(markdownTemplate)
	if err != nil {
		return fmt.Errorf("reading the template of the document: %w", err)
	}
	return parsed.Execute(to, r)
}

// fewSamples is how many measurements a 99th percentile needs at least.
const fewSamples = 100

func (o *outcome) figuresOf(who string) *figures {
	for _, f := range o.Contenders {
		if f.Name == who {
			return f
		}
	}
	return nil
}

// What the plot is made of, in pixels.
const (
	plotWidth  = 900
	labelWidth = 250
	valueWidth = 90
	barHeight  = 13
	groupGap   = 16
	plotTop    = 64
)

// drawn is the plot, ready to be written.
type drawn struct {
	Width, Height, Left, Bottom, Top int
	Ticks                            []tick
	Groups                           []group
	Legend                           []bar
	Caption                          string
}

type tick struct {
	X     float64
	Label string
}

type group struct {
	Label  string
	LabelY int
	Bars   []bar
}

type bar struct {
	Class, Name, Value string
	X, Y               int
	Width, ValueX      float64
	TextY, Height      int
}

// classes are the bars' colours, in the order of the legend.
var classes = []struct{ who, class string }{{ours, "ours"}, {stock, "stock"}, {original, "original"}, {kernel, "kernel"}}

// plot writes docs/benchmarks.svg: the medians of the rows in milliseconds which have
// others beside ours, as bars on a logarithmic axis.
func (r *report) plot(to io.Writer) error {
	functions := template.FuncMap{"escape": func(text string) (string, error) {
		var escaped strings.Builder
		err := xml.EscapeText(&escaped, []byte(text))
		return escaped.String(), err
	}}
	parsed, err := template.New("benchmarks.svg").Funcs(functions).Parse(plotTemplate)
	if err != nil {
		return fmt.Errorf("reading the template of the plot: %w", err)
	}
	return parsed.Execute(to, r.draw())
}

func (r *report) draw() drawn {
	var rows []*outcome
	lowest, highest := math.Inf(1), math.Inf(-1)
	for _, o := range r.Rows {
		if o.Unit != "ms" || o.figuresOf(ours) == nil || len(o.Contenders) < 2 {
			continue
		}
		rows = append(rows, o)
		for _, f := range o.Contenders {
			lowest, highest = min(lowest, f.Median), max(highest, f.Median)
		}
	}
	d := drawn{Width: plotWidth, Left: labelWidth, Top: plotTop, Caption: r.Machine}
	if len(rows) == 0 {
		d.Height = plotTop
		return d
	}
	from, to := math.Floor(math.Log10(lowest)), math.Ceil(math.Log10(highest))
	span := max(1, to-from)
	scale := func(value float64) float64 {
		return (math.Log10(value) - from) / span * (plotWidth - labelWidth - valueWidth)
	}
	for power := from; power <= to; power++ {
		value := math.Pow(10, power)
		label := fmt.Sprintf("%g ms", value)
		if value >= 1000 {
			label = fmt.Sprintf("%g s", value/1000)
		}
		d.Ticks = append(d.Ticks, tick{labelWidth + scale(value), label})
	}
	for i, c := range classes {
		d.Legend = append(d.Legend, bar{Class: c.class, Name: c.who, X: labelWidth + i*140, Y: 14, TextY: 24})
	}
	y := plotTop + groupGap/2
	for _, o := range rows {
		g := group{Label: o.Name}
		first := y
		for _, c := range classes {
			f := o.figuresOf(c.who)
			if f == nil {
				continue
			}
			width := max(1, scale(f.Median))
			g.Bars = append(g.Bars, bar{
				Class: c.class, Name: c.who, Value: figure(f.Median) + " ms", X: labelWidth, Y: y, Width: width,
				ValueX: labelWidth + width + 5, TextY: y + barHeight - 3, Height: barHeight - 2,
			})
			y += barHeight
		}
		g.LabelY = (first+y)/2 + 4
		y += groupGap
		d.Groups = append(d.Groups, g)
	}
	d.Bottom = y - groupGap/2
	d.Height = d.Bottom + 30
	return d
}
