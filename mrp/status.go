package mrp

import (
	"net/http"
	"slices"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/julienschmidt/httprouter"
)

type environment struct {
	WorkingDirectory string `json:"cwd"`
	Executable       string `json:"executable"`
	Virtualenv       string `json:"virtualenv"`
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
	served := func(name string) bool { return !slices.Contains(notServed, name) }
	return answerJSON(w, capabilities{
		Runtime:        RuntimeName,
		Version:        h.options.Version,
		Languages:      []string{"python", "py", "python3"},
		DefaultSession: DefaultSession,
		MaxSessions:    h.options.MaxSessions,
		Features: features{
			Execute:        true,
			ExecuteStream:  true,
			Interrupt:      true,
			Complete:       served("complete"),
			Inspect:        served("inspect"),
			Hover:          served("hover"),
			Variables:      served("variables"),
			VariableExpand: served("variables"),
			Reset:          true,
			IsComplete:     true,
			Format:         served("format") && info.CanFormat,
			History:        served("history"),
			Assets:         true,
			Sessions:       served("sessions"),
			Replay:         true,
		},
		Environment: environment{info.WorkingDirectory, info.Executable, info.Virtualenv},
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

func (h *Handler) serveHealth(w http.ResponseWriter, _ *http.Request, _ httprouter.Params) error {
	queue := h.queue.state()
	answer := health{
		Status:         "ok",
		State:          "idle",
		Runtime:        RuntimeName,
		Version:        h.options.Version,
		Queued:         queue.waiting,
		ExecutionCount: h.executionCount.Load(),
		StateRevision:  h.stateRevision.Load(),
		Uptime:         int64(time.Since(h.started) / time.Second),
	}
	if !queue.started {
		answer.State = "starting"
	}
	if e := queue.current; e != nil {
		// An execution's end is seen before its turn's; who has seen it must
		// find the runtime idle.
		if status := e.status(); !status.state.ended() {
			answer.State = "executing"
			answer.CurrentExecID = &e.request.execID
			if e.input.waiting() {
				answer.State = "waiting_input"
			}
			if !status.interruptedAt.IsZero() {
				since := status.interruptedAt.UTC().Format(timestampLayout)
				answer.InterruptPending = &since
			}
		}
	} else if queue.resetting {
		answer.State = "executing"
	}
	if queue.closed {
		answer.State = "stopping"
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
