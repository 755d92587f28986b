package buildtest

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

var announcement = regexp.MustCompile(`^\s*URL:\s+http://\S+:(\d+)/mrp/v1$`)

// TestImage runs what Dockerfile.build runs and asks the entry point it leaves.
func TestImage(t *testing.T) {
	p := newestPython(t)
	// Kept from run to run: the venv's packages are the slow part.
	root := filepath.Join(repo, "build/image")
	mustRun(t, script("image-build"), root, p.path)

	dockerfile, err := os.ReadFile(filepath.Join(repo, "Dockerfile.build"))
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range []string{"RUN scripts/image-build ", `ENTRYPOINT ["/opt/mrmd-python/bin/serve"]`, "ARG PYTHON_VERSION"} {
		if !strings.Contains(string(dockerfile), step) {
			t.Errorf("Dockerfile.build lacks %q, which this test stands for", step)
		}
	}

	// A free port instead of the image's own.
	serve := exec.Command(filepath.Join(root, "bin/serve"), "--port", "0")
	serve.Dir = t.TempDir()
	serve.Env = append(os.Environ(), "HOME="+t.TempDir())
	serve.Stderr = os.Stderr
	stdout, err := serve.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := serve.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = serve.Process.Signal(syscall.SIGTERM)
		_ = serve.Wait()
	})
	port := ""
	for lines := bufio.NewScanner(stdout); port == "" && lines.Scan(); {
		if match := announcement.FindStringSubmatch(lines.Text()); match != nil {
			port = match[1]
		}
	}
	if port == "" {
		t.Fatal("the entry point ended without announcing a URL")
	}
	if !listensEverywhere(t, port) {
		t.Errorf("port %s is not open on every address of the container", port)
	}

	base := "http://localhost:" + port + "/mrp/v1"
	response, err := http.Post(base+"/execute", "application/json", strings.NewReader(`{"code": "import sys; sys.prefix"}`))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var reply struct {
		Success bool   `json:"success"`
		Result  string `json:"result"`
	}
	if err := json.NewDecoder(response.Body).Decode(&reply); err != nil {
		t.Fatal(err)
	}
	if want := fmt.Sprintf("'%s'", filepath.Join(root, "venv")); !reply.Success || reply.Result != want {
		t.Errorf("sys.prefix in the image: %+v, want %s", reply, want)
	}
}

// listensEverywhere reports whether something listens on the port of 0.0.0.0 or [::].
func listensEverywhere(t *testing.T, port string) bool {
	t.Helper()
	var number int
	if _, err := fmt.Sscan(port, &number); err != nil {
		t.Fatal(err)
	}
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		content, err := os.ReadFile(table)
		if err != nil {
			continue
		}
		anyAddress := regexp.MustCompile(fmt.Sprintf(`(?m)^\s*\d+: 0+:%04X 0+:0000 0A `, number))
		if anyAddress.Match(content) {
			return true
		}
	}
	return false
}
