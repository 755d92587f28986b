package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
)

// TestTenMegabytes streams output whose accumulated text would once have been 13 GB.
func TestTenMegabytes(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	url := h.start("stream")
	const lines = 100_000
	body := fmt.Sprintf(`{"code": "for i in range(%d): print(f'{i:099}')"}`, lines)
	response, err := http.Post(url+"/execute/stream", "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	wire := &countingReader{reader: response.Body}
	var content bytes.Buffer
	events := bufio.NewReader(wire)
	for name := ""; name != "done"; {
		line, err := events.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		if text, found := strings.CutPrefix(line, "event: "); found {
			name = strings.TrimSpace(text)
		}
		data, found := strings.CutPrefix(line, "data: ")
		if !found || name != "stdout" {
			continue
		}
		var event struct {
			Content string `json:"content"`
		}
		if err := json.Unmarshal([]byte(data), &event); err != nil {
			t.Fatal(err)
		}
		content.WriteString(event.Content)
	}
	var want bytes.Buffer
	for i := range lines {
		fmt.Fprintf(&want, "%099d\n", i)
	}
	if !bytes.Equal(content.Bytes(), want.Bytes()) {
		t.Errorf("%d bytes of content differ from the %d that were printed", content.Len(), want.Len())
	}
	t.Logf("%d bytes on the wire", wire.count)
	if wire.count > 30_000_000 {
		t.Errorf("%d bytes on the wire for %d of output", wire.count, want.Len())
	}
}

type countingReader struct {
	reader io.Reader
	count  int
}

func (r *countingReader) Read(into []byte) (int, error) {
	count, err := r.reader.Read(into)
	r.count += count
	return count, err
}

// TestStuckClient has a client that never reads: its cell comes to its end.
func TestStuckClient(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	url := h.start("stuck")
	address := strings.TrimSuffix(strings.TrimPrefix(url, "http://"), "/mrp/v1")
	connection, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	body := `{"code": "for i in range(200_000): print(f'{i:099}')\nopen('ended', 'w').close()", "execId": "stuck"}`
	_, err = fmt.Fprintf(connection, "POST /mrp/v1/execute/stream HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
		address, len(body), body)
	if err != nil {
		t.Fatal(err)
	}
	waitUntil(t, "the cell has ended", func() bool {
		text, err := get(url + "/executions/stuck")
		return err == nil && strings.Contains(text, `"state":"done"`)
	})
	if got := mustExecute(t, url, "import os; print(os.path.exists('ended'))"); got != "True\n" {
		t.Errorf("the next cell prints %q", got)
	}
}

func TestLastActivity(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	url := h.start("active")
	before := h.info("active").LastActivity
	mustExecute(t, url, "1")
	waitUntil(t, "lastActivity has moved on", func() bool { return h.info("active").LastActivity > before })
}
