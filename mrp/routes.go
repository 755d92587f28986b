package mrp

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/julienschmidt/httprouter"
)

// pathPrefix stands before every path of the protocol.
const pathPrefix = "/mrp/v1"

// handlerFunc serves one route. What it returns as an error becomes the answer,
// so it returns one only before it has begun to answer.
type handlerFunc func(http.ResponseWriter, *http.Request, httprouter.Params) error

// route is one method and path of the protocol.
type route struct {
	method string
	// path is httprouter's pattern, below the prefix unless outside says otherwise.
	path    string
	outside bool
	serve   handlerFunc
	// passive says that asking this is no sign of activity.
	passive bool
}

// fullPath is the route's pattern as it is served.
func (r route) fullPath() string {
	if r.outside {
		return r.path
	}
	return pathPrefix + r.path
}

// routes lists the protocol. HEAD is served wherever GET is, and OPTIONS everywhere.
func (h *Handler) routes() []route {
	return []route{
		{method: "GET", path: "/metrics", outside: true, serve: h.serveMetrics, passive: true},
		{method: "GET", path: "/openapi.json", outside: true, serve: h.serveOpenAPI, passive: true},
		{method: "GET", path: "/capabilities", serve: h.serveCapabilities, passive: true},
		{method: "GET", path: "/health", serve: h.serveHealth, passive: true},
		{method: "GET", path: "/events", serve: h.serveEvents},
		{method: "GET", path: "/sessions", serve: h.serveSessions},
		{method: "POST", path: "/sessions", serve: h.serveSessionCreate},
		{method: "GET", path: "/sessions/:id", serve: h.serveSession},
		{method: "DELETE", path: "/sessions/:id", serve: h.serveSessionDelete},
		{method: "POST", path: "/sessions/:id/reset", serve: h.serveSessionReset},
		{method: "POST", path: "/execute", serve: h.serveExecute},
		{method: "POST", path: "/execute/stream", serve: h.serveExecuteStream},
		{method: "GET", path: "/executions", serve: h.serveExecutions},
		{method: "GET", path: "/executions/:execId", serve: h.serveExecution},
		{method: "DELETE", path: "/executions/:execId", serve: h.serveExecutionDelete},
		{method: "GET", path: "/executions/:execId/stream", serve: h.serveExecutionStream},
		{method: "GET", path: "/executions/:execId/output/:stream", serve: h.serveOutput},
		{method: "POST", path: "/input", serve: h.serveInput},
		{method: "POST", path: "/input/cancel", serve: h.serveInputCancel},
		{method: "POST", path: "/interrupt", serve: h.serveInterrupt},
		{method: "POST", path: "/reset", serve: h.serveReset},
		{method: "POST", path: "/is_complete", serve: h.serveIsComplete},
		{method: "POST", path: "/complete", serve: h.serveComplete},
		{method: "POST", path: "/inspect", serve: h.serveInspect},
		{method: "POST", path: "/hover", serve: h.serveHover},
		{method: "POST", path: "/variables", serve: h.serveVariables},
		{method: "POST", path: "/variables/:name", serve: h.serveVariable},
		{method: "POST", path: "/format", serve: h.serveFormat},
		{method: "POST", path: "/history", serve: h.serveHistory},
		{method: "GET", path: "/assets/*path", serve: h.serveAsset},
	}
}

// allRoutes are the protocol's and those of the options.
func (h *Handler) allRoutes() []route {
	all := h.routes()
	for _, other := range h.options.Routes {
		serve := func(w http.ResponseWriter, r *http.Request, _ httprouter.Params) error {
			other.Handler.ServeHTTP(w, r)
			return nil
		}
		for _, method := range other.Methods {
			all = append(all, route{method: method, path: other.Path, outside: true, serve: serve})
		}
	}
	return all
}

// router finds the handle of a request. It never redirects: a client that
// follows a redirect may lose its body on the way.
type router struct {
	tree    *httprouter.Router
	methods []string
}

// newRouter makes a router whose handles pass errors to fail.
func newRouter(routes []route, begin func(route), fail func(http.ResponseWriter, error)) *router {
	t := &router{tree: httprouter.New(), methods: []string{http.MethodOptions}}
	for _, route := range routes {
		handle := func(w http.ResponseWriter, r *http.Request, params httprouter.Params) {
			begin(route)
			if err := route.serve(w, r, params); err != nil {
				fail(w, err)
			}
		}
		t.add(route.method, route.fullPath(), handle)
		if route.method == http.MethodGet {
			t.add(http.MethodHead, route.fullPath(), handle)
		}
	}
	slices.Sort(t.methods)
	return t
}

func (t *router) add(method, path string, handle httprouter.Handle) {
	t.tree.Handle(method, path, handle)
	if !slices.Contains(t.methods, method) {
		t.methods = append(t.methods, method)
	}
}

// find gives the handle of a request, or why there is none. allow lists the
// methods of its path whenever the path is known.
func (t *router) find(r *http.Request) (handle httprouter.Handle, params httprouter.Params, allow string, err error) {
	path, escaped := routePath(r.URL)
	if path == "" {
		return nil, nil, "", unknownPath(r.URL)
	}
	handle, params, _ = t.tree.Lookup(r.Method, path)
	if handle == nil {
		if allow = t.allowed(path); allow == "" {
			return nil, nil, "", unknownPath(r.URL)
		}
		if r.Method == http.MethodOptions {
			return nil, nil, allow, nil
		}
		return nil, nil, allow, failure(http.StatusMethodNotAllowed, "method_not_allowed",
			"%s takes %s, not %s", r.URL.Path, allow, r.Method)
	}
	if escaped {
		for i := range params {
			// Only what routePath escaped is unescaped, so this can't fail.
			params[i].Value, _ = url.PathUnescape(params[i].Value)
		}
	}
	return handle, params, allow, nil
}

func (t *router) allowed(path string) string {
	var allow []string
	for _, method := range t.methods {
		if handle, _, _ := t.tree.Lookup(method, path); handle != nil {
			allow = append(allow, method)
		}
	}
	if len(allow) == 0 {
		return ""
	}
	allow = append(allow, http.MethodOptions)
	slices.Sort(allow)
	return strings.Join(allow, ", ")
}

// routePath is the path to look up: decoded, but with the slashes that a client
// sent as %2F still apart from those that part segments. escaped says that
// parameters have to be unescaped. It is "" for what is no path.
func routePath(u *url.URL) (path string, escaped bool) {
	if !strings.HasPrefix(u.Path, "/") {
		return "", false
	}
	if u.RawPath == "" || u.EscapedPath() != u.RawPath {
		return u.Path, false
	}
	segments := strings.Split(u.RawPath, "/")
	for i, segment := range segments {
		plain, err := url.PathUnescape(segment)
		if err != nil {
			return "", false
		}
		segments[i] = slashEscaper.Replace(plain)
	}
	return strings.Join(segments, "/"), true
}

var slashEscaper = strings.NewReplacer("%", "%25", "/", "%2F")

func unknownPath(u *url.URL) error {
	return notFound("there is nothing at %q; every path begins with %s and has no slash at its end", u.Path, pathPrefix)
}
