package processes

import (
	"strings"
	"testing"
)

// TestChildren starts a process in every way there is; what it prints on the cell's
// terminal arrives in the cell.
func TestChildren(t *testing.T) {
	module(t, "work_of_processes", `
import os
def double(number):
    print('doubling', number, flush=True)
    return number * 2
`)
	for _, test := range []struct{ name, code, want string }{
		{"subprocess", "import subprocess\nprint(subprocess.run(['echo', 'hi'], capture_output=True, text=True).stdout, end='')\nsubprocess.run(['echo', 'direct'])", "hi\ndirect\n"},
		{"shell", "import subprocess\nprint(subprocess.run('exit 3', shell=True).returncode)", "3\n"},
		{"system", "import os\nprint('before')\nprint(os.waitstatus_to_exitcode(os.system('echo from system; exit 4')))", "before\nfrom system\n4\n"},
		{"popen", "import os\nprint(os.popen('echo piped').read(), end='')", "piped\n"},
		{"fork", `
import os
pid = os.fork()
if pid == 0:
    print('from the child')
    os._exit(5)
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))`, "from the child\n5\n"},
		{"fork that falls off the end", `
import os
pid = os.fork()
if pid:
    print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
else:
    import threading, time
    threading.Thread(target=lambda: (time.sleep(0.1), print('its thread'))).start()
    print('child', end=' ')`, "child its thread\n0\n"},
		{"fork with unfinished output of C", `
import ctypes, os
pid = os.fork()
if pid:
    print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
else:
    ctypes.CDLL(None).printf(b'printf ')`, "printf 0\n"},
		{"fork that exits with a status", `
import os, sys
pid = os.fork()
if pid:
    print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
else:
    sys.exit(6)`, "6\n"},
		{"posix_spawn", `
import os
pid = os.posix_spawn('/bin/sh', ['sh', '-c', 'echo spawned; exit 7'], os.environ)
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))`, "spawned\n7\n"},
		{"pty", `
import os, pty
pid, master = pty.fork()
if pid == 0:
    os.execvp('sh', ['sh', '-c', 'test -t 0 && tty >/dev/null && echo on a terminal'])
said = b''
while True:
    try:
        said += os.read(master, 1000) or b''
    except OSError:
        break
os.close(master)
print(said.decode().strip(), os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))`, "on a terminal 0\n"},
		{"multiprocessing fork, function of the cell", `
import multiprocessing
context = multiprocessing.get_context('fork')
results = context.Queue()
def work(number):
    print('worker', number)
    results.put(number ** 2)
process = context.Process(target=work, args=(12,))
process.start(); print(results.get()); process.join(); print(process.exitcode)`, "worker 12\n144\n0\n"},
		{"pool fork, lambda of the cell by name", `
import multiprocessing
def square(number): return number * number
with multiprocessing.get_context('fork').Pool(2) as pool:
    print(pool.map(square, range(5)))`, "[0, 1, 4, 9, 16]\n"},
		{"multiprocessing spawn, function of a module", `
import multiprocessing, work_of_processes
with multiprocessing.get_context('spawn').Pool(1) as pool:
    print(pool.map(work_of_processes.double, [21]))`, "doubling 21\n[42]\n"},
		{"multiprocessing forkserver, function of a module", `
import multiprocessing, work_of_processes
context = multiprocessing.get_context('forkserver')
process = context.Process(target=work_of_processes.double, args=(4,))
process.start(); process.join(); print(process.exitcode)`, "doubling 4\n0\n"},
		{"ProcessPoolExecutor", `
import concurrent.futures, multiprocessing
def triple(number): return number * 3
with concurrent.futures.ProcessPoolExecutor(2, mp_context=multiprocessing.get_context('fork')) as pool:
    print(list(pool.map(triple, [1, 2, 3])))
import work_of_processes
with concurrent.futures.ProcessPoolExecutor(1, mp_context=multiprocessing.get_context('spawn')) as pool:
    print(pool.submit(work_of_processes.double, 8).result())`, "[3, 6, 9]\ndoubling 8\n16\n"},
		{"terminate", `
import multiprocessing, time
for method in ('fork', 'spawn', 'forkserver'):
    process = multiprocessing.get_context(method).Process(target=time.sleep, args=(600,))
    process.start(); process.terminate(); process.join(); print(method, process.exitcode)`,
			"fork -15\nspawn -15\nforkserver -15\n"},
		{"terminate at once", `
import os, signal, time
def terminated():
    pid = os.fork()
    if not pid:
        time.sleep(600)
        os._exit(1)
    os.kill(pid, signal.SIGTERM)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
print({terminated() for _ in range(100)})`, "{-15}\n"},
		{"shared memory", `
import multiprocessing
from multiprocessing import shared_memory
memory = shared_memory.SharedMemory(create=True, size=16)
def fill(name):
    theirs = shared_memory.SharedMemory(name=name)
    theirs.buf[:5] = b'hello'
    theirs.close()
process = multiprocessing.get_context('fork').Process(target=fill, args=(memory.name,))
process.start(); process.join()
print(bytes(memory.buf[:5])); memory.close(); memory.unlink()`, "b'hello'\n"},
		{"manager", `
import multiprocessing
with multiprocessing.get_context('spawn').Manager() as manager:
    kept = manager.dict(a=1); kept['b'] = 2; print(sorted(kept.items()))`, "[('a', 1), ('b', 2)]\n"},
		{"asyncio", `
import asyncio
process = await asyncio.create_subprocess_exec('sh', '-c', 'cat; exit 9', stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE)
said, _ = await process.communicate(b'through asyncio')
print(said, process.returncode)
direct = await asyncio.create_subprocess_shell('echo to the terminal')
print(await direct.wait())`, "b'through asyncio' 9\nto the terminal\n0\n"},
		{"asyncio.run", `
import asyncio
async def main():
    process = await asyncio.create_subprocess_shell('echo again', stdout=asyncio.subprocess.PIPE)
    return (await process.communicate())[0]
print(asyncio.run(main()))`, "b'again\\n'\n"},
		{"joblib loky", `
import joblib
def cube(number): return number ** 3
print(joblib.Parallel(n_jobs=2)(joblib.delayed(cube)(n) for n in range(4)))
from joblib.externals.loky import get_reusable_executor
get_reusable_executor().shutdown(wait=True)`, "[0, 1, 8, 27]\n"},
		{"joblib multiprocessing and threading", `
import joblib, multiprocessing
def negative(number): return -number
method = multiprocessing.get_start_method()
multiprocessing.set_start_method('fork', force=True) # no longer the default in 3.14
for backend in ('multiprocessing', 'threading'):
    print(joblib.Parallel(n_jobs=2, backend=backend)(joblib.delayed(negative)(n) for n in range(3)))
multiprocessing.set_start_method(method, force=True)`, "[0, -1, -2]\n[0, -1, -2]\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := cell(t, test.code); got != test.want {
				t.Errorf("printed %q, want %q", got, test.want)
			}
		})
	}
}

