package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/mrmd/mrmd-python/registry"
)

// client asks a runtime over HTTP.
type client struct {
	// url is the runtime's, as in the registry.
	url   string
	token string
	// http goes by no proxy: a runtime listens where this program can reach it.
	http *http.Client
}

func clientOf(entry registry.Entry) client {
	c := client{url: entry.URL, token: entry.Token, http: &http.Client{Transport: &http.Transport{}}}
	if isUnixURL(entry.URL) {
		c.url = "http://localhost/mrp/v1"
		c.http.Transport = &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", entry.Socket)
		}}
	}
	return c
}

// streamedEvent is one server-sent event.
type streamedEvent struct {
	name string
	data jsontext.Value
}

// errCutShort says that an execution's stream ended before the execution.
var errCutShort = errors.New("the runtime went away before the code ended")

// executeStream sends code to be run and gives the events to receive as they come,
// up to the last. It ends early with the error that receive gives.
func (c client) executeStream(ctx context.Context, request any, receive func(streamedEvent) error) error {
	response, err := c.send(ctx, http.MethodPost, "/execute/stream", request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	lines := bufio.NewReader(response.Body)
	name := ""
	for {
		line, err := lines.ReadBytes('\n')
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return errCutShort
		}
		if err != nil {
			return fmt.Errorf("%w: %w", errCutShort, err)
		}
		field, value, _ := bytes.Cut(bytes.TrimRight(line, "\r\n"), []byte(": "))
		switch string(field) {
		case "event":
			name = string(value)
		case "data":
			if err := receive(streamedEvent{name: name, data: value}); err != nil {
				return err
			}
			if name == "done" {
				return nil
			}
		}
	}
}

// ask sends a request and takes no interest in the body of the answer.
func (c client) ask(ctx context.Context, method, path string, request any) error {
	response, err := c.send(ctx, method, path, request)
	if err != nil {
		return err
	}
	return response.Body.Close()
}

// cancelExecution takes an execution off the queue, or interrupts it.
func (c client) cancelExecution(ctx context.Context, execID string) error {
	return c.ask(ctx, http.MethodDelete, "/executions/"+url.PathEscape(execID), nil)
}

func (c client) send(ctx context.Context, method, path string, request any) (*http.Response, error) {
	var body io.Reader
	if request != nil {
		text, err := json.Marshal(request)
		if err != nil {
			return nil, fmt.Errorf("asking the runtime: %w", err)
		}
		body = bytes.NewReader(text)
	}
	asked, err := http.NewRequestWithContext(ctx, method, c.url+path, body)
	if err != nil {
		return nil, fmt.Errorf("asking the runtime: %w", err)
	}
	if request != nil {
		asked.Header.Set("Content-Type", "application/json")
	}
	if c.token != "" {
		asked.Header.Set("Authorization", "Bearer "+c.token)
	}
	response, err := c.http.Do(asked)
	if err != nil {
		return nil, fmt.Errorf("asking the runtime: %w", err)
	}
	if response.StatusCode/100 != 2 {
		defer func() { _ = response.Body.Close() }()
		return nil, fmt.Errorf("asking the runtime: %s", refusal(response))
	}
	return response, nil
}

func refusal(response *http.Response) string {
	const maxRefusalBytes = 1 << 16
	text, err := io.ReadAll(io.LimitReader(response.Body, maxRefusalBytes))
	var answer struct {
		Message string `json:"message"`
	}
	if err != nil || json.Unmarshal(text, &answer) != nil || answer.Message == "" {
		return response.Status + " " + strings.TrimSpace(string(text))
	}
	return answer.Message
}
