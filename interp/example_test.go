package interp_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"github.com/mrmd/mrmd-python/interp"
	"github.com/mrmd/mrmd-python/mrp"
)

// A Go program serves a notebook runtime among its own pages. Python takes the main
// goroutine: what else the program does, it does on others.
func Example() {
	venv := os.Getenv("MRMD_TEST_VENV")
	folder, err := os.Getwd()
	if err != nil {
		log.Fatal(err)
	}
	engine := interp.New(interp.Options{
		Executable:       filepath.Join(venv, "bin", "python"),
		Virtualenv:       venv,
		WorkingDirectory: folder,
	})
	handler, err := mrp.NewHandler(engine, mrp.Options{AssetsDir: filepath.Join(folder, ".mrmd-assets")})
	if err != nil {
		log.Fatal(err)
	}

	pages := http.NewServeMux()
	pages.Handle("/mrp/v1/", handler)
	pages.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "my own page") })
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	server := mrp.NewServer(pages, mrp.Limits{})
	go func() { _ = server.Serve(listener) }()

	go func() {
		// Until Python is up an execution waits for it.
		url := "http://" + listener.Addr().String() + "/mrp/v1/execute/stream"
		answer, err := http.Post(url, "application/json", strings.NewReader(`{"code": "print(6 * 7)"}`))
		if err != nil {
			log.Fatal(err)
		}
		events, err := io.ReadAll(answer.Body)
		if err != nil {
			log.Fatal(err)
		}
		last := ""
		for line := range strings.Lines(string(events)) {
			// A line that is printed may come in two events.
			if strings.HasPrefix(line, "event: ") && line != last {
				fmt.Print(line)
				last = line
			}
		}
		if err := engine.Stop(context.Background()); err != nil {
			log.Fatal(err)
		}
	}()

	// It returns after Stop, or at once with what was wrong. The files of descriptors
	// 1 and 2 are the cells' from here on.
	if err := engine.Run(); err != nil {
		log.Fatal(err)
	}
	if err := handler.Close(); err != nil {
		log.Fatal(err)
	}
	// Output:
	// event: start
	// event: stdout
	// event: result
	// event: done
}
