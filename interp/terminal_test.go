package interp

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/mrmd/mrmd-python/mrp"
)

func TestTerminalHasASize(t *testing.T) {
	const sizes = `
import os, shutil, subprocess
seen = subprocess.run(['stty', 'size'], stdin=1, capture_output=True, text=True).stdout
[tuple(shutil.get_terminal_size()), tuple(os.get_terminal_size(1)), tuple(os.get_terminal_size(2)), seen, os.environ['TERM']]`
	for _, step := range []struct {
		columns int
		want    string
	}{
		{0, `[(100, 30), (100, 30), (100, 30), '30 100\n', 'xterm-256color']`},
		{64, `[(64, 30), (64, 30), (64, 30), '30 64\n', 'xterm-256color']`},
		{0, `[(100, 30), (100, 30), (100, 30), '30 100\n', 'xterm-256color']`},
	} {
		outcome, err := engine.Execute(context.Background(), mrp.Execution{Code: sizes, Columns: step.columns}, &transcript{})
		if err != nil || resultOf(outcome) != step.want {
			t.Errorf("with %d columns: %v %s", step.columns, err, resultOf(outcome))
		}
		// What programs write is still read without waiting for more.
		if _, shown := mustRun(t, "!echo heard"); shown.stdout() != "heard\n" {
			t.Errorf("after %d columns: %q", step.columns, shown.stdout())
		}
	}
}

func TestUsersOwnColumnsStay(t *testing.T) {
	mustRun(t, "import os, shutil\nos.environ['COLUMNS'] = '33'")
	if width, _ := mustRun(t, "shutil.get_terminal_size().columns"); width != "33" {
		t.Errorf("the width is %s", width)
	}
	mustRun(t, "os.environ['COLUMNS'] = '100'")
}

func TestCommandsAreTheVenvs(t *testing.T) {
	found, _ := mustRun(t, "import shutil\nshutil.which('python')")
	if want := "'" + filepath.Join(engine.options.Virtualenv, "bin", "python") + "'"; found != want {
		t.Errorf("python is %s, not %s", found, want)
	}
	for path, want := range map[string]string{
		"": "/v/bin", "/usr/bin": "/v/bin:/usr/bin", "/v/bin:/usr/bin": "/v/bin:/usr/bin", "/usr/bin:/v/bin": "/v/bin:/usr/bin:/v/bin",
	} {
		if got := pathWith("/v/bin", path); got != want {
			t.Errorf("%q becomes %q, not %q", path, got, want)
		}
	}
}
