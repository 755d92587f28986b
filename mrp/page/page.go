package page

import (
	"embed"
	"io/fs"
	"net/http"
	"path"
)

//go:embed static
var embedded embed.FS

// policy lets the page run its own scripts and speak to its own runtime, and nothing
// else.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; " +
	"connect-src 'self'; frame-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// frame is the document that an HTML display is written into. It may load and run what
// the display needs, but has no origin: it reaches neither the page nor the runtime.
const (
	frame       = "frame.html"
	framePolicy = "sandbox allow-scripts allow-popups allow-downloads; frame-ancestors 'self'"
)

// Files are the paths that Handler serves, "/" first.
func Files() ([]string, error) {
	paths := []string{"/"}
	entries, err := fs.ReadDir(embedded, "static")
	if err != nil {
		return nil, err
	}
	for _, entry := range entries {
		if entry.Name() != "index.html" {
			paths = append(paths, "/page/"+entry.Name())
		}
	}
	return paths, nil
}

// Handler serves the page at / and its parts below /page/. Whoever calls it guards it.
func Handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := "index.html"
		if r.URL.Path != "/" {
			name = path.Base(r.URL.Path)
		}
		header := w.Header()
		header.Set("Content-Security-Policy", policyOf(name))
		header.Set("X-Content-Type-Options", "nosniff")
		header.Set("Referrer-Policy", "no-referrer")
		// Another version of the binary may serve here next.
		header.Set("Cache-Control", "no-cache")
		http.ServeFileFS(w, r, embedded, "static/"+name)
	})
}

func policyOf(name string) string {
	if name == frame {
		return framePolicy
	}
	return policy
}
