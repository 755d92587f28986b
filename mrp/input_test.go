package mrp

import (
	"context"
	"errors"
	"strings"
	"testing"
)

// asking is a cell that asks once and prints what it got.
func asking(password bool) toyCell {
	return func(ctx context.Context, sink Sink, interrupted <-chan struct{}) Outcome {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		go func() {
			select {
			case <-interrupted:
				cancel()
			case <-ctx.Done():
			}
		}()
		sink.Text(Stdout, []byte("name? "))
		text, err := sink.Input(ctx, "name? ", password)
		switch {
		case errors.Is(err, ErrInputCancelled):
			return failed("InputCancelled")
		case errors.Is(err, ErrInputNotAllowed):
			return failed("StdinNotImplementedError")
		case err != nil:
			return keyboardInterrupt()
		}
		return Outcome{Result: &text}
	}
}

func TestInput(t *testing.T) {
	rt := serve(t)
	rt.engine.on("ask", asking(false))
	rt.engine.on("password", asking(true))
	for _, c := range []struct{ code, body, stdout, result string }{
		{"ask", `{"exec_id":"ID","text":"bob"}`, "name? bob\n", "bob"},
		{"ask", `{"execId":"ID","text":"bob\n","session":"default"}`, "name? bob\n", "bob"},
		{"ask", `{"execId":"ID","text":"bob\r\n"}`, "name? bob\n", "bob"},
		{"ask", `{"execId":"ID","text":"bob\n\n"}`, "name? bob\n\n", "bob\n"},
		{"ask", `{"text":""}`, "name? \n", ""},
		{"ask", `{"exec_id":"ID","execId":null,"text":"😀é"}`, "name? 😀é\n", "😀é"},
		{"password", `{"execId":"ID","text":"secret"}`, "name? \n", "secret"},
	} {
		id := newExecID()
		reader := rt.run(`{"code":"` + c.code + `","execId":"` + id + `"}`)
		asked := reader.until("stdin_request").data
		if asked["prompt"] != "name? " || asked["password"] != (c.code == "password") || asked["execId"] != id || asked["exec_id"] != id {
			t.Errorf("asked %v", asked)
		}
		if state := rt.get("/health")["state"]; state != "waiting_input" {
			t.Errorf("state %v", state)
		}
		if answer := rt.post("/input", strings.ReplaceAll(c.body, `"ID"`, quote(id))); answer["accepted"] != true {
			t.Errorf("%s: %v", c.body, answer)
		}
		if result := reader.until("result").data; result["stdout"] != c.stdout || result["result"] != c.result {
			t.Errorf("%s: %v", c.body, result)
		}
		if answer := rt.post("/input", strings.ReplaceAll(c.body, `"ID"`, quote(id))); answer["accepted"] != false || answer["error"] != "No pending input request" {
			t.Errorf("a second answer: %v", answer)
		}
	}
}

func TestInputThatIsRefused(t *testing.T) {
	rt := serve(t)
	rt.engine.on("ask", asking(false))
	reader := rt.run(`{"code":"ask","execId":"a"}`)
	reader.until("stdin_request")
	for _, body := range []string{`{"execId":"a","text":7}`, `{"execId":"a"}`, `{"execId":"a","text":null}`, `{"execId":1,"text":"x"}`, `{"execId":"a","text":["x"]}`} {
		if got := rt.do("POST", "/mrp/v1/input", body); got.status != 400 {
			t.Errorf("%s: %d %s", body, got.status, got.body)
		}
	}
	if answer := rt.post("/input", `{"execId":"other","text":"x"}`); answer["accepted"] != false {
		t.Errorf("another execution's answer: %v", answer)
	}
	if answer := rt.post("/input/cancel", `{"exec_id":"other"}`); answer["cancelled"] != false || answer["error"] != "No pending input request" {
		t.Errorf("another execution's cancel: %v", answer)
	}
	if answer := rt.post("/input", `{"execId":"a","text":"x"}`); answer["accepted"] != true {
		t.Errorf("after the refusals: %v", answer)
	}
	reader.until("done")
}

