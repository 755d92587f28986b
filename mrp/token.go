package mrp

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"net/http"
	"net/url"
	"strings"
)

const (
	// tokenHeader carries the token for clients whose Authorization is a proxy's.
	tokenHeader = "X-MRMD-Token"
	// tokenSegment begins a path that carries it: /t/TOKEN/mrp/v1/health.
	tokenSegment = "/t/"
)

// CheckToken is an error when a text can't be a token, which has to fit in a header
// and in one segment of a path.
func CheckToken(token string) error {
	for _, character := range []byte(token) {
		if character <= ' ' || character > '~' {
			return errors.New("a token is made of letters, digits and signs of ASCII, without spaces")
		}
	}
	return nil
}

// tokenGuard wants a token of every request when there is one.
type tokenGuard struct {
	required bool
	// digest is the token's, so that a comparison tells nothing of its length.
	digest [sha256.Size]byte
}

func newTokenGuard(token string) tokenGuard {
	return tokenGuard{required: token != "", digest: sha256.Sum256([]byte(token))}
}

// takeFromPath gives the request as it is without a token in its path, and the part
// that was taken off, as it was sent. A path of the protocol never begins so.
func (t *tokenGuard) takeFromPath(r *http.Request) (stripped *http.Request, prefix, token string) {
	if !t.required || !strings.HasPrefix(r.URL.Path, tokenSegment) {
		return r, "", ""
	}
	sent, _, found := strings.Cut(strings.TrimPrefix(r.URL.EscapedPath(), tokenSegment), "/")
	token, err := url.PathUnescape(sent)
	if !found || err != nil {
		return r, "", ""
	}
	prefix = tokenSegment + sent
	rest := strings.TrimPrefix(r.URL.EscapedPath(), prefix)
	plain, err := url.PathUnescape(rest)
	if err != nil {
		return r, "", ""
	}
	stripped = new(http.Request)
	*stripped = *r
	stripped.URL = new(url.URL)
	*stripped.URL = *r.URL
	stripped.URL.Path, stripped.URL.RawPath = plain, ""
	if stripped.URL.EscapedPath() != rest {
		stripped.URL.RawPath = rest
	}
	return stripped, prefix, token
}

// check refuses a request without the token. Each place that it may be in counts,
// so that a proxy's own Authorization is no obstacle.
func (t *tokenGuard) check(r *http.Request, fromPath string) error {
	if !t.required {
		return nil
	}
	given := false
	valid := 0
	try := func(token string) {
		digest := sha256.Sum256([]byte(token))
		valid |= subtle.ConstantTimeCompare(digest[:], t.digest[:])
		given = true
	}
	if fromPath != "" {
		try(fromPath)
	}
	for _, value := range r.Header[http.CanonicalHeaderKey(tokenHeader)] {
		try(value)
	}
	for _, value := range r.Header["Authorization"] {
		if scheme, token, found := strings.Cut(value, " "); found && strings.EqualFold(scheme, "Bearer") {
			try(strings.TrimSpace(token))
		}
	}
	switch {
	case valid == 1:
		return nil
	case given:
		return unauthorized("the token is not this runtime's; the registry entry of the runtime has it, under \"token\"")
	}
	return unauthorized("this runtime wants its token: send Authorization: Bearer TOKEN or %s: TOKEN, "+
		"or begin the path with %sTOKEN/", tokenHeader, tokenSegment)
}

func unauthorized(format string, args ...any) error {
	return failure(http.StatusUnauthorized, "unauthorized", format, args...)
}
