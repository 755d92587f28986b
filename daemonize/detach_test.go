package daemonize

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/mrmd/mrmd-python/daemonize/process"
)

// facts is what a daemon finds about itself.
type facts struct {
	PID, Group, Session int
	Descriptors         map[string]string
	Umask               string
	RaisedLimit, Limit  uint64
	HardLimit           uint64
	Environment         []string
	Cwd                 string
	Args                []string
	// LineFlags are those of the descriptor of the line to the starter.
	LineFlags int
}

func playDaemon() error {
	line, err := Inherited()
	if err != nil {
		return err
	}
	found, err := findFacts()
	if err != nil {
		return err
	}
	found.LineFlags, err = unix.FcntlInt(line.pipe.Fd(), unix.F_GETFD, 0)
	if err != nil {
		return err
	}
	text, err := json.Marshal(found)
	if err != nil {
		return err
	}
	fmt.Println("the daemon's output")
	if err := os.WriteFile(os.Args[1], text, 0o600); err != nil {
		return err
	}
	if err := line.Ready("http://localhost:7/mrp/v1"); err != nil {
		return err
	}
	return waitForever()
}

func findFacts() (facts, error) {
	self, err := process.Self()
	if err != nil {
		return facts{}, err
	}
	found := facts{PID: self.PID, Group: self.Group, Session: self.Session, Descriptors: map[string]string{},
		Environment: os.Environ(), Args: os.Args}
	names, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return facts{}, err
	}
	for _, name := range names {
		// The descriptor that lists the folder is closed by now.
		if target, err := os.Readlink("/proc/self/fd/" + name.Name()); err == nil {
			found.Descriptors[name.Name()] = target
		}
	}
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return facts{}, err
	}
	_, umask, _ := strings.Cut(string(status), "Umask:")
	found.Umask = strings.Fields(umask)[0]
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return facts{}, err
	}
	found.RaisedLimit = limit.Cur
	if err := RestoreFileLimit(); err != nil {
		return facts{}, err
	}
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return facts{}, err
	}
	found.Limit, found.HardLimit = limit.Cur, limit.Max
	found.Cwd, err = os.Getwd()
	return found, err
}

// playStarter starts a daemon in the folder, with the log and with the file for its
// facts that its arguments name, and ends.
func playStarter() error {
	if err := os.Setenv(roleVariable, "daemon"); err != nil {
		return err
	}
	ready, err := Start(context.Background(), Command{
		Args: []string{"the-daemon", os.Args[3]}, Dir: os.Args[1], LogPath: os.Args[2]})
	if err != nil {
		return err
	}
	fmt.Println(ready.PID, ready.URL)
	return nil
}

