package mrp

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
)

// clientVariable makes the test binary a program that asks a runtime: the first line
// of its input is the address to dial, the second Origin; it prints the answer's body.
const clientVariable = "MRMD_TEST_CLIENT"

func init() {
	if os.Getenv(clientVariable) == "" {
		return
	}
	input := bufio.NewScanner(os.Stdin)
	input.Scan()
	network, address, _ := strings.Cut(input.Text(), " ")
	input.Scan()
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, address)
	}}
	host := address
	if network == "unix" {
		host = "localhost"
	}
	request, err := http.NewRequest("GET", "http://"+host+"/mrp/v1/health", nil)
	if err != nil {
		panic(err)
	}
	if input.Text() != "" {
		request.Header.Set("Origin", input.Text())
	}
	response, err := transport.RoundTrip(request)
	if err != nil {
		fmt.Print(err)
		os.Exit(1)
	}
	body, _ := io.ReadAll(response.Body)
	fmt.Printf("%s %s", response.Header.Get("Access-Control-Allow-Origin"), body)
	os.Exit(0)
}

// ask runs such a program, in a process of its own, and gives what it printed.
func ask(t *testing.T, program, address, origin string, credential *syscall.Credential) string {
	t.Helper()
	client := exec.Command(program)
	client.Env = append(os.Environ(), clientVariable+"=1")
	client.Stdin = strings.NewReader(address + "\n" + origin + "\n")
	if credential != nil {
		client.SysProcAttr = &syscall.SysProcAttr{Credential: credential}
		client.Dir = "/"
	}
	output, err := client.Output()
	if err != nil {
		t.Fatalf("asking %s: %v: %s", address, err, output)
	}
	return string(output)
}

// sharedProgram is a copy of the test binary that every user may run.
func sharedProgram(t *testing.T) string {
	t.Helper()
	folder, err := os.MkdirTemp("", "mrmd-peer-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(folder) })
	program := filepath.Join(folder, "client")
	running, err := os.ReadFile("/proc/self/exe")
	if err == nil {
		err = os.WriteFile(program, running, 0o755)
	}
	if err = errors.Join(err, os.Chmod(folder, 0o755), os.Chmod(program, 0o755)); err != nil {
		t.Fatal(err)
	}
	return program
}

func listenerOf(t *testing.T, network, address string) net.Listener {
	t.Helper()
	listener, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	return listener
}

// serveOn serves a handler on a further listener and gives what ask needs to know.
func (rt *runtimeUnderTest) serveOn(network, address string) string {
	rt.t.Helper()
	listener, err := net.Listen(network, address)
	if err != nil {
		rt.t.Fatal(err)
	}
	server := NewServer(rt.handler, Limits{})
	go server.Serve(listener)
	rt.t.Cleanup(func() { server.Close() })
	return strings.TrimSuffix(network, "6") + " " + listener.Addr().String()
}

func TestOnlyTheOwnerConnects(t *testing.T) {
	rt := serve(t)
	addresses := []string{
		"tcp " + rt.server.Listener.Addr().String(),
		rt.serveOn("unix", filepath.Join(t.TempDir(), "socket")),
	}
	if probe, err := net.Listen("tcp", "[::1]:0"); err == nil {
		probe.Close()
		addresses = append(addresses, rt.serveOn("tcp", "[::1]:0"))
	}
	own := rt.handler.guard.peers.own
	for _, address := range addresses {
		for _, c := range []struct {
			name    string
			change  func(*peers)
			refused bool
		}{
			{"the owner", func(*peers) {}, false},
			{"another user", func(p *peers) { p.own = own + 1 }, true},
			{"an allowed user", func(p *peers) { p.own, p.allowed = own+1, []uint32{own + 2, own} }, false},
			{"any user", func(p *peers) { p.own, p.anyUser = own+1, true }, false},
		} {
			// The kernel tells of this very user; what changes is who owns the runtime.
			rt.handler.guard.peers = peers{own: own}
			c.change(&rt.handler.guard.peers)
			got := ask(t, "/proc/self/exe", address, "", nil)
			if refused := strings.Contains(got, `"error":"forbidden_peer"`); refused != c.refused {
				t.Errorf("%s at %s: %s", c.name, address, got)
			}
			if c.refused && !strings.Contains(got, fmt.Sprintf("--allow-user %d", own)) {
				t.Errorf("%s at %s is not told what to do: %s", c.name, address, got)
			}
		}
	}
}

// TestOtherAccountsAreRefused has a program of another account connect.
func TestOtherAccountsAreRefused(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can start a program of another account; TestOnlyTheOwnerConnects has the rest")
	}
	const other = 54321
	rt := serve(t)
	program := sharedProgram(t)
	credential := &syscall.Credential{Uid: other, Gid: other}
	address := "tcp " + rt.server.Listener.Addr().String()
	if got := ask(t, program, address, "", credential); !strings.Contains(got, `"error":"forbidden_peer"`) {
		t.Errorf("another account is answered %s", got)
	}
	if got := ask(t, program, address, "", nil); !strings.Contains(got, `"status":"ok"`) {
		t.Errorf("the owner is answered %s", got)
	}
	rt.handler.guard.peers.allowed = []uint32{other}
	if got := ask(t, program, address, "", credential); !strings.Contains(got, `"status":"ok"`) {
		t.Errorf("an allowed account is answered %s", got)
	}
	rt.handler.guard.peers = peers{own: other}
	if got := ask(t, program, address, "", nil); !strings.Contains(got, `"error":"forbidden_peer"`) {
		t.Errorf("root is answered %s", got)
	}
}

