package main

import (
	"context"
)

// hovers ask about the name at the end of the code.
func hovers(who, name, text string, setup ...string) contender {
	return asks(who, who, "/hover", map[string]any{"code": name, "cursor": len(name)}, text, setup...)
}

// kernelAsks are requests that ipykernel answers on its shell channel.
func kernelAsks(kind, code string, setup ...string) contender {
	return contender{kernel, func(ctx context.Context, l *lab) (*subject, error) {
		t, err := l.talk(ctx, kernel, setup...)
		if err != nil {
			return nil, err
		}
		content := map[string]any{"code": code, "cursor_pos": len(code)}
		if kind == "inspect_request" {
			content["detail_level"] = 0
		}
		return &subject{end: t.end, measure: func(_ context.Context, count int) ([]float64, error) {
			return t.times(map[string]any{"op": "ask", "kind": kind, "content": content, "count": count})
		}}, nil
	}}
}

func intelligenceRows() []*row {
	const complete = "import os\nos.pa"
	rows := []*row{
		{
			name: "hover/idle", title: "`/hover` while nothing runs (of ipykernel: `inspect`)", unit: "ms", block: 300, quickBlock: 100,
			contenders: []contender{
				hovers(ours, "x", `"found":true`, "x = 42"), hovers(original, "x", `"found":true`, "x = 42"),
				kernelAsks("inspect_request", "x", "x = 42"),
			},
			targets: []target{{of: median, who: ours, atMost: 0.15}},
		},
		{
			name: "complete/os.pa", title: "`/complete` of `os.pa`", unit: "ms", block: 100, quickBlock: 30,
			contenders: []contender{
				asks(ours, ours, "/complete", map[string]any{"code": complete, "cursor": len(complete)}, `pathsep`, "import os"),
				asks(original, original, "/complete", map[string]any{"code": complete, "cursor": len(complete)}, `pathsep`, "import os"),
				kernelAsks("complete_request", complete, "import os"),
			},
			targets: []target{{of: median, who: ours, atMost: 3}},
		},
		{
			name: "variables/10000", title: "`/variables` with 10,000 of several types", unit: "ms", block: 20, quickBlock: 5,
			contenders: []contender{
				asks(ours, ours, "/variables", map[string]any{}, `"v9999"`, mixedVariables),
				asks(original, original, "/variables", map[string]any{}, `"v9999"`, mixedVariables),
			},
			targets: []target{{of: median, who: ours, atMost: 10}},
		},
	}
	for _, big := range []struct{ name, title, code string }{
		{"ints", "a list of 10 million ints", "big = list(range(10_000_000))"},
		{"array", "an array of 10 million numbers", "import numpy; big = numpy.arange(10_000_000)"},
		{"frame", "a DataFrame of a million rows", bigData + "\nbig = frame"},
		{"bytes", "1 GB of bytes", "big = bytes(1_000_000_000)"},
	} {
		r := &row{
			name: "hover/" + big.name, title: "`/hover` of " + big.title, unit: "ms", block: 100, quickBlock: 20,
			contenders: []contender{hovers(ours, "big", `"found":true`, big.code)},
			targets:    []target{{of: median, who: ours, atMost: 1}},
			note:       "Not measured of the peers, which make the whole repr: seconds, and gigabytes.",
		}
		if big.name == "array" || big.name == "frame" {
			r.note = ""
			r.contenders = append(r.contenders, hovers(original, "big", `"found":true`, big.code), kernelAsks("inspect_request", "big", big.code))
		}
		rows = append(rows, r)
	}
	return rows
}
