package interp

import (
	"strconv"
	"strings"
	"testing"
)

func TestChildrenAreReported(t *testing.T) {
	result, _ := mustRun(t, `
import multiprocessing, os, subprocess, sys
process = subprocess.Popen(['true']); process.wait()
spawned = os.posix_spawn('/bin/true', ['true'], {}); os.waitpid(spawned, 0)
forked = os.fork()
if forked == 0: os._exit(0)
os.waitpid(forked, 0)
worker = multiprocessing.get_context('fork').Process(target=int); worker.start(); worker.join()
f'{process.pid} {spawned} {forked} {worker.pid}'`)
	for _, text := range strings.Fields(strings.Trim(result, "'")) {
		pid, err := strconv.Atoi(text)
		if err != nil || !engine.StartedChild(pid) {
			t.Errorf("the child %s was not reported (%v)", text, err)
		}
	}
	if engine.StartedChild(1) {
		t.Error("init is no child")
	}
}

func TestForkedChildIsAPlainProcess(t *testing.T) {
	result, _ := mustRun(t, `
import os, signal
with open('kept.txt', 'w') as kept:
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        names = []
        for descriptor in sorted(int(name) for name in os.listdir('/proc/self/fd')):
            try: names.append(os.readlink(f'/proc/self/fd/{descriptor}'))
            except OSError: pass
        caught = [line.split()[1] for line in open('/proc/self/status') if line.startswith('SigCgt')]
        os.write(writing, repr((names, caught)).encode()); os._exit(0)
    os.close(writing); os.waitpid(pid, 0)
    names, caught = eval(os.read(reading, 100000))
masters = [name for name in names if 'ptmx' in name]
kept_open = [name for name in names if name.endswith('kept.txt')]
# 32 and 33 are the C library's own.
handled = [number for number in range(1, 65) if number not in (32, 33) and int(caught[0], 16) >> (number - 1) & 1]
(masters, len(kept_open), handled)`)
	if want := "([], 1, [2])"; result != want {
		t.Errorf("the child has %s, want %s (no pty master, the user's file, SIGINT handled)", result, want)
	}
}

func TestForkedChildCanBeTerminated(t *testing.T) {
	result, _ := mustRun(t, `
import multiprocessing, time
process = multiprocessing.get_context('fork').Process(target=time.sleep, args=(600,))
process.start(); process.terminate(); process.join()
process.exitcode`)
	if result != "-15" {
		t.Errorf("exit code %s", result)
	}
}

func TestForkedChildThatFallsOffTheCellExits(t *testing.T) {
	result, shown := mustRun(t, `
import os
pid = os.fork()
if pid:
    status = os.waitpid(pid, 0)[1]
else:
    print('child')
    status = None
'child' if status is None else os.waitstatus_to_exitcode(status)`)
	if result != "0" || shown.stdout() != "child\n" {
		t.Errorf("result %s, stdout %q", result, shown.stdout())
	}
}

func TestChildrenDoNotReadTheOperatorsTerminal(t *testing.T) {
	result, _ := mustRun(t, "import subprocess\nsubprocess.run(['cat'], stdout=subprocess.PIPE).stdout")
	if result != "b''" {
		t.Errorf("a child read %s", result)
	}
}
