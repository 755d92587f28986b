package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/mrmd/mrmd-python/registry"
)

// execute runs what --exec names in a runtime, which it starts if need be.
func execute(chosen options) int {
	var cells []cell
	var err error
	// Standard input is read when this process is sure to be the one that goes on.
	if chosen.exec != fromStandardInput {
		if cells, err = cellsOf(chosen.exec); err != nil {
			return report(err)
		}
	}
	entry, err := running(chosen)
	if err != nil {
		return report(err)
	}
	if cells == nil {
		if cells, err = cellsOf(chosen.exec); err != nil {
			return report(err)
		}
	}
	r := &runner{
		client:   clientOf(entry),
		id:       entry.ID,
		keyboard: openKeyboard(chosen.exec == fromStandardInput),
		signals:  make(chan os.Signal, 2),
	}
	signal.Notify(r.signals, syscall.SIGINT, syscall.SIGTERM)
	defer r.keyboard.show()
	for _, cell := range cells {
		if status := r.run(cell); status != 0 {
			return status
		}
	}
	return 0
}

// running gives the entry of the runtime that --id names, started if need be.
func running(chosen options) (registry.Entry, error) {
	store, entry, err := existing(chosen.id)
	if err != nil {
		return registry.Entry{}, err
	}
	if entry != nil {
		return *entry, nil
	}
	p, err := newPlan(chosen)
	if err != nil {
		return registry.Entry{}, err
	}
	started, err := launch(store, p)
	switch {
	case errors.Is(err, errRunning):
		return started, nil
	case err != nil:
		return registry.Entry{}, err
	}
	fmt.Fprintf(os.Stderr, "Runtime '%s' started; to kill it: mrmd-python --kill %[1]s\n", started.ID)
	return started, nil
}

// runner runs cells and is between their code and the terminal. All but the stream
// happens on one goroutine.
type runner struct {
	client   client
	id       string
	keyboard *keyboard
	signals  chan os.Signal

	execID      string
	interrupted bool
	asking      bool
	hidden      bool
	// echo is what the runtime will repeat of an answer, which is on the terminal
	// already.
	echo string
	// inLine says that the last output did not end its line.
	inLine bool
	// shown is the text of the cell's last rich display: a rich result is displayed
	// before it is the result, and shows once.
	shown string
	// failed says that the cell ended with an exception.
	failed bool
}

