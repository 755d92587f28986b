package golden

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

const (
	executePath = "/mrp/v1/execute"
	streamPath  = "/mrp/v1/execute/stream"
	inputPath   = "/mrp/v1/input"

	jsonType        = "application/json"
	eventStreamType = "text/event-stream"
)

// answer is one reply, of either runtime.
type answer struct {
	status int
	// contentType is the media type without its parameters.
	contentType string
	body        []byte
}

// client sends what the recording's client sent.
type client struct{ http http.Client }

func newClient() *client {
	return &client{http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// request makes a request ready to be sent.
func (c *client) request(ctx context.Context, sent exchange) (*http.Request, error) {
	body := bodyOf(sent)
	request, err := http.NewRequestWithContext(ctx, sent.Method, "http://"+subject.address, body)
	if err != nil {
		return nil, err
	}
	// No path of the recording is to be cleaned on its way.
	path, err := url.PathUnescape(sent.Path)
	if err != nil {
		return nil, err
	}
	request.URL = &url.URL{Scheme: "http", Host: subject.address, Path: path, RawPath: sent.Path}
	if body != nil {
		request.Header.Set("Content-Type", jsonType)
	}
	if strings.Contains(sent.Name, "CORS") {
		request.Header.Set("Origin", "https://example.com")
	}
	if sent.Method == http.MethodOptions {
		request.Header.Set("Access-Control-Request-Method", http.MethodPost)
	}
	return request, nil
}

// send sends a request and gives the open response. A runtime that is too busy to
// be looked into at the moment says so, and is asked again as it wishes.
func (c *client) send(ctx context.Context, sent exchange) (*http.Response, error) {
	for {
		request, err := c.request(ctx, sent)
		if err != nil {
			return nil, err
		}
		response, err := c.http.Do(request)
		if err != nil || response.StatusCode != http.StatusServiceUnavailable {
			return response, err
		}
		seconds, err := strconv.Atoi(response.Header.Get("Retry-After"))
		response.Body.Close()
		if err != nil {
			return nil, fmt.Errorf("a 503 without a time to ask again: %w", err)
		}
		select {
		case <-time.After(time.Duration(seconds) * time.Second):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func bodyOf(sent exchange) io.Reader {
	switch {
	case sent.Name == "execute invalid utf-8":
		// The recording can't hold these bytes.
		return strings.NewReader("{\"code\": \"\xff\"}")
	case sent.Request.Kind() == '"':
		return strings.NewReader(unquoted(sent.Request))
	case len(sent.Request) == 0 || sent.Request.Kind() == 'n':
		return nil
	default:
		return bytes.NewReader(sent.Request)
	}
}

// ask sends a request and reads the whole answer.
func (c *client) ask(ctx context.Context, sent exchange) (answer, error) {
	response, err := c.send(ctx, sent)
	if err != nil {
		return answer{}, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return answerOf(response, body), err
}

// post sends a JSON body that the recording doesn't have.
func (c *client) post(ctx context.Context, path, body string) (answer, error) {
	return c.ask(ctx, exchange{Method: http.MethodPost, Path: path, Request: jsontext.Value(body)})
}

// streamOf is a request for a cell's events, with further members.
func streamOf(execID, code string, members ...string) exchange {
	members = append(members, `"code": `+quoted(code), `"execId": `+quoted(execID))
	return exchange{
		Method: http.MethodPost, Path: streamPath,
		Request: jsontext.Value("{" + strings.Join(members, ", ") + "}"),
	}
}

// quoted makes a JSON string of a text.
func quoted(text string) string {
	quoted, err := jsontext.AppendQuote(nil, text)
	if err != nil {
		panic(fmt.Sprintf("a text of the tests is not UTF-8: %v", err))
	}
	return string(quoted)
}

func answerOf(response *http.Response, body []byte) answer {
	contentType, _, err := mime.ParseMediaType(response.Header.Get("Content-Type"))
	if err != nil {
		contentType = response.Header.Get("Content-Type")
	}
	return answer{status: response.StatusCode, contentType: contentType, body: body}
}

// event is one server-sent event.
type event struct {
	name string
	id   string
	data jsontext.Value
}

// eventReader reads server-sent events as the editors' clients do: line by line,
// and an event's name before its data.
type eventReader struct{ lines *bufio.Reader }

func newEventReader(source io.Reader) *eventReader {
	return &eventReader{bufio.NewReader(source)}
}

// next gives the next event; io.EOF after the last.
func (r *eventReader) next() (read event, err error) {
	for {
		line, err := r.lines.ReadString('\n')
		if err == io.EOF && line == "" && read.name == "" {
			return read, io.EOF
		}
		if err != nil {
			return read, fmt.Errorf("in the middle of event %q: %w", read.name, err)
		}
		line = strings.TrimRight(line, "\r\n")
		field, value, _ := strings.Cut(line, ": ")
		switch {
		case line == "" && read.name != "":
			if read.data == nil {
				return read, fmt.Errorf("event %q has no data", read.name)
			}
			return read, nil
		case line == "", field == "":
		case field == "event" && read.data == nil:
			read.name = value
		case field == "id":
			read.id = value
		case field == "data" && read.name != "" && read.data == nil:
			read.data = jsontext.Value(value)
			if !read.data.IsValid() {
				return read, fmt.Errorf("the data of event %q is not JSON: %s", read.name, value)
			}
		default:
			return read, fmt.Errorf("clients can't read this line of event %q: %s", read.name, line)
		}
	}
}
