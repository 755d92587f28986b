package notebook

import (
	"context"
	"net/http"
	"strings"
	"testing"
)

// converse runs a cell and answers what it asks; it gives the questions and the
// last event but done.
func converse(t *testing.T, code string, answers ...string) (questions []object, ended event) {
	t.Helper()
	execID := unique(t)
	cell := start(t, execID, code)
	for n := 0; ; {
		e, ok := cell.next()
		switch {
		case !ok:
			t.Fatal("the stream ended early")
		case e.name == "stdin_request":
			questions = append(questions, e.data)
			if n == len(answers) {
				post(t, "/interrupt", nil)
				t.Errorf("asked once more than expected: %v", e.data)
				continue
			}
			key := []string{"exec_id", "execId"}[n%2]
			if got := post(t, "/input", object{key: e.data["exec_id"], "text": answers[n]}); got["accepted"] != true {
				t.Errorf("%q was not accepted: %v", answers[n], got)
			}
			n++
		case e.name == "result" || e.name == "error":
			return questions, e
		}
	}
}

func TestAllWaysToAsk(t *testing.T) {
	for name, c := range map[string]struct {
		code    string
		answers []string
		result  string
		prompt  string
		stdout  string
	}{
		"input":          {"input('name? ')", []string{"é😀"}, "'é😀'", "name? ", "name? é😀\n"},
		"two inputs":     {"input('a'), input('b')", []string{"1", "2\n"}, "('1', '2')", "a", "a1\nb2\n"},
		"empty":          {"input()", []string{""}, "''", "", "\n"},
		"getpass":        {"import getpass; getpass.getpass('secret: ')", []string{"pw"}, "'pw'", "secret: ", "secret: \n"},
		"readline":       {"import sys; sys.stdin.readline()", []string{"line"}, `'line\n'`, "", "line\n"},
		"read":           {"import sys; sys.stdin.read()", []string{"all"}, `'all\n'`, "", "all\n"},
		"lines of stdin": {"import sys\nfor line in sys.stdin: break\nline", []string{"x"}, `'x\n'`, "", "x\n"},
	} {
		t.Run(name, func(t *testing.T) {
			questions, ended := converse(t, c.code, c.answers...)
			if ended.name != "result" || ended.data["result"] != c.result || ended.data["stdout"] != c.stdout {
				t.Errorf("ended with %v", ended.data)
			}
			if questions[0]["prompt"] != c.prompt || questions[0]["password"] != (name == "getpass") || questions[0]["execId"] != questions[0]["exec_id"] {
				t.Errorf("asked %v", questions[0])
			}
		})
	}
}

func TestDebuggers(t *testing.T) {
	for name, code := range map[string]string{
		"pdb":        "def f(x):\n    import pdb; pdb.set_trace()\n    return x\nf(41)",
		"breakpoint": "def f(x):\n    breakpoint()\n    return x\nf(41)",
	} {
		t.Run(name, func(t *testing.T) {
			questions, ended := converse(t, code, "p x + 1", "x = 'changed'", "c")
			if ended.name != "result" {
				t.Fatalf("ended with %v", ended.data)
			}
			if stdout := ended.data["stdout"].(string); !strings.Contains(stdout, "42") {
				t.Errorf("stdout %q", stdout)
			}
			if prompt := questions[0]["prompt"].(string); !strings.Contains(prompt, "db") {
				t.Errorf("the prompt is %q", prompt)
			}
			questions, ended = converse(t, code, "q")
			if len(questions) != 1 || ended.name != "error" || ended.data["type"] != "BdbQuit" {
				t.Errorf("quitting ended with %v", ended.data)
			}
		})
	}
}

func TestInputWithoutAnswer(t *testing.T) {
	execID := unique(t)
	cell := start(t, execID, "input()")
	cell.until("stdin_request")
	if got := post(t, "/input/cancel", object{"execId": execID}); got["cancelled"] != true {
		t.Errorf("cancel: %v", got)
	}
	ended := cell.end()
	if ended.data["type"] != "InputCancelled" || ended.data["message"] != "Input cancelled by user" || len(ended.data["traceback"].([]any)) > 4 {
		t.Errorf("cancelled: %v", ended.data)
	}
	execID = unique(t)
	cell = start(t, execID, "try: input()\nexcept Exception as e: caught = type(e).__name__\ncaught")
	cell.until("stdin_request")
	post(t, "/input/cancel", object{"exec_id": execID})
	if ended := cell.end(); ended.data["result"] != "'InputCancelled'" {
		t.Errorf("caught: %v", ended.data)
	}
	if got := post(t, "/input", object{"execId": execID, "text": "late"}); got["accepted"] != false || got["error"] != "No pending input request" {
		t.Errorf("an answer to nobody: %v", got)
	}
}

func TestAnswersThatAreNoText(t *testing.T) {
	execID := unique(t)
	cell := start(t, execID, "input()")
	cell.until("stdin_request")
	for _, text := range []any{7, nil, true, []any{"x"}, object{}} {
		if status, answer := ask(t, "POST", "/input", object{"execId": execID, "text": text}); status != http.StatusBadRequest {
			t.Errorf("%v: %d %v", text, status, answer)
		}
	}
	if state := get(t, "/health")["state"]; state != "waiting_input" {
		t.Errorf("state %v", state)
	}
	post(t, "/input", object{"execId": execID, "text": "x"})
	if ended := cell.end(); ended.data["result"] != "'x'" {
		t.Errorf("ended with %v", ended.data)
	}
}

func TestInputThatIsNotAllowed(t *testing.T) {
	for _, code := range []string{"input()", "import getpass; getpass.getpass()", "import sys; sys.stdin.readline()", "breakpoint()"} {
		if kind := errorType(t, "default", code); kind != "StdinNotImplementedError" {
			t.Errorf("%s ended with %s", code, kind)
		}
	}
	body := object{"code": "input()", "allowStdin": false}
	if ended := stream(t, context.Background(), "POST", "/execute/stream", body).end(); ended.data["type"] != "StdinNotImplementedError" {
		t.Errorf("a stream without stdin: %v", ended.data)
	}
}

func TestPendingQuestionIsAskedAgain(t *testing.T) {
	execID := unique(t)
	ctx, leave := context.WithCancel(context.Background())
	first := stream(t, ctx, "POST", "/execute/stream", object{"code": "input('again? ')", "execId": execID})
	asked := first.until("stdin_request")
	leave()
	again := replay(t, execID, "Last-Event-ID: "+asked.id)
	if e, _ := again.next(); e.name != "stdin_request" || e.data["prompt"] != "again? " || e.data["seq"] != asked.data["seq"] {
		t.Fatalf("got %v", e)
	}
	post(t, "/input", object{"execId": execID, "text": "yes"})
	if ended := again.end(); ended.data["result"] != "'yes'" {
		t.Errorf("ended with %v", ended.data)
	}
}
