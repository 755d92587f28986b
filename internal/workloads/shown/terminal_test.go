package shown

import (
	"strings"
	"testing"
	"unicode/utf8"
)

// columns is the width of the terminal that code sees.
const columns = 100

// wantBar demands the text of a progress bar that is drawn over itself, ends full,
// and fits into the terminal.
func wantBar(t *testing.T, drawn string) {
	t.Helper()
	states := strings.Split(strings.TrimSuffix(drawn, "\n"), "\r")
	if len(states) < 3 {
		t.Fatalf("the bar did not move: %q", drawn)
	}
	wantParts(t, "the bar's last state", states[len(states)-1], "100%", "█", "5/5")
	for _, state := range states {
		if width := utf8.RuneCountInString(state); width > columns {
			t.Errorf("the bar is %d wide: %q", width, state)
		}
	}
}

func TestTqdm(t *testing.T) {
	for _, module := range []string{"tqdm", "tqdm.auto", "tqdm.notebook"} {
		t.Run(module, func(t *testing.T) {
			s := runCell(t, `
import warnings
with warnings.catch_warnings():
    warnings.simplefilter("error")
    from `+module+` import tqdm
print("before")
for step in tqdm(range(5), mininterval=0, desc="steps"):
    pass
print("after")`)
			if len(s.steps) != 3 || s.steps[0] != "stdout before\n" || s.steps[2] != "stdout after\n" {
				t.Fatalf("got %q", s.steps)
			}
			wantBar(t, strings.TrimPrefix(s.steps[1], "stderr "))
		})
	}
	s := runCell(t, "from tqdm import trange, tqdm\nfor step in trange(2):\n    tqdm.write(f'line {step}')")
	wantParts(t, "what was written", s.stdout, "line 0\n", "line 1\n")
	s = runCell(t, "from tqdm.notebook import tqdm_notebook, trange\n"+
		"print(sum(tqdm_notebook(trange(5), ncols='100%', display=True)))")
	wantParts(t, "what was printed", s.stdout, "10\n")
	wantParts(t, "the bars", s.stderr, "5/5")
}

func TestRich(t *testing.T) {
	t.Run("console", func(t *testing.T) {
		s := runCell(t, `
from rich.console import Console
console = Console()
print(console.width, console.is_terminal, console.is_jupyter, console.color_system)
console.print("[bold red]warning[/] [#00ff00]lime[/]")
console.rule("rule")`)
		wantParts(t, "what was printed", s.stdout, "100 True False 256\n", "\x1b[1;31mwarning\x1b[0m", "\x1b[38;5;46mlime\x1b[0m")
		for line := range strings.Lines(s.stdout) {
			if strings.Contains(line, " rule ") && strings.Count(line, "─") != columns-len(" rule ") {
				t.Errorf("the rule is not as wide as the terminal: %q", line)
			}
		}
	})
	t.Run("print", func(t *testing.T) {
		s := runCell(t, "from rich import print as show\nshow({'answer': 42})")
		wantSteps(t, s, "stdout \x1b[1m{\x1b[0m\x1b[32m'answer'\x1b[0m: \x1b[1;36m42\x1b[0m\x1b[1m}\x1b[0m\n")
	})
	t.Run("table", func(t *testing.T) {
		const table = "from rich.table import Table\ntable = Table('planet', 'moons', title='the planets')\ntable.add_row('Mars', '2')\n"
		s := runCell(t, table+"table")
		wantSteps(t, s, "asset text/html")
		page, _ := onlyPage(t, s)
		wantParts(t, "the page", page, "the planets", "│ Mars   │ 2     │")
		s = runCell(t, table+"from rich import print as show\nshow(table)")
		wantParts(t, "what was printed", s.stdout, "the planets", "│ Mars   │ 2     │\n")
	})
	t.Run("results", func(t *testing.T) {
		t.Cleanup(func() { post(t, "/reset", map[string]any{}) })
		s := runCell(t, "from rich import pretty\npretty.install()\n{'answer': 42}")
		wantParts(t, "the result", s.result, "\x1b[1;36m42\x1b[0m")
	})
	t.Run("progress", func(t *testing.T) {
		s := runCell(t, "from rich.progress import track\nfor step in track(range(5), description='steps'):\n    pass")
		wantParts(t, "the bar", s.stdout, "steps", "━━━", "100%")
	})
}
