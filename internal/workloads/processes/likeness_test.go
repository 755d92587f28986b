package processes

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/mrmd/mrmd-python/internal/livetest"
)

// statusOf is Python code: what the kernel says of a process's signals. 32 and 33
// are the C library's own, which it takes when a process has threads.
const statusOf = `
import os, signal, subprocess, sys
def signals(text):
    found = {}
    for line in text.splitlines():
        name, _, value = line.partition(':')
        if name in ('SigBlk', 'SigIgn', 'SigCgt'):
            found[name] = [n for n in range(1, 65) if int(value, 16) >> n - 1 & 1 and n not in (32, 33)]
    return found
def of_fork(before=lambda: None):
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            before()
            os.write(writing, repr(signals(open('/proc/self/status').read())).encode())
        finally:
            os._exit(0)
    os.close(writing); os.waitpid(pid, 0)
    with open(reading) as answer:
        return answer.read()
def of_command(**options):
    return signals(subprocess.run(['cat', '/proc/self/status'], capture_output=True, text=True, **options).stdout)
def of_spawn(**options):
    reading, writing = os.pipe()
    pid = os.posix_spawn('/bin/cat', ['cat', '/proc/self/status'], os.environ, file_actions=[(os.POSIX_SPAWN_DUP2, writing, 1)], **options)
    os.close(writing); os.waitpid(pid, 0)
    with open(reading) as answer:
        return signals(answer.read())
def of_all():
    print('fork', of_fork())
    print('command', of_command(), of_command(restore_signals=False), of_command(preexec_fn=int), of_command(close_fds=False))
    print('posix_spawn', of_spawn(), of_spawn(setsigmask=[signal.SIGUSR1]), of_spawn(setsigdef=[signal.SIGPIPE]))
`

func TestSignalsOfChildren(t *testing.T) {
	runtime := start(t, livetest.Options{})
	for _, test := range []struct{ name, code string }{
		{"untouched", "of_all()\n"},
		{"the user's own", `
kept = [signal.signal(number, action) for number, action in
    [(signal.SIGINT, signal.SIG_IGN), (signal.SIGTERM, signal.SIG_IGN), (signal.SIGUSR1, lambda *_: None), (signal.SIGPIPE, signal.SIG_DFL)]]
of_all()
for number, action in zip((signal.SIGINT, signal.SIGTERM, signal.SIGUSR1, signal.SIGPIPE), kept): signal.signal(number, action)
`},
		{"a mask", `
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR2, signal.SIGTERM])
of_all()
signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGUSR2, signal.SIGTERM])
`},
		{"faulthandler of the user", `
import faulthandler
faulthandler.enable(sys.__stderr__.fileno())
of_all()
faulthandler.disable()
of_all()
`},
		{"multiprocessing", `
import multiprocessing
def report(results): results.put(signals(open('/proc/self/status').read()))
context = multiprocessing.get_context('fork')
results = context.SimpleQueue()
process = context.Process(target=report, args=(results,)); process.start(); print(results.get()); process.join()
`},
		{"dispositions as Python shows them", `
def of_python(): print([(int(n), str(signal.getsignal(n)).replace('Handlers.', '')) for n in sorted(signal.valid_signals())])
of_python()
of_fork(lambda: None)
import faulthandler
pid = os.fork()
if pid == 0:
    of_python(); print(faulthandler.is_enabled(), flush=True); os._exit(0)
os.waitpid(pid, 0)
`},
	} {
		t.Run(test.name, func(t *testing.T) {
			code := "sys.stdout.flush()\n" + test.code
			if test.name == "dispositions as Python shows them" {
				code = strings.ReplaceAll(test.code, "of_python()\nof_fork", "of_python(); sys.stdout.flush()\nof_fork")
			}
			sameAsPlain(t, runtime, statusOf+code)
		})
	}
}

