package mcp

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"
)

const (
	// mostText bounds, in bytes, what an agent is given of each text of an execution.
	mostText = 30_000
	// mostImages and mostImageBytes bound the images that come with an answer.
	mostImages     = 4
	mostImageBytes = 2 << 20
)

// tools are the functions behind the tools; they may be called by any goroutine.
type tools struct{ client }

// report gives an execution as it is now: its texts shortened, its images beside.
func (t *tools) report(ctx context.Context, seen watched) (*sdk.CallToolResult, execution, error) {
	path := "/executions/" + url.PathEscape(seen.execID)
	answer, err := t.ask(ctx, http.MethodGet, path, nil)
	if err != nil {
		return nil, execution{}, err
	}
	told := execution{ExecID: seen.execID, State: text(answer["state"]), Prompt: seen.prompt}
	if seen.state == "waiting_input" && told.State == "running" {
		told.State = seen.state
	}
	result, ended := answer["result"].(object)
	if !ended {
		told.Stdout, told.Stderr = t.output(ctx, path, "stdout"), t.output(ctx, path, "stderr")
		return inText(told, nil), told, nil
	}
	success, _ := result["success"].(bool)
	told.Success = &success
	told.Stdout, told.Stderr = shorten(text(result["stdout"]), mostText), shorten(text(result["stderr"]), mostText)
	told.Result = shorten(text(result["result"]), mostText)
	told.Error = shorten(traceback(result["error"]), mostText)
	for _, display := range items(result["displayData"]) {
		told.Displays = append(told.Displays, shorten(plainText(display), mostText))
	}
	var images []sdk.Content
	for _, asset := range items(result["assets"]) {
		told.Assets = append(told.Assets, t.absolute(text(asset["url"])))
		if image := t.image(ctx, asset); image != nil && len(images) < mostImages {
			images = append(images, image)
		}
	}
	answered := inText(told, images)
	answered.IsError = !success
	return answered, told, nil
}

// output is what a running execution has written so far; nothing when it can't be had.
func (t *tools) output(ctx context.Context, path, stream string) string {
	response, err := t.open(ctx, http.MethodGet, path+"/output/"+stream, nil)
	if err != nil {
		return ""
	}
	defer response.Body.Close()
	content, err := io.ReadAll(io.LimitReader(response.Body, 8<<20))
	if err != nil {
		return ""
	}
	return shorten(string(content), mostText)
}

// absolute makes an asset's path a URL.
func (t *tools) absolute(path string) string {
	base, err := url.Parse(t.url)
	if err != nil {
		return path
	}
	found, err := base.Parse(path)
	if err != nil {
		return path
	}
	return found.String()
}

// image fetches an asset that is a picture; nil when it is none, or too large.
func (t *tools) image(ctx context.Context, asset object) sdk.Content {
	kind, size := text(asset["mimeType"]), number(asset["size"])
	switch kind {
	case "image/png", "image/jpeg", "image/gif", "image/webp":
	default:
		return nil
	}
	if size > mostImageBytes {
		return nil
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, t.absolute(text(asset["url"])), nil)
	if err != nil {
		return nil
	}
	response, err := t.http.Do(request)
	if err != nil {
		return nil
	}
	defer response.Body.Close()
	content, err := io.ReadAll(io.LimitReader(response.Body, mostImageBytes))
	if err != nil || response.StatusCode != http.StatusOK {
		return nil
	}
	return &sdk.ImageContent{Data: content, MIMEType: kind}
}

// inText says in text what a client that does not read structured content needs.
func inText(told execution, images []sdk.Content) *sdk.CallToolResult {
	var said strings.Builder
	part := func(title, content string) {
		if content != "" {
			fmt.Fprintf(&said, "%s:\n%s\n", title, strings.TrimSuffix(content, "\n"))
		}
	}
	if told.State != "done" {
		fmt.Fprintf(&said, "%s (execution %s)\n", told.State, told.ExecID)
	}
	part("asks for input", told.Prompt)
	part("stdout", told.Stdout)
	part("stderr", told.Stderr)
	part("result", told.Result)
	part("error", told.Error)
	part("displayed", strings.Join(told.Displays, "\n"))
	part("files", strings.Join(told.Assets, "\n"))
	if said.Len() == 0 {
		said.WriteString("done, without output")
	}
	return &sdk.CallToolResult{Content: append([]sdk.Content{&sdk.TextContent{Text: said.String()}}, images...)}
}

// shorten keeps the beginning and the end of a long text.
func shorten(long string, most int) string {
	if len(long) <= most {
		return long
	}
	head, tail := strings.ToValidUTF8(long[:most/2], ""), strings.ToValidUTF8(long[len(long)-most/2:], "")
	return fmt.Sprintf("%s\n… %d bytes left out …\n%s", head, len(long)-len(head)-len(tail), tail)
}

func text(value any) string {
	found, _ := value.(string)
	return found
}

func number(value any) float64 {
	found, _ := value.(float64)
	return found
}

func items(value any) (found []object) {
	list, _ := value.([]any)
	for _, item := range list {
		if item, ok := item.(object); ok {
			found = append(found, item)
		}
	}
	return found
}

func traceback(failure any) string {
	described, ok := failure.(object)
	if !ok {
		return ""
	}
	var lines strings.Builder
	list, _ := described["traceback"].([]any)
	for _, line := range list {
		lines.WriteString(text(line))
	}
	if lines.Len() == 0 {
		return text(described["type"]) + ": " + text(described["message"])
	}
	return lines.String()
}

// plainText is a display as text: its plain text, else the names of its types.
func plainText(display object) string {
	bundle, _ := display["data"].(object)
	for _, kind := range []string{"text/markdown", "text/plain", "text/latex"} {
		if found := text(bundle[kind]); found != "" {
			return found
		}
	}
	kinds := make([]string, 0, len(bundle))
	for kind := range bundle {
		kinds = append(kinds, kind)
	}
	return "(" + strings.Join(kinds, ", ") + ")"
}
