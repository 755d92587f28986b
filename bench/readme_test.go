package main

import (
	"os"
	"strings"
	"testing"
)

// TestReadmeHasTheFiguresOfTheBenchmarks holds the README to docs/benchmarks.md.
func TestReadmeHasTheFiguresOfTheBenchmarks(t *testing.T) {
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	benchmarks, err := os.ReadFile("../docs/benchmarks.md")
	if err != nil {
		t.Fatal(err)
	}
	want, err := withSpeedTable(string(readme), string(benchmarks))
	if err != nil {
		t.Fatal(err)
	}
	if string(readme) != want {
		t.Error("the README's speed table is not that of docs/benchmarks.md; `make bench` writes both")
	}
}

// TestDocumentedCommandsAreUnderstood reads the commands of docs/benchmarks.md as
// scripts/bench gives them to the program.
func TestDocumentedCommandsAreUnderstood(t *testing.T) {
	benchmarks, err := os.ReadFile("../docs/benchmarks.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(benchmarks), "```sh\n")
	block, _, _ := strings.Cut(rest, "```")
	understood := 0
	for line := range strings.Lines(block) {
		command, _, _ := strings.Cut(line, "#")
		words := strings.Fields(strings.ReplaceAll(command, "'", ""))
		if len(words) == 0 || words[0] != "scripts/bench" {
			continue
		}
		understood++
		if _, err := parse(words[1:]); err != nil {
			t.Errorf("%s: %v", line, err)
		}
	}
	if understood == 0 {
		t.Error("docs/benchmarks.md has no command of scripts/bench")
	}
}