// TestLooksLikePython compares what code sees of its process.
func TestLooksLikePython(t *testing.T) {
	// Libraries that earlier cells imported set variables.
	runtime := start(t, livetest.Options{})
	for _, test := range []struct{ name, code string }{
		{"resource limits", `
import resource
for name in sorted(dir(resource)):
    if name.startswith('RLIMIT_'): print(name, resource.getrlimit(getattr(resource, name)))
import subprocess
print(subprocess.run('ulimit -aS; ulimit -aH', shell=True, capture_output=True, text=True).stdout)`},
		{"umask and priorities", `
import os
print(os.umask(0o22), os.umask(0o22), os.nice(0), os.sched_getaffinity(0), os.getpriority(os.PRIO_PROCESS, 0), os.sched_getscheduler(0))
print([line for line in open('/proc/self/status') if line.startswith(('Groups', 'NoNewPrivs', 'CapEff', 'Seccomp:'))])
print(open('/proc/self/oom_score_adj').read())`},
		{"environment", `
import os, subprocess
# Cells have a terminal of their own, and the venv's commands.
ours = ('TERM', 'COLUMNS', 'LINES', 'PATH', 'PAGER', 'GIT_PAGER', 'MANPAGER')
def of_starter(variables): return sorted(v for v in variables if v.partition('=')[0] not in ours)
print(of_starter(map('='.join, os.environ.items())))
print(of_starter(open('/proc/self/environ').read().split('\0')))
print(of_starter(subprocess.run(['env', '-0'], capture_output=True, text=True).stdout.split('\0')))
print([name for name in os.environ if name.startswith(('MRMD', 'PYTHONHOME', 'LD_', 'GODEBUG'))])`},
		{"executable", `
import multiprocessing.spawn, os, sys
print(sys.executable, sys._base_executable, multiprocessing.spawn.get_executable(), sys.orig_argv[0], sys.prefix, sys.exec_prefix)
import subprocess
print(subprocess.run([sys.executable, '-c', 'import sys; print(sys.prefix, sys.flags)'], capture_output=True, text=True).stdout)`},
		{"functions", `
import faulthandler, inspect, os, pickle, posix, _posixsubprocess, signal, _signal, subprocess
for function in (os.fork, os.forkpty, os.posix_spawn, os.posix_spawnp, _posixsubprocess.fork_exec, faulthandler.enable, faulthandler.disable, _signal.signal, _signal.getsignal):
    print(function, function.__name__, function.__qualname__, function.__module__, function.__doc__, type(function), inspect.isbuiltin(function), pickle.loads(pickle.dumps(function)) is function)
print(os.fork is posix.fork, inspect.signature(os.fork), getattr(subprocess, '_fork_exec', _posixsubprocess.fork_exec) is _posixsubprocess.fork_exec)
for wrong in (lambda: os.fork(1), lambda: os.posix_spawn(), lambda: signal.signal(2), lambda: signal.signal(1000, signal.SIG_DFL), lambda: signal.signal(64, 5), lambda: signal.getsignal('x')):
    try: print(wrong())
    except Exception as error: print(type(error), error)`},
		{"every signal can be set and taken back", `
import signal
for number in sorted(signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}):
    before = signal.signal(number, lambda got, frame: print('got', int(got)))
    signal.raise_signal(number)
    print(int(number), getattr(signal.signal(number, before), '__name__', None), signal.getsignal(number) == before)`},
		{"switch interval and limits of Python", `
import sys, threading
print(sys.getswitchinterval(), sys.getrecursionlimit(), threading.stack_size(), threading.active_count() >= 1)
sys.setswitchinterval(0.02); print(sys.getswitchinterval()); sys.setswitchinterval(0.005)`},
		{"psutil", `
import os, psutil, subprocess
me = psutil.Process()
child = subprocess.Popen(['sleep', '600'])
print(me.pid == os.getpid(), child.pid in [found.pid for found in me.children()], psutil.Process(child.pid).ppid() == me.pid, me.status() in ('running', 'sleeping'), me.uids(), me.cwd() == os.getcwd(), me.environ()['HOME'] == os.environ['HOME'])
child.kill(); print(child.wait(), len(me.children(recursive=True)))`},
		{"native threads", `
import numpy, scipy.linalg, threadpoolctl
numpy.ones((100, 100)) @ numpy.ones((100, 100)); scipy.linalg.inv(numpy.eye(3))
for pool in sorted(threadpoolctl.threadpool_info(), key=str): print(pool)`},
	} {
		t.Run(test.name, func(t *testing.T) { sameAsPlain(t, runtime, test.code) })
	}
}

// TestPidIsTheRegistrys: the process that --info and --kill name is the one that
// cells run in.
func TestPidIsTheRegistrys(t *testing.T) {
	got := cell(t, `
import json, os, pathlib, threading
entries = [json.loads(path.read_text()) for path in pathlib.Path('~/.mrmd/runtimes').expanduser().glob('*.json')]
print([entry['pid'] == os.getpid() for entry in entries], threading.get_native_id() == os.getpid())`)
	if got != "[True] True\n" {
		t.Errorf("printed %q", got)
	}
}

