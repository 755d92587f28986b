package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// lab is what all rows share: what is measured and where.
type lab struct {
	binary string
	// venvs has the folders of the venvs by the contender they are for.
	venvs map[string]string
	// scripts is the folder of the Python contenders; root is where their homes are.
	scripts, root string

	mutex   sync.Mutex
	running []*process
	homes   int
	// usedHomes are by contender the homes in which starts are timed.
	usedHomes map[string]string
}

// process is a contender's, in a process group and with a home of its own.
type process struct {
	*exec.Cmd
	lab  *lab
	home string
	// keepsHome leaves the home to the process after it.
	keepsHome bool
	said      lockedBuffer
}

// lockedBuffer keeps what a process says.
type lockedBuffer struct {
	mutex   sync.Mutex
	content bytes.Buffer
}

func (b *lockedBuffer) Write(content []byte) (int, error) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	return b.content.Write(content)
}

// String is the last 2000 bytes.
func (b *lockedBuffer) String() string {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	content := b.content.String()
	return content[max(0, len(content)-2000):]
}

// newHome makes an empty home for a process, so that none finds another's history.
func (l *lab) newHome() (string, error) {
	l.mutex.Lock()
	l.homes++
	home := filepath.Join(l.root, fmt.Sprintf("home-%d", l.homes))
	l.mutex.Unlock()
	if err := os.Mkdir(home, 0o700); err != nil {
		return "", fmt.Errorf("making a home for a contender: %w", err)
	}
	return home, nil
}

// spawn starts a process. With talk its standard input and output are pipes, else its
// output is kept for messages.
func (l *lab) spawn(home string, talk bool, name string, arguments ...string) (p *process, input io.WriteCloser, output io.ReadCloser, err error) {
	p = &process{Cmd: exec.Command(name, arguments...), lab: l, home: home}
	p.Dir = home
	p.Env = append(slices.DeleteFunc(os.Environ(), func(setting string) bool {
		name, _, _ := strings.Cut(setting, "=")
		return name == "MRMD_HOME" || name == "VIRTUAL_ENV" || strings.HasPrefix(name, "IPYTHON") ||
			strings.HasPrefix(name, "JUPYTER") || strings.HasPrefix(name, "PYTHON")
	}), "HOME="+home)
	p.SysProcAttr = &unix.SysProcAttr{Setpgid: true}
	p.Stderr = &p.said
	if talk {
		if input, err = p.StdinPipe(); err == nil {
			output, err = p.StdoutPipe()
		}
		if err != nil {
			return nil, nil, nil, fmt.Errorf("starting %s: %w", name, err)
		}
	} else {
		p.Stdout = &p.said
	}
	l.mutex.Lock()
	defer l.mutex.Unlock()
	if err := p.Start(); err != nil {
		return nil, nil, nil, fmt.Errorf("starting %s: %w", name, err)
	}
	l.running = append(l.running, p)
	return p, input, output, nil
}

// end ends the process at once and with it what is left of its group; its home goes.
func (p *process) end() {
	_ = unix.Kill(-p.Process.Pid, unix.SIGKILL)
	_ = p.Wait()
	p.lab.mutex.Lock()
	p.lab.running = slices.DeleteFunc(p.lab.running, func(other *process) bool { return other == p })
	p.lab.mutex.Unlock()
	if !p.keepsHome {
		_ = os.RemoveAll(p.home)
	}
}

// endAll kills whatever runs, so that whoever waits for it goes on.
func (l *lab) endAll() {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	for _, p := range l.running {
		_ = unix.Kill(-p.Process.Pid, unix.SIGKILL)
	}
}

// freePort is a port nobody listens on now, below those that the system hands out, so
// that nobody gets it before the runtime does.
func freePort() (int, error) {
	const lowest, count, tries = 20000, 10000, 100
	var err error
	for range tries {
		port := lowest + rand.IntN(count)
		var listener net.Listener
		if listener, err = net.Listen("tcp4", fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
			listener.Close()
			return port, nil
		}
	}
	return 0, fmt.Errorf("looking for a free port: %w", err)
}

// exited is whether the process has ended; it is not waited for.
func (p *process) exited() bool {
	var ended unix.Siginfo
	err := unix.Waitid(unix.P_PID, p.Process.Pid, &ended, unix.WEXITED|unix.WNOHANG|unix.WNOWAIT, nil)
	return err != nil || ended.Signo != 0
}

// launched is a runtime that may not listen yet.
type launched struct {
	*process
	url   string
	began time.Time
}

// launch starts a runtime of ours or of 0.4.2 in a home of its own.
func (l *lab) launch(who string) (*launched, error) {
	home, err := l.newHome()
	if err != nil {
		return nil, err
	}
	return l.launchIn(home, who)
}

// launchIn starts a runtime of ours or of 0.4.2, which take the same flags.
func (l *lab) launchIn(home, who string) (*launched, error) {
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	command := []string{l.binary}
	if who == original {
		command = []string{filepath.Join(l.venvs[original], "bin", "python"), "-m", "mrmd_python"}
	}
	command = append(command, "--foreground", "--host", "127.0.0.1", "--port", fmt.Sprint(port),
		"--id", filepath.Base(home), "--venv", l.venvs[who], "--cwd", home)
	began := time.Now()
	p, _, _, err := l.spawn(home, false, command[0], command[1:]...)
	if err != nil {
		return nil, err
	}
	return &launched{process: p, url: fmt.Sprintf("http://127.0.0.1:%d/mrp/v1", port), began: began}, nil
}

// connect tries to connect until the runtime listens, five thousand times a second:
// what that adds to a start is under 0.2 ms.
func (r *launched) connect(ctx context.Context) (*connection, error) {
	for {
		c, err := dial(r.url)
		if err == nil {
			return c, nil
		}
		if !errors.Is(err, unix.ECONNREFUSED) {
			return nil, err
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if r.exited() || time.Since(r.began) > time.Minute {
			return nil, fmt.Errorf("%s does not listen: %s", r.Path, &r.said)
		}
		time.Sleep(200 * time.Microsecond)
	}
}
