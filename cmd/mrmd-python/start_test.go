package main

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
)

// TestManyStartsAtOnce starts runtimes in parallel processes: those of different ids
// get ports of their own, and those of one id become one runtime.
func TestManyStartsAtOnce(t *testing.T) {
	h := newHome(t)
	const different, same = 20, 4
	outputs := make([]string, different+same)
	var all sync.WaitGroup
	for i := range outputs {
		id := fmt.Sprintf("many%d", i)
		if i >= different {
			id = "one"
		}
		all.Go(func() {
			stdout, stderr, status := h.run("--id", id, "--venv", testVenv())
			if status != 0 {
				t.Errorf("starting %s: exit status %d\n%s%s", id, status, stdout, stderr)
			}
			outputs[i] = stdout
		})
	}
	all.Wait()
	ports := map[int]string{}
	for i := range different {
		found := h.info(fmt.Sprintf("many%d", i))
		if other := ports[found.Port]; other != "" || !found.Alive {
			t.Errorf("%+v: alive %t, its port is also that of %q", found, found.Alive, other)
		}
		ports[found.Port] = found.ID
		if text, err := get(found.URL + "/health"); err != nil || !strings.Contains(text, "mrmd-python") {
			t.Errorf("health of %s: %v %s", found.ID, err, text)
		}
	}
	running, started := 0, 0
	pid := fmt.Sprintf("  PID:  %d\n", h.info("one").PID)
	for _, output := range outputs[different:] {
		if strings.Contains(output, "'one' is already running:") {
			running++
		} else if strings.Contains(output, "'one' started:") {
			started++
		}
		if !strings.Contains(output, pid) {
			t.Errorf("this starter tells of another runtime than%s: %s", pid, output)
		}
	}
	if started != 1 || running != same-1 {
		t.Errorf("%d starters say it is started and %d that it is running, want 1 and %d", started, running, same-1)
	}
}

func TestHosts(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	port := func(url string) string { return regexp.MustCompile(`:(\d+)/`).FindStringSubmatch(url)[1] }

	local := h.start("local")
	for _, host := range []string{"127.0.0.1", "[::1]", "localhost"} {
		if host == "[::1]" && !hasIPv6Loopback() {
			continue
		}
		if _, err := get("http://" + host + ":" + port(local) + "/mrp/v1/health"); err != nil {
			t.Errorf("asking localhost's runtime at %s: %v", host, err)
		}
	}
	other := h.start("other", "--host", "127.0.0.5")
	if want := "http://127.0.0.5:"; !strings.HasPrefix(other, want) {
		t.Errorf("the URL is %s, want %s…", other, want)
	}
	if _, err := get(other + "/health"); err != nil {
		t.Error(err)
	}
	if response, err := http.Get("http://127.0.0.1:" + port(other) + "/mrp/v1/health"); err == nil {
		response.Body.Close()
		t.Error("a runtime on 127.0.0.5 answers on 127.0.0.1 too")
	}
	if hasIPv6Loopback() {
		sixth := h.start("sixth", "--host", "::1")
		if _, err := get(sixth + "/health"); err != nil || !strings.HasPrefix(sixth, "http://[::1]:") {
			t.Errorf("the URL is %s: %v", sixth, err)
		}
	}
	everywhere := h.start("everywhere", "--host", "0.0.0.0")
	if !strings.HasPrefix(everywhere, "http://localhost:") {
		t.Errorf("the URL is %s", everywhere)
	}
	if _, err := get("http://127.0.0.9:" + port(everywhere) + "/mrp/v1/health"); err != nil {
		t.Error(err)
	}
}

