package mrp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sirupsen/logrus"
)

// Handler serves the protocol for one engine. It may be used by any number of
// goroutines.
type Handler struct {
	engine  Engine
	options Options
	log     logrus.FieldLogger
	router  *router
	guard   *guard
	queue   *queue
	archive *archive
	// sessions locks before queue.
	sessions *sessionTable
	// events locks before everything it looks at for the runtime's state.
	events  *runtimeLog
	assets  *assetStore
	spool   *spool
	metrics *metrics

	started       time.Time
	stateRevision atomic.Int64
	openStreams   atomic.Int64
	lastActivity  atomic.Int64

	// lifetime ends with Close.
	lifetime context.Context
	end      context.CancelFunc
	closing  sync.Once
}

// NewHandler makes a Handler and begins to wait for the engine in the
// background; it never waits itself. It fails when an option makes no sense.
func NewHandler(engine Engine, options Options) (*Handler, error) {
	if engine == nil {
		return nil, errors.New("making the handler: an engine is needed")
	}
	options.fillDefaults()
	if err := options.check(); err != nil {
		return nil, fmt.Errorf("making the handler: %w", err)
	}
	h := &Handler{engine: engine, options: options, log: options.Logger, started: time.Now()}
	if h.log == nil {
		silent := logrus.New()
		silent.SetOutput(io.Discard)
		h.log = silent
	}
	h.spool = &spool{dir: options.SpoolDir, failed: h.spoolFailed}
	if h.spool.dir == "" {
		h.spool.dir = SpoolPrefix() + newExecID()
		h.spool.temporary = true
	}
	h.guard = newGuard(options)
	h.queue = &queue{limit: options.Limits.Queue}
	h.archive = newArchive(options.Limits)
	h.sessions = newSessionTable(options.MaxSessions, h.started)
	h.events = newRuntimeLog(options.Limits)
	h.assets = newAssetStore(&assetPruner{
		dir:    filepath.Clean(options.AssetsDir),
		count:  options.Limits.RetainAssets,
		age:    options.Limits.RetainAssetAge,
		failed: func(err error) { h.log.WithError(err).Warn("old assets stay") },
	})
	h.router = newRouter(h.allRoutes(), func(r route) {
		if !r.passive {
			h.touch()
		}
	}, h.refuse)
	h.metrics = newMetrics(h)
	h.lifetime, h.end = context.WithCancel(context.Background())
	h.touch()
	h.noteState()
	go h.startWhenReady()
	go h.expireOld()
	return h, nil
}

func (o *Options) check() error {
	if !filepath.IsAbs(o.AssetsDir) {
		return fmt.Errorf("the assets folder must be an absolute path, not %q", o.AssetsDir)
	}
	if o.SpoolDir != "" && !filepath.IsAbs(o.SpoolDir) {
		return fmt.Errorf("the spool folder must be an absolute path, not %q", o.SpoolDir)
	}
	if err := CheckToken(o.Token); err != nil {
		return err
	}
	l := o.Limits
	for _, limit := range []int64{l.Body, int64(l.JSONDepth), int64(l.Queue), int64(l.Streams),
		int64(l.TextMemory), int64(l.UnsavedText), int64(l.ResultText), int64(l.LateText), int64(l.RetainCount),
		l.RetainMemory, l.RetainSpool, int64(l.RetainAge), int64(l.RetainCellAge), int64(l.RetainAssets), int64(l.RetainAssetAge),
		int64(l.Events), int64(l.EventMemory),
		l.Headers, int64(l.HeaderTime), int64(l.IdleTime),
		int64(o.KeepaliveInterval), int64(o.MaxSessions)} {
		if limit < 0 {
			return fmt.Errorf("no limit may be negative, and one is %d", limit)
		}
	}
	return nil
}

func (h *Handler) startWhenReady() {
	select {
	case <-h.engine.Ready():
		h.queue.start()
		h.noteState()
	case <-h.lifetime.Done():
	}
}

// expireOld drops what is too old, at most a minute, or a tenth of RetainAge, too
// late.
func (h *Handler) expireOld() {
	ticker := time.NewTicker(min(time.Minute, max(time.Second, h.options.Limits.RetainAge/10)))
	defer ticker.Stop()
	for {
		select {
		case now := <-ticker.C:
			h.archive.expire(now)
			h.assets.pruner.soon()
		case <-h.lifetime.Done():
			return
		}
	}
}

func (h *Handler) spoolFailed(err error) {
	h.log.WithError(err).Error("output can't be kept on disk")
}

// LastActivity is when the last request came that the guard let in, /health and
// /capabilities aside.
//
// It counts from the start by the clock that nobody sets, so that a jump of the other
// one does not make the runtime look idle.
func (h *Handler) LastActivity() time.Time {
	return h.started.Add(time.Duration(h.lastActivity.Load()))
}

// Busy says whether an execution or a reset runs or waits, also while the engine is
// starting.
func (h *Handler) Busy() bool {
	state := h.queue.state()
	return state.current != nil || state.resetting || state.waiting > 0
}

func (h *Handler) touch() { h.lastActivity.Store(int64(time.Since(h.started))) }

// ServeHTTP implements http.Handler: the guard, then the route. A panic becomes
// a 500, or, when the answer has begun, ends the connection.
func (h *Handler) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	h.answer(rw, r, h.serve)
}

