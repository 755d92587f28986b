package wheeltest

import (
	"bytes"
	"encoding/json"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

var blockForm = regexp.MustCompile("(?ms)^```([a-z]+)\n(.*?)^```$")

// blocksOf gives the blocks of a document in a language: "sh", "python", "json".
func blocksOf(t *testing.T, document, language string) (blocks []string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", document))
	if err != nil {
		t.Fatal(err)
	}
	for _, found := range blockForm.FindAllStringSubmatch(string(text), -1) {
		if found[1] == language {
			blocks = append(blocks, found[2])
		}
	}
	return blocks
}

// blockWith gives the one block of a document that has a text in it.
func blockWith(t *testing.T, document, language, part string) string {
	t.Helper()
	found := ""
	for _, block := range blocksOf(t, document, language) {
		if strings.Contains(block, part) {
			if found != "" {
				t.Fatalf("%s has two blocks with %q", document, part)
			}
			found = block
		}
	}
	if found == "" {
		t.Fatalf("%s has no block with %q", document, part)
	}
	return found
}

// shell prepares a script for a user who has the venv's programs in the PATH.
func (u user) shell(script string) *exec.Cmd {
	command := u.command("bash", "-euo", "pipefail", "-c", script)
	command.Env = append(command.Env, "PATH="+filepath.Join(virtualenv, "bin")+":/usr/local/bin:/usr/bin:/bin", "BROWSER="+filepath.Join(u.home, "browser")+" --new-window %s")
	return command
}

// freePort gives a port that nobody listens on.
func freePort(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	return strconv.Itoa(listener.Addr().(*net.TCPAddr).Port)
}

// TestReadmeRuntimes runs the README's tour of the command line.
func TestReadmeRuntimes(t *testing.T) {
	u := newUser(t)
	u.endRuntimes(launcherIn(virtualenv))
	must := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	must(os.Mkdir(filepath.Join(u.home, ".venv"), 0o700))
	must(os.Symlink(virtualenv, filepath.Join(u.home, ".venv", "ml")))
	must(os.WriteFile(filepath.Join(u.home, "notebook.md"), []byte("```python\nprint('from', 'the notebook')\n```\n"), 0o600))

	must(os.WriteFile(filepath.Join(u.home, "browser"), []byte("#!/bin/sh\necho \"$*\" >~/opened.partial && mv ~/opened.partial ~/opened\n"), 0o700))

	output, err := u.shell(blockWith(t, "README.md", "sh", "--kill vllm")).CombinedOutput()
	if err != nil {
		t.Errorf("%v", err)
	}
	wants(t, "what is printed", string(output), "Runtime 'default' started:", "Runtime 'vllm' started:",
		"ALIVE", "from the notebook", `"id": "vllm"`, "Killed runtime 'vllm'")
	var opened []byte
	waitUntil(t, "the browser was started", func() bool {
		opened, err = os.ReadFile(filepath.Join(u.home, "opened"))
		return err == nil
	})
	wants(t, "the browser", string(opened), "--new-window http://localhost:")
}

// TestReadmeQuestions asks a runtime in the foreground as the README does.
func TestReadmeQuestions(t *testing.T) {
	u := newUser(t)
	port := freePort(t)
	adapt := strings.NewReplacer("8765", port, "path/to/venv", virtualenv).Replace
	_, start, _ := strings.Cut(adapt(blockWith(t, "README.md", "sh", "--foreground")), "\n")
	server := u.shell("exec " + start)
	output := &bytes.Buffer{}
	server.Stdout, server.Stderr = output, output
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	waitUntil(t, "it listens", func() bool {
		connection, err := net.Dial("tcp", "localhost:"+port)
		if err != nil {
			return false
		}
		return connection.Close() == nil
	})
	answers, err := u.shell(adapt(blockWith(t, "README.md", "sh", "curl"))).CombinedOutput()
	if err != nil {
		t.Error(err)
	}
	wants(t, "what is answered", string(answers), `"stdout":"42\n"`, `event: stdout`, `event: done`)
	if err := server.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	if err := server.Wait(); err != nil {
		t.Errorf("it ends with %v:\n%s", err, output)
	}
}

// TestDocumentedApp serves the program of docs/embedding.md.
func TestDocumentedApp(t *testing.T) {
	u := newUser(t)
	port := freePort(t)
	program := strings.ReplaceAll(blockWith(t, "docs/embedding.md", "python", "create_app"), "8000", port)
	server := u.command(pythonIn(virtualenv), "-c", program)
	output := &bytes.Buffer{}
	server.Stdout, server.Stderr = output, output
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	script := "curl -sf http://127.0.0.1:" + port + "/mrp/v1/capabilities"
	waitUntil(t, "the app answers", func() bool {
		answer, err := u.shell(script).Output()
		return err == nil && strings.Contains(string(answer), `"runtime":"mrmd-python"`)
	})
	if err := server.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	_ = server.Wait()
	wants(t, "uvicorn", output.String(), "Application shutdown complete")
}

// TestDocumentedMakeTargets has make say what it would do for each make command of the
// documents, which fails where a target is missing.
func TestDocumentedMakeTargets(t *testing.T) {
	documents, err := filepath.Glob("../../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	checked := 0
	for _, path := range append(documents, "../../README.md", "../../CONTRIBUTING.md") {
		document := strings.TrimPrefix(path, "../../")
		for _, line := range strings.Split(strings.Join(blocksOf(t, document, "sh"), "\n"), "\n") {
			if !strings.HasPrefix(line, "make ") {
				continue
			}
			checked++
			command := exec.Command("bash", "-c", strings.Replace(line, "make ", "make --dry-run --no-print-directory ", 1))
			command.Dir = "../.."
			if output, err := command.CombinedOutput(); err != nil {
				t.Errorf("%s: %s: %v\n%s", document, line, err, output)
			}
		}
	}
	if checked < 10 {
		t.Errorf("only %d make commands were found", checked)
	}
}

// TestDocumentedAgentSettings starts the tools as a program that reads the settings of
// docs/agents.md does, and asks for their names.
func TestDocumentedAgentSettings(t *testing.T) {
	u := newUser(t)
	u.endRuntimes(launcherIn(virtualenv))
	var settings struct {
		Servers map[string]struct {
			Command string   `json:"command"`
			Args    []string `json:"args"`
		} `json:"mcpServers"`
	}
	if err := json.Unmarshal([]byte(blockWith(t, "docs/agents.md", "json", "mcpServers")), &settings); err != nil {
		t.Fatal(err)
	}
	server := settings.Servers["notebook"]
	command := u.command(strings.Replace(server.Command, "/path/to/venv", virtualenv, 1), server.Args...)
	client := mcp.NewClient(&mcp.Implementation{Name: "test", Version: "1"}, nil)
	session, err := client.Connect(t.Context(), &mcp.CommandTransport{Command: command}, nil)
	if err != nil {
		t.Fatal(err)
	}
	tools, err := session.ListTools(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(tools.Tools) != 3 {
		t.Errorf("the tools are %v", tools.Tools)
	}
	if err := session.Close(); err != nil {
		t.Error(err)
	}
}