func TestDaemonIsDetachedAndKeepsWhatItShould(t *testing.T) {
	dir := t.TempDir()
	logPath, factsPath := filepath.Join(dir, "x.log"), filepath.Join(dir, "facts")
	leakRead, leakWrite, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	starter := newPart(t, "starter")
	// A shell, so that the starter is given a limit and a umask of its own.
	starter.cmd.Path = "/bin/sh"
	starter.cmd.Args = []string{"sh", "-c", `ulimit -Sn 300; ulimit -Hn 900; umask 027; exec "$0" "$@"`,
		testBinary(t), "/", logPath, factsPath}
	starter.cmd.ExtraFiles = []*os.File{leakWrite}
	starter.start()
	printed, err := io.ReadAll(starter.stdout)
	if err != nil {
		t.Fatal(err)
	}
	if err := starter.cmd.Wait(); err != nil {
		t.Fatalf("the starter: %v\n%s", err, printed)
	}

	found := readFacts(t, factsPath)
	if want := fmt.Sprintf("%d http://localhost:7/mrp/v1\n", found.PID); string(printed) != want {
		t.Errorf("the starter printed %q, want %q", printed, want)
	}
	if found.Group != found.PID || found.Session != found.PID {
		t.Errorf("it leads neither its group nor its session: %+v", found)
	}
	if !mustRead(t, found.PID).Living() {
		t.Error("it did not survive its starter")
	}
	// Only the daemon could still hold the other end.
	_ = leakWrite.Close()
	if err := leakRead.SetReadDeadline(time.Now().Add(2 * time.Minute)); err != nil {
		t.Fatal(err)
	}
	if _, err := leakRead.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("a descriptor the starter had inherited: %v, want EOF", err)
	}
	for descriptor, want := range map[string]string{"0": "/dev/null", "1": logPath, "2": logPath} {
		if got := found.Descriptors[descriptor]; got != want {
			t.Errorf("descriptor %s is %q, want %q", descriptor, got, want)
		}
	}
	for descriptor, target := range found.Descriptors {
		if strings.HasPrefix(target, "pipe:") && descriptor != "3" {
			t.Errorf("descriptor %s is %s", descriptor, target)
		}
	}
	if found.LineFlags != unix.FD_CLOEXEC {
		t.Errorf("the line to the starter would pass to children: flags %d", found.LineFlags)
	}
	if found.Umask != "0027" {
		t.Errorf("the umask is %s", found.Umask)
	}
	if found.Limit != 300 || found.HardLimit != 900 || found.RaisedLimit == 300 {
		t.Errorf("open files: %d, after RestoreFileLimit %d of %d; the starter had 300 of 900",
			found.RaisedLimit, found.Limit, found.HardLimit)
	}
	wantEnvironment := slices.DeleteFunc(slices.Clone(starter.cmd.Env), func(variable string) bool {
		// The shell sets or drops these.
		return strings.HasPrefix(variable, roleVariable) || strings.HasPrefix(variable, "PWD=") ||
			strings.HasPrefix(variable, "OLDPWD=") || strings.HasPrefix(variable, "_=") || strings.HasPrefix(variable, "SHLVL=")
	})
	for _, variable := range wantEnvironment {
		if !slices.Contains(found.Environment, variable) {
			t.Errorf("the environment lacks %s", variable)
		}
	}
	for _, variable := range found.Environment {
		if strings.HasPrefix(variable, readyVariable) {
			t.Errorf("the environment has %s", variable)
		}
	}
	if found.Cwd != "/" || !slices.Equal(found.Args, []string{"the-daemon", factsPath}) {
		t.Errorf("it runs in %s as %q", found.Cwd, found.Args)
	}
	if log, err := os.ReadFile(logPath); err != nil || string(log) != "the daemon's output\n" {
		t.Errorf("the log: %q, %v", log, err)
	}
	if info, err := os.Stat(logPath); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the log: %v, %v", info.Mode(), err)
	}
}

// playDyingStarter kills itself as soon as its daemon is there.
func playDyingStarter() error {
	if err := os.Setenv(roleVariable, "daemon, bereft"); err != nil {
		return err
	}
	go func() {
		_, _ = Start(context.Background(), Command{Args: os.Args, LogPath: os.Args[1] + ".log"})
	}()
	becomesTrue(func() bool {
		_, err := os.Stat(os.Args[1] + ".begun")
		return err == nil
	})
	return syscall.Kill(os.Getpid(), syscall.SIGKILL)
}

// playBereftDaemon is ready only once its starter has died.
func playBereftDaemon() error {
	line, err := Inherited()
	if err != nil {
		return err
	}
	starter := os.Getppid()
	if err := os.WriteFile(os.Args[1]+".begun", nil, 0o600); err != nil {
		return err
	}
	if !becomesTrue(func() bool { return os.Getppid() != starter }) {
		return errors.New("the starter lives on")
	}
	if err := line.Ready("u"); err != nil {
		return err
	}
	if err := os.WriteFile(os.Args[1], nil, 0o600); err != nil {
		return err
	}
	return waitForever()
}

func TestDaemonSurvivesAStarterThatDies(t *testing.T) {
	path := filepath.Join(t.TempDir(), "done")
	starter := newPart(t, "starter that dies", path)
	starter.start()
	var ended *exec.ExitError
	if err := starter.cmd.Wait(); !errors.As(err, &ended) || ended.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
		t.Fatalf("the starter: %v", err)
	}
	waitUntil(t, "the daemon has reported to nobody and goes on", func() bool {
		_, err := os.Stat(path)
		return err == nil
	})
	if left := marked(t); len(left) != 1 || !left[0].Living() {
		t.Errorf("the daemon: %+v", left)
	}
}

func readFacts(t *testing.T, path string) facts {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var found facts
	if err := json.Unmarshal(text, &found); err != nil {
		t.Fatal(err)
	}
	return found
}
