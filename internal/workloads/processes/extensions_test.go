package processes

import "testing"

// TestExtensions uses packages with native code that depend on the process they are
// in, all in one runtime.
func TestExtensions(t *testing.T) {
	for _, test := range []struct{ name, code, want string }{
		{"numpy", "import numpy\nprint(round(numpy.linalg.det(numpy.eye(5) * 2), 6), numpy.fft.fft([1, 0, 0, 0]).real.tolist())", "32.0 [1.0, 1.0, 1.0, 1.0]\n"},
		{"scipy", "import scipy.optimize, scipy.sparse.linalg\nprint(round(scipy.optimize.brentq(lambda x: x * x - 2, 0, 2), 6), scipy.sparse.linalg.spsolve(scipy.sparse.eye(3, format='csc') * 2, numpy.ones(3)).tolist())", "1.414214 [0.5, 0.5, 0.5]\n"},
		{"pandas", "import pandas\nprint(pandas.DataFrame({'a': [1, 2, 2], 'b': [3, 4, 5]}).groupby('a').b.sum().to_dict())", "{1: 3, 2: 9}\n"},
		{"matplotlib", "import io, matplotlib.pyplot as plt\nfigure, axes = plt.subplots(); axes.plot([1, 2, 3]); target = io.BytesIO(); figure.savefig(target, format='png'); plt.close(figure); print(target.getvalue()[:4])", "b'\\x89PNG'\n"},
		{"sqlite3", "import sqlite3\nbase = sqlite3.connect(':memory:'); base.create_function('twice', 1, lambda n: 2 * n); print(base.execute('select twice(21)').fetchone())", "(42,)\n"},
		{"ssl", `
import socket, ssl, threading
left, right = socket.socketpair()
client = ssl.create_default_context(); client.check_hostname = False; client.verify_mode = ssl.CERT_NONE
client.set_ciphers('ALL:@SECLEVEL=0')
try:
    threading.Thread(target=lambda: (right.recv(1), right.sendall(b'no tls here'), right.close())).start()
    client.wrap_socket(left)
except ssl.SSLError as error:
    print(error.reason)
print(len(client.get_ciphers()) > 0)`, "WRONG_VERSION_NUMBER\nTrue\n"},
		{"ctypes callbacks", `
import ctypes
libc = ctypes.CDLL(None)
compare = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_int), ctypes.POINTER(ctypes.c_int))
numbers = (ctypes.c_int * 5)(5, 3, 1, 4, 2)
libc.qsort(numbers, 5, ctypes.sizeof(ctypes.c_int), compare(lambda a, b: a[0] - b[0]))
print(list(numbers))`, "[1, 2, 3, 4, 5]\n"},
		{"cffi", `
import cffi
ffi = cffi.FFI()
ffi.cdef('void qsort(void *, size_t, size_t, int (*)(const void *, const void *));')
numbers = ffi.new('int[]', [3, 1, 2])
order = ffi.callback('int(const void *, const void *)', lambda a, b: ffi.cast('int *', a)[0] - ffi.cast('int *', b)[0])
ffi.dlopen(None).qsort(numbers, 3, ffi.sizeof('int'), order)
print(list(numbers))`, "[1, 2, 3]\n"},
		{"pyarrow", "import pyarrow, pyarrow.compute\nprint(pyarrow.compute.sum(pyarrow.array(range(1000))).as_py(), pyarrow.cpu_count() >= 1)", "499500 True\n"},
		{"polars", "import polars\nprint(polars.LazyFrame({'a': [1, 2, 3]}).select(polars.col('a') * 2).collect().to_series().to_list())", "[2, 4, 6]\n"},
		{"psutil", "import os, psutil\nprint(psutil.Process().pid == os.getpid(), psutil.cpu_count() >= 1)", "True True\n"},
		{"threadpoolctl", "import threadpoolctl\nwith threadpoolctl.threadpool_limits(1):\n    print({pool['num_threads'] for pool in threadpoolctl.threadpool_info()})", "{1}\n"},
		{"all of them", "import sys\nprint([name for name in 'numpy scipy pandas matplotlib sqlite3 ssl ctypes cffi pyarrow polars psutil threadpoolctl'.split() if name not in sys.modules])", "[]\n"},
		{"all of them in a forked child", `
import multiprocessing
def all_of_them():
    assert numpy.ones((200, 200)) @ numpy.ones((200, 200)) is not None
    assert pandas.Series([1, 2]).sum() == 3 and pyarrow.array([1]).to_pylist() == [1]
process = multiprocessing.get_context('fork').Process(target=all_of_them); process.start(); process.join(); print(process.exitcode)`, "0\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := cell(t, test.code); got != test.want {
				t.Errorf("printed %q, want %q", got, test.want)
			}
		})
	}
}

// TestCython compiles in a cell, with the C compiler that the runtime itself was
// built with.
func TestCython(t *testing.T) {
	cell(t, "%load_ext cython")
	cell(t, "%%cython\ndef total(int n):\n    cdef int i, sum = 0\n    for i in range(n):\n        sum += i\n    return sum\n")
	if got := cell(t, "print(total(1000))"); got != "499500\n" {
		t.Errorf("printed %q", got)
	}
}
