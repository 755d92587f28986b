package mcp

import (
	"context"
	"fmt"
	"net/http"
	"net/url"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"
)

var ctlTool = &sdk.Tool{
	Name: "ctl", Title: "Control the notebook",
	Description: `Steer the runtime. action is one of:
interrupt (stop the running cell, or exec_id), input (answer the cell that waits in input() with text, and wait for what it does), cancel_input, cancel (take exec_id off the queue), reset (clear a session's namespace), create_session and delete_session (session).`,
	Annotations: &sdk.ToolAnnotations{DestructiveHint: pointer(true)},
}

type ctlInput struct {
	Action  string `json:"action" jsonschema:"interrupt, input, cancel_input, cancel, reset, create_session or delete_session"`
	Session string `json:"session,omitempty" jsonschema:"which session; the default one when left out"`
	ExecID  string `json:"exec_id,omitempty" jsonschema:"which execution"`
	Text    string `json:"text,omitempty" jsonschema:"for input: the answer"`
}

// control answers with what the runtime answers; after an input, with the execution.
func (t *tools) control(ctx context.Context, request *sdk.CallToolRequest, input ctlInput) (*sdk.CallToolResult, any, error) {
	if input.ExecID == "" && (input.Action == "input" || input.Action == "cancel_input" || input.Action == "cancel") {
		return nil, nil, fmt.Errorf("say which execution, with exec_id; look (what: executions) lists them")
	}
	execution := "/executions/" + url.PathEscape(input.ExecID)
	var method, path string
	var body any
	switch input.Action {
	case "interrupt":
		asked := object{"session": input.Session}
		if input.ExecID != "" {
			asked["execId"] = input.ExecID
		}
		method, path, body = http.MethodPost, "/interrupt", asked
	case "input":
		return t.answerInput(ctx, request, input, execution)
	case "cancel_input":
		method, path, body = http.MethodPost, "/input/cancel", object{"execId": input.ExecID}
	case "cancel":
		method, path = http.MethodDelete, execution
	case "reset":
		method, path, body = http.MethodPost, "/reset", object{}
		if input.Session != "" {
			path = "/sessions/" + url.PathEscape(input.Session) + "/reset"
		}
	case "create_session":
		method, path, body = http.MethodPost, "/sessions", object{"id": input.Session}
	case "delete_session":
		if input.Session == "" {
			return nil, nil, fmt.Errorf("say which session; look (what: sessions) lists them")
		}
		method, path = http.MethodDelete, "/sessions/"+url.PathEscape(input.Session)
	default:
		return nil, nil, fmt.Errorf("there is no action %q: %s", input.Action, ctlTool.Description)
	}
	answer, err := t.ask(ctx, method, path, body)
	if err != nil {
		return nil, nil, err
	}
	return asJSON(answer)
}

// answeredHeader is mrp.AnsweredHeader.
const answeredHeader = "Mrmd-Answered-Seq"

func (t *tools) answerInput(ctx context.Context, request *sdk.CallToolRequest, input ctlInput, execution string) (*sdk.CallToolResult, any, error) {
	response, err := t.open(ctx, http.MethodPost, "/input", object{"execId": input.ExecID, "text": input.Text})
	if err != nil {
		return nil, nil, err
	}
	defer response.Body.Close()
	// What comes after the question that was answered.
	asked := response.Header.Get(answeredHeader)
	if asked == "" {
		return nil, nil, fmt.Errorf("execution %s waits for no input", input.ExecID)
	}
	following := execution + "/stream?after=" + asked
	seen, err := t.watch(ctx, defaultWait, &progress{request: request}, input.ExecID, http.MethodGet, following, nil)
	if err != nil {
		return nil, nil, err
	}
	answered, _, err := t.report(ctx, seen)
	return answered, nil, err
}
