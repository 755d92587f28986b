package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/rogpeppe/go-internal/testscript"
)

// binary is the real program, built for the venv of the tests.
var binary string

// patience is how long a test waits for a condition that holds at once on an idle
// machine.
const patience = 3 * time.Minute

func TestMain(m *testing.M) {
	folder, err := os.MkdirTemp("", "mrmd-cmd-test-")
	if err != nil {
		panic(err)
	}
	binary = filepath.Join(folder, "bin", "mrmd-python")
	build := exec.Command("go", "build", "-o", binary, "-ldflags",
		fmt.Sprintf("-X main.version=1.2.3 -X main.commit=abcdef0 -X 'main.builtForPython=%s' -X 'main.builtForVenv=%s'",
			filepath.Join(testVenv(), "bin", "python"), testVenv()), ".")
	if output, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "building the program: %v\n%s", err, output)
		os.Exit(1)
	}
	os.Setenv("PATH", filepath.Dir(binary)+string(os.PathListSeparator)+os.Getenv("PATH"))
	// The font cache of matplotlib is the same for every home.
	os.Setenv("MPLCONFIGDIR", filepath.Join(folder, "matplotlib"))
	warmUp := exec.Command(filepath.Join(testVenv(), "bin", "python"), "-c", "import matplotlib.font_manager")
	if output, err := warmUp.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "preparing matplotlib: %v\n%s", err, output)
		os.Exit(1)
	}
	status := m.Run()
	os.RemoveAll(folder)
	os.Exit(status)
}

// testVenv is a venv with IPython and matplotlib, of the Python that is linked.
func testVenv() string {
	venv := os.Getenv("MRMD_TEST_VENV")
	if venv == "" {
		panic("MRMD_TEST_VENV is not set: run the tests with `make test` or scripts/with-python VENV go test ./cmd/mrmd-python")
	}
	return venv
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		// A background program that a failing script leaves may ignore signals.
		Deadline: time.Now().Add(15 * patience),
		Setup: func(env *testscript.Env) error {
			home := filepath.Join(env.WorkDir, "home")
			env.Setenv("HOME", home)
			env.Setenv("VENV", testVenv())
			env.Setenv("BINARY", binary)
			env.Setenv("PATH", os.Getenv("PATH"))
			env.Setenv("MPLCONFIGDIR", os.Getenv("MPLCONFIGDIR"))
			env.Defer(func() { killAllIn(t, home) })
			return os.MkdirAll(home, 0o700)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"eventually": eventually,
			"execute":    executeIn,
		},
	})
}

// killAllIn ends the runtimes of a home, of which none may outlive its test.
func killAllIn(t testing.TB, home string) {
	kill := exec.Command(binary, "--kill-all")
	kill.Env = append(os.Environ(), "HOME="+home, "MRMD_HOME=")
	if output, err := kill.CombinedOutput(); err != nil {
		t.Errorf("killing the runtimes of the test: %v\n%s", err, output)
	}
}

// eventually PATTERN COMMAND… runs a command until its standard output matches; with
// ! until it does not.
func eventually(ts *testscript.TestScript, negated bool, arguments []string) {
	if len(arguments) < 2 {
		ts.Fatalf("usage: [!] eventually PATTERN COMMAND…")
	}
	pattern := regexp.MustCompile("(?m)" + arguments[0])
	for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		command := exec.Command(arguments[1], arguments[2:]...)
		command.Dir = ts.MkAbs(".")
		for _, name := range []string{"PATH", "HOME", "MRMD_HOME"} {
			command.Env = append(command.Env, name+"="+ts.Getenv(name))
		}
		output, err := command.Output()
		if pattern.Match(output) != negated {
			return
		}
		if time.Now().After(deadline) {
			ts.Fatalf("still %s (want a match: %t; %v):\n%s", arguments[0], !negated, err, output)
		}
	}
}

// execute ID FILE has a runtime run the code in a file, over HTTP, and writes what the
// code printed, or its exception, to standard output.
func executeIn(ts *testscript.TestScript, negated bool, arguments []string) {
	if len(arguments) != 2 {
		ts.Fatalf("usage: [!] execute ID FILE")
	}
	ts.Check(ts.Exec(binary, "--info", arguments[0]))
	var entry struct {
		URL string `json:"url"`
	}
	ts.Check(json.Unmarshal([]byte(ts.ReadFile("stdout")), &entry))
	reply, err := post(entry.URL+"/execute", map[string]any{"code": ts.ReadFile(arguments[1])})
	ts.Check(err)
	fmt.Fprint(ts.Stdout(), reply.Stdout)
	if reply.Error != nil {
		fmt.Fprintf(ts.Stdout(), "%s: %s\n", reply.Error.Type, reply.Error.Message)
	}
	if reply.Success == negated {
		ts.Fatalf("success is %t:\n%+v", reply.Success, reply)
	}
}

// executed is the answer to /execute.
type executed struct {
	Success bool    `json:"success"`
	Stdout  string  `json:"stdout"`
	Stderr  string  `json:"stderr"`
	Result  *string `json:"result"`
	Error   *struct {
		Type    string `json:"type"`
		Message string `json:"message"`
	} `json:"error"`
}

func post(url string, request any) (executed, error) {
	body, err := json.Marshal(request)
	if err != nil {
		return executed{}, err
	}
	response, err := http.Post(url, "application/json", bytes.NewReader(body))
	if err != nil {
		return executed{}, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return executed{}, err
	}
	if response.StatusCode != http.StatusOK {
		return executed{}, fmt.Errorf("%s: %s", response.Status, strings.TrimSpace(string(text)))
	}
	var reply executed
	return reply, json.Unmarshal(text, &reply)
}
