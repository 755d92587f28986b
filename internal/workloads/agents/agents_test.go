package agents

import (
	"context"
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/mrmd/mrmd-python/internal/livetest"
)

// agent is a session of the protocol's own client.
type agent struct {
	*testing.T
	ctx     context.Context
	session *sdk.ClientSession
}

func connect(t *testing.T, transport sdk.Transport) agent {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 6*time.Minute)
	t.Cleanup(cancel)
	client := sdk.NewClient(&sdk.Implementation{Name: "test", Version: "1"}, nil)
	session, err := client.Connect(ctx, transport, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { session.Close() })
	return agent{t, ctx, session}
}

func overHTTP(t *testing.T) (agent, *livetest.Runtime) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	runtime, err := livetest.Start(ctx, livetest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := runtime.Stop(); err != nil {
			t.Error(err)
		}
	})
	endpoint := strings.TrimSuffix(runtime.URL, "/mrp/v1") + "/mcp"
	return connect(t, &sdk.StreamableClientTransport{Endpoint: endpoint}), runtime
}

type object = map[string]any

// call calls a tool and gives the text it answers with, and whether that is an error.
func (a agent) call(tool string, arguments object) (text string, result *sdk.CallToolResult) {
	a.Helper()
	result, err := a.session.CallTool(a.ctx, &sdk.CallToolParams{Name: tool, Arguments: arguments})
	if err != nil {
		a.Fatalf("%s %v: %v", tool, arguments, err)
	}
	for _, content := range result.Content {
		if part, ok := content.(*sdk.TextContent); ok {
			text += part.Text
		}
	}
	return text, result
}

// structured is the part of a tool's answer that is for programs.
func structured(t *testing.T, result *sdk.CallToolResult) object {
	t.Helper()
	encoded, err := json.Marshal(result.StructuredContent)
	if err != nil {
		t.Fatal(err)
	}
	var found object
	if err := json.Unmarshal(encoded, &found); err != nil {
		t.Fatal(err)
	}
	return found
}

func wants(t *testing.T, what, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("%s answers %q, without %q", what, text, part)
		}
	}
}

func TestAnAgentSharesTheNamespace(t *testing.T) {
	agent, runtime := overHTTP(t)
	tools, err := agent.session.ListTools(agent.ctx, nil)
	if err != nil || len(tools.Tools) != 3 {
		t.Fatalf("the tools are %+v, %v", tools, err)
	}
	if _, err := runtime.Run(agent.ctx, livetest.Object{"code": "of_a_person = [1, 2, 3]"}); err != nil {
		t.Fatal(err)
	}
	text, result := agent.call("run", object{"code": "print('seen by all')\nof_an_agent = sum(of_a_person)\nof_an_agent"})
	wants(t, "run", text, "seen by all", "result:\n6")
	if told := structured(t, result); told["state"] != "done" || told["success"] != true || told["result"] != "6" {
		t.Errorf("structured: %v", told)
	}
	answer, err := runtime.Post(agent.ctx, "/execute", livetest.Object{"code": "of_an_agent * 7"})
	if err != nil || answer["result"] != "42" {
		t.Errorf("a person sees %v, %v", answer["result"], err)
	}

	text, result = agent.call("run", object{"code": "1/0"})
	wants(t, "an error", text, "ZeroDivisionError", "line 1")
	if !result.IsError {
		t.Error("code that fails is no error of the tool")
	}
}

func TestAnAgentSeesPlots(t *testing.T) {
	agent, _ := overHTTP(t)
	_, result := agent.call("run", object{"code": "import matplotlib.pyplot as plt\nplt.plot([1, 3, 2]); plt.show()"})
	images := 0
	for _, content := range result.Content {
		if image, ok := content.(*sdk.ImageContent); ok && image.MIMEType == "image/png" && strings.HasPrefix(string(image.Data), "\x89PNG") {
			images++
		}
	}
	if images != 1 {
		t.Errorf("%d images came", images)
	}
	assets, _ := structured(t, result)["assets"].([]any)
	if len(assets) != 1 {
		t.Fatalf("the files are %v", assets)
	}
	response, err := http.Get(assets[0].(string))
	if err != nil || response.StatusCode != http.StatusOK {
		t.Errorf("%v: %v %v", assets[0], response, err)
	}
}

