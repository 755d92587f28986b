package shown

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/mrmd/mrmd-python/internal/livetest"
)

// seen is what a client saw of a cell.
type seen struct {
	// steps says what came, in order: "stdout TEXT", "stderr TEXT", "asset MIME",
	// "display MIME MIME…", "update_display MIME…" or "clear_output". Text that
	// follows text of the same stream is one step.
	steps []string
	// assets are those that came, also those that an update replaced.
	assets []asset
	// bundles are the mime bundles of all displays of the cell, when it is asked for
	// them instead of files; updates are among them.
	bundles []livetest.Object
	// result is the response's "result"; empty when there is none.
	result string
	// stdout and stderr are the streams' text, whole.
	stdout, stderr string
}

// asset is a file that a display became, as it is served.
type asset struct {
	url, mimeType string
	content       []byte
}

// runCell runs a cell that must not fail, three times: streamed; in whole; and
// streamed with bundles in place of files. It demands that all three show the same
// and every bundle has a text, and gives what was seen.
func runCell(t *testing.T, code string) seen {
	t.Helper()
	streamed, response := stream(t, livetest.Object{"code": code})
	for _, item := range list(response, "assets") {
		if !slices.ContainsFunc(streamed.assets, func(a asset) bool { return a.url == item["url"] }) {
			t.Errorf("the result has an asset that did not come before: %v", item["url"])
		}
	}
	compare(t, "its streams", streamed.stdout+streamed.stderr, text(response, "stdout")+text(response, "stderr"))
	screen := kinds(response)
	if !hasUpdates(streamed) {
		compare(t, "events and result", strings.Join(displaysOf(streamed.steps), "\n"), strings.Join(screen, "\n"))
	}

	whole := post(t, "/execute", livetest.Object{"code": code})
	if whole["success"] != true {
		t.Fatalf("in whole the cell failed: %v", whole["error"])
	}
	compare(t, "in whole", strings.Join(kinds(whole), "\n"), strings.Join(screen, "\n"))
	for _, item := range list(whole, "assets") {
		fetch(t, item)
	}

	inline, _ := stream(t, livetest.Object{"code": code, "displays": "inline"})
	if len(inline.assets) != 0 || len(inline.bundles) != len(displaysOf(streamed.steps)) {
		t.Errorf("inline there are %d displays and %d assets: %q", len(inline.bundles), len(inline.assets), inline.steps)
	}
	for _, bundle := range inline.bundles {
		if text(bundle, "text/plain") == "" {
			t.Errorf("a bundle has no text: %v", slices.Sorted(maps.Keys(bundle)))
		}
	}
	streamed.bundles = inline.bundles
	return streamed
}

// limited gives a context that ends what waits in vain.
func limited() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), cellLimit)
}

// stream runs a cell and gives what came, and the response.
func stream(t *testing.T, request livetest.Object) (seen, livetest.Object) {
	t.Helper()
	ctx, cancel := limited()
	defer cancel()
	events, err := runtime.Run(ctx, request)
	if err != nil {
		t.Fatal(err)
	}
	var s seen
	var response livetest.Object
	for _, event := range events {
		switch event.Name {
		case "stdout", "stderr":
			content := text(event.Data, "content")
			if event.Name == "stdout" {
				s.stdout += content
			} else {
				s.stderr += content
			}
			if last := len(s.steps) - 1; last >= 0 && strings.HasPrefix(s.steps[last], event.Name+" ") {
				s.steps[last] += content
			} else {
				s.steps = append(s.steps, event.Name+" "+content)
			}
		case "asset":
			s.assets = append(s.assets, fetch(t, event.Data))
			step := "asset " + text(event.Data, "mimeType")
			if event.Data["update"] == true {
				step = "update_display " + text(event.Data, "mimeType")
			}
			s.steps = append(s.steps, step)
		case "display", "update_display":
			bundle := event.Data["data"].(livetest.Object)
			s.bundles = append(s.bundles, bundle)
			s.steps = append(s.steps, event.Name+" "+typesOf(bundle))
		case "clear_output":
			s.steps = append(s.steps, event.Name)
		case "error":
			t.Fatalf("%s\nfailed: %v: %v", request["code"], event.Data["type"], event.Data["message"])
		case "result":
			response = event.Data
		}
	}
	if response == nil {
		t.Fatalf("%s\nhas no result", request["code"])
	}
	s.result = text(response, "result")
	return s, response
}

