package interp

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mrmd/mrmd-python/mrp"
)

func TestMagics(t *testing.T) {
	folder := t.TempDir()
	mustRun(t, "%cd -q "+folder)
	defer mustRun(t, "%cd -q "+engine.options.WorkingDirectory)
	for _, step := range []struct{ code, result, stdout, types string }{
		{code: "%%html\n<b>x</b>", types: `text/plain="<IPython.core.display.HTML object>" text/html="<b>x</b>\n"`},
		{code: "%%javascript\n1", types: `text/plain="<IPython.core.display.Javascript object`},
		{code: "%%latex\n$x$", types: `text/plain="<IPython.core.display.Latex object>"`},
		{code: "%%markdown\n# x", types: `text/plain="<IPython.core.display.Markdown object>" text/markdown="# x\n"`},
		{code: "%%writefile some.py\nx = 5\nprint('in it')", stdout: "Writing some.py\n"},
		{code: "%%writefile -a some.py\ny = 6", stdout: "Appending to some.py\n"},
		{code: "%run some.py\nx, y", result: "(5, 6)", stdout: "in it\n"},
		{code: "%load some.py", stdout: "# %load some.py\nx = 5\nprint('in it')\ny = 6\n\n"},
		{code: "%less some.py", stdout: "x = 5\nprint('in it')\ny = 6\n"},
		{code: "files = !ls\nfiles", result: "['some.py']"},
		{code: "!echo {x} $y", stdout: "5 6\n"},
		{code: "!exit 3\n_exit_code", result: "3"},
		{code: "%%bash\necho from bash", stdout: "from bash\n"},
		{code: "%%bash --out said\necho kept"},
		{code: "said", result: `'kept\n'`},
		{code: "%%capture held\nprint('p'); display('d')"},
		{code: "held.stdout, len(held.outputs)", result: `('p\n', 1)`},
		{code: "held.show()", stdout: "p\n", types: `text/plain="'d'"`},
		{code: "%env THE_THING=1", stdout: "env: THE_THING=1\n"},
		{code: "%env THE_THING", result: "'1'"},
		{code: "import os\ndel os.environ['THE_THING']"},
		{code: "%%python\nprint(7)", stdout: "7\n"},
		{code: "%alias greet echo hi\n%greet", stdout: "hi\n"},
		{code: "%pwd", result: "'" + folder + "'"},
		{code: "%precision 2\n3.14159", result: "3.14"},
		{code: "%precision\n1.5", result: "1.5"},
	} {
		result, shown := mustRun(t, step.code)
		var types []string
		for _, display := range shown.displays {
			types = append(types, mimeTypes(display))
		}
		if result != step.result && step.result != "" || shown.stdout() != step.stdout || !strings.HasPrefix(strings.Join(types, " "), step.types) {
			t.Errorf("%q gave %s, printed %q and %q, showed %s", step.code, result, shown.stdout(), shown.stderr(), types)
		}
	}
	for code, want := range map[string]string{
		"%time 1": "Wall time", "%%time\n1": "Wall time", "%timeit -n1 -r1 1": "per loop", "%who": "said",
		"%pip --version": "pip", "print(get_ipython().run_line_magic('lsmagic', ''))": "%add", "%history -l 1": "\n",
	} {
		if _, shown := mustRun(t, code); !strings.Contains(shown.stdout(), want) {
			t.Errorf("%q printed %q", code, shown.stdout())
		}
	}
	for code, want := range map[string]string{
		"%nosuchmagic": "UsageError", "%load_ext nosuchextension": "ModuleNotFoundError", "%%bash\nexit 3": "CalledProcessError",
		"%edit": "UsageError",
	} {
		if outcome, _ := run(t, code); outcome.Error == nil || outcome.Error.Type != want {
			t.Errorf("%q ended with %+v", code, outcome.Error)
		}
	}
}

func TestDebugAsks(t *testing.T) {
	run(t, "def fails(n):\n    return 1 / n\nfails(0)")
	lines := []string{"p n", "q"}
	shown := &transcript{answer: func(_ context.Context, prompt string, _ bool) (string, error) {
		if !strings.HasPrefix(prompt, "ipdb>") || len(lines) == 0 {
			t.Errorf("asked %q", prompt)
			return "q", nil
		}
		line := lines[0]
		lines = lines[1:]
		return line, nil
	}}
	outcome, err := engine.Execute(context.Background(), mrp.Execution{Code: "%debug", AllowStdin: true}, shown)
	if err != nil || outcome.Error != nil || len(lines) != 0 || !strings.Contains(shown.stdout(), "0\n") {
		t.Errorf("%v, %+v, left %q, stdout %q", err, outcome.Error, lines, shown.stdout())
	}
}

// TestInterruptEndsCommands interrupts a command that has started another one.
func TestInterruptEndsCommands(t *testing.T) {
	pids := filepath.Join(t.TempDir(), "pids")
	done := make(chan mrp.Outcome, 1)
	go func() {
		outcome, err := engine.Execute(context.Background(),
			mrp.Execution{Code: "!echo $$ >> " + pids + "; sh -c 'echo $$ >> " + pids + "; exec sleep 600'; true\nafter_it = 1"}, &transcript{})
		if err != nil {
			t.Error(err)
		}
		done <- outcome
	}()
	deadline := time.Now().Add(3 * time.Minute)
	var started []string
	for len(started) < 2 && time.Now().Before(deadline) {
		content, _ := os.ReadFile(pids)
		started = strings.Fields(string(content))
		time.Sleep(time.Millisecond)
	}
	engine.Interrupt()
	if outcome := <-done; outcome.Error == nil || outcome.Error.Type != "KeyboardInterrupt" {
		t.Errorf("the cell ended with %+v", outcome.Error)
	}
	for _, pid := range started {
		for {
			status, err := os.ReadFile("/proc/" + pid + "/stat")
			if err != nil || strings.Contains(string(status), ") Z ") {
				break
			}
			if time.Now().After(deadline) {
				t.Fatalf("process %s goes on: %s", pid, status)
			}
			time.Sleep(time.Millisecond)
		}
	}
}
