package processes

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/mrmd/mrmd-python/internal/livetest"
)

// TestDescriptorsOfForkedChildren: ours are closed there, and no one else's, those of
// the same number as one of ours included.
func TestDescriptorsOfForkedChildren(t *testing.T) {
	port := portOf(t, shared)
	got := cell(t, `
import os, socket, sys
port = `+port+`
# Enough text to have been put into a file.
print('x' * 32 * 1024 * 1024)
files = [open(f'user-{n}', 'w') for n in range(20)]
datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); datagrams.bind(('127.0.0.1', port))
elsewhere = socket.create_server(('127.0.0.2', port))
client = socket.create_connection(('127.0.0.1', port))
pipe = os.pipe()
def descriptors():
    found = {}
    for name in os.listdir('/proc/self/fd'):
        try: found[int(name)] = os.readlink('/proc/self/fd/' + name)
        except OSError: pass
    return found
mine = [file.fileno() for file in files] + [datagrams.fileno(), elsewhere.fileno(), client.fileno(), *pipe, 0, 1, 2]
before = descriptors()
pid = os.fork()
if pid == 0:
    os.write(pipe[1], repr(descriptors()).encode()); os._exit(0)
os.waitpid(pid, 0)
after = eval(os.read(pipe[0], 1_000_000))
def listeners():
    for line in open('/proc/net/tcp').readlines()[1:]:
        fields = line.split()
        address, state, inode = fields[1], fields[3], fields[9]
        if address == f'0100007F:{port:04X}' and inode != '0': yield f'socket:[{inode}]'
print('\nlost:', [before[number] for number in mine if after.get(number) != before[number]])
ours = list(listeners())
print('ours in the runtime:', len([name for name in before.values() if name in ours]) >= 2, any('spool' in name for name in before.values()))
terminals = [name for number, name in after.items() if number > 2 and '/dev/p' in name]
print('left:', terminals, [name for name in after.values() if name in ours or '.mrmd' in name or 'spool' in name])
for file in files: file.close()
for used in (datagrams, elsewhere, client): used.close()
for number in pipe: os.close(number)
`)
	got = got[max(0, strings.LastIndex(got, "lost:")):]
	want := "lost: []\nours in the runtime: True True\nleft: [] []\n"
	if got != want {
		t.Errorf("printed\n%s\nwant\n%s", got, want)
	}
}

// TestConnectionsOfForkedChildren: those to a Unix socket end with the runtime too.
func TestConnectionsOfForkedChildren(t *testing.T) {
	path := filepath.Join(t.TempDir(), "socket")
	runtime := start(t, livetest.Options{Flags: []string{"--socket", path}})
	connection, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	if _, err := io.WriteString(connection, "GET /mrp/v1/health HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	answers := bufio.NewReader(connection)
	if answer, err := http.ReadResponse(answers, nil); err != nil || answer.StatusCode != http.StatusOK {
		t.Fatalf("%v, %v", answer, err)
	}
	var forked int
	said := cellIn(t, runtime, `
import os, socket, time
user = socket.socket(socket.AF_UNIX); user.connect(`+strconv.Quote(path)+`)
one, other = socket.socketpair()
pid = os.fork()
if pid == 0:
    try:
        user.getpeername(); other.send(b'x')
    finally:
        os.setsid(); time.sleep(600); os._exit(0)
assert one.recv(1) == b'x'
print(pid)`)
	if _, err := fmt.Sscan(said, &forked); err != nil {
		t.Fatalf("reading %q: %v", said, err)
	}
	defer func() {
		if err := syscall.Kill(forked, syscall.SIGKILL); err != nil {
			t.Errorf("the child did not outlive the runtime: %v", err)
		}
	}()
	if err := runtime.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := connection.SetReadDeadline(time.Now().Add(3 * time.Minute)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, answers); err != nil {
		t.Errorf("the connection did not end with the runtime: %v", err)
	}
}

func portOf(t *testing.T, runtime *livetest.Runtime) string {
	t.Helper()
	address, err := url.Parse(runtime.URL)
	if err != nil {
		t.Fatal(err)
	}
	return address.Port()
}

// TestChildrenOutliveARuntime kills a runtime that its children survive: its port and
// its locks are free.
func TestChildrenOutliveARuntime(t *testing.T) {
	runtime := start(t, livetest.Options{})
	port := portOf(t, runtime)
	said := cellIn(t, runtime, `
import os, subprocess, time
forked = os.fork()
if forked == 0:
    os.setsid(); time.sleep(600); os._exit(0)
daemon = subprocess.Popen(['sleep', '600'], start_new_session=True)
print(forked, daemon.pid)`)
	var forked, daemon int
	if _, err := fmt.Sscan(said, &forked, &daemon); err != nil {
		t.Fatalf("reading %q: %v", said, err)
	}
	defer func() {
		for _, pid := range []int{forked, daemon} {
			if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
				t.Errorf("a child did not outlive the runtime: %v", err)
			}
		}
	}()
	held := lockFiles(t, runtime)
	if err := runtime.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	free := until(t, func() bool {
		listener, err := net.Listen("tcp", "127.0.0.1:"+port)
		if err != nil {
			return false
		}
		return listener.Close() == nil
	})
	if !free {
		t.Error("the port is taken still")
	}
	for _, path := range held {
		file, err := os.OpenFile(path, os.O_RDWR, 0)
		if err != nil {
			t.Fatal(err)
		}
		if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
			t.Errorf("the lock %s is taken still: %v", path, err)
		}
		if err := file.Close(); err != nil {
			t.Error(err)
		}
	}
	for _, pid := range []int{forked, daemon} {
		for _, target := range openFiles(t, pid) {
			if strings.Contains(target, "ptmx") || strings.Contains(target, ".mrmd") {
				t.Errorf("process %d holds %s", pid, target)
			}
		}
	}
}

// lockFiles are the files of locks that the runtime has open.
func lockFiles(t *testing.T, runtime *livetest.Runtime) []string {
	t.Helper()
	var locks []string
	for _, target := range openFiles(t, runtime.Process.Pid) {
		if strings.HasSuffix(target, ".lock") {
			locks = append(locks, target)
		}
	}
	if len(locks) == 0 {
		t.Error("the runtime holds no lock")
	}
	return locks
}

func openFiles(t *testing.T, pid int) []string {
	t.Helper()
	folder := fmt.Sprintf("/proc/%d/fd", pid)
	names, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	var targets []string
	for _, name := range names {
		if target, err := os.Readlink(folder + "/" + name.Name()); err == nil {
			targets = append(targets, target)
		}
	}
	return targets
}
