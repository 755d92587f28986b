package mcp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"
	"unicode/utf8"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"
)

var lookTool = &sdk.Tool{
	Name: "look", Title: "Look at the notebook",
	Description: `See what there is without running code, also while a cell runs. what is one of:
state (is it idle), variables (all of a session), variable (one: name, and path into it), inspect and hover (code: what the name at its end is; documentation, source), complete (code: how it can go on), history (earlier cells; pattern), executions (recent ones), execution (exec_id: its output, plots and error), sessions.`,
	Annotations: &sdk.ToolAnnotations{ReadOnlyHint: true},
}

type lookInput struct {
	What    string   `json:"what" jsonschema:"state, variables, variable, inspect, hover, complete, history, executions, execution or sessions"`
	Session string   `json:"session,omitempty" jsonschema:"the session to look at; the default one when left out"`
	Name    string   `json:"name,omitempty" jsonschema:"for variable: its name"`
	Path    []string `json:"path,omitempty" jsonschema:"for variable: keys, indices, attributes or columns to go down"`
	Code    string   `json:"code,omitempty" jsonschema:"for inspect, hover and complete: the code up to the cursor"`
	Pattern string   `json:"pattern,omitempty" jsonschema:"for history: a part of the code; for variables: a regular expression for the names"`
	ExecID  string   `json:"exec_id,omitempty" jsonschema:"for execution: which"`
	Limit   int      `json:"limit,omitempty" jsonschema:"for variables and history: at most how many; 100 when left out"`
}

// look answers with what the runtime answers, shortened.
func (t *tools) look(ctx context.Context, _ *sdk.CallToolRequest, input lookInput) (*sdk.CallToolResult, any, error) {
	limit := input.Limit
	if limit <= 0 {
		limit = 100
	}
	atEnd := object{"code": input.Code, "cursor": utf8.RuneCountInString(input.Code), "session": input.Session}
	var method, path string
	var body any
	switch input.What {
	case "state":
		method, path = http.MethodGet, "/health"
	case "variables":
		filter := object{}
		if input.Pattern != "" {
			filter["namePattern"] = input.Pattern
		}
		method, path, body = http.MethodPost, "/variables", object{"session": input.Session, "filter": filter, "limit": limit}
	case "variable":
		if input.Name == "" {
			return nil, nil, fmt.Errorf("say which variable, with name")
		}
		method, path = http.MethodPost, "/variables/"+url.PathEscape(input.Name)
		body = object{"session": input.Session, "path": input.Path}
	case "inspect", "hover", "complete":
		method, path, body = http.MethodPost, "/"+input.What, atEnd
	case "history":
		request := object{"session": input.Session, "n": limit}
		if input.Pattern != "" {
			request["pattern"] = input.Pattern
		}
		method, path, body = http.MethodPost, "/history", request
	case "executions", "sessions":
		method, path = http.MethodGet, "/"+input.What
	case "execution":
		if input.ExecID == "" {
			return nil, nil, fmt.Errorf("say which execution, with exec_id; look (what: executions) lists them")
		}
		answered, _, err := t.report(ctx, watched{execID: input.ExecID})
		return answered, nil, err
	default:
		return nil, nil, fmt.Errorf("there is no %q to look at: %s", input.What, lookTool.Description)
	}
	answer, err := t.askPatiently(ctx, method, path, body)
	if err != nil {
		return nil, nil, err
	}
	return asJSON(answer)
}

const (
	mostAttempts   = 10
	betweenAttempt = 200 * time.Millisecond
)

// askPatiently asks again when the running code keeps Python to itself for a moment.
func (t *tools) askPatiently(ctx context.Context, method, path string, body any) (object, error) {
	for attempt := 1; ; attempt++ {
		answer, err := t.ask(ctx, method, path, body)
		var refused *refusal
		if !errors.As(err, &refused) || refused.Code != "runtime_busy" || attempt == mostAttempts {
			return answer, err
		}
		select {
		case <-time.After(betweenAttempt):
		case <-ctx.Done():
			return nil, err
		}
	}
}

func asJSON(answer object) (*sdk.CallToolResult, any, error) {
	encoded, err := json.Marshal(answer)
	if err != nil {
		return nil, nil, fmt.Errorf("encoding the runtime's answer: %w", err)
	}
	content := &sdk.TextContent{Text: shorten(string(encoded), mostText)}
	return &sdk.CallToolResult{Content: []sdk.Content{content}}, nil, nil
}
