package wheeltest

import (
	"bufio"
	"encoding/json"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/mrmd/mrmd-python/internal/livetest"
)

// appServer is uvicorn with an app of mrmd_python.create_app.
type appServer struct {
	*livetest.Client
	// origin is "http://" with the address that it listens on.
	origin  string
	process *os.Process
	ended   chan struct{}

	mutex sync.Mutex
	said  strings.Builder
}

var listeningAt = regexp.MustCompile(`Uvicorn running on (http://\S+)`)

// serveApp starts one with arguments of create_app; see testdata/serve.py. It returns
// when it listens or has ended, which leaves the origin empty.
func serveApp(t *testing.T, arguments livetest.Object) *appServer {
	t.Helper()
	u := newUser(t)
	if arguments["cwd"] == nil {
		arguments["cwd"] = u.home
	}
	text, err := json.Marshal(arguments)
	if err != nil {
		t.Fatal(err)
	}
	command := exec.Command(pythonIn(virtualenv), "testdata/serve.py", string(text))
	command.Env = append(u.environment(), "IPYTHONDIR="+u.home)
	output, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	command.Stderr = command.Stdout
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	server := &appServer{process: command.Process, ended: make(chan struct{})}
	listening := make(chan string, 1)
	go func() {
		defer close(server.ended)
		for lines := bufio.NewScanner(output); lines.Scan(); {
			server.mutex.Lock()
			server.said.WriteString(lines.Text() + "\n")
			server.mutex.Unlock()
			if found := listeningAt.FindStringSubmatch(lines.Text()); found != nil {
				listening <- found[1]
			}
		}
		_ = command.Wait()
	}()
	t.Cleanup(func() {
		// The runtime goes before the server does. It writes in the folders of the test.
		_ = server.process.Signal(os.Interrupt)
		<-server.ended
	})
	select {
	case server.origin = <-listening:
	case <-server.ended:
	}
	server.Client = &livetest.Client{URL: server.origin + "/mrp/v1"}
	return server
}

// output is what the server has printed.
func (s *appServer) output() string {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.said.String()
}
