package registry

import "time"

// timestampLayout is how Python's datetime.isoformat writes a time in UTC that
// has microseconds.
const timestampLayout = "2006-01-02T15:04:05.000000-07:00"

// Timestamp is a time as the registry writes it: RFC 3339 in UTC, with
// microseconds. It stays the text that was read, so that an entry with another
// text there can still be shown.
type Timestamp string

// NewTimestamp gives t to the microsecond, in UTC.
func NewTimestamp(t time.Time) Timestamp {
	return Timestamp(t.UTC().Format(timestampLayout))
}

// Time gives the time the text says, or false when it says none.
func (t Timestamp) Time() (time.Time, bool) {
	parsed, err := time.Parse(time.RFC3339Nano, string(t))
	return parsed, err == nil
}