// TestStarterOfAnotherKind gives both a starter that has changed what children
// inherit.
func TestStarterOfAnotherKind(t *testing.T) {
	const changes = `trap '' HUP USR1 TSTP; ulimit -Sn 300; ulimit -Hn 900; ulimit -c 0; umask 027; CUDA_VISIBLE_DEVICES=5; export CUDA_VISIBLE_DEVICES; exec "$0" "$@"`
	const facts = statusOf + `
of_all()
import resource
print(resource.getrlimit(resource.RLIMIT_NOFILE), resource.getrlimit(resource.RLIMIT_CORE), os.umask(0o27), os.environ['CUDA_VISIBLE_DEVICES'])
print(signal.getsignal(signal.SIGHUP), signal.getsignal(signal.SIGUSR1), signal.getsignal(signal.SIGTSTP))
print(subprocess.run('ulimit -n; umask; echo $CUDA_VISIBLE_DEVICES', shell=True, capture_output=True, text=True).stdout)
`
	script := filepath.Join(t.TempDir(), "facts.py")
	if err := os.WriteFile(script, []byte("import sys; sys.stdout.reconfigure(write_through=True)\n"+facts), 0o600); err != nil {
		t.Fatal(err)
	}
	shell, err := exec.LookPath("sh")
	if err != nil {
		t.Fatal(err)
	}
	plain, err := exec.Command(shell, "-c", changes, filepath.Join(os.Getenv("MRMD_TEST_VENV"), "bin", "python"), script).Output()
	if err != nil {
		t.Fatal(err)
	}
	starter := filepath.Join(t.TempDir(), "starter")
	wrapped := "#!" + shell + "\nset -- '" + os.Getenv("MRMD_TEST_BINARY") + "' \"$@\"\n" + strings.ReplaceAll(changes, `"$0" "$@"`, `"$@"`) + "\n"
	if err := os.WriteFile(starter, []byte(wrapped), 0o700); err != nil {
		t.Fatal(err)
	}
	runtime := start(t, livetest.Options{Binary: starter})
	if here := cellIn(t, runtime, facts); here != string(plain) {
		t.Errorf("differs from plain Python\n%s", differences(here, string(plain)))
	}
}

// start starts another runtime, which ends with the test.
func start(t *testing.T, options livetest.Options) *livetest.Runtime {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	runtime, err := livetest.Start(ctx, options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := runtime.Stop(); err != nil && runtime.Process.Signal(syscall.Signal(0)) == nil {
			t.Error(err)
		}
	})
	return runtime
}

// TestInterruptsFromChildren: a process that the cell has started may interrupt it by
// SIGINT to its parent, as in plain Python.
func TestInterruptsFromChildren(t *testing.T) {
	ended := execute(t, shared, `
import subprocess, time
try:
    subprocess.Popen('sh -c "kill -INT '"$PPID"'"', shell=True)
    while True: time.sleep(0.01)  # one that comes as a sleep begins does not end it
except KeyboardInterrupt:
    print('interrupted')`)
	if ended.err != "" || ended.stdout != "interrupted\n" {
		t.Errorf("the cell ended with %+v", ended)
	}
}

// TestInterruptsInOtherThreads: the kernel may choose any thread for a signal of the
// process; the cell, asleep in a system call, hears of it.
func TestInterruptsInOtherThreads(t *testing.T) {
	ended := execute(t, shared, `
import signal, threading, time
heard = threading.Event()
def interrupt():
    # One that comes as the cell falls asleep does not end its sleep.
    while not heard.wait(0.1):
        signal.pthread_kill(threading.get_ident(), signal.SIGINT)
def take(*_):
    if not heard.is_set():
        heard.set()
        raise KeyboardInterrupt
before = signal.signal(signal.SIGINT, take)
thread = threading.Thread(target=interrupt)
try:
    thread.start()
    time.sleep(600)
except KeyboardInterrupt:
    print('interrupted')
thread.join()
signal.signal(signal.SIGINT, before)`)
	if ended.err != "" || ended.stdout != "interrupted\n" {
		t.Errorf("the cell ended with %+v", ended)
	}
}
