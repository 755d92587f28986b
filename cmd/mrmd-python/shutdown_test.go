package main

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestShutdownAtAnyMoment sends SIGTERM to a runtime in the midst of something. It is
// gone soon, its entry is taken back, and what ran before is in the history.
func TestShutdownAtAnyMoment(t *testing.T) {
	t.Parallel()
	for name, busy := range map[string]struct {
		// sitecustomize runs while Python starts; code is what runs then, and signs
		// of it is a file that it makes.
		sitecustomize, code string
		reset               bool
	}{
		"idle":   {},
		"start":  {sitecustomize: "open('begun', 'w').close()\nimport time\ntime.sleep(600)"},
		"import": {code: "import slow_module"},
		"cell":   {code: "open('begun', 'w').close()\nimport time\ntime.sleep(600)"},
		"stream": {code: "open('begun', 'w').close()\nwhile True: print('x' * 99)"},
		"input":  {code: "open('begun', 'w').close()\ninput('? ')"},
		"reset":  {code: "open('begun', 'w').close()\nimport time\ntime.sleep(600)", reset: true},
		"stubborn": {code: `import time
open('begun', 'w').close()
while True:
    try: time.sleep(600)
    except KeyboardInterrupt: pass`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHome(t)
			modules := t.TempDir()
			for file, text := range map[string]string{
				"slow_module.py":   "open('begun', 'w').close()\nimport time\ntime.sleep(600)\n",
				"sitecustomize.py": busy.sitecustomize,
			} {
				if err := os.WriteFile(filepath.Join(modules, file), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			h.environment = append(h.environment, "PYTHONPATH="+modules)
			url := h.start("ending")
			pid := h.info("ending").PID
			if busy.sitecustomize == "" {
				mustExecute(t, url, "remembered = 'before the end'")
			}
			if busy.code != "" {
				stream, err := http.Post(url+"/execute/stream", "application/json", strings.NewReader(`{"code":`+quoted(t, busy.code)+`}`))
				if err != nil {
					t.Fatal(err)
				}
				defer stream.Body.Close()
			}
			if busy.reset {
				go func() { _, _ = post(url+"/reset", map[string]any{}) }()
				waitUntil(t, "the reset waits", func() bool {
					text, err := get(url + "/health")
					return err == nil && strings.Contains(text, `"queued":1`)
				})
			}
			if name != "idle" {
				waitUntil(t, "it is in the midst of it", func() bool {
					_, err := os.Stat(filepath.Join(h.work, "begun"))
					return err == nil
				})
			}
			began := time.Now()
			if err := syscall.Kill(pid, syscall.SIGTERM); err != nil {
				t.Fatal(err)
			}
			waitUntil(t, "the runtime is gone", func() bool { return syscall.Kill(pid, 0) != nil })
			t.Logf("gone after %v", time.Since(began))
			entries, err := filepath.Glob(filepath.Join(filepath.Dir(h.work), ".mrmd", "runtimes", "*"))
			if err != nil || len(entries) != 0 {
				t.Errorf("the registry has %v (%v)", entries, err)
			}
			if busy.sitecustomize != "" {
				return
			}
			h.environment = append(h.environment, "PYTHONPATH=")
			url = h.start("later")
			history := mustExecute(t, url, "print(*(line[2] for line in get_ipython().history_manager.search('*')), sep='\\n')")
			for _, want := range []string{"remembered = 'before the end'", busy.code} {
				if !strings.Contains(history, want) {
					t.Errorf("the history does not have %q:\n%s", want, history)
				}
			}
		})
	}
}