// TestSpawnOfAFunctionOfACell: as in plain IPython, the child can't find it and says
// so, and the process ends.
func TestSpawnOfAFunctionOfACell(t *testing.T) {
	ended := execute(t, shared, `
import multiprocessing
def only_here(): pass
process = multiprocessing.get_context('spawn').Process(target=only_here)
process.start(); process.join()
print(process.exitcode)`)
	if ended.err != "" || ended.stdout != "1\n" {
		t.Errorf("the cell ended with %+v", ended)
	}
	if want := "attribute 'only_here'"; !strings.Contains(ended.stderr, want) {
		t.Errorf("stderr lacks %q:\n%s", want, ended.stderr)
	}
}

// TestForksOutsideOfCells: a child that a task or a thread forks comes to its end
// too, and never returns into the runtime's own code.
func TestForksOutsideOfCells(t *testing.T) {
	cell(t, `
import asyncio, os, threading
statuses = {}
async def in_a_task():
    pid = os.fork()
    if pid:
        statuses['task'] = await asyncio.to_thread(os.waitpid, pid, 0)
forking = asyncio.create_task(in_a_task())
def in_a_thread():
    pid = os.fork()
    if pid:
        statuses['thread'] = os.waitpid(pid, 0)
thread = threading.Thread(target=in_a_thread); thread.start()`)
	ended := until(t, func() bool { return cell(t, "print(len(statuses))") == "2\n" })
	if got := cell(t, "print(sorted((name, status) for name, (_, status) in statuses.items()))"); !ended || got != "[('task', 0), ('thread', 0)]\n" {
		t.Errorf("the children ended with %s", got)
	}
}
