package registry

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// roleVariable makes the test binary play a process of its own.
const roleVariable = "REGISTRY_TEST_ROLE"

func TestMain(m *testing.M) {
	switch os.Getenv(roleVariable) {
	case "":
		os.Exit(m.Run())
	case "runtime":
		os.Exit(playRuntime())
	case "forker":
		os.Exit(playForker())
	case "churner":
		os.Exit(playChurner())
	}
	os.Exit(2)
}

// playRuntime claims the id in its arguments, publishes it, says so and waits
// until its standard input ends.
func playRuntime() int {
	home, err := FindHome()
	if err != nil {
		return fail(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	claim, err := Open(home).Claim(ctx, os.Args[1])
	if err != nil {
		return fail(err)
	}
	if err := claim.Publish(Entry{URL: "http://localhost:1/mrp/v1"}); err != nil {
		return fail(err)
	}
	fmt.Println("published")
	_, _ = io.Copy(io.Discard, os.Stdin)
	if err := claim.Release(); err != nil {
		return fail(err)
	}
	return 0
}

// playChurner claims the id in its arguments and gives it up again and again, and
// fails when it is not alone meanwhile.
func playChurner() int {
	home, err := FindHome()
	if err != nil {
		return fail(err)
	}
	inside := filepath.Join(home.Dir, "inside")
	for range 20 {
		claim, err := Open(home).Claim(context.Background(), os.Args[1])
		if err != nil {
			return fail(err)
		}
		alone, err := os.OpenFile(inside, os.O_CREATE|os.O_EXCL, 0o600)
		if err != nil {
			return fail(err)
		}
		if err := errors.Join(alone.Close(), os.Remove(inside), claim.Release()); err != nil {
			return fail(err)
		}
	}
	fmt.Println("was always alone")
	return 0
}

// playForker claims the id in its arguments, forks a child that does not exec, as
// os.fork in Python does, names it and ends.
func playForker() int {
	home, err := FindHome()
	if err != nil {
		return fail(err)
	}
	if _, err := Open(home).Claim(context.Background(), os.Args[1]); err != nil {
		return fail(err)
	}
	child, err := forkWithoutExec()
	if err != nil {
		return fail(err)
	}
	fmt.Println(child)
	return 0
}

// forkWithoutExec leaves behind a child that only waits to be killed. The child
// may do nothing but make system calls: it has none of the Go runtime's threads.
//
//go:norace
func forkWithoutExec() (int, error) {
	pid, _, errno := syscall.RawSyscall(syscall.SYS_CLONE, uintptr(syscall.SIGCHLD), 0, 0)
	if errno != 0 {
		return 0, errno
	}
	for pid == 0 {
		_, _, _ = syscall.RawSyscall6(syscall.SYS_PSELECT6, 0, 0, 0, 0, 0, 0)
	}
	return int(pid), nil
}

func fail(err error) int {
	fmt.Println("error:", err)
	return 1
}

// runtimeProcess is the test binary playing a role.
type runtimeProcess struct {
	t      *testing.T
	cmd    *exec.Cmd
	stdin  io.Closer
	stdout *bufio.Reader
}

func startRole(t *testing.T, role, home string, arguments ...string) *runtimeProcess {
	t.Helper()
	cmd := exec.Command(testBinary(t), arguments...)
	return startCommand(t, cmd, role, home)
}

func startCommand(t *testing.T, cmd *exec.Cmd, role, home string) *runtimeProcess {
	t.Helper()
	cmd.Env = append(os.Environ(), roleVariable+"="+role, "MRMD_HOME="+home,
		// The race detector sleeps for a second at exit otherwise.
		"GORACE=atexit_sleep_ms=0")
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	return &runtimeProcess{t: t, cmd: cmd, stdin: stdin, stdout: bufio.NewReader(stdout)}
}

// line gives the next line the process printed.
func (p *runtimeProcess) line() string {
	p.t.Helper()
	line, err := p.stdout.ReadString('\n')
	if err != nil {
		p.t.Fatalf("process %d ended without a word: %v", p.cmd.Process.Pid, err)
	}
	return strings.TrimSpace(line)
}

// end closes the process's standard input and waits for its end.
func (p *runtimeProcess) end() {
	p.t.Helper()
	_ = p.stdin.Close()
	if err := p.cmd.Wait(); err != nil {
		p.t.Fatal(err)
	}
}

func (p *runtimeProcess) kill() {
	p.t.Helper()
	if err := p.cmd.Process.Kill(); err != nil {
		p.t.Fatal(err)
	}
	_ = p.cmd.Wait()
}

func testBinary(t *testing.T) string {
	t.Helper()
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func newStore(t *testing.T) *Store {
	t.Helper()
	return Open(Home{Dir: filepath.Join(t.TempDir(), ".mrmd"), Chosen: true})
}

func mustClaim(t *testing.T, store *Store, id string) *Claim {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	claim, err := store.Claim(ctx, id)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = claim.Release() })
	return claim
}

func mustPublish(t *testing.T, claim *Claim, entry Entry) {
	t.Helper()
	if err := claim.Publish(entry); err != nil {
		t.Fatal(err)
	}
}

// soon is a context that ends once a condition which does not hold has been given
// a moment.
func soon(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	t.Cleanup(cancel)
	return ctx
}

func waitUntil(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("still not so: %s", what)
		}
	}
}

func writeFile(t *testing.T, store *Store, name, text string) {
	t.Helper()
	if err := store.ensure(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(store.runtimesDir(), name), []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
}

func mode(t *testing.T, path string) os.FileMode {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Mode().Perm()
}
