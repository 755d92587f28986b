package mrp_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"

	"github.com/mrmd/mrmd-python/mrp"
)

// upper is an engine that runs no Python: it prints a cell's code in capitals.
type upper struct{ ready chan struct{} }

func (u upper) Info() mrp.Info         { return mrp.Info{Implementation: "upper"} }
func (u upper) Ready() <-chan struct{} { return u.ready }
func (u upper) StartError() error      { return nil }

func (u upper) Execute(_ context.Context, cell mrp.Execution, sink mrp.Sink) (mrp.Outcome, error) {
	sink.Text(mrp.Stdout, []byte(strings.ToUpper(cell.Code)))
	return mrp.Outcome{ExecutionCount: 1}, nil
}

func (u upper) Interrupt() bool                                    { return false }
func (u upper) Reset(context.Context, string) error                { return nil }
func (u upper) CloseSession(context.Context, string) error         { return nil }
func (u upper) VariableCount(context.Context, string) (int, error) { return 0, nil }
func (u upper) IsComplete(context.Context, string) (mrp.Completeness, error) {
	return mrp.Completeness{Status: "complete"}, nil
}

// Any engine can be served. That of package interp runs Python.
func ExampleNewHandler() {
	engine := upper{ready: make(chan struct{})}
	close(engine.ready)
	folder, err := os.MkdirTemp("", "mrmd-example-")
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = os.RemoveAll(folder) }()
	handler, err := mrp.NewHandler(engine, mrp.Options{AssetsDir: filepath.Join(folder, "assets")})
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = handler.Close() }()

	pages := http.NewServeMux()
	pages.Handle("/mrp/v1/", handler)
	server := httptest.NewUnstartedServer(nil)
	server.Config = mrp.NewServer(pages, mrp.Limits{})
	server.Start()
	defer server.Close()

	answer, err := http.Post(server.URL+"/mrp/v1/execute/stream", "application/json", strings.NewReader(`{"code": "hello"}`))
	if err != nil {
		log.Fatal(err)
	}
	events, err := io.ReadAll(answer.Body)
	if err != nil {
		log.Fatal(err)
	}
	for line := range strings.Lines(string(events)) {
		if strings.Contains(line, `"content"`) {
			fmt.Print(line)
		}
	}
	// Output:
	// data: {"content":"HELLO","accumulated":"HELLO","seq":2}
}
