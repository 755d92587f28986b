package main

import (
	_ "embed"
	"fmt"
	"strings"

	"github.com/spf13/pflag"
)

// The layout of argparse on a terminal of 80 columns, which 0.4.2 used.
const (
	usageWidth = 78
	helpColumn = 24
)

//go:embed help/examples.txt
var helpExamples string

// usageText is the summary that stands before every error about the command line.
func usageText() string {
	const beginning = "usage: mrmd-python "
	var text strings.Builder
	line := strings.TrimSuffix(beginning, " ")
	for _, flag := range visibleFlags() {
		part := "[" + synopsis(flag) + "]"
		if len(line)+1+len(part) > usageWidth {
			text.WriteString(line + "\n")
			line = strings.Repeat(" ", len(beginning)-1)
		}
		line += " " + part
	}
	return text.String() + line + "\n"
}

// synopsis is the shortest way to write a flag.
func synopsis(flag *pflag.Flag) string {
	name := "--" + flag.Name
	if flag.Shorthand != "" {
		name = "-" + flag.Shorthand
	}
	return strings.TrimSuffix(name+" "+metavar(flag), " ")
}

func helpText() string {
	var text strings.Builder
	text.WriteString(usageText())
	text.WriteString("\nIndependent Python runtime for MRMD notebooks\n\noptions:\n")
	for _, flag := range visibleFlags() {
		names := strings.TrimSuffix("--"+flag.Name+" "+metavar(flag), " ")
		if flag.Shorthand != "" {
			names = "-" + flag.Shorthand + ", " + names
		}
		lines := wrap(flag.Usage, usageWidth-helpColumn)
		if len(names)+4 > helpColumn {
			lines = append([]string{""}, lines...)
		}
		text.WriteString(strings.TrimRight(fmt.Sprintf("  %-*s%s", helpColumn-2, names, lines[0]), " ") + "\n")
		for _, line := range lines[1:] {
			text.WriteString(strings.Repeat(" ", helpColumn) + line + "\n")
		}
	}
	return text.String() + "\n" + helpExamples
}

// wrap breaks text at spaces into lines of at most width characters.
func wrap(text string, width int) []string {
	lines := []string{""}
	for word := range strings.FieldsSeq(text) {
		last := &lines[len(lines)-1]
		switch {
		case *last == "":
			*last = word
		case len(*last)+1+len(word) <= width:
			*last += " " + word
		default:
			lines = append(lines, word)
		}
	}
	return lines
}