// Inside serves requests that this process makes itself, for tools that it offers:
// whoever asked for them was looked at before, and the guard is not asked again.
func (h *Handler) Inside() http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		h.answer(rw, r, func(w *responseWriter, r *http.Request) { h.route(w, r, "") })
	})
}

func (h *Handler) answer(rw http.ResponseWriter, r *http.Request, serve func(*responseWriter, *http.Request)) {
	w := &responseWriter{ResponseWriter: rw, sent: &h.metrics.responseBytes}
	if h.options.ServerTiming {
		w.arrivedAt = time.Now()
	}
	defer func() {
		reason := recover()
		if reason == nil {
			return
		}
		if reason == http.ErrAbortHandler {
			panic(reason)
		}
		h.log.WithFields(logrus.Fields{"panic": reason, "method": r.Method, "stack": string(debug.Stack())}).
			Error("a request's handler panicked")
		if w.began {
			panic(http.ErrAbortHandler)
		}
		h.refuse(w, internal("the runtime met an error of its own (see its log): %v", reason))
	}()
	serve(w, r)
}

func (h *Handler) serve(w *responseWriter, r *http.Request) {
	w.Header()["Vary"] = varyOrigin
	admitted, err := h.guard.check(r)
	if err != nil {
		h.log.WithFields(logrus.Fields{"reason": err.Error(), "remote": r.RemoteAddr}).Info("request refused")
		h.guard.allowReading(w, admitted.foreignOrigin)
		h.refuse(w, err)
		return
	}
	r, origin := admitted.request, admitted.foreignOrigin
	if admitted.urlPrefix != "" {
		w.urlPrefix = admitted.urlPrefix
		// The address of a page that has the token in it is nobody else's business.
		w.Header()["Referrer-Policy"] = noReferrer
	}
	h.route(w, r, origin)
}

func (h *Handler) route(w *responseWriter, r *http.Request, origin string) {
	handle, params, allow, err := h.router.find(r)
	h.guard.allowReading(w, origin)
	if allow != "" {
		w.Header().Set("Allow", allow)
	}
	switch {
	case err != nil:
		h.refuse(w, err)
	case handle == nil:
		h.guard.answerOptions(w, r, origin, allow)
	default:
		if err := checkBodyType(r); err != nil {
			h.refuse(w, err)
			return
		}
		handle(w, r, params)
	}
}

var (
	varyOrigin = []string{"Origin"}
	noReferrer = []string{"no-referrer"}
)

// Shutdown takes no more executions, cancels what waits, and waits for the end of
// what runs, or for ctx's (then its error is returned). What runs is not interrupted:
// how to make it end is for the engine's owner to say. Streams end with their
// executions. Close is still to be called.
func (h *Handler) Shutdown(ctx context.Context) error {
	h.stopQueue()
	select {
	case <-h.queue.whenIdle():
		return nil
	case <-ctx.Done():
		return fmt.Errorf("waiting for the running cell to end: %w", ctx.Err())
	}
}

func (h *Handler) stopQueue() {
	for _, t := range h.queue.close() {
		if t.execution != nil {
			h.cancel(t.execution, errStopping.Error())
		} else {
			t.release()
		}
	}
	h.noteState()
}

// Close ends all streams, gives up what waits and removes what was kept on
// disk. It doesn't wait for a running cell.
func (h *Handler) Close() error {
	h.closing.Do(func() {
		h.stopQueue()
		h.end()
		// Before the files go, so that none comes after.
		h.spool.closed.Store(true)
		h.archive.close()
		h.spool.removeAll()
	})
	return nil
}

// NewServer gives the http.Server for a Handler, or for what stands in front of it.
// It finds out who connects, without which the Handler refuses all requests, and
// has the limits that the protocol is served with: on the size of headers, a time
// limit for them and for idle connections, none for bodies and streams.
func NewServer(handler http.Handler, limits Limits) *http.Server {
	limits.fillDefaults()
	sockets.open()
	return &http.Server{
		Handler:           handler,
		ConnContext:       NoteConnection,
		ReadHeaderTimeout: limits.HeaderTime,
		IdleTimeout:       limits.IdleTime,
		// The guard refuses what is over the limit, in JSON; this is what is not even
		// read.
		MaxHeaderBytes: int(min(2*limits.Headers, 1<<30)),
		// Otherwise net/http would answer "OPTIONS *" past the guard.
		DisableGeneralOptionsHandler: true,
	}
}

// responseWriter remembers whether an answer has begun.
type responseWriter struct {
	http.ResponseWriter
	began bool
	// urlPrefix stands before the paths in the answer; see admission.
	urlPrefix string
	// arrivedAt is when the request came; zero when nobody wants to know.
	arrivedAt time.Time
	// sent counts the bytes of all answers.
	sent *atomic.Int64
}

// WriteHeader implements http.ResponseWriter.
func (w *responseWriter) WriteHeader(status int) {
	w.began = true
	w.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (w *responseWriter) Write(b []byte) (int, error) {
	w.began = true
	n, err := w.ResponseWriter.Write(b)
	w.sent.Add(int64(n))
	return n, err
}

// ReadFrom lets net/http send a file without copying it through this process.
func (w *responseWriter) ReadFrom(source io.Reader) (int64, error) {
	w.began = true
	n, err := io.Copy(w.ResponseWriter, source)
	w.sent.Add(n)
	return n, err
}

// Unwrap lets http.ResponseController find what it needs.
func (w *responseWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
