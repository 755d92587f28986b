package packages

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/mrmd/mrmd-python/internal/livetest"
)

const mebibyte = 1 << 20

// TestLargeDisplaysAreFiles shows pictures and pages again and again, and looks at the
// memory that is left in use, and at what is served.
func TestLargeDisplaysAreFiles(t *testing.T) {
	t.Parallel()
	c := start(t, livetest.Options{})
	c.want("import os\nfrom IPython.display import HTML, Image, display\n1", "1")
	for i, code := range []string{
		"display(Image(data=os.urandom(16 << 20), format='png'))",
		"display(HTML('<p>' + 'x' * (16 << 20)))",
		"display(HTML('<p>' + '\"' * (16 << 20)))",
	} {
		reply := c.run(code, livetest.Object{"execId": fmt.Sprint("large", i)})
		assets := reply["assets"].([]any)
		if len(assets) != 1 {
			t.Fatalf("%s: %v", code, reply["error"])
		}
		size := assets[0].(livetest.Object)["size"].(float64)
		if size < 16*mebibyte || size > 17*mebibyte {
			t.Errorf("%s: %v bytes", code, size)
		}
		url := strings.TrimSuffix(c.runtime.URL, "/mrp/v1") + assets[0].(livetest.Object)["url"].(string)
		answer, err := http.Head(url)
		if err != nil || answer.ContentLength != int64(size) {
			t.Errorf("%s: %v, %v", url, answer, err)
		}
	}
	before := residentMemory(t, c.runtime.Process.Pid)
	for range 6 {
		c.run("display(Image(data=os.urandom(16 << 20), format='png'))", nil)
	}
	if grown := residentMemory(t, c.runtime.Process.Pid) - before; grown > 160*mebibyte {
		t.Errorf("six pictures of 16 MiB left %d MiB in use", grown/mebibyte)
	}
}

// residentMemory is a process's, in bytes.
func residentMemory(t *testing.T, pid int) int {
	t.Helper()
	content, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		t.Fatal(err)
	}
	pages, err := strconv.Atoi(strings.Fields(string(content))[1])
	if err != nil {
		t.Fatal(err)
	}
	return pages * os.Getpagesize()
}

func TestEndlessOutputIsBounded(t *testing.T) {
	t.Parallel()
	c := start(t, livetest.Options{})
	c.want("1", "1")
	before := residentMemory(t, c.runtime.Process.Pid)
	ended := make(chan livetest.Object, 1)
	go func() { ended <- c.run("while True: print('z' * 1000)", livetest.Object{"execId": "endless"}) }()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for {
		state, err := c.runtime.Get(ctx, "/executions/endless")
		if size, _ := state["bytes"].(float64); size > 200*mebibyte {
			break
		}
		if err != nil && ctx.Err() != nil {
			t.Fatal(err)
		}
	}
	if grown := residentMemory(t, c.runtime.Process.Pid) - before; grown > 128*mebibyte {
		t.Errorf("the memory grew by %d MiB", grown/mebibyte)
	}
	if _, err := c.runtime.Post(ctx, "/interrupt", livetest.Object{}); err != nil {
		t.Fatal(err)
	}
	reply := <-ended
	if reply["stdoutTruncated"] != true {
		t.Errorf("the reply has all of %v bytes", reply["stdoutBytes"])
	}
	response, err := c.runtime.Open(ctx, http.MethodHead, "/executions/endless/output/stdout", nil)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != http.StatusOK {
		t.Errorf("the whole of it is answered with %s", response.Status)
	}
}
