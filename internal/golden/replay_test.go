package golden

import (
	"context"
	_ "embed" // for the cells that are files
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
)

// replayLimit is when a replay that hangs is given up.
const replayLimit = 6 * time.Minute

//go:embed testdata/left_behind.py
var leftBehind string

// unrecorded are cells whose replies the recording leaves out but whose traces it
// shows, by the line they are run before. They don't count.
var unrecorded = map[int]string{
	// `_` is 2.
	90:  `2`,
	110: leftBehind,
	195: `display(SVG('<svg xmlns="http://www.w3.org/2000/svg"/>'))`,
}

// unrecordedExecIDs name an unrecorded request where that shows.
var unrecordedExecIDs = map[int]string{195: "g067e"}

// unrecordedStreams is the code that waits for an answer of the recording but
// whose own reply is not in it, by execId.
var unrecordedStreams = map[string]string{"in3": "input('? ')", "in10": "input(5)"}

// reader says what to do at each request for input: what the recording's client
// sent, as far as the replies show it.
var reader = map[string][]step{
	"in1":  {text("in1", `"bob"`)},
	"in2":  {text("in2", `"bob\n"`)},
	"in4":  {text("in4", `"1"`), text("in4", `"2"`)},
	"in5":  {text("in5", `"secret"`)},
	"in6":  {cancel("in6")},
	"in7":  {cancel("in7")},
	"in8":  {text("in8", `"😀é"`)},
	"in9":  {text("in9", `""`)},
	"in11": {text("in11", `5`), text("in11", `"5"`)},
	"in12": {text("in12", `"typed"`)},
}

// step is one request to /input or what is below it.
type step struct{ path, body string }

func text(execID, text string) step {
	return step{inputPath, fmt.Sprintf(`{"exec_id": %s, "text": %s}`, quoted(execID), text)}
}

func cancel(execID string) step {
	return step{inputPath + "/cancel", fmt.Sprintf(`{"exec_id": %s}`, quoted(execID))}
}

// replay sends the recording's requests in order.
type replay struct {
	*client
	ctx context.Context
	// open are streams that wait for input, by execId.
	open map[string]*openStream
	// cells counts the cells that each session has run.
	cells map[string]int
}

// reply gives the runtime's answer to an exchange and the number that the cell
// must have had, 0 for none.
func (r *replay) reply(sent exchange) (reply answer, number int, err error) {
	if code, ok := unrecorded[sent.line]; ok {
		if err := r.runUnrecorded(sent.line, code); err != nil {
			return answer{}, 0, err
		}
	}
	cell, execID := sent.cell(), sent.execID()
	if sent.executes() && cell.Code != nil {
		number = r.cells[cell.Session] + 1
	}
	switch {
	case sent.Path == inputPath:
		reply, err = r.answerRecorded(sent)
	case sent.streams() && r.open[execID] != nil:
		reply, err = r.finish(r.open[execID])
		delete(r.open, execID)
	case sent.streams():
		reply, err = r.stream(sent)
	default:
		reply, err = r.ask(r.ctx, sent)
	}
	switch {
	case sent.Path == "/mrp/v1/reset":
		r.cells[cell.Session] = 0
	case number > 0 && reply.status == http.StatusOK && strings.TrimSpace(*cell.Code) != "":
		r.cells[cell.Session] = number
	}
	return reply, number, err
}

func (r *replay) runUnrecorded(line int, code string) error {
	request := fmt.Sprintf(`{"code": %s, "storeHistory": false}`, quoted(code))
	if execID := unrecordedExecIDs[line]; execID != "" {
		request = fmt.Sprintf(`{"code": %s, "storeHistory": false, "execId": %s}`, quoted(code), quoted(execID))
	}
	reply, err := r.post(r.ctx, executePath, request)
	if err == nil && !strings.Contains(string(reply.body), `"success":true`) {
		err = fmt.Errorf("the unrecorded cell before line %d failed: %s", line, reply.body)
	}
	return err
}

// stream runs a cell as the recording's client did: it answers what is asked,
// and interrupts the one that was interrupted.
func (r *replay) stream(sent exchange) (answer, error) {
	opened, err := r.openStream(sent)
	if err != nil {
		return answer{}, err
	}
	return r.finish(opened)
}

