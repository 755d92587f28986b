package main

import (
	"bytes"
	"context"
	"fmt"
)

// imports are those of a notebook, with the autoreload that 0.4.2 has by default.
const imports = "import numpy, pandas, matplotlib.pyplot\n%load_ext autoreload\n%autoreload 2"

// mixedVariables makes 10,000 variables of several types.
const mixedVariables = `globals().update((f"v{i}", [i, i * 1.5, str(i), [i], {"k": i}][i % 5]) for i in range(10_000))`

// bigData is an array of 10 million numbers and a table of a million rows.
const bigData = `import numpy, pandas
array = numpy.arange(10_000_000)
frame = pandas.DataFrame({"n": numpy.arange(1_000_000), "x": numpy.ones(1_000_000), "s": ["text"] * 1_000_000})`

// sums are executions of 1+1, one after the other on one connection.
func sums(name, who string, setup ...string) contender {
	return contender{name, func(ctx context.Context, l *lab) (*subject, error) {
		if who == stock || who == kernel {
			t, err := l.talk(ctx, who, setup...)
			if err != nil {
				return nil, err
			}
			return &subject{end: t.end, measure: func(_ context.Context, count int) ([]float64, error) {
				return t.times(map[string]any{"op": "cells", "code": "1+1", "count": count})
			}}, nil
		}
		return asks(name, who, "/execute", map[string]any{"code": "1+1"}, `"result":"2"`, setup...).open(ctx, l)
	}}
}

// asks are requests to a runtime, one after the other on one connection. Each answer
// has to have the text in it, white space aside.
func asks(name, who, path string, body map[string]any, text string, setup ...string) contender {
	return contender{name, func(ctx context.Context, l *lab) (*subject, error) {
		r, err := l.serve(ctx, who, setup...)
		if err != nil {
			return nil, err
		}
		return &subject{end: r.end, measure: func(ctx context.Context, count int) ([]float64, error) {
			return r.timeAsking(ctx, path, body, count, has(text))
		}}, nil
	}}
}

// has checks that an answer is the one that was wanted.
func has(text string) func([]byte) error {
	return func(answer []byte) error {
		if !bytes.Contains(bytes.ReplaceAll(answer, []byte(`": `), []byte(`":`)), []byte(text)) {
			return fmt.Errorf("the answer lacks %s: %.300s", text, answer)
		}
		return nil
	}
}

func cellRows() []*row {
	return []*row{
		{
			name: "execute/sum", title: "`/execute` of `1+1`, over stock `run_cell` in plain Python", unit: "ms",
			block: 200, quickBlock: 60,
			contenders: []contender{sums(ours, ours), sums(stock, stock), sums(original, original), sums(kernel, kernel)},
			targets: []target{
				{of: ratio, who: ours, over: stock, atMost: 0.9},
				{of: ratio, who: original, over: ours, atLeast: 10},
				{of: ratio, who: kernel, over: ours, atLeast: 10},
			},
		},
		{
			name: "execute/imports", title: "the same with numpy, pandas and matplotlib imported and `%autoreload 2`, over the row above", unit: "ms",
			block: 200, quickBlock: 60,
			contenders: []contender{
				sums(ours, ours, imports), sums(empty, ours), sums(original, original, imports), sums(kernel, kernel, imports),
			},
			targets: []target{{of: ratio, who: ours, over: empty, atMost: 1.15}},
		},
		{
			name: "execute/10000-variables", title: "`1+1` with 10,000 variables, over an empty namespace", unit: "ms",
			block: 200, quickBlock: 40,
			contenders: []contender{
				sums(ours, ours, mixedVariables), sums(empty, ours), sums(original, original, mixedVariables), sums(kernel, kernel, mixedVariables),
			},
			targets: []target{{of: ratio, who: ours, over: empty, atMost: 1.1}},
		},
		{
			name: "execute/big-data", title: "`1+1` with an array of 10 million numbers and a DataFrame of a million rows, over an empty namespace", unit: "ms",
			block: 200, quickBlock: 40,
			contenders: []contender{
				sums(ours, ours, bigData), sums(empty, ours), sums(original, original, bigData), sums(kernel, kernel, bigData),
			},
			targets: []target{{of: ratio, who: ours, over: empty, atMost: 1.1}},
		},
	}
}
