package mcp

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"
)

const (
	defaultWait = 60 * time.Second
	longestWait = time.Hour
)

var runTool = &sdk.Tool{
	Name: "run", Title: "Run Python code",
	Description: "Run Python (IPython) code in the notebook and wait for it. State persists. Prints, the last expression's value, errors with traceback, and plots come back. Code that takes longer than wait_seconds goes on running: see it with look (what: execution), stop it with ctl (action: interrupt).",
	Annotations: &sdk.ToolAnnotations{DestructiveHint: pointer(true), OpenWorldHint: pointer(true)},
}

func pointer[T any](value T) *T { return &value }

type runInput struct {
	Code        string  `json:"code" jsonschema:"the code of one cell"`
	Session     string  `json:"session,omitempty" jsonschema:"the session whose namespace it runs in; the default one when left out"`
	WaitSeconds float64 `json:"wait_seconds,omitempty" jsonschema:"how long to wait for the end, in seconds; 60 when left out, at most 3600"`
}

// execution is what run and look tell of an execution.
type execution struct {
	ExecID  string `json:"exec_id"`
	State   string `json:"state" jsonschema:"queued, running, waiting_input, done or cancelled"`
	Success *bool  `json:"success,omitempty"`
	Stdout  string `json:"stdout,omitempty"`
	Stderr  string `json:"stderr,omitempty"`
	Result  string `json:"result,omitempty" jsonschema:"repr of the last expression"`
	Error   string `json:"error,omitempty" jsonschema:"the traceback"`
	// Prompt is what the code asks for while it waits for input.
	Prompt   string   `json:"prompt,omitempty" jsonschema:"what the code asks for; answer with ctl (action: input)"`
	Displays []string `json:"displays,omitempty" jsonschema:"the text of what was displayed"`
	Assets   []string `json:"assets,omitempty" jsonschema:"URLs of the files it saved, such as plots"`
}

// run waits for a cell to end, to ask for input, or for the wait to be over. A
// call that is cancelled interrupts its cell.
func (t *tools) run(ctx context.Context, request *sdk.CallToolRequest, input runInput) (*sdk.CallToolResult, execution, error) {
	wait := time.Duration(input.WaitSeconds * float64(time.Second))
	if wait < 0 || wait > longestWait {
		return nil, execution{}, fmt.Errorf("wait_seconds is %g: give 0 to %g", input.WaitSeconds, longestWait.Seconds())
	}
	progress := &progress{request: request}
	watched, err := t.watch(ctx, cmp.Or(wait, defaultWait), progress, "", http.MethodPost, "/execute/stream", object{
		"code": input.Code, "session": input.Session, "accumulated": "none",
	})
	if err != nil {
		return nil, execution{}, err
	}
	return t.report(ctx, watched)
}

// watched is how far an execution was followed.
type watched struct{ execID, state, prompt string }

// watch follows a stream of events until the execution ends or asks for input, or the
// wait is over. execID is its, as far as it is known.
func (t *tools) watch(ctx context.Context, wait time.Duration, progress *progress, execID, method, path string, body any) (watched, error) {
	limited, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	seen := watched{execID: execID, state: "queued"}
	err := t.events(limited, method, path, body, func(e event) bool {
		switch e.name {
		case "start":
			seen.execID, _ = e.data["execId"].(string)
			seen.state = "running"
		case "stdout", "stderr":
			text, _ := e.data["content"].(string)
			progress.tell(ctx, text)
		case "stdin_request":
			seen.state = "waiting_input"
			seen.prompt, _ = e.data["prompt"].(string)
			return false
		case "done":
			seen.state = "done"
			return false
		}
		return true
	})
	switch {
	case ctx.Err() != nil:
		if seen.execID != "" {
			// The caller's context is over; the runtime is to hear of it all the same.
			brief, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
			defer cancel()
			_, _ = t.ask(brief, http.MethodDelete, "/executions/"+url.PathEscape(seen.execID), nil)
		}
		return seen, fmt.Errorf("the call was cancelled, and its cell interrupted: %w", ctx.Err())
	case err != nil && !errors.Is(err, context.DeadlineExceeded):
		return seen, err
	case seen.execID == "":
		return seen, fmt.Errorf("the code still waits in the queue after %s: see what runs with look (what: executions)", wait)
	}
	return seen, nil
}

// progress tells a client that asked for it what a cell prints.
type progress struct {
	request *sdk.CallToolRequest
	count   float64
}

func (p *progress) tell(ctx context.Context, text string) {
	if p.request == nil {
		return
	}
	token := p.request.Params.GetProgressToken()
	if token == nil {
		return
	}
	p.count++
	// A client that can't be told goes on without.
	_ = p.request.Session.NotifyProgress(ctx, &sdk.ProgressNotificationParams{
		ProgressToken: token, Progress: p.count, Message: shorten(text, 2000),
	})
}