// run runs one cell and gives the exit status; 0 to go on.
func (r *runner) run(cell cell) int {
	r.execID, r.interrupted, r.asking, r.failed, r.shown = "exec-"+rand.Text(), false, false, false, ""
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	events := make(chan streamedEvent)
	ended := make(chan error, 1)
	go func() {
		ended <- r.client.executeStream(ctx, r.request(cell), func(event streamedEvent) error {
			select {
			case events <- event:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		})
	}()
	for {
		var lines chan typedLine
		if r.asking {
			lines = r.keyboard.lines
		}
		var err error
		select {
		case event := <-events:
			err = r.receive(ctx, event, cell)
		case line := <-lines:
			err = r.answer(ctx, line)
		case received := <-r.signals:
			if received == syscall.SIGTERM || r.interrupted {
				return exitInterrupted
			}
			r.interrupted = true
			err = r.client.cancelExecution(ctx, r.execID)
		case err := <-ended:
			r.keyboard.show()
			return r.status(err, cell)
		}
		if err != nil {
			return report(err)
		}
	}
}

func (r *runner) request(cell cell) any {
	request := map[string]any{"code": cell.code, "execId": r.execID, "accumulated": "none", "displays": "both"}
	if columns := columnsOf(os.Stdout); columns > 0 {
		request["columns"] = columns
	}
	return request
}

// status is the exit status after a cell whose stream ended with err.
func (r *runner) status(err error, cell cell) int {
	switch {
	case errors.Is(err, errCutShort):
		return report(fmt.Errorf("%w; what happened: mrmd-python --info %s", err, r.id))
	case err != nil:
		return report(err)
	case r.failed == cell.raises:
		return 0
	case cell.raises:
		return report(fmt.Errorf("%s was to raise an exception and did not", cell.place))
	case cell.place != "":
		fmt.Fprintf(os.Stderr, "mrmd-python: %s failed\n", cell.place)
	}
	return exitFailure
}

// receive shows an event.
func (r *runner) receive(ctx context.Context, event streamedEvent, cell cell) error {
	var data struct {
		Content    string                    `json:"content"`
		Password   bool                      `json:"password"`
		Data       map[string]jsontext.Value `json:"data"`
		Path       string                    `json:"path"`
		AssetType  string                    `json:"assetType"`
		Result     *string                   `json:"result"`
		Type       string                    `json:"type"`
		Message    string                    `json:"message"`
		Traceback  []string                  `json:"traceback"`
		Transient  jsontext.Value            `json:"transient"`
		MimeType   string                    `json:"mimeType"`
		ExecutedAs string                    `json:"execId"`
	}
	if err := json.Unmarshal(event.data, &data); err != nil {
		return fmt.Errorf("reading the event %s: %w", event.name, err)
	}
	switch event.name {
	case "stdout":
		return r.write(os.Stdout, r.withoutEcho(data.Content))
	case "stderr":
		return r.write(os.Stderr, data.Content)
	case "stdin_request":
		r.asking, r.hidden = true, data.Password
		return r.keyboard.listen(data.Password)
	case "display", "update_display":
		text := plainText(data.Data)
		if len(data.Data) > 1 {
			r.shown = text
		}
		return r.writeLine(os.Stdout, text)
	case "asset":
		kind := data.AssetType
		if kind == "image" {
			kind = "plot"
		}
		return r.writeLine(os.Stderr, fmt.Sprintf("Saved %s: %s", kind, data.Path))
	case "result":
		if data.Result != nil && cell.showResult && (r.shown == "" || *data.Result != r.shown) {
			return r.writeLine(os.Stdout, *data.Result)
		}
	case "error":
		r.failed = true
		text := strings.TrimRight(strings.Join(trimmed(data.Traceback), "\n"), "\n")
		if text == "" {
			text = data.Type + ": " + data.Message
		}
		return r.writeLine(os.Stderr, text)
	}
	return nil
}

// trimmed gives lines without their ends.
func trimmed(lines []string) []string {
	for i, line := range lines {
		lines[i] = strings.TrimSuffix(line, "\n")
	}
	return lines
}

// plainText is what a terminal can show of a display: nothing of an image, whose file
// is told of.
func plainText(bundle map[string]jsontext.Value) string {
	text := ""
	for mimeType, value := range bundle {
		if strings.HasPrefix(mimeType, "image/") {
			return ""
		}
		if mimeType == "text/plain" && json.Unmarshal(value, &text) != nil {
			return ""
		}
	}
	return text
}

// answer sends a line to the code that asked for it; the end of the input tells it
// that there is none.
func (r *runner) answer(ctx context.Context, line typedLine) error {
	r.keyboard.show()
	r.asking = false
	if line.ended {
		return r.client.ask(ctx, http.MethodPost, "/input/cancel", map[string]any{"execId": r.execID})
	}
	if !r.hidden {
		r.echo = line.text + "\n"
		r.inLine = r.inLine && !r.keyboard.isTerminal
	}
	return r.client.ask(ctx, http.MethodPost, "/input", map[string]any{"execId": r.execID, "text": line.text})
}

// withoutEcho takes the echo of an answer off what is to be shown.
func (r *runner) withoutEcho(text string) string {
	common := min(len(r.echo), len(text))
	if text[:common] != r.echo[:common] {
		r.echo = ""
		return text
	}
	r.echo = r.echo[common:]
	return text[common:]
}

func (r *runner) write(output io.Writer, text string) error {
	if text == "" {
		return nil
	}
	r.inLine = !strings.HasSuffix(text, "\n")
	_, err := io.WriteString(output, text)
	return err
}

// writeLine writes text on lines of its own.
func (r *runner) writeLine(output io.Writer, text string) error {
	if text == "" {
		return nil
	}
	if r.inLine {
		text = "\n" + text
	}
	return r.write(output, text+"\n")
}
