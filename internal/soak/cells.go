package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/mrmd/mrmd-python/internal/livetest"
)

// cellLimit is for a cell that hangs.
const cellLimit = 2 * time.Minute

// kind is a kind of cell; its weight is how often it comes. timed says that its time
// is the runtime's and not its own.
type kind struct {
	name   string
	weight int
	timed  bool
	run    func(*livetest.Client, int) error
}

var kinds = []kind{
	{"expression", 30, true, func(c *livetest.Client, n int) error {
		return ends(c, livetest.Object{"code": fmt.Sprintf("x = %d\nx + 1", n)}, fmt.Sprint(n+1), "")
	}},
	{"print", 30, true, func(c *livetest.Client, n int) error {
		return ends(c, livetest.Object{"code": fmt.Sprintf("for i in range(20): print(%d, i)", n)}, "", "")
	}},
	{"error", 15, false, func(c *livetest.Client, n int) error {
		return ends(c, livetest.Object{"code": fmt.Sprintf("def f(): raise ValueError(%d)\nf()", n)}, "", "ValueError")
	}},
	{"display", 10, false, func(c *livetest.Client, n int) error {
		return ends(c, livetest.Object{"displays": "inline",
			"code": fmt.Sprintf("from IPython.display import HTML, display\ndisplay(HTML('<b>%d</b>' * 50), display_id=True).update(HTML('x'))", n)}, "", "")
	}},
	{"stream", 8, false, runStream},
	{"session", 3, false, runSession},
	{"interrupt", 2, false, runInterrupt},
	{"fork", 1, false, func(c *livetest.Client, _ int) error {
		return ends(c, livetest.Object{"code": "import os\npid = os.fork()\nif pid == 0: os._exit(3)\nos.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])"}, "3", "")
	}},
	{"subprocess", 1, false, func(c *livetest.Client, _ int) error {
		return ends(c, livetest.Object{"code": "!echo from a child"}, "", "")
	}},
}

// ends runs a cell to its end and holds it to the result, or the type of the error,
// that it has to have.
func ends(c *livetest.Client, body livetest.Object, result, errorType string) error {
	ctx, cancel := context.WithTimeout(context.Background(), cellLimit)
	defer cancel()
	answer, err := c.Post(ctx, "/execute", body)
	if err != nil {
		return err
	}
	raised, _ := answer["error"].(livetest.Object)
	if errorType != "" && raised["type"] != errorType || errorType == "" && raised != nil {
		return fmt.Errorf("it ended with %v", answer)
	}
	if got, _ := answer["result"].(string); got != result {
		return fmt.Errorf("its result is %q, want %q", got, result)
	}
	return nil
}

func runStream(c *livetest.Client, _ int) error {
	ctx, cancel := context.WithTimeout(context.Background(), cellLimit)
	defer cancel()
	events, err := c.Run(ctx, livetest.Object{"code": "for i in range(200): print('line', i)"})
	if err == nil && (len(events) < 3 || events[len(events)-1].Name != "done") {
		err = fmt.Errorf("the stream has %d events and no end", len(events))
	}
	return err
}

// runSession makes a session, runs a cell in it and deletes it.
func runSession(c *livetest.Client, n int) error {
	ctx, cancel := context.WithTimeout(context.Background(), cellLimit)
	defer cancel()
	id := fmt.Sprintf("session-%d", n)
	if err := ends(c, livetest.Object{"code": "own = list(range(1000))\nlen(own)", "session": id}, "1000", ""); err != nil {
		return err
	}
	answer, err := c.Open(ctx, http.MethodDelete, "/sessions/"+id, nil)
	if err != nil {
		return err
	}
	if answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("deleting the session: %s", answer.Status)
	}
	return errors.Join(err, answer.Body.Close())
}

// runInterrupt interrupts a cell that has begun to loop.
func runInterrupt(c *livetest.Client, _ int) error {
	ctx, cancel := context.WithTimeout(context.Background(), cellLimit)
	defer cancel()
	var failure error
	ended := ""
	err := c.Stream(ctx, "/execute/stream", livetest.Object{"code": "print('looping')\nwhile True: pass"}, func(event livetest.Event) bool {
		switch event.Name {
		case "stdout":
			_, failure = c.Post(ctx, "/interrupt", livetest.Object{})
		case "error":
			ended, _ = event.Data["type"].(string)
		}
		return failure == nil
	})
	if err = errors.Join(err, failure); err == nil && ended != "KeyboardInterrupt" {
		err = fmt.Errorf("the interrupted cell ended with %q", ended)
	}
	return err
}
