package main

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// clockAhead answers C code that asks for the time of day with one hour more than the
// kernel's clock, by which the kernel measures waits. A wait until a time of day then
// is what it is after the clock was set back by an hour.
const clockAhead = `#define _GNU_SOURCE
#include <dlfcn.h>
#include <time.h>
int clock_gettime(clockid_t clock, struct timespec *now) {
    int (*original)(clockid_t, struct timespec *) = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    int status = original(clock, now);
    if (clock == CLOCK_REALTIME) now->tv_sec += 3600;
    return status;
}
`

// TestClockSetBack has a cell give way to a question that takes long: it goes on soon,
// whatever the time of day is.
func TestClockSetBack(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	source, library := filepath.Join(h.work, "clock.c"), filepath.Join(h.work, "clock.so")
	if err := os.WriteFile(source, []byte(clockAhead), 0o600); err != nil {
		t.Fatal(err)
	}
	if output, err := exec.Command("cc", "-shared", "-fPIC", "-o", library, source, "-ldl").CombinedOutput(); err != nil {
		t.Fatalf("cc: %v %s", err, output)
	}
	url := h.startUnder("clock", "export LD_PRELOAD="+library)
	mustExecute(t, url, `import threading
asked, answered, in_time = threading.Event(), threading.Event(), []
class Slow:
    def __repr__(self):
        asked.set()
        in_time.append(answered.wait(60))
        return 'slow'
slow = Slow()`)
	ended := make(chan error, 1)
	go func() {
		_, err := post(url+"/execute", map[string]any{"code": "while not asked.is_set(): pass\nanswered.set()"})
		ended <- err
	}()
	for running := true; running; {
		// A question that comes before the cell's turn, or takes too long, is a 503.
		response, err := http.Post(url+"/hover", "application/json", strings.NewReader(`{"code":"slow","cursor":4}`))
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		select {
		case err := <-ended:
			if err != nil {
				t.Fatal(err)
			}
			running = false
		default:
		}
	}
	if got := mustExecute(t, url, "print(in_time[0])"); got != "True\n" {
		t.Errorf("the cell went on in time: %s", got)
	}
}
