package mrp

import (
	"net/http"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/julienschmidt/httprouter"
)

type environment struct {
	WorkingDirectory string `json:"cwd"`
	Executable       string `json:"executable"`
	Virtualenv       string `json:"virtualenv"`
}

func environmentOf(info Info) environment {
	return environment{info.WorkingDirectory, info.Executable, info.Virtualenv}
}

type capabilities struct {
	Runtime        string      `json:"runtime"`
	Version        string      `json:"version"`
	Languages      []string    `json:"languages"`
	Features       features    `json:"features"`
	LSPFallback    *string     `json:"lspFallback"`
	DefaultSession string      `json:"defaultSession"`
	MaxSessions    int         `json:"maxSessions"`
	Environment    environment `json:"environment"`
	Python         pythonFacts `json:"python"`
}

type pythonFacts struct {
	Version        string `json:"version"`
	Implementation string `json:"implementation"`
	IPython        string `json:"ipython"`
}

type features struct {
	Execute        bool `json:"execute"`
	ExecuteStream  bool `json:"executeStream"`
	Interrupt      bool `json:"interrupt"`
	Complete       bool `json:"complete"`
	Inspect        bool `json:"inspect"`
	Hover          bool `json:"hover"`
	Variables      bool `json:"variables"`
	VariableExpand bool `json:"variableExpand"`
	Reset          bool `json:"reset"`
	IsComplete     bool `json:"isComplete"`
	Format         bool `json:"format"`
	History        bool `json:"history"`
	Assets         bool `json:"assets"`
	Sessions       bool `json:"sessions"`
	Replay         bool `json:"replay"`
}

func (h *Handler) serveCapabilities(w http.ResponseWriter, _ *http.Request, _ httprouter.Params) error {
	info := h.engine.Info()
	_, looksIn := h.engine.(Intelligence)
	return answerJSON(w, capabilities{
		Runtime:        RuntimeName,
		Version:        h.options.Version,
		Languages:      languages,
		DefaultSession: DefaultSession,
		MaxSessions:    h.options.MaxSessions,
		Features: features{
			Execute:        true,
			ExecuteStream:  true,
			Interrupt:      true,
			Complete:       looksIn,
			Inspect:        looksIn,
			Hover:          looksIn,
			Variables:      looksIn,
			VariableExpand: looksIn,
			Reset:          true,
			IsComplete:     true,
			Format:         looksIn && info.CanFormat,
			History:        looksIn,
			Assets:         true,
			Sessions:       true,
			Replay:         true,
		},
		Environment: environmentOf(info),
		Python:      pythonFacts{info.PythonVersion, info.Implementation, info.IPythonVersion},
	})
}

type health struct {
	Status           string  `json:"status"`
	State            string  `json:"state"`
	Runtime          string  `json:"runtime"`
	Version          string  `json:"version"`
	CurrentExecID    *string `json:"currentExecId"`
	Queued           int     `json:"queued"`
	ExecutionCount   int64   `json:"executionCount"`
	StateRevision    int64   `json:"stateRevision"`
	Uptime           int64   `json:"uptime"`
	InterruptPending *string `json:"interruptPending"`
}

// runtimeState is what clients are told of the runtime as a whole.
type runtimeState struct {
	name string
	// execID is the running execution's; "" when none runs.
	execID        string
	queued        int
	stateRevision int64
	// interruptedAt is zero when no interrupt is pending.
	interruptedAt time.Time
}

func (h *Handler) state() runtimeState {
	queue := h.queue.state()
	state := runtimeState{name: "idle", queued: queue.waiting, stateRevision: h.stateRevision.Load()}
	if !queue.started {
		state.name = "starting"
	}
	if e := queue.current; e != nil {
		// An execution's end is seen before its turn's; who has seen it must
		// find the runtime idle, unless others wait for their turn.
		if status := e.status(); !status.state.ended() {
			state.name = "executing"
			state.execID = e.request.execID
			if e.input.waiting() {
				state.name = "waiting_input"
			}
			state.interruptedAt = status.interruptedAt
		} else if queue.waiting > 0 {
			state.name = "executing"
		}
	} else if queue.resetting {
		state.name = "executing"
	}
	if queue.closed {
		state.name = "stopping"
	}
	return state
}

// noteState tells the clients of /events when the runtime's state has changed.
func (h *Handler) noteState() { h.events.noteState(h.state) }

func (h *Handler) serveHealth(w http.ResponseWriter, _ *http.Request, _ httprouter.Params) error {
	state := h.state()
	answer := health{
		Status:         "ok",
		State:          state.name,
		Runtime:        RuntimeName,
		Version:        h.options.Version,
		Queued:         state.queued,
		ExecutionCount: int64(h.sessions.executionCount()),
		StateRevision:  state.stateRevision,
		Uptime:         int64(time.Since(h.started) / time.Second),
	}
	if state.execID != "" {
		answer.CurrentExecID = &state.execID
	}
	if !state.interruptedAt.IsZero() {
		since := state.interruptedAt.UTC().Format(timestampLayout)
		answer.InterruptPending = &since
	}
	return answerJSON(w, answer)
}

func answerJSON(w http.ResponseWriter, value any) error {
	body, err := json.Marshal(value)
	if err != nil {
		return internal("encoding the answer: %v", err)
	}
	writeJSON(w, http.StatusOK, body)
	return nil
}
