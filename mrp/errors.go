package mrp

import (
	"fmt"
	"net/http"
	"strconv"
)

// apiError is an answer that is not a 2xx: its status, the protocol's code for
// it and a message that says what to do next.
type apiError struct {
	status  int
	code    string
	message string
}

// Error is the message clients get.
func (e *apiError) Error() string { return e.message }

func failure(status int, code, format string, args ...any) *apiError {
	return &apiError{status, code, fmt.Sprintf(format, args...)}
}

func invalidRequest(format string, args ...any) *apiError {
	return failure(http.StatusBadRequest, "invalid_request", format, args...)
}

func notFound(format string, args ...any) *apiError {
	return failure(http.StatusNotFound, "not_found", format, args...)
}

func conflict(format string, args ...any) *apiError {
	return failure(http.StatusConflict, "conflict", format, args...)
}

func tooLarge(format string, args ...any) *apiError {
	return failure(http.StatusRequestEntityTooLarge, "too_large", format, args...)
}

func unsupportedMediaType(format string, args ...any) *apiError {
	return failure(http.StatusUnsupportedMediaType, "unsupported_media_type", format, args...)
}

func runtimeBusy(format string, args ...any) *apiError {
	return failure(http.StatusServiceUnavailable, "runtime_busy", format, args...)
}

func internal(format string, args ...any) *apiError {
	return failure(http.StatusInternalServerError, "internal", format, args...)
}

// retryAfterSeconds is what a client that met a full queue is told to wait.
const retryAfterSeconds = "1"

func answerTo(err error) *apiError {
	if answer, ok := err.(*apiError); ok {
		return answer
	}
	return internal("%v", err)
}

func writeError(w http.ResponseWriter, err error) {
	answer := answerTo(err)
	body := appendQuoted([]byte(`{"error":`), answer.code)
	body = appendQuoted(append(body, `,"message":`...), answer.message)
	body = append(body, '}')
	header := w.Header()
	if answer.status == http.StatusServiceUnavailable {
		header.Set("Retry-After", retryAfterSeconds)
	}
	if answer.status == http.StatusUnauthorized {
		header.Set("WWW-Authenticate", `Bearer realm="mrmd-python"`)
	}
	// What a handler prepared for its own answer does not describe this one.
	for _, name := range []string{"ETag", "Last-Modified", "Content-Encoding", "Content-Security-Policy"} {
		header.Del(name)
	}
	header.Set("X-Content-Type-Options", "nosniff")
	writeJSON(w, answer.status, body)
}

func writeJSON(w http.ResponseWriter, status int, body []byte) {
	header := w.Header()
	header["Content-Type"] = jsonContentType
	header["Content-Length"] = []string{strconv.Itoa(len(body))}
	w.WriteHeader(status)
	// A client that has gone is no error of ours, and nobody is left to tell.
	_, _ = w.Write(body)
}

var jsonContentType = []string{"application/json"}
