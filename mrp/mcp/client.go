package mcp

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// object is a JSON object.
type object = map[string]any

// client asks a runtime.
type client struct {
	http *http.Client
	// url is the runtime's, with /mrp/v1.
	url string
}

// refusal is an answer that is an error of the protocol.
type refusal struct {
	Code    string `json:"error"`
	Message string `json:"message"`
}

func (r *refusal) Error() string { return r.Message }

func (c *client) open(ctx context.Context, method, path string, body any) (*http.Response, error) {
	var content io.Reader
	if body != nil {
		encoded, err := json.Marshal(body)
		if err != nil {
			return nil, fmt.Errorf("encoding a request for %s: %w", path, err)
		}
		content = bytes.NewReader(encoded)
	}
	request, err := http.NewRequestWithContext(ctx, method, c.url+path, content)
	if err != nil {
		return nil, fmt.Errorf("asking the runtime for %s: %w", path, err)
	}
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	response, err := c.http.Do(request)
	if err != nil {
		return nil, fmt.Errorf("asking the runtime for %s: %w", path, err)
	}
	if response.StatusCode == http.StatusOK {
		return response, nil
	}
	defer response.Body.Close()
	refused := &refusal{Message: "the runtime answers " + response.Status}
	// What is no JSON has no better message.
	_ = json.NewDecoder(io.LimitReader(response.Body, 1<<20)).Decode(refused)
	return nil, fmt.Errorf("the runtime refuses %s: %w", path, refused)
}

// ask gives the object that a request is answered with.
func (c *client) ask(ctx context.Context, method, path string, body any) (object, error) {
	response, err := c.open(ctx, method, path, body)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	var answer object
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		return nil, fmt.Errorf("reading the runtime's answer for %s: %w", path, err)
	}
	return answer, nil
}

// event is one event of an execution's stream.
type event struct {
	name string
	data object
}

// events calls receive with the events of a stream until it ends or receive returns
// false.
func (c *client) events(ctx context.Context, method, path string, body any, receive func(event) bool) error {
	response, err := c.open(ctx, method, path, body)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	lines := bufio.NewReader(response.Body)
	var next event
	for {
		line, err := lines.ReadString('\n')
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("reading the events of %s: %w", path, err)
		}
		line = strings.TrimSuffix(line, "\n")
		switch name, value, _ := strings.Cut(line, ": "); {
		case line == "" && next.name != "":
			if !receive(next) {
				return nil
			}
			next = event{}
		case name == "event":
			next.name = value
		case name == "data":
			if err := json.Unmarshal([]byte(value), &next.data); err != nil {
				return fmt.Errorf("reading an event of %s: %w", path, err)
			}
		}
	}
}