// TestAnswersBeforePython holds up Python's start: the runtime answers, and what it is
// sent to execute waits.
func TestAnswersBeforePython(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	modules := t.TempDir()
	gate := filepath.Join(modules, "gate")
	site := fmt.Sprintf("import os, time\nwhile not os.path.exists(%q): time.sleep(0.01)\n", gate)
	if err := os.WriteFile(filepath.Join(modules, "sitecustomize.py"), []byte(site), 0o600); err != nil {
		t.Fatal(err)
	}
	h.environment = append(h.environment, "PYTHONPATH="+modules)
	url := h.start("slow")
	if text, err := get(url + "/health"); err != nil || !strings.Contains(text, `"state":"starting"`) {
		t.Errorf("health: %v %s", err, text)
	}
	if text, err := get(url + "/capabilities"); err != nil || !strings.Contains(text, `"executable":"`+testVenv()) {
		t.Errorf("capabilities: %v %s", err, text)
	}
	type answer struct {
		reply executed
		err   error
	}
	answers := make(chan answer, 1)
	go func() {
		reply, err := post(url+"/execute", map[string]any{"code": "print('waited')"})
		answers <- answer{reply, err}
	}()
	waitUntil(t, "the execution waits", func() bool {
		text, err := get(url + "/executions")
		return err == nil && strings.Contains(text, "execId")
	})
	if err := os.WriteFile(gate, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if got := <-answers; got.err != nil || got.reply.Stdout != "waited\n" {
		t.Errorf("the execution: %v %+v", got.err, got.reply)
	}
}

// TestEnvironmentIsTheStarters compares what a cell and a child of it see with what
// the starter had.
func TestEnvironmentIsTheStarters(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	command := h.command("sh", "-c", `ulimit -Sn 777; umask 027; exec "$0" "$@"`, binary, "--id", "env", "--venv", testVenv())
	if stdout, stderr, status := h.finish(command); status != 0 {
		t.Fatalf("exit status %d\n%s%s", status, stdout, stderr)
	}
	url := h.info("env").URL
	seen := strings.Split(strings.TrimSpace(mustExecute(t, url, `import os, subprocess, sys
print(*(f"{name}={value!r}" for name, value in os.environ.items()), sep="\n")`)), "\n")
	python := h.command(filepath.Join(testVenv(), "bin", "python"), "-c",
		`import os; print(*(f"{name}={value!r}" for name, value in os.environ.items()), sep="\n")`)
	// What a terminal and the venv's activation would set.
	python.Env = append(python.Env, "TERM=xterm-256color", "COLUMNS=100", "LINES=30", "PAGER=cat", "GIT_PAGER=cat", "MANPAGER=cat",
		"PATH="+filepath.Join(testVenv(), "bin")+string(os.PathListSeparator)+os.Getenv("PATH"))
	plain, _, _ := h.finish(python)
	want := strings.Split(strings.TrimSpace(plain), "\n")
	// The shell's own, and what Python does to the C locale of a program of its own.
	ignored := regexp.MustCompile(`^(PWD|OLDPWD|_|SHLVL|LC_CTYPE)=`)
	slices.Sort(seen)
	slices.Sort(want)
	seen = slices.DeleteFunc(seen, ignored.MatchString)
	want = slices.DeleteFunc(want, ignored.MatchString)
	if !slices.Equal(seen, want) {
		t.Errorf("a cell sees the environment\n%s\nwant\n%s", strings.Join(seen, "\n"), strings.Join(want, "\n"))
	}
	for _, variable := range seen {
		if name, _, _ := strings.Cut(variable, "="); slices.Contains([]string{"LD_LIBRARY_PATH", "PYTHONHOME", "GODEBUG"}, name) || strings.HasPrefix(name, "MRMD_READY") {
			t.Errorf("a cell sees %s", variable)
		}
	}
	got := mustExecute(t, url, `import resource
print(resource.getrlimit(resource.RLIMIT_NOFILE)[0], subprocess.check_output("ulimit -Sn; umask", shell=True, text=True).split())`)
	if want := "777 ['777', '0027']\n"; got != want {
		t.Errorf("limits and umask are %q, want %q", got, want)
	}
}

func TestVersion(t *testing.T) {
	h := newHome(t)
	got := h.mustRun("--version")
	pattern := regexp.MustCompile(`^mrmd-python 1\.2\.3 \(commit abcdef0\), Python (3\.\d+)\.\d+\S*, ABI tag cp(3\d+)\n$`)
	match := pattern.FindStringSubmatch(got)
	if match == nil || strings.ReplaceAll(match[1], ".", "") != match[2] {
		t.Errorf("--version says %q, want it to match %s", got, pattern)
	}
	python, _, _ := h.finish(h.command(filepath.Join(testVenv(), "bin", "python"), "-c", "import platform; print(platform.python_version())"))
	if !strings.Contains(got, "Python "+strings.TrimSpace(python)) {
		t.Errorf("--version says %q, and the venv has %s", got, python)
	}
}

// TestMissingIPython starts runtimes for a venv that has no IPython.
func TestMissingIPython(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	venv := filepath.Join(t.TempDir(), "bare")
	make := h.command(filepath.Join(testVenv(), "bin", "python"), "-m", "venv", venv)
	if stdout, stderr, status := h.finish(make); status != 0 {
		t.Fatalf("making a venv: %s%s", stdout, stderr)
	}
	for _, mode := range [][]string{nil, {"--foreground"}, {"--managed"}} {
		stdout, stderr, status := h.run(append(mode, "--id", "bare", "--venv", venv)...)
		if status != exitFailure || !regexp.MustCompile(`install IPython with: .*install.* ipython`).MatchString(stderr) {
			t.Errorf("%v: exit status %d\n%s%s", mode, status, stdout, stderr)
		}
	}
	if list := h.mustRun("--list"); !strings.Contains(list, "No runtimes running") {
		t.Errorf("a runtime that failed to start is listed:\n%s", list)
	}
	// What pip would do besides takes longer than the installation.
	h.environment = append(h.environment, "PIP_NO_COMPILE=1", "PIP_DISABLE_PIP_VERSION_CHECK=1")
	h.mustRun("--id", "bare", "--venv", venv, "--install")
	got := mustExecute(t, h.info("bare").URL, "print(get_ipython().__module__.split('.')[0] in ('IPython', '_mrmd'))")
	if got != "True\n" {
		t.Errorf("after --install a cell prints %q", got)
	}
}
