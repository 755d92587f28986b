package golden

import (
	"context"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
)

// unrecordedDifferences shows what docs/compatibility.md says under "What the
// recording does not show", by the rows' ids.
var unrecordedDifferences = map[string]func(*testing.T, *client){
	"descriptors": cellShows(`import os
_ = os.write(1, b"descriptor\n")
_ = os.system("echo command")`, `"stdout":"descriptor\\ncommand\\n"`),
	"stdout-buffer": cellShows(`import sys
_ = sys.stdout.buffer.write("é".encode())`, `"stdout":"é"`),
	"exit":  cellShows(`exit()`, `"success":false.*"error":\{"type":"SystemExit"`),
	"pager": cellShows(`len?`, `"stdout":"(?:\\u001b\[[0-9;]*m)?Signature:(?:[^"\\]|\\n|\\u001b\[[0-9;]*m)*"`),
	"clear-output": cellShows(`from IPython.display import clear_output
display("first")
clear_output()
display("second")`, `"displayData":\[\{"data":\{"text/plain":"'second'"\},"metadata":\{\}\}\]`),
	"markdown": cellShows(`from IPython.display import Markdown
Markdown("*text*")`, `"displayData":\[\{"data":\{"text/markdown":"\*text\*","text/plain":"[^"]+"\}`),
	"figure-results": cellShows(`import matplotlib.pyplot as plt
figure, _ = plt.subplots()
figure`, onePicture),
	"open-figures": cellShows(`import matplotlib.pyplot as plt
_ = plt.plot([1, 2])`, onePicture),
	"stdin-in-execute": cellShows(`input()`, `"error":\{"type":"StdinNotImplementedError"`),
	"comments":         answers("/mrp/v1/complete", `{"code": "# le", "cursor": 4}`, `"matches":\[\]`),
	"format-semicolon": answers("/mrp/v1/format", `{"code": "x = f( );"}`, `"formatted":"x = f\(\);"`),
	"variable-filters": variablesAreFiltered,
	"sessions":         sessionsAreApart,
	"one-at-a-time":    oneAtATime,
	"input-ids":        inputIDs,
	"accumulated":      accumulatedIsBounded,
	"asset-folders": func(t *testing.T, c *client) {
		refused(t, c, exchange{Method: http.MethodGet, Path: "/mrp/v1/assets/sub"}, nil, http.StatusNotFound)
	},
	"media-types": func(t *testing.T, c *client) {
		refused(t, c, exchange{Method: http.MethodPost, Path: executePath, Request: jsontext.Value(`{"code":"1"}`)},
			http.Header{"Content-Type": {"text/plain"}}, http.StatusUnsupportedMediaType)
	},
	"hosts": func(t *testing.T, c *client) {
		refused(t, c, exchange{Method: http.MethodGet, Path: "/mrp/v1/capabilities"},
			http.Header{"Host": {"rebound.example"}}, http.StatusForbidden)
	},
}

// onePicture is an execute response with one image.
const onePicture = `"displayData":\[\],"assets":\[\{"path":"[^"]+\.png"[^{}]*\}\]`

// TestUnrecordedDifferences holds the page to what it says without a recording.
func TestUnrecordedDifferences(t *testing.T) {
	rows := rowIDs(compatibility, []string{"Id", "0.4.2", "This runtime", "Why"})
	for _, id := range rows {
		check, ok := unrecordedDifferences[id]
		if !ok {
			t.Errorf("%s: no test shows the row %s", compatibilityFile, id)
			continue
		}
		t.Run(id, func(t *testing.T) { check(t, newClient()) })
	}
	for id := range unrecordedDifferences {
		if !slices.Contains(rows, id) {
			t.Errorf("%s has no row %s", compatibilityFile, id)
		}
	}
}

// rowIDs gives the first cells of the tables that have these columns.
func rowIDs(document string, head []string) (ids []string) {
	inTable := false
	for _, line := range strings.Split(document, "\n") {
		cells := cellsOf(line)
		switch {
		case cells == nil:
			inTable = false
		case slices.Equal(cells, head):
			inTable = true
		case inTable && strings.Trim(line, "|- ") != "":
			ids = append(ids, strings.Trim(cells[0], "`"))
		}
	}
	return ids
}

// cellShows runs a cell through /execute and looks for a pattern in the answer.
func cellShows(code, pattern string) func(*testing.T, *client) {
	return answers(executePath, fmt.Sprintf(`{"code": %s}`, quoted(code)), pattern)
}

