package mrp

import (
	"net"
	"net/http"
	"net/netip"
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
}

func newGuard(options Options) *guard {
	g := &guard{origins: options.AllowedOrigins}
	for _, host := range slices.Concat(options.BoundAddresses, options.AllowedHosts) {
		g.hosts = append(g.hosts, strings.ToLower(host))
	}
	return g
}

// check gives the origin that asks when it is a foreign one that is allowed, ""
// for our own and for clients that aren't web pages.
func (g *guard) check(r *http.Request) (foreignOrigin string, err error) {
	if !g.hostAllowed(r) {
		return "", failure(http.StatusForbidden, "forbidden_host",
			"Host %q is not an address of this runtime; ask for localhost with its port, or start it with --allow-host %s",
			r.Host, r.Host)
	}
	origins := r.Header["Origin"]
	switch {
	case len(origins) == 0:
	case len(origins) > 1:
		return "", forbiddenOrigin(strings.Join(origins, ", "))
	case sameOrigin(origins[0], r.Host):
	case slices.Contains(g.origins, origins[0]):
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
		header.Set("Access-Control-Expose-Headers", "Allow, Retry-After, ETag, Content-Range")
	}
}

// requestHeaders are the headers that a page may send besides the simple ones.
const requestHeaders = "Content-Type, Last-Event-ID, Range, If-None-Match, If-Modified-Since, " + clientHeader

// preflightAge is how many seconds a browser may remember a preflight.
const preflightAge = "600"

// answerOptions answers OPTIONS on a known path; allow lists its methods. A
// preflight of an origin that is not allowed has been refused before.
func (g *guard) answerOptions(w http.ResponseWriter, r *http.Request, foreignOrigin, allow string) {
	header := w.Header()
	if foreignOrigin != "" && r.Header.Get("Access-Control-Request-Method") != "" {
		header.Set("Access-Control-Allow-Methods", allow)
		header.Set("Access-Control-Allow-Headers", requestHeaders)
		header.Set("Access-Control-Max-Age", preflightAge)
		if r.Header.Get("Access-Control-Request-Private-Network") == "true" {
			header.Set("Access-Control-Allow-Private-Network", "true")
		}
	}
	w.WriteHeader(http.StatusNoContent)
}
