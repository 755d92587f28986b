package mrp

import (
	"net/http"
	"os"
	"time"

	"github.com/sirupsen/logrus"
)

// RuntimeName is what /capabilities and /health call this runtime. Clients of
// mrmd-python 0.4.2 know it under the same name.
const RuntimeName = "mrmd-python"

// DefaultSession is the session of a request that names none.
const DefaultSession = "default"

// Options are the facts and limits a Handler serves with. The zero value of a
// limit stands for its default; a negative limit is refused by NewHandler.
type Options struct {
	// Version is the runtime's version as /capabilities and /health tell it.
	Version string

	// AssetsDir is the absolute path of the folder that displays are saved in
	// and /assets serves. It is made when the first file is saved.
	AssetsDir string

	// SpoolDir is the absolute path of the folder for output that is too long
	// to be kept in memory. It is made with the first spool file, 0700. Nothing
	// else may write to it. "" means a new folder in os.TempDir that Close
	// removes.
	SpoolDir string

	// BoundAddresses are the "host:port" pairs the server was told to listen
	// on; requests may name each of them in Host.
	BoundAddresses []string

	// AllowedHosts are further names that requests may have in Host: "name"
	// with any port, or "name:port".
	AllowedHosts []string

	// AllowedOrigins are the exact values of Origin that may ask besides the
	// runtime's own, such as "http://localhost:5173" or "null".
	AllowedOrigins []string

	// AllowedUsers are the ids of users who may connect over loopback and the Unix
	// socket besides the runtime's own; AnyUser lets all of them.
	AllowedUsers []uint32
	AnyUser      bool

	// Launcher is the executable of the program that started the runtime and whose
	// pages, of the origins null and file://, may ask. nil lets none.
	Launcher os.FileInfo

	// Token is what every request has to show; "" for none.
	Token string

	// Logger takes refusals (info), panics and failures (error). nil discards
	// them. Neither code nor output is ever logged.
	Logger logrus.FieldLogger

	// MaxSessions is how many sessions there may be, the default one among them;
	// 0 means 100.
	MaxSessions int

	// KeepaliveInterval is the silence after which a stream gets a comment
	// line; 0 means 15 s.
	KeepaliveInterval time.Duration

	Limits Limits

	// ServerTiming has the answers of /execute and /execute/stream say, in the header
	// or trailer Server-Timing, where the time went.
	ServerTiming bool

	// Routes are served besides the protocol, behind the same guard.
	Routes []Route
}

// Route is something else than the protocol that a Handler serves.
type Route struct {
	Methods []string
	// Path is a pattern of httprouter, outside of /mrp/v1.
	Path    string
	Handler http.Handler
}

// Limits bound what clients and cells can make the runtime hold. Sizes are in
// bytes. A zero stands for the default named with each field.
type Limits struct {
	// Body is the longest request body: 64 MiB.
	Body int64
	// JSONDepth is how deep arrays and objects of a request may nest: 200.
	JSONDepth int
	// Headers is how long a request's headers may be: 64 KiB.
	Headers int64
	// HeaderTime is how long a client may take to send them: 10 s.
	HeaderTime time.Duration
	// IdleTime is how long a connection without a request is kept: 2 min.
	IdleTime time.Duration
	// Queue is how many executions and resets may wait: 1000.
	Queue int
	// Streams is how many event streams may be open at once: 1000.
	Streams int

	// TextMemory is how much of each text stream of an execution stays in
	// memory; what comes after it goes to a spool file: 4 MiB.
	TextMemory int
	// UnsavedText is how much text of a stream that can't be written to its spool
	// file stays in memory, at least 2 MiB; when more comes, the oldest is lost: 64 MiB.
	UnsavedText int
	// ResultText is how much of each text stream the result holds; of a longer
	// one it has the head and the tail: 4 MiB.
	ResultText int

	// RetainCount is how many ended executions are kept: 200.
	RetainCount int
	// RetainMemory is how much memory ended executions may hold: 256 MiB. The
	// one that ended last is kept whatever its size.
	RetainMemory int64
	// RetainSpool is how much disk ended executions may hold: 4 GiB.
	RetainSpool int64
	// RetainAge is how long an ended execution is kept: 24 h.
	RetainAge time.Duration
	// RetainCellAge is how long the last execution of each cellId is kept when
	// that is longer: 7 days.
	RetainCellAge time.Duration

	// RetainAssets is how many files are kept in the assets folder, the newest, and
	// RetainAssetAge for how long; 0 means all, for ever. Files in folders below it
	// and what others put there are left alone.
	RetainAssets   int
	RetainAssetAge time.Duration

	// LateText is how much is kept, of each stream of an execution, of what its
	// threads and tasks write between later cells: the last 1 MiB.
	LateText int
	// Events is how many events of the runtime are kept for clients of /events
	// that reconnect: 10,000.
	Events int
	// EventMemory is how much memory these may hold: 8 MiB.
	EventMemory int
}

const (
	mebibyte = 1 << 20

	// accumulatedLimit is how much of a stream `accumulated` repeats unless a
	// request says otherwise, accumulatedTail what it repeats for "tail".
	accumulatedLimit = mebibyte
	accumulatedTail  = 16 << 10

	// accumulatedRate is how many bytes of `accumulated` a second an execution
	// may cost its readers: the hold-back after an event is what its
	// accumulated text takes at this rate.
	accumulatedRate = 8 * mebibyte

	// eventTextLimit ends the coalescing of one event. It equals
	// accumulatedLimit so that `accumulated` at most doubles what is sent.
	eventTextLimit = mebibyte
)

func orDefault[T int | int64 | time.Duration](value *T, fallback T) {
	if *value == 0 {
		*value = fallback
	}
}

func (o *Options) fillDefaults() {
	orDefault(&o.MaxSessions, 100)
	orDefault(&o.KeepaliveInterval, 15*time.Second)
	o.Limits.fillDefaults()
}

func (l *Limits) fillDefaults() {
	orDefault(&l.Headers, 64<<10)
	orDefault(&l.HeaderTime, 10*time.Second)
	orDefault(&l.IdleTime, 2*time.Minute)
	orDefault(&l.Body, 64*mebibyte)
	orDefault(&l.JSONDepth, 200)
	orDefault(&l.Queue, 1000)
	orDefault(&l.Streams, 1000)
	orDefault(&l.TextMemory, 4*mebibyte)
	orDefault(&l.UnsavedText, 64*mebibyte)
	orDefault(&l.ResultText, 4*mebibyte)
	orDefault(&l.RetainCount, 200)
	orDefault(&l.RetainMemory, 256*mebibyte)
	orDefault(&l.RetainSpool, 4<<30)
	orDefault(&l.RetainAge, 24*time.Hour)
	orDefault(&l.RetainCellAge, 7*24*time.Hour)
	orDefault(&l.LateText, mebibyte)
	orDefault(&l.Events, 10_000)
	orDefault(&l.EventMemory, 8*mebibyte)
}
