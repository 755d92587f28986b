package main

import (
	"bufio"
	"context"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/mrmd/mrmd-python/registry"
)

const secret = "s3cret-t0ken"

// TestTokenStaysSecret looks for the token wherever others, the user's code and its
// children could come across it.
func TestTokenStaysSecret(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	h.environment = append(h.environment, tokenVariable+"=")
	h.mustRun("--id", "flag", "--venv", testVenv(), "--token", secret)
	h.environment = append(h.environment, tokenVariable+"="+secret)
	h.mustRun("--id", "variable", "--venv", testVenv())
	h.environment = append(h.environment, tokenVariable+"=")

	const code = `import os, subprocess
print(os.environ.get("MRMD_TOKEN"), subprocess.run("env", capture_output=True, text=True).stdout.count("MRMD_TOKEN"),
      *(open(f"/proc/self/{file}").read().count("s3cret-" + "t0ken") for file in ("cmdline", "environ")))`
	for _, id := range []string{"flag", "variable"} {
		// --exec finds the token in the registry.
		if got := h.mustRun("--id", id, "--exec", code); got != "None 0 0 0\n" {
			t.Errorf("%s: a cell sees %s", id, got)
		}
		if text, err := get(h.info(id).URL + "/health"); err == nil || !strings.Contains(err.Error(), "401") {
			t.Errorf("%s: without the token: %s %v", id, text, err)
		}
		if info := h.mustRun("--info", id); strings.Contains(info, secret) || !strings.Contains(info, `"hasToken": true`) {
			t.Errorf("%s: --info shows %s", id, info)
		}
	}
	h.mustRun("--restart", "flag")
	if got := h.mustRun("--id", "flag", "--exec", "print(6 * 7)"); got != "42\n" {
		t.Errorf("after --restart: %s", got)
	}
	if text, err := get(h.info("flag").URL + "/health"); err == nil {
		t.Errorf("after --restart, without the token: %s", text)
	}
	if list := h.mustRun("--list") + h.mustRun("--list", "--json"); strings.Contains(list, secret) {
		t.Errorf("--list shows the token:\n%s", list)
	}
	holders := ""
	eachFile(t, filepath.Dir(h.work), func(path string, info fs.FileInfo) {
		if text, err := os.ReadFile(path); err == nil && strings.Contains(string(text), secret) {
			holders += filepath.Base(path) + " "
		}
	})
	if holders != "flag.json variable.json " {
		t.Errorf("the token is in %s", holders)
	}
}