// answers sends a body and looks for a pattern in the answer.
func answers(path, body, pattern string) func(*testing.T, *client) {
	return func(t *testing.T, c *client) {
		reply, err := c.post(limited(t), path, body)
		if err != nil {
			t.Fatal(err)
		}
		if !regexp.MustCompile(pattern).Match(reply.body) {
			t.Errorf("%s answers %s\nand not %s", path, reply.body, pattern)
		}
	}
}

// variablesAreFiltered asks for one of two variables.
func variablesAreFiltered(t *testing.T, c *client) {
	answers(executePath, `{"code": "kept = 1; other = 2", "session": "filtered"}`, `"success":true`)(t, c)
	answers("/mrp/v1/variables", `{"session": "filtered", "filter": {"namePattern": "^kept$"}}`,
		`"variables":\[\{"name":"kept"[^{}]*\}\],"count":1`)(t, c)
}

// refused sends a request with further headers and checks the refusal's status.
func refused(t *testing.T, c *client, sent exchange, header http.Header, status int) {
	t.Helper()
	request, err := c.request(limited(t), sent)
	if err != nil {
		t.Fatal(err)
	}
	for name, values := range header {
		request.Header[name] = values
	}
	request.Host = header.Get("Host")
	response, err := c.http.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != status {
		t.Errorf("%s %s answers %d, not %d", sent.Method, sent.Path, response.StatusCode, status)
	}
}

// sessionsAreApart looks from one session for what another one has set.
func sessionsAreApart(t *testing.T, c *client) {
	for _, cell := range []struct{ session, code, answer string }{
		{"left", "apart = 1", `"success":true`},
		{"right", "apart", `"error":{"type":"NameError"`},
		{"left", "apart", `"result":"1"`},
	} {
		reply, err := c.post(limited(t), executePath, fmt.Sprintf(`{"code": %s, "session": %s}`, quoted(cell.code), quoted(cell.session)))
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(reply.body), cell.answer) {
			t.Errorf("%s in session %s answers %s", cell.code, cell.session, reply.body)
		}
	}
}

// oneAtATime sends a cell while another one runs: each has its own output.
func oneAtATime(t *testing.T, c *client) {
	run := &replay{client: c, ctx: limited(t)}
	first, err := run.openStream(streamOf("one", `input(); print("one")`))
	if err != nil {
		t.Fatal(err)
	}
	second, err := run.openStream(streamOf("two", `print("two")`))
	if err != nil {
		t.Fatal(err)
	}
	if err := first.readUntil("stdin_request"); err != nil {
		t.Fatal(err)
	}
	if reply, err := c.post(run.ctx, inputPath, `{"exec_id": "one", "text": "go"}`); err != nil || !acknowledged(reply) {
		t.Fatalf("answering: %v %s", err, reply.body)
	}
	for stream, wanted := range map[*openStream]string{first: `"stdout":"go\none\n"`, second: `"stdout":"two\n"`} {
		reply, err := run.finish(stream)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(reply.body), strings.ReplaceAll(wanted, "\n", `\n`)) {
			t.Errorf("%s answers %s", stream.execID, reply.body)
		}
	}
}

// inputIDs answers with the id as the event spells it.
func inputIDs(t *testing.T, c *client) {
	run := &replay{client: c, ctx: limited(t)}
	asking, err := run.openStream(streamOf("spelled", `input()`))
	if err != nil {
		t.Fatal(err)
	}
	if err := asking.readUntil("stdin_request"); err != nil {
		t.Fatal(err)
	}
	if reply, err := c.post(run.ctx, inputPath, `{"execId": "spelled", "text": "yes"}`); err != nil || !acknowledged(reply) {
		t.Fatalf("answering: %v %s", err, reply.body)
	}
	if reply, err := run.finish(asking); err != nil || !strings.Contains(string(reply.body), `"result":"'yes'"`) {
		t.Errorf("the cell answers %v %s", err, reply.body)
	}
}

// accumulatedIsBounded prints more than accumulated repeats.
func accumulatedIsBounded(t *testing.T, c *client) {
	reply, err := c.ask(limited(t), streamOf("much", `print("x" * 3_000_000)`))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(reply.body), `"accumulatedTruncated":true`) {
		t.Error("no event says that accumulated is not all of the stream")
	}
}

// limited gives up what hangs.
func limited(t *testing.T) context.Context {
	ctx, giveUp := context.WithTimeout(context.Background(), replayLimit)
	t.Cleanup(giveUp)
	return ctx
}
