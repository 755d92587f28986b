package wheeltest

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/mrmd/mrmd-python/internal/livetest"
)

// startChild has a cell start a process; it gives the runtime's id and that one's.
func startChild(t *testing.T, app *appServer) (runtime, child string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	answer, err := app.Post(ctx, "/execute", livetest.Object{
		"code": "import os, subprocess; print(os.getpid(), subprocess.Popen(['sleep', '1000']).pid)",
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Sscan(answer["stdout"].(string), &runtime, &child); err != nil {
		t.Fatalf("the cell: %v: %v", answer, err)
	}
	return runtime, child
}

// gone says whether a process has ended, be it waited for or not.
func gone(pid string) bool {
	stat, err := os.ReadFile("/proc/" + pid + "/stat")
	return err != nil || bytes.HasPrefix(stat[bytes.LastIndexByte(stat, ')'):], []byte(") Z"))
}

func TestAppEndsItsRuntime(t *testing.T) {
	for _, c := range []struct {
		name   string
		signal syscall.Signal
	}{{"when it is shut down", syscall.SIGTERM}, {"when it is killed", syscall.SIGKILL}} {
		t.Run(c.name, func(t *testing.T) {
			app := serveApp(t, livetest.Object{})
			if app.origin == "" {
				t.Fatal(app.output())
			}
			runtime, child := startChild(t, app)
			if err := app.process.Signal(c.signal); err != nil {
				t.Fatal(err)
			}
			<-app.ended
			waitUntil(t, "the runtime and what it started are gone", func() bool { return gone(runtime) && gone(child) })
		})
	}
}

func TestAppSaysWhyItCantStart(t *testing.T) {
	app := serveApp(t, livetest.Object{"venv": "/no/such/venv"})
	<-app.ended
	if app.origin != "" {
		t.Error("it serves")
	}
	wants(t, "what uvicorn prints", app.output(), "/no/such/venv", "no virtual environment", "Application startup failed")
}

func TestMountedApp(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	app := serveApp(t, livetest.Object{"mounted": "/python"})
	if app.origin == "" {
		t.Fatal(app.output())
	}
	app.URL = app.origin + "/python/mrp/v1"
	answer, err := app.Post(ctx, "/execute", livetest.Object{"code": "6 * 7"})
	if err != nil || answer["result"] != "42" {
		t.Errorf("%v, %v\n%s", answer, err, app.output())
	}
	// Nobody tells it that the server shuts down.
	runtime, child := startChild(t, app)
	if err := app.process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	<-app.ended
	waitUntil(t, "the runtime and what it started are gone", func() bool { return gone(runtime) && gone(child) })
}

// TestAppIsItsUsers asks as another user of the machine.
func TestAppIsItsUsers(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can be somebody else")
	}
	app := serveApp(t, livetest.Object{})
	if app.origin == "" {
		t.Fatal(app.output())
	}
	host, port, err := net.SplitHostPort(strings.TrimPrefix(app.origin, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	const somebody = 65534
	command := exec.Command("bash", "-c", `exec 3<>"/dev/tcp/$0/$1" && printf 'GET /mrp/v1/health HTTP/1.1\r\nHost: %s:%s\r\nConnection: close\r\n\r\n' "$0" "$1" >&3 && cat <&3`, host, port)
	command.Dir = "/"
	command.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: somebody, Gid: somebody}}
	output, err := command.CombinedOutput()
	if err != nil {
		t.Fatalf("asking: %v\n%s", err, output)
	}
	wants(t, "the answer", string(output), "403 Forbidden", "forbidden_peer", fmt.Sprintf("uid %d", somebody))
}