// fetch gets an asset and demands that it is served as what it was said to be.
func fetch(t *testing.T, said livetest.Object) asset {
	t.Helper()
	a := asset{url: text(said, "url"), mimeType: text(said, "mimeType")}
	content, served := get(t, a.url)
	a.content = content
	if kind, _, _ := strings.Cut(served, ";"); kind != a.mimeType {
		t.Errorf("%s is served as %s, not %s", a.url, served, a.mimeType)
	}
	if float64(len(content)) != said["size"] {
		t.Errorf("%s has %d bytes, not %v", a.url, len(content), said["size"])
	}
	return a
}

// get fetches what is at a path of the runtime's host, with its type.
func get(t *testing.T, path string) (content []byte, mimeType string) {
	t.Helper()
	base, err := url.Parse(runtime.URL)
	if err != nil {
		t.Fatal(err)
	}
	address, err := base.Parse(path)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.Get(address.String())
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if content, err = io.ReadAll(response.Body); err != nil {
		t.Fatal(err)
	}
	if response.StatusCode != http.StatusOK {
		t.Errorf("%s: %s: %s", path, response.Status, content)
	}
	return content, response.Header.Get("Content-Type")
}

func post(t *testing.T, path string, body livetest.Object) livetest.Object {
	t.Helper()
	ctx, cancel := limited()
	defer cancel()
	answer, err := runtime.Post(ctx, path, body)
	if err != nil {
		t.Fatal(err)
	}
	return answer
}

// displaysOf gives the steps that are displays or files, sorted as kinds are.
func displaysOf(steps []string) (displays []string) {
	for _, step := range steps {
		if name, _, _ := strings.Cut(step, " "); name != "stdout" && name != "stderr" && name != "clear_output" {
			displays = append(displays, step)
		}
	}
	slices.Sort(displays)
	return displays
}

// kinds gives what a response has of displays and files, as steps, sorted.
func kinds(response livetest.Object) (all []string) {
	for _, item := range list(response, "assets") {
		all = append(all, "asset "+text(item, "mimeType"))
	}
	for _, item := range list(response, "displayData") {
		all = append(all, "display "+typesOf(item["data"].(livetest.Object)))
	}
	slices.Sort(all)
	return all
}

func hasUpdates(s seen) bool {
	return slices.ContainsFunc(s.steps, func(step string) bool {
		return strings.HasPrefix(step, "update_display") || step == "clear_output"
	})
}

func typesOf(bundle livetest.Object) string {
	return strings.Join(slices.Sorted(maps.Keys(bundle)), " ")
}

func list(object livetest.Object, name string) (items []livetest.Object) {
	all, _ := object[name].([]any)
	for _, item := range all {
		items = append(items, item.(livetest.Object))
	}
	return items
}

// text gives a member that is text, and "" for null.
func text(object livetest.Object, name string) string {
	value, _ := object[name].(string)
	return value
}

func compare(t *testing.T, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got\n%s\nwant\n%s", what, got, want)
	}
}

// wantSteps demands what came, in order.
func wantSteps(t *testing.T, s seen, want ...string) {
	t.Helper()
	compare(t, "what came", fmt.Sprintf("%q", s.steps), fmt.Sprintf("%q", want))
}

// wantParts demands that a text has all the parts.
func wantParts(t *testing.T, what, whole string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(whole, part) {
			t.Errorf("%s has no %q:\n%.2000s", what, part, whole)
		}
	}
}
