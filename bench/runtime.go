package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"path/filepath"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/mrmd/mrmd-python/internal/livetest"
)

// The contenders' names, as the table has them.
const (
	ours     = "mrmd-python"
	original = "0.4.2"
	kernel   = "ipykernel"
	stock    = "IPython"
	// empty is our own runtime with an empty namespace.
	empty = "empty"
)

// runtime is one that speaks MRP: ours or 0.4.2.
type runtime struct {
	*launched
	*livetest.Client
}

// serve starts a runtime and runs the set-up cells in it.
func (l *lab) serve(ctx context.Context, who string, setup ...string) (*runtime, error) {
	started, err := l.launch(who)
	if err != nil {
		return nil, err
	}
	wire, err := started.connect(ctx)
	if err != nil {
		started.end()
		return nil, err
	}
	wire.Close()
	r := &runtime{launched: started, Client: &livetest.Client{URL: started.url}}
	for _, code := range setup {
		if err := r.run(ctx, code); err != nil {
			r.end()
			return nil, err
		}
	}
	return r, nil
}

// run runs a cell that must succeed.
func (r *runtime) run(ctx context.Context, code string) error {
	answer, err := r.Post(ctx, "/execute", map[string]any{"code": code})
	if err != nil {
		return err
	}
	if answer["success"] != true {
		return fmt.Errorf("%.200q failed: %v", code, answer["error"])
	}
	return nil
}

// timeAsking asks count times on one connection and gives the milliseconds of each from
// the first byte sent to the last one read. The connection is new, because 0.4.2 closes
// one that rests for 5 s while others have their turn, and has been used once.
func (r *runtime) timeAsking(ctx context.Context, path string, body map[string]any, count int, check func(answer []byte) error) ([]float64, error) {
	wire, request, err := r.dialFor(path, body)
	if err != nil {
		return nil, err
	}
	defer wire.Close()
	if err := wire.askUntilReady(ctx, request); err != nil {
		return nil, err
	}
	times := make([]float64, 0, count)
	for range count {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		began := time.Now()
		answer, err := wire.ask(request)
		elapsed := time.Since(began)
		if err != nil {
			return nil, err
		}
		if err := check(answer); err != nil {
			return nil, err
		}
		times = append(times, milliseconds(elapsed))
	}
	return times, nil
}

// dialFor connects to the runtime and encodes a request.
func (r *runtime) dialFor(path string, body map[string]any) (*connection, []byte, error) {
	wire, err := dial(r.url)
	if err != nil {
		return nil, nil, err
	}
	request, err := wire.encode("POST", path, body)
	if err != nil {
		wire.Close()
		return nil, nil, err
	}
	return wire, request, nil
}

// talker is a Python contender that answers lines of JSON.
type talker struct {
	*process
	input  io.WriteCloser
	output *bufio.Reader
	// measured is the process that memory and CPU time are read of.
	measured int
}

// talk starts plain IPython or ipykernel's client with its kernel and runs the set-up
// cells in it.
func (l *lab) talk(ctx context.Context, who string, setup ...string) (*talker, error) {
	t, err := l.talkTo(who)
	if err != nil {
		return nil, err
	}
	if who == kernel {
		err = t.ask(map[string]any{"op": "begin"}, &t.measured)
	}
	for _, code := range setup {
		if err == nil {
			err = ctx.Err()
		}
		if err == nil {
			err = t.ask(map[string]any{"op": "run", "code": code}, nil)
		}
	}
	if err != nil {
		t.end()
		return nil, err
	}
	return t, nil
}

// talkTo starts the process alone.
func (l *lab) talkTo(who string) (*talker, error) {
	venv, script := l.venvs[ours], "stock.py"
	if who == kernel {
		venv, script = l.venvs[kernel], "jupyter.py"
	}
	home, err := l.newHome()
	if err != nil {
		return nil, err
	}
	p, input, output, err := l.spawn(home, true, filepath.Join(venv, "bin", "python"), filepath.Join(l.scripts, script))
	if err != nil {
		return nil, err
	}
	return &talker{process: p, input: input, output: bufio.NewReader(output), measured: p.Process.Pid}, nil
}

// ask sends a request and reads its value.
func (t *talker) ask(request map[string]any, value any) error {
	line, err := json.Marshal(request)
	if err != nil {
		return fmt.Errorf("encoding a request: %w", err)
	}
	if _, err := t.input.Write(append(line, '\n')); err != nil {
		return fmt.Errorf("asking %s: %w: %s", t.Path, err, &t.said)
	}
	answered, err := t.output.ReadBytes('\n')
	if err != nil {
		return fmt.Errorf("waiting for %s: %w: %s", t.Path, err, &t.said)
	}
	answer := struct {
		Value any    `json:"value"`
		Error string `json:"error"`
	}{Value: value}
	if err := json.Unmarshal(answered, &answer); err != nil {
		return fmt.Errorf("reading an answer of %s: %w", t.Path, err)
	}
	if answer.Error != "" {
		return fmt.Errorf("%s could not %s: %s", filepath.Base(t.Args[1]), request["op"], answer.Error)
	}
	return nil
}

// times asks for nanoseconds and gives milliseconds.
func (t *talker) times(request map[string]any) ([]float64, error) {
	var nanoseconds []float64
	if err := t.ask(request, &nanoseconds); err != nil {
		return nil, err
	}
	for i := range nanoseconds {
		nanoseconds[i] /= 1e6
	}
	return nanoseconds, nil
}

// end lets the process end by itself, which ends its kernel, too.
func (t *talker) end() {
	_ = t.input.Close()
	_, _ = io.Copy(io.Discard, t.output)
	t.process.end()
}
