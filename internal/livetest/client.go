package livetest

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/go-json-experiment/json"
)

// Object is a JSON object.
type Object = map[string]any

// Client asks a runtime. Its methods may be used from any goroutine.
type Client struct {
	// URL is the runtime's, with /mrp/v1 and without a slash at the end.
	URL  string
	base chan string
}

// Open sends a request, with a JSON body unless it is nil.
func (c *Client) Open(ctx context.Context, method, path string, body Object) (*http.Response, error) {
	var content io.Reader
	if body != nil {
		encoded, err := json.Marshal(body)
		if err != nil {
			return nil, fmt.Errorf("encoding the body of %s: %w", path, err)
		}
		content = bytes.NewReader(encoded)
	}
	request, err := http.NewRequestWithContext(ctx, method, c.URL+path, content)
	if err != nil {
		return nil, fmt.Errorf("asking for %s: %w", path, err)
	}
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, fmt.Errorf("asking for %s: %w", path, err)
	}
	return response, nil
}

// Get and Post give the object that a request is answered with; any status but 200
// is an error.
func (c *Client) Get(ctx context.Context, path string) (Object, error) {
	return c.ask(ctx, http.MethodGet, path, nil)
}

// Post is Get with a body.
func (c *Client) Post(ctx context.Context, path string, body Object) (Object, error) {
	return c.ask(ctx, http.MethodPost, path, body)
}

func (c *Client) ask(ctx context.Context, method, path string, body Object) (Object, error) {
	response, err := c.Open(ctx, method, path, body)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, fmt.Errorf("reading the answer of %s: %w", path, err)
	}
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s %s: %s: %s", method, path, response.Status, content)
	}
	var answer Object
	if err := json.Unmarshal(content, &answer); err != nil {
		return nil, fmt.Errorf("reading the answer of %s: %w", path, err)
	}
	return answer, nil
}

// Event is one event of a stream.
type Event struct {
	ID, Name string
	Data     Object
}

// Stream asks for a stream of events and calls receive with each, until the stream
// ends or receive returns false.
func (c *Client) Stream(ctx context.Context, path string, body Object, receive func(Event) bool) error {
	method := http.MethodPost
	if body == nil {
		method = http.MethodGet
	}
	response, err := c.Open(ctx, method, path, body)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		content, _ := io.ReadAll(response.Body)
		return fmt.Errorf("%s %s: %s: %s", method, path, response.Status, content)
	}
	lines := bufio.NewReader(response.Body)
	var event Event
	for {
		line, err := lines.ReadString('\n')
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("reading the stream of %s: %w", path, err)
		}
		line = strings.TrimSuffix(line, "\n")
		switch name, value, _ := strings.Cut(line, ": "); {
		case line == "" && event.Name != "":
			if !receive(event) {
				return nil
			}
			event = Event{}
		case name == "id":
			event.ID = value
		case name == "event":
			event.Name = value
		case name == "data":
			if err := json.Unmarshal([]byte(value), &event.Data); err != nil {
				return fmt.Errorf("reading event %s: %w", event.Name, err)
			}
		}
	}
}

// Run streams a cell to its end and gives its events.
func (c *Client) Run(ctx context.Context, body Object) (events []Event, err error) {
	err = c.Stream(ctx, "/execute/stream", body, func(event Event) bool {
		events = append(events, event)
		return true
	})
	return events, err
}