func TestInputCancelledInterruptedAndNotAllowed(t *testing.T) {
	rt := serve(t)
	rt.engine.on("ask", asking(false))
	reader := rt.run(`{"code":"ask","execId":"a"}`)
	reader.until("stdin_request")
	if answer := rt.post("/input/cancel", `{"execId":"a"}`); answer["cancelled"] != true {
		t.Errorf("cancel: %v", answer)
	}
	if kind := reader.until("error").data["type"]; kind != "InputCancelled" {
		t.Errorf("cancelled: %v", kind)
	}
	reader = rt.run(`{"code":"ask","execId":"b"}`)
	reader.until("stdin_request")
	rt.post("/interrupt", `{}`)
	if kind := reader.until("error").data["type"]; kind != "KeyboardInterrupt" {
		t.Errorf("interrupted: %v", kind)
	}
	if answer := rt.post("/input", `{"execId":"b","text":"late"}`); answer["accepted"] != false {
		t.Errorf("after the interrupt: %v", answer)
	}
	if answer := rt.post("/execute", `{"code":"ask"}`); answer["error"].(map[string]any)["type"] != "StdinNotImplementedError" {
		t.Errorf("not streamed: %v", answer)
	}
	if kind := rt.run(`{"code":"ask","allowStdin":false}`).until("error").data["type"]; kind != "StdinNotImplementedError" {
		t.Errorf("allowStdin false: %v", kind)
	}
	done := make(chan map[string]any)
	go func() {
		done <- rt.do("POST", "/mrp/v1/execute", `{"code":"ask","execId":"c","allowStdin":true}`).json(t)
	}()
	waitFor(t, "the question", func() bool { return rt.get("/health")["state"] == "waiting_input" })
	rt.post("/input", `{"execId":"c","text":"x"}`)
	if answer := <-done; answer["result"] != "x" {
		t.Errorf("allowStdin without a stream: %v", answer)
	}
}

// TestThreadsThatAskAtOnce get their answers one after the other; one that asks
// when its cell has ended is told so, and adds nothing to the log.
func TestThreadsThatAskAtOnce(t *testing.T) {
	rt := serve(t)
	answers := make(chan string, 3)
	var kept Sink
	rt.engine.on("threads", func(ctx context.Context, sink Sink, _ <-chan struct{}) Outcome {
		kept = sink
		for range 3 {
			go func() {
				text, err := sink.Input(ctx, "", true)
				if err != nil {
					text = err.Error()
				}
				answers <- text
			}()
		}
		both := <-answers + <-answers
		return Outcome{Result: &both}
	})
	reader := rt.run(`{"code":"threads","execId":"t"}`)
	for _, text := range []string{"a", "b"} {
		reader.until("stdin_request")
		if got := rt.post("/input", `{"execId":"t","text":"`+text+`"}`); got["accepted"] != true {
			t.Errorf("%s: %v", text, got)
		}
	}
	if result := reader.until("result").data["result"]; result != "ab" && result != "ba" {
		t.Errorf("result %v", result)
	}
	if text := <-answers; text != errCellEnded.Error() {
		t.Errorf("the third got %q", text)
	}
	if _, err := kept.Input(context.Background(), "", false); !errors.Is(err, errCellEnded) {
		t.Errorf("after the end: %v", err)
	}
	kept.Text(Stdout, []byte("too late"))
	kept.Display(textDisplay("too late", ""))
	whole := rt.stream(context.Background(), "GET", "/executions/t/stream", "").all(0)
	if rt.get("/executions/t")["bytes"] == nil || strings.Contains(whole[len(whole)-2].raw, "too late") {
		t.Errorf("got %v", whole)
	}
	if got := rt.post("/input", `{"execId":"t","text":"x"}`); got["accepted"] != false {
		t.Errorf("an answer to nobody: %v", got)
	}
}