func TestAnAgentLooksWhileACellRuns(t *testing.T) {
	agent, _ := overHTTP(t)
	agent.call("run", object{"code": "table = {'a': [1, 2], 'b': 'text'}\ndef area(width, height=2):\n    '''Of a rectangle.'''"})
	_, result := agent.call("run", object{"code": "print('looping')\nwhile True: pass", "wait_seconds": 0.5})
	running := structured(t, result)
	if running["state"] != "running" {
		t.Fatalf("a cell that never ends is %v", running)
	}
	for _, c := range []struct {
		arguments object
		parts     []string
	}{
		{object{"what": "state"}, []string{"executing"}},
		{object{"what": "variables"}, []string{"table", "area"}},
		{object{"what": "variable", "name": "table", "path": []string{"a"}}, []string{"[1, 2]"}},
		{object{"what": "hover", "code": "area"}, []string{"Of a rectangle."}},
		{object{"what": "complete", "code": "tab"}, []string{"table"}},
		{object{"what": "executions"}, []string{running["exec_id"].(string)}},
		{object{"what": "execution", "exec_id": running["exec_id"]}, []string{"running", "looping"}},
		{object{"what": "history", "pattern": "area"}, []string{"def area"}},
		{object{"what": "sessions"}, []string{"default"}},
	} {
		text, result := agent.call("look", c.arguments)
		if result.IsError {
			t.Errorf("%v is refused: %s", c.arguments, text)
		}
		wants(t, "look", text, c.parts...)
	}
	text, _ := agent.call("ctl", object{"action": "interrupt"})
	wants(t, "interrupt", text, "true")
	for {
		text, _ := agent.call("look", object{"what": "execution", "exec_id": running["exec_id"]})
		if strings.Contains(text, "KeyboardInterrupt") {
			break
		}
	}
	text, _ = agent.call("run", object{"code": "table['b']"})
	wants(t, "the namespace afterwards", text, "'text'")
}

func TestAnAgentAnswersQuestions(t *testing.T) {
	agent, _ := overHTTP(t)
	text, result := agent.call("run", object{"code": "first = input('first? '); second = input('second? ')\nfirst + second"})
	wants(t, "run", text, "first? ")
	asked := structured(t, result)
	if asked["state"] != "waiting_input" {
		t.Fatalf("the cell is %v", asked)
	}
	text, _ = agent.call("ctl", object{"action": "input", "exec_id": asked["exec_id"], "text": "4"})
	wants(t, "the first answer", text, "waiting_input", "second? ")
	text, _ = agent.call("ctl", object{"action": "input", "exec_id": asked["exec_id"], "text": "2"})
	wants(t, "the second answer", text, "'42'")
	text, _ = agent.call("ctl", object{"action": "input", "exec_id": asked["exec_id"], "text": "more"})
	wants(t, "an answer to nothing", text, "waits for no input")
}

func TestAnAgentHasSessions(t *testing.T) {
	agent, _ := overHTTP(t)
	agent.call("ctl", object{"action": "create_session", "session": "mine"})
	agent.call("run", object{"code": "x = 'mine'", "session": "mine"})
	agent.call("run", object{"code": "x = 'all'"})
	text, _ := agent.call("run", object{"code": "x", "session": "mine"})
	wants(t, "the session", text, "'mine'")
	agent.call("ctl", object{"action": "reset"})
	text, _ = agent.call("run", object{"code": "x"})
	wants(t, "after a reset", text, "NameError")
	agent.call("ctl", object{"action": "delete_session", "session": "mine"})
	text, result := agent.call("look", object{"what": "variables", "session": "mine"})
	if !result.IsError {
		t.Errorf("a session that was deleted answers %s", text)
	}
}

func TestWrongCallsSayWhatIsRight(t *testing.T) {
	agent, _ := overHTTP(t)
	for _, c := range []struct {
		tool      string
		arguments object
		part      string
	}{
		{"look", object{"what": "everything"}, "variables"},
		{"look", object{"what": "variable", "name": "nothing"}, "nothing"},
		{"look", object{"what": "execution"}, "exec_id"},
		{"ctl", object{"action": "explode"}, "interrupt"},
		{"ctl", object{"action": "input", "text": "x"}, "exec_id"},
		{"run", object{"code": "1", "wait_seconds": 1e6}, "3600"},
	} {
		text, result := agent.call(c.tool, c.arguments)
		if !result.IsError {
			t.Errorf("%s %v is taken", c.tool, c.arguments)
		}
		wants(t, c.tool, text, c.part)
	}
}

// A program that speaks the protocol on its standard streams starts the runtime, and
// the runtime outlives it.
func TestOnStandardStreams(t *testing.T) {
	home, work := t.TempDir(), t.TempDir()
	binary := os.Getenv("MRMD_TEST_BINARY")
	command := func(arguments ...string) *exec.Cmd {
		command := exec.Command(binary, arguments...)
		command.Env = append(os.Environ(), "HOME="+home, "MRMD_HOME=", "IPYTHONDIR=")
		return command
	}
	t.Cleanup(func() {
		if output, err := command("--kill-all").CombinedOutput(); err != nil {
			t.Errorf("%v: %s", err, output)
		}
	})
	flags := []string{"--mcp", "--id", "agents", "--venv", os.Getenv("MRMD_TEST_VENV"), "--cwd", work}
	agent := connect(t, &sdk.CommandTransport{Command: command(flags...)})
	text, _ := agent.call("run", object{"code": "kept = 6; import os; os.getcwd()"})
	real, err := filepath.EvalSymlinks(work)
	if err != nil {
		t.Fatal(err)
	}
	wants(t, "run", text, real)
	if err := agent.session.Close(); err != nil {
		t.Error(err)
	}
	again := connect(t, &sdk.CommandTransport{Command: command(flags...)})
	text, _ = again.call("run", object{"code": "kept * 7"})
	wants(t, "the next one", text, "42")
}