// answerRecorded sends a recorded answer to input() and gives the reply. The
// cell that waits for it may stand later in the recording, or not at all.
func (r *replay) answerRecorded(sent exchange) (answer, error) {
	execID := execIDOfInput(sent)
	code, left := unrecordedStreams[execID]
	asking := streamOf(execID, code, `"storeHistory": false`)
	if !left {
		asking = recordedWith(execID)
	}
	opened, err := r.openStream(asking)
	if err != nil {
		return answer{}, err
	}
	if err := opened.readUntil("stdin_request"); err != nil {
		return answer{}, err
	}
	reply, err := r.ask(r.ctx, sent)
	if err != nil {
		return answer{}, err
	}
	if left {
		_, err = r.finish(opened)
		return reply, err
	}
	opened.answered = 1
	r.open[execID] = opened
	return reply, nil
}

func execIDOfInput(sent exchange) string {
	var request struct {
		ExecID string `json:"exec_id"`
	}
	if err := json.Unmarshal(sent.Request, &request); err != nil {
		panic(fmt.Sprintf("line %d of the recording: %v", sent.line, err))
	}
	return request.ExecID
}

func recordedWith(execID string) exchange {
	for _, sent := range recording {
		if sent.execID() == execID && sent.streams() {
			return sent
		}
	}
	panic("the recording has no stream with the execId " + execID)
}

// openStream is a cell whose events are being read.
type openStream struct {
	execID   string
	response *http.Response
	events   *eventReader
	read     strings.Builder
	// answered counts the requests for input that have been dealt with.
	answered int
}

func (r *replay) openStream(sent exchange) (*openStream, error) {
	response, err := r.send(r.ctx, sent)
	if err != nil {
		return nil, err
	}
	opened := &openStream{response: response, execID: sent.execID()}
	// What is read event by event is compared as one text.
	opened.events = newEventReader(io.TeeReader(response.Body, &opened.read))
	return opened, nil
}

func (s *openStream) readUntil(name string) error {
	for {
		read, err := s.events.next()
		if err != nil {
			return fmt.Errorf("waiting for %s of %s: %w", name, s.execID, err)
		}
		if read.name == name {
			return nil
		}
	}
}

// finish reads a stream to its end, answering what is asked on the way.
func (r *replay) finish(opened *openStream) (answer, error) {
	defer opened.response.Body.Close()
	if opened.response.StatusCode != http.StatusOK {
		body, err := io.ReadAll(opened.response.Body)
		return answerOf(opened.response, body), err
	}
	for {
		read, err := opened.events.next()
		if err == io.EOF {
			return answerOf(opened.response, []byte(opened.read.String())), nil
		}
		if err != nil {
			return answer{}, fmt.Errorf("reading the events of %s: %w", opened.execID, err)
		}
		switch {
		case read.name == "stdin_request":
			err = r.respond(opened)
		case read.name == "start" && opened.execID == interruptedExecID:
			err = r.interrupt()
		}
		if err != nil {
			return answer{}, err
		}
	}
}

// respond does what is left to do about a request for input: the steps that are
// refused, then one that is not.
func (r *replay) respond(opened *openStream) error {
	steps := reader[opened.execID]
	for opened.answered < len(steps) {
		next := steps[opened.answered]
		opened.answered++
		reply, err := r.post(r.ctx, next.path, next.body)
		if err != nil || acknowledged(reply) {
			return err
		}
	}
	return fmt.Errorf("%s asks for more input than is known to answer", opened.execID)
}

// acknowledged says whether /input, /input/cancel or /interrupt did something.
func acknowledged(reply answer) bool {
	return reply.status == http.StatusOK && strings.Contains(string(reply.body), ":true")
}

// interruptedExecID is the execution that the recording's client interrupted.
const interruptedExecID = "int1"

// interrupt interrupts the running cell. Asked until there is one: only the
// cell's end is compared.
func (r *replay) interrupt() error {
	for {
		reply, err := r.post(r.ctx, "/mrp/v1/interrupt", `{}`)
		if err != nil || acknowledged(reply) {
			return err
		}
	}
}
