package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/mrmd/mrmd-python/mrp"
	"github.com/mrmd/mrmd-python/mrp/mcp"
	"github.com/mrmd/mrmd-python/mrp/page"
	"github.com/mrmd/mrmd-python/registry"
)

const mcpPath = "/mcp"

// inside is the runtime for handlers that it serves itself; it is set before anything
// is served.
type inside struct{ runtime http.Handler }

// ServeHTTP implements http.Handler.
func (i *inside) ServeHTTP(w http.ResponseWriter, r *http.Request) { i.runtime.ServeHTTP(w, r) }

// addPages has the notebook page and the tools for agents served, too.
func (s *server) addPages(options *mrp.Options) (*inside, error) {
	files, err := page.Files()
	if err != nil {
		return nil, fmt.Errorf("listing the files of the page: %w", err)
	}
	for _, path := range files {
		options.Routes = append(options.Routes, mrp.Route{
			Methods: []string{http.MethodGet}, Path: path, Handler: page.Handler(),
		})
	}
	runtime := &inside{}
	// The tools' schemas take a millisecond of every start, and few runtimes are asked.
	tools := sync.OnceValue(func() http.Handler {
		return mcp.NewHandler(mcp.New(mcp.InProcess(runtime), s.url, version))
	})
	options.Routes = append(options.Routes, mrp.Route{
		Methods: []string{http.MethodGet, http.MethodPost, http.MethodDelete}, Path: mcpPath,
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { tools().ServeHTTP(w, r) }),
	})
	return runtime, nil
}

// serveAgent offers the runtime that --id names, started if need be, as tools on the
// standard streams, until standard input ends.
func serveAgent(chosen options) error {
	entry, err := running(chosen)
	if err != nil {
		return err
	}
	client := clientOf(entry)
	tools := mcp.New(withToken{client.http.Transport, client.token}, client.url, version)
	if err := tools.Run(context.Background(), &sdk.StdioTransport{}); err != nil {
		return fmt.Errorf("speaking with the agent: %w", err)
	}
	return nil
}

// withToken shows a runtime's token with every request.
type withToken struct {
	http.RoundTripper
	token string
}

// RoundTrip implements http.RoundTripper.
func (t withToken) RoundTrip(request *http.Request) (*http.Response, error) {
	if t.token != "" {
		request = request.Clone(request.Context())
		request.Header.Set("Authorization", "Bearer "+t.token)
	}
	return t.RoundTripper.RoundTrip(request)
}

// openPage shows the page of the runtime that --id names, started if need be, in the
// user's browser.
func openPage(chosen options) error {
	entry, err := running(chosen)
	if err != nil {
		return err
	}
	url := pageURL(entry)
	fmt.Println(url)
	for _, opener := range append(filepath.SplitList(os.Getenv("BROWSER")), "xdg-open", "open", "wslview") {
		if browser := browserCommand(opener, url); browser != nil {
			return startBrowser(browser, url)
		}
	}
	fmt.Fprintln(os.Stderr, "No browser was found to open it with; BROWSER may name one.")
	return nil
}

// pageURL is where the page of a runtime is, with its token when it has one.
func pageURL(entry registry.Entry) string {
	root := strings.TrimSuffix(entry.URL, "/mrp/v1")
	if entry.Token != "" {
		return root + "/t/" + entry.Token + "/"
	}
	return root + "/"
}

// browserCommand is what opens a URL with one of BROWSER's programs, nil when that is
// not there. As for xdg-open, the program may have arguments, of which "%s" stands for
// the URL.
func browserCommand(opener, url string) *exec.Cmd {
	if path, err := exec.LookPath(opener); err == nil {
		return exec.Command(path, url)
	}
	words := strings.Fields(opener)
	if len(words) == 0 {
		return nil
	}
	path, err := exec.LookPath(words[0])
	if err != nil {
		return nil
	}
	arguments, named := words[1:], false
	for i, argument := range arguments {
		named = named || strings.Contains(argument, "%s")
		arguments[i] = strings.ReplaceAll(argument, "%s", url)
	}
	if !named {
		arguments = append(arguments, url)
	}
	return exec.Command(path, arguments...)
}

// startBrowser starts one that goes on without this program.
func startBrowser(browser *exec.Cmd, url string) error {
	if err := browser.Start(); err != nil {
		return fmt.Errorf("opening %s: %w", url, err)
	}
	return browser.Process.Release()
}
