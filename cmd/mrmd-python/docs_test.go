package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write docs/cli.md anew")

// TestCommandLineDocumentation checks that docs/cli.md is what the flags give.
func TestCommandLineDocumentation(t *testing.T) {
	path := filepath.Join("..", "..", "docs", "cli.md")
	introduction, err := os.ReadFile(filepath.Join("testdata", "cli.md"))
	if err != nil {
		t.Fatal(err)
	}
	want := strings.ReplaceAll(string(introduction), "{{usage}}\n", usageText())
	want = strings.ReplaceAll(want, "{{flags}}\n", flagTable())
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Errorf("docs/cli.md is not what the flags give; write it anew with: scripts/with-python .venv go test ./cmd/mrmd-python -run %s -update", t.Name())
	}
}

// readmeFlags are those that the README names: 0.4.2's, and what a user starts with.
var readmeFlags = []string{"id", "port", "host", "venv", "cwd", "assets-dir", "foreground", "managed", "install",
	"list", "info", "logs", "restart", "kill", "kill-all", "exec", "open", "mcp", "token", "socket", "version"}

// TestReadmeHasTheFlags checks that the README's table is what the flags give.
func TestReadmeHasTheFlags(t *testing.T) {
	const begin, end = "<!-- the flags: written by go test ./cmd/mrmd-python -run TestReadmeHasTheFlags -update -->\n", "<!-- end of the flags -->"
	path := filepath.Join("..", "..", "README.md")
	readme, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, begins := strings.Cut(string(readme), begin)
	_, after, ends := strings.Cut(rest, end)
	if !begins || !ends {
		t.Fatal("the README has no place for its flags")
	}
	want := before + begin + flagTable(readmeFlags...) + end + after
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if string(readme) != want {
		t.Errorf("the README's flags are not what the program has; write them anew with: scripts/with-python .venv go test ./cmd/mrmd-python -run %s -update", t.Name())
	}
}

// flagTable has all flags, or only some.
func flagTable(only ...string) string {
	var table strings.Builder
	table.WriteString("| flag | meaning |\n| --- | --- |\n")
	for _, flag := range visibleFlags() {
		if only != nil && !slices.Contains(only, flag.Name) {
			continue
		}
		names := strings.TrimSuffix("--"+flag.Name+" "+metavar(flag), " ")
		if flag.Shorthand != "" {
			names = "-" + flag.Shorthand + ", " + names
		}
		fmt.Fprintf(&table, "| `%s` | %s |\n", names, flag.Usage)
	}
	return table.String()
}

// TestHelpNamesEveryFlag also holds the help to the width of a terminal.
func TestHelpNamesEveryFlag(t *testing.T) {
	for _, flag := range visibleFlags() {
		if !strings.Contains(helpText(), "--"+flag.Name) || flag.Usage == "" {
			t.Errorf("--help does not explain --%s", flag.Name)
		}
	}
	for line := range strings.Lines(helpText()) {
		if len(line) > 80 {
			t.Errorf("a line of --help has %d characters: %s", len(line)-1, line)
		}
	}
}

func TestCompletionScripts(t *testing.T) {
	for shell := range completionScripts {
		script := completionScript(shell)
		for _, flag := range visibleFlags() {
			written := "--" + flag.Name
			if shell == "fish" {
				written = "-l " + flag.Name + " "
			}
			if !strings.Contains(script, written) {
				t.Errorf("the script for %s does not complete --%s", shell, flag.Name)
			}
		}
	}
}

// TestBashCompletes has a real bash complete command lines.
func TestBashCompletes(t *testing.T) {
	h := newHome(t)
	registered := filepath.Join(filepath.Dir(h.work), ".mrmd", "runtimes")
	if err := os.MkdirAll(registered, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"alpha", "beta"} {
		if err := os.WriteFile(filepath.Join(registered, id+".json"), fmt.Appendf(nil, `{"id": %q}`, id), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(h.work, "folder"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, check := range []struct {
		words []string
		want  []string
	}{
		{[]string{"--kill"}, []string{"--kill", "--kill-all"}},
		{[]string{"--info", ""}, []string{"alpha", "beta"}},
		{[]string{"--logs", "al"}, []string{"alpha"}},
		{[]string{"--venv", "fo"}, []string{"folder"}},
		{[]string{"--completion", ""}, []string{"bash", "fish", "zsh"}},
		{[]string{"--port", ""}, nil},
	} {
		words := append([]string{"mrmd-python"}, check.words...)
		bash := h.command("bash", "-c", `source <(mrmd-python --completion bash)
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
_mrmd_python
printf '%s\n' "${COMPREPLY[@]}"`, "bash")
		bash.Args = append(bash.Args, words...)
		output, err := bash.Output()
		got := strings.Fields(string(output))
		slices.Sort(got)
		if err != nil || !slices.Equal(got, check.want) {
			t.Errorf("%v completes to %v, want %v (%v)", check.words, got, check.want, err)
		}
	}
}
