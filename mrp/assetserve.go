package mrp

import (
	"fmt"
	"io"
	"mime"
	"net/http"
	"os"
	"path"
	"strings"
	"syscall"

	"github.com/julienschmidt/httprouter"
)

// assetMimeTypes are the types of the files we serve that the system's own
// tables might call otherwise.
var assetMimeTypes = map[string]string{
	".html": "text/html; charset=utf-8", ".htm": "text/html; charset=utf-8",
	".svg": "image/svg+xml", ".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg",
	".gif": "image/gif", ".webp": "image/webp", ".bmp": "image/bmp", ".tiff": "image/tiff",
	".avif": "image/avif", ".ico": "image/x-icon",
	".txt": "text/plain; charset=utf-8", ".csv": "text/csv; charset=utf-8",
	".md": "text/markdown; charset=utf-8", ".json": "application/json",
	".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8",
	".xml": "text/xml; charset=utf-8", ".xhtml": "application/xhtml+xml", ".pdf": "application/pdf",
}

// sandboxedTypes can run scripts: they may, but in an origin of their own, so
// that what a cell showed can't ask this runtime to run more.
var sandboxedTypes = []string{"text/html", "image/svg+xml", "text/xml", "application/xhtml+xml", "application/xml"}

func assetMimeType(name string) string {
	extension := strings.ToLower(path.Ext(name))
	if known, ok := assetMimeTypes[extension]; ok {
		return known
	}
	if known := mime.TypeByExtension(extension); known != "" {
		return known
	}
	return "application/octet-stream"
}

func (h *Handler) serveAsset(w http.ResponseWriter, r *http.Request, params httprouter.Params) error {
	urlPath := strings.TrimPrefix(params.ByName("path"), "/")
	// An encoded slash is in no URL we gave out.
	if !isPlainPath(urlPath) || strings.Contains(strings.ToLower(r.URL.EscapedPath()), "%2f") {
		return noAsset(urlPath)
	}
	place := h.assets.locate(urlPath)
	root, err := os.OpenRoot(place.root)
	if err != nil {
		return noAsset(urlPath)
	}
	defer root.Close()
	// A pipe in the folder must not make the request wait for its writer.
	file, err := root.OpenFile(place.name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return noAsset(urlPath)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return noAsset(urlPath)
	}
	header := w.Header()
	mimeType := assetMimeType(urlPath)
	header.Set("Content-Type", mimeType)
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("ETag", fmt.Sprintf(`"%x-%x"`, info.ModTime().UnixNano(), info.Size()))
	// A file may be written again under its name; a client asks whether it was.
	header.Set("Cache-Control", "no-cache")
	for _, sandboxed := range sandboxedTypes {
		if strings.HasPrefix(mimeType, sandboxed) {
			header.Set("Content-Security-Policy", "sandbox allow-scripts allow-downloads")
		}
	}
	http.ServeContent(&contentWriter{ResponseWriter: w}, r, "", info.ModTime(), file)
	return nil
}

// contentWriter answers in the protocol's own form where http.ServeContent
// would refuse in plain text.
type contentWriter struct {
	http.ResponseWriter
	refused bool
}

// WriteHeader implements http.ResponseWriter.
func (w *contentWriter) WriteHeader(status int) {
	switch status {
	case http.StatusRequestedRangeNotSatisfiable, http.StatusPreconditionFailed:
		w.refused = true
		writeError(w.ResponseWriter, failure(status, "invalid_request",
			"the range or the condition asked for doesn't fit this file"))
	case http.StatusInternalServerError:
		w.refused = true
		writeError(w.ResponseWriter, internal("the file could not be read"))
	default:
		w.ResponseWriter.WriteHeader(status)
	}
}

// Write implements http.ResponseWriter.
func (w *contentWriter) Write(b []byte) (int, error) {
	if w.refused {
		return len(b), nil
	}
	return w.ResponseWriter.Write(b)
}

// ReadFrom lets net/http send the file without copying it through this process.
func (w *contentWriter) ReadFrom(source io.Reader) (int64, error) {
	return io.Copy(w.ResponseWriter, source)
}

func noAsset(urlPath string) error {
	return notFound("there is no asset %q", urlPath)
}
