package mcp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
)

// InProcess carries requests to a handler of this process, answers that are streamed
// included.
func InProcess(handler http.Handler) http.RoundTripper { return inProcess{handler} }

type inProcess struct{ handler http.Handler }

// RoundTrip implements http.RoundTripper.
func (p inProcess) RoundTrip(request *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithCancel(request.Context())
	request = request.Clone(ctx)
	if request.Body == nil {
		request.Body = http.NoBody
	}
	reader, writer := io.Pipe()
	answer := &answer{header: http.Header{}, body: writer, began: make(chan struct{})}
	go func() {
		defer cancel()
		defer func() {
			if reason := recover(); reason != nil {
				err, ok := reason.(error)
				if !ok || !errors.Is(err, http.ErrAbortHandler) {
					err = fmt.Errorf("the runtime's handler panicked: %v", reason)
				}
				answer.begin(http.StatusInternalServerError)
				writer.CloseWithError(err)
				return
			}
			answer.begin(http.StatusOK)
			writer.Close()
		}()
		p.handler.ServeHTTP(answer, request)
	}()
	select {
	case <-answer.began:
	case <-ctx.Done():
		if !answer.hasBegun() {
			return nil, ctx.Err()
		}
	}
	return &http.Response{
		Status:     fmt.Sprintf("%d %s", answer.status, http.StatusText(answer.status)),
		StatusCode: answer.status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: answer.sent, Body: body{reader, cancel}, ContentLength: -1, Request: request,
	}, nil
}

// body ends the request when it is closed, as a connection would.
type body struct {
	*io.PipeReader
	cancel context.CancelFunc
}

// Close implements io.Closer.
func (b body) Close() error {
	b.cancel()
	return b.PipeReader.Close()
}

// answer is the http.ResponseWriter of one request.
type answer struct {
	header http.Header
	body   *io.PipeWriter
	once   sync.Once
	// began is closed when status and sent, a copy of header, are set.
	began  chan struct{}
	status int
	sent   http.Header
}

func (a *answer) begin(status int) {
	a.once.Do(func() {
		a.status, a.sent = status, a.header.Clone()
		close(a.began)
	})
}

func (a *answer) hasBegun() bool {
	select {
	case <-a.began:
		return true
	default:
		return false
	}
}

// Header implements http.ResponseWriter.
func (a *answer) Header() http.Header { return a.header }

// WriteHeader implements http.ResponseWriter.
func (a *answer) WriteHeader(status int) { a.begin(status) }

// Write implements http.ResponseWriter.
func (a *answer) Write(bytes []byte) (int, error) {
	a.begin(http.StatusOK)
	return a.body.Write(bytes)
}

// Flush implements http.Flusher: nothing is held back.
func (a *answer) Flush() { a.begin(http.StatusOK) }
