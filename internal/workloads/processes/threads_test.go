package processes

import (
	"strings"
	"testing"
)

func TestThreads(t *testing.T) {
	for _, test := range []struct{ name, code, want string }{
		{"500 at once", `
import threading
gate = threading.Barrier(501)
local = threading.local()
seen, lock = [], threading.Lock()
def work(number):
    local.number = number
    gate.wait()
    with lock: seen.append(local.number)
threads = [threading.Thread(target=work, args=(n,)) for n in range(500)]
for thread in threads: thread.start()
gate.wait()
for thread in threads: thread.join()
print(sorted(seen) == list(range(500)), hasattr(local, 'number'))`, "True False\n"},
		{"output of all", `
import concurrent.futures
with concurrent.futures.ThreadPoolExecutor(50) as pool:
    list(pool.map(lambda n: print(f'line {n}\n', end=''), range(1000)))`, ""},
		{"switch interval", `
import sys, threading
kept = sys.getswitchinterval()
sys.setswitchinterval(1e-5)
count = 0
def spin():
    global count
    for _ in range(20000): count += 1
threads = [threading.Thread(target=spin) for _ in range(8)]
for thread in threads: thread.start()
for thread in threads: thread.join()
sys.setswitchinterval(kept)
print(count <= 160000, kept)`, "True 0.005\n"},
		{"callbacks from threads of C", `
import ctypes
libc = ctypes.CDLL(None)
start = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p)
calls = []
run = start(lambda argument: calls.append(argument))
thread = ctypes.c_ulong()
print(libc.pthread_create(ctypes.byref(thread), None, run, ctypes.c_void_p(7)), libc.pthread_join(thread, None), calls)`, "0 0 [7]\n"},
		{"a signal handler runs on the main thread", `
import signal, threading
ran = []
kept = signal.signal(signal.SIGUSR1, lambda *_: ran.append(threading.current_thread() is threading.main_thread()))
thread = threading.Thread(target=lambda: signal.pthread_kill(threading.get_ident(), signal.SIGUSR1)); thread.start(); thread.join()
signal.signal(signal.SIGUSR1, kept)
print(ran)`, "[True]\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := cell(t, test.code)
			if test.want == "" {
				for n, line := range strings.Split(strings.TrimSpace(got), "\n") {
					if !strings.HasPrefix(line, "line ") {
						t.Fatalf("line %d is %q", n, line)
					}
				}
				return
			}
			if got != test.want {
				t.Errorf("printed %q, want %q", got, test.want)
			}
		})
	}
}

// TestExceptionsOfThreads: what a thread does not catch is told on stderr as plain
// Python does, or by the user's hook.
func TestExceptionsOfThreads(t *testing.T) {
	const code = `
import threading
def fail(): raise ValueError('of a thread')
thread = threading.Thread(target=fail, name='Failing'); thread.start(); thread.join()
`
	ended := execute(t, shared, code)
	for _, want := range []string{"Exception in thread Failing:\nTraceback (most recent call last):\n", "in fail\n", "ValueError: of a thread\n"} {
		if !strings.Contains(ended.stderr, want) {
			t.Errorf("stderr lacks %q:\n%s", want, ended.stderr)
		}
	}
	if strings.Contains(ended.stderr, "mrmd") {
		t.Errorf("frames of the runtime are shown:\n%s", ended.stderr)
	}
	got := cell(t, "kept, threading.excepthook = threading.excepthook, lambda told: print('hook', told.exc_value)"+code+"threading.excepthook = kept")
	if got != "hook of a thread\n" {
		t.Errorf("printed %q", got)
	}
}

// TestStack compares with plain Python: how deep code may nest, and that C code which
// nests too deep gets a RecursionError and does not crash.
func TestStack(t *testing.T) {
	const code = `
import json, pickle, resource, sys, threading
print(resource.getrlimit(resource.RLIMIT_STACK), threading.stack_size())
print(threading.get_native_id() == __import__('os').getpid())
sys.setrecursionlimit(10**5 + 1000)
def depth(n): return 0 if n == 0 else 1 + depth(n - 1)
print(depth(10**5))
class Through:
    def __init__(self, inner): self.inner = inner
    def __repr__(self): return 'T' + repr(self.inner)
sys.setrecursionlimit(1000)
nested = []
for _ in range(100_000): nested = [nested]
chain = None
for _ in range(100_000): chain = Through(chain)
def tried(action):
    try: action()
    except RecursionError as error: return f'RecursionError: {error}'
    return 'no error'
print('json', tried(lambda: json.dumps(nested)))
print('json indented', tried(lambda: json.dumps(nested, indent=1)))
print('json loads', tried(lambda: json.loads('[' * 100_000 + ']' * 100_000)))
print('repr', tried(lambda: repr(nested)))
print('repr through Python', tried(lambda: repr(chain)))
print('pickle', tried(lambda: pickle.dumps(nested)))
print('eval', tried(lambda: eval('-' * 500 + '1')))
print('compare', tried(lambda: nested == [nested]))
while nested: nested = nested.pop()
while chain: chain = chain.inner
`
	sameAsPlain(t, shared, code)
}

// TestExcepthook: code that calls it gets its traceback printed, and Python's own
// behaviour for what is no exception.
func TestExcepthook(t *testing.T) {
	ended := execute(t, shared, `
import sys
try: 1 / 0
except ZeroDivisionError: sys.excepthook(*sys.exc_info())
print('goes on')`)
	if ended.err != "" || ended.stdout != "goes on\n" || !strings.Contains(ended.stderr, ": division by zero\n") {
		t.Errorf("the cell ended with %+v", ended)
	}
	ended = execute(t, shared, "import sys\nsys.excepthook(1, '1', 1)")
	if want := "TypeError: print_exception(): Exception expected for value, str found"; ended.err != "" || !strings.Contains(ended.stderr, want) {
		t.Errorf("the cell ended with %+v", ended)
	}
}