func TestPagesOfTheLauncher(t *testing.T) {
	launcher, err := os.Stat("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	rt := serve(t, func(o *Options) { o.Launcher = launcher })
	addresses := []string{
		"tcp " + rt.server.Listener.Addr().String(),
		rt.serveOn("unix", filepath.Join(t.TempDir(), "socket")),
	}
	otherProgram := sharedProgram(t)
	for _, address := range addresses {
		for _, origin := range []string{"null", "file://"} {
			if got := ask(t, "/proc/self/exe", address, origin, nil); !strings.HasPrefix(got, origin+" ") || !strings.Contains(got, `"status":"ok"`) {
				t.Errorf("a page %s of the launcher at %s is answered %s", origin, address, got)
			}
			if got := ask(t, otherProgram, address, origin, nil); !strings.Contains(got, `"error":"forbidden_origin"`) {
				t.Errorf("a page %s of another program at %s is answered %s", origin, address, got)
			}
		}
		if got := ask(t, "/proc/self/exe", address, "http://evil.example", nil); !strings.Contains(got, `"error":"forbidden_origin"`) {
			t.Errorf("a page with an origin of its own at %s is answered %s", address, got)
		}
	}
	rt.handler.guard.peers.launcher = nil
	if got := ask(t, "/proc/self/exe", addresses[0], "null", nil); !strings.Contains(got, `"error":"forbidden_origin"`) {
		t.Errorf("without a launcher a page is answered %s", got)
	}
}

func TestWhoHoldsASocket(t *testing.T) {
	for _, address := range []string{"127.0.0.1:0", "[::1]:0", "[::]:0"} {
		listener, err := net.Listen("tcp", address)
		if err != nil {
			t.Logf("%s can't be tried here: %v", address, err)
			continue
		}
		defer listener.Close()
		dialled := listener.Addr().String()
		if address == "[::]:0" {
			// A client of IPv4 at a listener of both.
			dialled = fmt.Sprintf("127.0.0.1:%d", listener.Addr().(*net.TCPAddr).Port)
		}
		client, err := net.Dial("tcp", dialled)
		if err != nil {
			t.Fatal(err)
		}
		defer client.Close()
		accepted, err := listener.Accept()
		if err != nil {
			t.Fatal(err)
		}
		defer accepted.Close()
		theirs, ours := addressOf(accepted.RemoteAddr()), addressOf(accepted.LocalAddr())
		want := inodeOf(t, client.(*net.TCPConn))
		for name, find := range map[string]func(local, remote netip.AddrPort) (tcpSocket, error){
			"the kernel": sockets.find, "the tables": findSocketInTables,
		} {
			if name == "the kernel" && !diagnosesSockets(ours, theirs) {
				t.Log("this kernel does not answer")
				continue
			}
			if got, err := find(theirs, ours); err != nil || got.inode != want || got.uid != uint32(os.Geteuid()) {
				t.Errorf("%s says of %s: %+v %v, want inode %d", name, address, got, err, want)
			}
		}
		if got := identify(accepted); got.err != nil || got.inode != want || got.beyondLoopback {
			t.Errorf("%s: %+v", address, got)
		}
	}
}

func inodeOf(t *testing.T, conn *net.TCPConn) (inode uint32) {
	t.Helper()
	raw, err := conn.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var stat syscall.Stat_t
	if err := raw.Control(func(descriptor uintptr) { err = syscall.Fstat(int(descriptor), &stat) }); err != nil {
		t.Fatal(err)
	}
	return uint32(stat.Ino)
}

// TestAClosedSocketIsNobodys closes a connection before it is looked at: the kernel
// then says root of it, and at the port another program may listen.
func TestAClosedSocketIsNobodys(t *testing.T) {
	listener := listenerOf(t, "tcp", "127.0.0.1:0")
	client, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	accepted, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer accepted.Close()
	client.Close()
	if got := identify(accepted); got.err == nil {
		t.Errorf("a closed socket is that of uid %d", got.uid)
	}
	// The listener's own port without a connection finds the listener.
	here := addressOf(listener.Addr())
	if got, err := sockets.find(here, netip.AddrPortFrom(here.Addr(), 1)); !errors.Is(err, errNoSocket) {
		t.Errorf("a listener passes for a connection: %+v %v", got, err)
	}
}

// TestNoServerNoAnswer is a Handler that nobody tells who connects.
func TestNoServerNoAnswer(t *testing.T) {
	rt := serve(t)
	server := &http.Server{Handler: rt.handler}
	listener := listenerOf(t, "tcp", "127.0.0.1:0")
	go server.Serve(listener)
	defer server.Close()
	response, err := http.Get("http://" + listener.Addr().String() + "/mrp/v1/health")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if body, _ := io.ReadAll(response.Body); response.StatusCode != 403 || !bytes.Contains(body, []byte("forbidden_peer")) {
		t.Errorf("%d %s", response.StatusCode, body)
	}
}

// TestRequestsOfThisProcess need neither a peer nor a token.
func TestRequestsOfThisProcess(t *testing.T) {
	rt := serve(t, func(o *Options) { o.Token = testToken })
	for _, c := range []struct {
		handler http.Handler
		status  int
	}{{rt.handler, 403}, {rt.handler.Inside(), 200}} {
		recorder := httptest.NewRecorder()
		c.handler.ServeHTTP(recorder, httptest.NewRequest("GET", "http://localhost/mrp/v1/health", nil))
		if recorder.Code != c.status {
			t.Errorf("%d %s, want %d", recorder.Code, recorder.Body, c.status)
		}
	}
}

// BenchmarkIdentify is what a new connection costs.
func BenchmarkIdentify(b *testing.B) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer listener.Close()
	client, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		b.Fatal(err)
	}
	defer client.Close()
	accepted, err := listener.Accept()
	if err != nil {
		b.Fatal(err)
	}
	defer accepted.Close()
	for b.Loop() {
		runtime.KeepAlive(identify(accepted))
	}
}
