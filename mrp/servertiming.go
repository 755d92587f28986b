package mrp

import (
	"fmt"
	"net/http"
	"time"
)

// timingHeader is of the W3C's "Server Timing": names with durations in milliseconds.
const timingHeader = "Server-Timing"

// announceTiming declares the header as a trailer, for an answer whose headers go out
// before the execution ends. HTTP/1.0 has no trailers.
func announceTiming(w http.ResponseWriter, r *http.Request) {
	if !arrivalOf(w).IsZero() && r.ProtoAtLeast(1, 1) {
		w.Header()["Trailer"] = []string{timingHeader}
	}
}

// tellTiming says how the time since the request's arrival was spent: waiting for the
// execution's turn, running its code, and all else. It does nothing unless the options
// ask for it and the execution has ended.
func tellTiming(w http.ResponseWriter, e *execution) {
	arrivedAt := arrivalOf(w)
	if arrivedAt.IsZero() {
		return
	}
	status := e.status()
	if !status.state.ended() {
		return
	}
	total := time.Since(arrivedAt)
	beganAt := status.startedAt
	if beganAt.IsZero() {
		beganAt = status.finishedAt
	}
	queue, python := beganAt.Sub(status.queuedAt), status.duration()
	var value []byte
	value = appendTiming(value, "queue", queue)
	value = appendTiming(append(value, ", "...), "python", python)
	value = appendTiming(append(value, ", "...), "io", total-queue-python)
	w.Header()[timingHeader] = []string{string(value)}
}

// appendTiming rounds down, so that the parts are never more than the whole.
func appendTiming(dst []byte, name string, duration time.Duration) []byte {
	us := duration.Microseconds()
	return fmt.Appendf(dst, "%s;dur=%d.%03d", name, us/1000, us%1000)
}

func arrivalOf(w http.ResponseWriter) time.Time {
	if answer, ok := w.(*responseWriter); ok {
		return answer.arrivedAt
	}
	return time.Time{}
}
