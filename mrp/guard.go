package mrp

import (
	"net"
	"net/http"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// guard stands in front of every route and refuses by default. A page in the
// user's browser can send requests to any local server, and with a name of its
// own that resolves to 127.0.0.1 read the answers as well; so Host has to be
// one of ours, and a request that tells of a foreign origin is refused.
type guard struct {
	hosts   []string
	origins []string
	peers   peers
	token   tokenGuard
	// maxHeader bounds a request's headers, in bytes.
	maxHeader int64
	// exposed are the answer's headers that a page of a foreign origin may read.
	exposed string
}

func newGuard(options Options) *guard {
	g := &guard{
		origins:   options.AllowedOrigins,
		peers:     newPeers(options),
		token:     newTokenGuard(options.Token),
		maxHeader: options.Limits.Headers,
		exposed:   "Allow, Retry-After, ETag, Content-Range, WWW-Authenticate",
	}
	if options.ServerTiming {
		g.exposed += ", " + timingHeader
	}
	for _, host := range slices.Concat(options.BoundAddresses, options.AllowedHosts) {
		g.hosts = append(g.hosts, strings.ToLower(host))
	}
	return g
}

// admission is a request that the guard has looked at.
type admission struct {
	// request is the one to serve: without the token in its path.
	request *http.Request
	// urlPrefix stands before the paths in the answer: what a proxy has taken off the
	// path, and the token that the guard has.
	urlPrefix string
	// foreignOrigin is the origin that asks when it is an allowed one; "" for our own
	// and for clients that aren't web pages.
	foreignOrigin string
}

// check looks at Host, at the peer, at the origin and at the token, in this order,
// so that who may not ask learns nothing of the token. The admission is valid with an
// error too.
func (g *guard) check(r *http.Request) (admission, error) {
	stripped, prefix, token := g.token.takeFromPath(r)
	admitted := admission{request: stripped, urlPrefix: forwardedPrefix(r) + prefix}
	if err := g.checkHeaderSize(r); err != nil {
		return admitted, err
	}
	if err := g.checkHost(r); err != nil {
		return admitted, err
	}
	if err := g.peers.check(r); err != nil {
		return admitted, err
	}
	foreignOrigin, err := g.checkOrigin(r)
	if err != nil {
		return admitted, err
	}
	admitted.foreignOrigin = foreignOrigin
	// A browser sends no token with a preflight, which runs nothing.
	if foreignOrigin != "" && isPreflight(r) {
		return admitted, nil
	}
	return admitted, g.token.check(r, token)
}

// forwardedPrefix is the path below which a proxy says that it serves this runtime.
func forwardedPrefix(r *http.Request) string {
	given := strings.TrimSuffix(r.Header.Get("X-Forwarded-Prefix"), "/")
	if given == "" || !forwardedPrefixForm.MatchString(given) {
		return ""
	}
	return given
}

// forwardedPrefixForm lets no prefix name another host, as //host does.
var forwardedPrefixForm = regexp.MustCompile(`^(/[\w.~%@:+=-]+)+$`)

func (g *guard) checkHost(r *http.Request) error {
	if g.hostAllowed(r) {
		return nil
	}
	return failure(http.StatusForbidden, "forbidden_host",
		"Host %q is not an address of this runtime; ask for localhost with its port, or start it with --allow-host %s",
		r.Host, r.Host)
}

func (g *guard) checkOrigin(r *http.Request) (foreignOrigin string, err error) {
	origins := r.Header["Origin"]
	switch {
	case len(origins) == 0:
	case len(origins) > 1:
		return "", forbiddenOrigin(strings.Join(origins, ", "))
	case sameOrigin(origins[0], r.Host):
	case slices.Contains(g.origins, origins[0]):
		return origins[0], nil
	case isOpaque(origins[0]) && g.peers.fromLauncher(r):
		return origins[0], nil
	default:
		return "", forbiddenOrigin(origins[0])
	}
	if r.Header.Get("Sec-Fetch-Site") == "cross-site" {
		return "", failure(http.StatusForbidden, "forbidden_origin",
			"a page of another site may not ask this runtime; start it with --allow-origin and the page's origin to let it")
	}
	return "", nil
}

func forbiddenOrigin(origin string) error {
	return failure(http.StatusForbidden, "forbidden_origin",
		"Origin %q may not ask this runtime; start it with --allow-origin %s to let it", origin, origin)
}

// isOpaque says whether an origin is that of pages without one, such as an editor's
// own files.
func isOpaque(origin string) bool { return origin == "null" || origin == "file://" }

// sameOrigin says whether a page at origin was served under the Host asked.
func sameOrigin(origin, host string) bool {
	for scheme, port := range map[string]string{"http://": ":80", "https://": ":443"} {
		if name, ok := strings.CutPrefix(origin, scheme); ok {
			return name != "" && strings.EqualFold(strings.TrimSuffix(name, port), strings.TrimSuffix(host, port))
		}
	}
	return false
}

func (g *guard) hostAllowed(r *http.Request) bool {
	host := strings.ToLower(r.Host)
	name, port := splitHost(host)
	if name == "" {
		return false
	}
	if slices.Contains(g.hosts, host) || slices.Contains(g.hosts, name) {
		return true
	}
	local, _ := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	if tcp, ok := local.(*net.TCPAddr); ok {
		if port != "" && port != strconv.Itoa(tcp.Port) {
			return false
		}
		if address, err := netip.ParseAddr(name); err == nil {
			bound, _ := netip.AddrFromSlice(tcp.IP)
			return address.Unmap().IsLoopback() || address.Unmap() == bound.Unmap()
		}
		return isLocalhost(name)
	}
	// A Unix socket has no port that Host could name.
	address, err := netip.ParseAddr(name)
	return isLocalhost(name) || err == nil && address.Unmap().IsLoopback()
}

func isLocalhost(name string) bool { return name == "localhost" || name == "localhost." }

// splitHost parts a Host header; the port is "" when there is none.
func splitHost(host string) (name, port string) {
	if name, port, err := net.SplitHostPort(host); err == nil {
		return name, port
	}
	return strings.TrimSuffix(strings.TrimPrefix(host, "["), "]"), ""
}

// allowReading lets the pages of an allowed foreign origin read the answer.
func (g *guard) allowReading(w http.ResponseWriter, foreignOrigin string) {
	if foreignOrigin != "" {
		header := w.Header()
		header.Set("Access-Control-Allow-Origin", foreignOrigin)
		header.Set("Access-Control-Expose-Headers", g.exposed)
	}
}

// requestHeaders are the headers that a page may send besides the simple ones.
const requestHeaders = "Content-Type, Last-Event-ID, Range, If-None-Match, If-Modified-Since, " +
	clientHeader + ", Authorization, " + tokenHeader

func isPreflight(r *http.Request) bool {
	return r.Method == http.MethodOptions && r.Header.Get("Access-Control-Request-Method") != ""
}

// preflightAge is how many seconds a browser may remember a preflight.
const preflightAge = "600"

// answerOptions answers OPTIONS on a known path; allow lists its methods. A
// preflight of an origin that is not allowed has been refused before.
func (g *guard) answerOptions(w http.ResponseWriter, r *http.Request, foreignOrigin, allow string) {
	header := w.Header()
	if foreignOrigin != "" && isPreflight(r) {
		header.Set("Access-Control-Allow-Methods", allow)
		header.Set("Access-Control-Allow-Headers", requestHeaders)
		header.Set("Access-Control-Max-Age", preflightAge)
		if r.Header.Get("Access-Control-Request-Private-Network") == "true" {
			header.Set("Access-Control-Allow-Private-Network", "true")
		}
	}
	w.WriteHeader(http.StatusNoContent)
}

// checkHeaderSize counts the headers as they were sent. net/http refuses what is far
// beyond, but not in JSON.
func (g *guard) checkHeaderSize(r *http.Request) error {
	const separators = len(": \r\n")
	size := len(r.Method) + len(r.RequestURI) + len(r.Host)
	for name, values := range r.Header {
		for _, value := range values {
			size += len(name) + len(value) + separators
		}
	}
	if int64(size) > g.maxHeader {
		return failure(http.StatusRequestHeaderFieldsTooLarge, "too_large",
			"the request's headers have more than the %d bytes this runtime takes (--max-headers)", g.maxHeader)
	}
	return nil
}
