package mrp

import (
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/julienschmidt/httprouter"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// metrics are the numbers that /metrics shows. What happens often is counted in
// place; all else is looked at when somebody asks.
type metrics struct {
	executions    map[string]prometheus.Counter
	run, wait     prometheus.Histogram
	outputBytes   prometheus.Counter
	responseBytes atomic.Int64
	interrupts    prometheus.Counter
	refusals      *prometheus.CounterVec

	registry *prometheus.Registry
	handler  http.Handler
	// process adds what is costly to set up when somebody asks first.
	process sync.Once
}

// The outcomes of executions in the metrics.
const (
	outcomeOK          = "ok"
	outcomeError       = "error"
	outcomeInterrupted = "interrupted"
	outcomeCancelled   = "cancelled"
	outcomeFailed      = "failed"
)

// latencyBuckets reach, in seconds, from a small cell's milliseconds to what runs for
// an hour.
var latencyBuckets = []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 3600}

func newMetrics(h *Handler) *metrics {
	m := &metrics{registry: prometheus.NewRegistry()}
	executions := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "mrmd_executions_total",
		Help: "Executions that ended: ok, error (an exception), interrupted, cancelled (never began), failed (an error of the runtime).",
	}, []string{"outcome"})
	m.executions = map[string]prometheus.Counter{}
	for _, outcome := range []string{outcomeOK, outcomeError, outcomeInterrupted, outcomeCancelled, outcomeFailed} {
		m.executions[outcome] = executions.WithLabelValues(outcome)
	}
	m.run = prometheus.NewHistogram(prometheus.HistogramOpts{
		Name: "mrmd_execution_seconds", Help: "How long the code of an execution ran.", Buckets: latencyBuckets,
	})
	m.wait = prometheus.NewHistogram(prometheus.HistogramOpts{
		Name: "mrmd_queue_seconds", Help: "How long an execution waited for its turn.", Buckets: latencyBuckets,
	})
	m.outputBytes = prometheus.NewCounter(prometheus.CounterOpts{
		Name: "mrmd_output_bytes_total", Help: "Bytes of text that executions wrote.",
	})
	m.interrupts = prometheus.NewCounter(prometheus.CounterOpts{
		Name: "mrmd_interrupts_total", Help: "Interrupts that reached an execution.",
	})
	m.refusals = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "mrmd_refused_requests_total", Help: "Requests answered with an error, by its code.",
	}, []string{"reason"})
	sent := prometheus.NewCounterFunc(prometheus.CounterOpts{
		Name: "mrmd_response_bytes_total", Help: "Bytes of answers, streams among them.",
	}, func() float64 { return float64(m.responseBytes.Load()) })
	m.registry.MustRegister(executions, m.run, m.wait, m.outputBytes, m.interrupts, m.refusals, sent)
	for _, g := range []struct {
		name, help string
		read       func() float64
	}{
		{"mrmd_queued_executions", "Executions and resets that wait for their turn.", func() float64 { return float64(h.queue.state().waiting) }},
		{"mrmd_running_executions", "1 while an execution or a reset runs.", h.runningNow},
		{"mrmd_sessions", "Sessions there are.", func() float64 { return float64(len(h.sessions.list())) }},
		{"mrmd_open_streams", "Event streams that are open.", func() float64 { return float64(h.openStreams.Load()) }},
		{"mrmd_retained_executions", "Executions that are queued, running or kept.", func() float64 { count, _, _ := h.archive.holds(); return float64(count) }},
		{"mrmd_retained_memory_bytes", "Memory that ended executions hold.", func() float64 { _, memory, _ := h.archive.holds(); return float64(memory) }},
		{"mrmd_retained_disk_bytes", "Disk that ended executions hold.", func() float64 { _, _, disk := h.archive.holds(); return float64(disk) }},
		{"mrmd_uptime_seconds", "Time since the start.", func() float64 { return time.Since(h.started).Seconds() }},
	} {
		m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: g.name, Help: g.help}, g.read))
	}
	m.handler = promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{DisableCompression: true})
	return m
}

func (h *Handler) runningNow() float64 {
	if state := h.queue.state(); state.current != nil || state.resetting {
		return 1
	}
	return 0
}

// ended counts an execution that has ended.
func (m *metrics) ended(e *execution, interrupted bool) {
	status := e.status()
	outcome := outcomeOK
	switch {
	case status.state == stateCancelled:
		outcome = outcomeCancelled
	case e.failure != nil:
		outcome = outcomeFailed
	case e.outcome.Error != nil && interrupted:
		outcome = outcomeInterrupted
	case e.outcome.Error != nil:
		outcome = outcomeError
	}
	m.executions[outcome].Inc()
	m.outputBytes.Add(float64(e.log.outputBytes()))
	if !status.startedAt.IsZero() {
		m.wait.Observe(status.startedAt.Sub(status.queuedAt).Seconds())
		m.run.Observe(status.duration().Seconds())
	}
}

// refuse answers with an error and counts it.
func (h *Handler) refuse(w http.ResponseWriter, err error) {
	h.metrics.refusals.WithLabelValues(answerTo(err).code).Inc()
	writeError(w, err)
}

func (h *Handler) serveMetrics(w http.ResponseWriter, r *http.Request, _ httprouter.Params) error {
	h.metrics.process.Do(func() {
		h.metrics.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	})
	h.metrics.handler.ServeHTTP(w, r)
	return nil
}
