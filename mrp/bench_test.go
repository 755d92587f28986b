package mrp

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
)

type discardResponse struct {
	header http.Header
	size   int
}

func (d *discardResponse) Header() http.Header         { return d.header }
func (d *discardResponse) Write(b []byte) (int, error) { d.size += len(b); return len(b), nil }
func (d *discardResponse) WriteHeader(int)             {}
func (d *discardResponse) Flush()                      {}

func benchHandler(b *testing.B) (*toyEngine, *Handler) {
	engine := newToyEngine(b.TempDir())
	h, err := NewHandler(engine, Options{AssetsDir: b.TempDir(), SpoolDir: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { h.Close() })
	waitFor(b, "the queue to start", func() bool { return h.queue.state().started })
	return engine, h
}

// BenchmarkExecute is what mrp itself costs for one small cell: guard, route,
// decoding, queue, log, encoding and retention, without net/http.
func BenchmarkExecute(b *testing.B) {
	_, h := benchHandler(b)
	body := []byte(`{"code":"1+1"}`)
	reader := bytes.NewReader(body)
	request := fromOwner(httptest.NewRequest("POST", "http://localhost/mrp/v1/execute", reader))
	request.Header.Set("Content-Type", "application/json")
	w := &discardResponse{header: http.Header{}}
	b.ReportAllocs()
	for b.Loop() {
		reader.Reset(body)
		request.Body = io.NopCloser(reader)
		h.ServeHTTP(w, request)
	}
}

// BenchmarkStreamTenMegabytes is 10 MB of 100-byte lines read by one client.
func BenchmarkStreamTenMegabytes(b *testing.B) {
	engine, h := benchHandler(b)
	line := append(bytes.Repeat([]byte("x"), 99), '\n')
	engine.on("loud", func(_ context.Context, sink Sink, _ <-chan struct{}) Outcome {
		for range 100_000 {
			sink.Text(Stdout, line)
		}
		return Outcome{}
	})
	body := []byte(`{"code":"loud"}`)
	w := &discardResponse{header: http.Header{}}
	b.ReportAllocs()
	for b.Loop() {
		w.size = 0
		request := fromOwner(httptest.NewRequest("POST", "http://localhost/mrp/v1/execute/stream", bytes.NewReader(body)))
		request.Header.Set("Content-Type", "application/json")
		h.ServeHTTP(w, request)
	}
	b.ReportMetric(float64(w.size)/1e6, "wireMB")
}