// eachFile visits the regular files below a folder.
func eachFile(t *testing.T, folder string, visit func(string, fs.FileInfo)) {
	t.Helper()
	err := filepath.Walk(folder, func(path string, info fs.FileInfo, err error) error {
		if err == nil && info.Mode().IsRegular() {
			visit(path, info)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestTokenInAForeignCommandLine(t *testing.T) {
	for _, check := range []struct {
		line, want string
		places     map[int]int
	}{
		{"x --token abc --id a", "x --id a", map[int]int{1: 7, 2: 0}},
		{"x --token=abc", "x", map[int]int{1: 8}},
		{"x --tok abc -f", "x -f", map[int]int{1: 5, 2: 0}},
		{"x --exec --token=abc --token=d", "x --exec --token=abc", map[int]int{3: 8}},
		{"x --id --token", "x --id --token", nil},
		{"x --managed --list", "x --managed --list", nil},
	} {
		arguments := strings.Fields(check.line)
		if got := fmt.Sprint(tokenArguments(arguments)); got != fmt.Sprint(map[int]int(check.places)) && len(check.places) > 0 {
			t.Errorf("%s: %s, want %v", check.line, got, check.places)
		}
		if got := strings.Join(withoutToken(arguments), " "); got != check.want {
			t.Errorf("%s becomes %s, want %s", check.line, got, check.want)
		}
	}
}

func TestRefusalsToStart(t *testing.T) {
	h := newHome(t)
	h.environment = append(h.environment, tokenVariable+"=")
	file := filepath.Join(h.work, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, check := range []struct{ flags, want string }{
		{"--require-token", "there is no token"},
		{"--require-token --host 0.0.0.0", "there is no token"},
		{"--no-tcp", "--socket PATH"},
		{"--allow-user no-such-user-here", "there is no such user"},
		{"--token a\tb", "made of letters"},
		{"--socket " + file, "no socket"},
		{"--socket " + strings.Repeat("x", 200), "choose a shorter one"},
		{"--socket none/socket", "no such file"},
	} {
		arguments := append([]string{"--venv", testVenv(), "--foreground"}, strings.Split(check.flags, " ")...)
		stdout, stderr, status := h.run(arguments...)
		if status != exitFailure || !strings.Contains(stderr, check.want) {
			t.Errorf("%s: exit status %d\n%s%s", check.flags, status, stdout, stderr)
		}
	}
}

func TestWarningBeyondLoopback(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	h.environment = append(h.environment, tokenVariable+"=")
	for id, check := range map[string]struct {
		flags  []string
		warned bool
	}{
		"open":  {[]string{"--host", "0.0.0.0"}, true},
		"token": {[]string{"--host", "0.0.0.0", "--token", secret, "--require-token"}, false},
		"local": {[]string{"--host", "127.0.0.1"}, false},
	} {
		_, stderr, status := h.run(append([]string{"--id", id, "--venv", testVenv()}, check.flags...)...)
		log := h.mustRun("--logs", id)
		for name, text := range map[string]string{"standard error": stderr, "the log": log} {
			if status != 0 || strings.Contains(text, "RUN CODE AS YOU") != check.warned {
				t.Errorf("%s: exit status %d, %s says %s", id, status, name, text)
			}
		}
	}
}

// unixClient asks over a Unix socket.
func unixClient(path string) *http.Client {
	return &http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", path)
		},
	}}
}

func TestUnixSocket(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	path := filepath.Join(h.work, "socket")
	url := h.start("both", "--socket", "socket")
	if got := mustExecute(t, url, "print('by TCP')"); got != "by TCP\n" {
		t.Errorf("got %s", got)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode() != fs.ModeSocket|0o600 {
		t.Fatalf("the socket: %v %v", info.Mode(), err)
	}
	health := func() error {
		response, err := unixClient(path).Get("http://localhost/mrp/v1/health")
		if err == nil {
			response.Body.Close()
			if response.StatusCode != http.StatusOK {
				err = fmt.Errorf("%s", response.Status)
			}
		}
		return err
	}
	if err := health(); err != nil {
		t.Error(err)
	}
	_, stderr, status := h.run("--id", "second", "--venv", testVenv(), "--socket", path, "--no-tcp")
	if status != exitFailure || !strings.Contains(stderr, "another program serves on it") {
		t.Errorf("a second runtime on the socket: exit status %d\n%s", status, stderr)
	}
	// What SIGKILL leaves is stale.
	if err := syscall.Kill(h.info("both").PID, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	waitUntil(t, "the runtime is gone", func() bool { return !h.info("both").Alive })
	if _, err := os.Stat(path); err != nil {
		t.Errorf("the killed runtime has left no socket: %v", err)
	}
	url = h.start("only", "--socket", path, "--no-tcp")
	if !isUnixURL(url) || h.info("only").Port != 0 {
		t.Errorf("the URL is %s", url)
	}
	if err := health(); err != nil {
		t.Error(err)
	}
	if got := h.mustRun("--id", "only", "--exec", "print('by socket')"); got != "by socket\n" {
		t.Errorf("got %s", got)
	}
	h.mustRun("--kill", "only")
	if _, err := os.Stat(path); err == nil {
		t.Error("the runtime has left its socket")
	}
}

// TestPagesOfTheManager launches a managed runtime as an editor does: this process is
// the launcher, and another program a browser.
func TestPagesOfTheManager(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	managed := h.command(binary, "--managed", "--venv", testVenv())
	output, err := managed.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := managed.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		managed.Process.Kill()
		managed.Wait()
	}()
	url := ""
	lines := bufio.NewScanner(output)
	for url == "" && lines.Scan() {
		if match := regexp.MustCompile(`url="([^"]+)"`).FindStringSubmatch(lines.Text()); match != nil {
			url = match[1]
		}
	}
	go func() {
		for lines.Scan() {
		}
	}()
	for _, origin := range []string{"null", "file://"} {
		request, err := http.NewRequest("GET", url+"/health", nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Origin", origin)
		request.Header.Set("Sec-Fetch-Site", "cross-site")
		response, err := http.DefaultTransport.RoundTrip(request)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != 200 || response.Header.Get("Access-Control-Allow-Origin") != origin {
			t.Errorf("the launcher's page of origin %s: %s %v", origin, response.Status, response.Header)
		}
		browser := h.command(filepath.Join(testVenv(), "bin", "python"), "-c", `import sys, urllib.request, urllib.error
try:
    print(urllib.request.urlopen(urllib.request.Request(sys.argv[1], headers={"Origin": sys.argv[2]})).status)
except urllib.error.HTTPError as error:
    print(error.code, error.read().decode())`, url+"/health", origin)
		if got, err := browser.Output(); err != nil || !strings.HasPrefix(string(got), "403 ") || !strings.Contains(string(got), "forbidden_origin") {
			t.Errorf("another program's page of origin %s: %s %v", origin, got, err)
		}
	}
}

// TestOtherAccounts has a program of another account ask, and then allows it.
func TestOtherAccounts(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("only root can start a program of another account; mrp's TestOnlyTheOwnerConnects has the rest")
	}
	h := newHome(t)
	const other = 54321
	for id, check := range map[string]struct{ flags, want string }{
		"refusing": {"--port=0", "403"},
		"allowing": {"--allow-user=54321", "200"},
		"open":     {"--allow-user=any", "200"},
	} {
		url := h.start(id, check.flags)
		client := exec.Command("bash", "-c",
			`exec 3<>/dev/tcp/127.0.0.1/$0; printf 'GET /mrp/v1/health HTTP/1.0\r\nHost: localhost\r\n\r\n' >&3; head -1 <&3`,
			fmt.Sprint(h.info(id).Port))
		client.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: other, Gid: other}}
		client.Dir = "/"
		if got, err := client.Output(); err != nil || !strings.Contains(string(got), check.want) {
			t.Errorf("%s: %s answers %s (%v)", id, url, got, err)
		}
	}
}

// TestFilesArePrivate runs cells that leave traces wherever a runtime leaves any, and
// looks at the modes, and in the log for code and output.
func TestFilesArePrivate(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	command := h.command("sh", "-c", `umask 022; exec "$0" "$@"`, binary, "--id", "traces", "--venv", testVenv())
	if stdout, stderr, status := h.finish(command); status != 0 {
		t.Fatalf("%s%s", stdout, stderr)
	}
	url := h.info("traces").URL
	mustExecute(t, url, `import asyncio, sys
from IPython.display import display, HTML
display(HTML("<b>trace-display</b>"))
print("trace-" + "output")
print("trace-" + "error", file=sys.stderr)
async def later(): print("trace-" + "late")
_ = asyncio.create_task(later())
open("users-file", "w").close()`)
	if reply, err := post(url+"/execute", map[string]any{"code": "raise ValueError('trace-exception')"}); err != nil || reply.Success {
		t.Errorf("%+v %v", reply, err)
	}
	waitUntil(t, "the late output is noted", func() bool { return strings.Contains(h.mustRun("--logs", "traces"), "output between cells") })
	root := filepath.Dir(h.work)
	seen := 0
	for _, folder := range []string{filepath.Join(root, ".mrmd"), filepath.Join(h.work, ".mrmd-assets")} {
		err := filepath.Walk(folder, func(path string, info fs.FileInfo, err error) error {
			if err != nil {
				return err
			}
			seen++
			if want := fs.FileMode(0o600); info.Mode().IsRegular() && info.Mode().Perm() != want {
				t.Errorf("%s has mode %o", path, info.Mode().Perm())
			}
			if info.IsDir() && info.Mode().Perm() != 0o700 {
				t.Errorf("%s has mode %o", path, info.Mode().Perm())
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	}
	if seen < 6 {
		t.Errorf("only %d files and folders were found", seen)
	}
	if info, err := os.Stat(filepath.Join(h.work, "users-file")); err != nil || info.Mode().Perm() != 0o644 {
		t.Errorf("the user's own file has not the starter's umask: %v %v", info.Mode(), err)
	}
	eachFile(t, filepath.Join(root, ".mrmd"), func(path string, _ fs.FileInfo) {
		text, err := os.ReadFile(path)
		if err != nil || strings.Contains(string(text), "trace-") {
			t.Errorf("%s has code or output in it (%v):\n%s", path, err, text)
		}
	})
}

func TestClientsOfOldEntries(t *testing.T) {
	if c := clientOf(registry.Entry{URL: "http://localhost:1/mrp/v1"}); c.url != "http://localhost:1/mrp/v1" || c.token != "" {
		t.Errorf("%+v", c)
	}
}
