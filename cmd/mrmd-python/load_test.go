package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestLoad has idle connections, slow senders, a reader that stops reading and many
// readers of one execution, while cells go on.
func TestLoad(t *testing.T) {
	t.Parallel()
	const idle, slow, readers, cells = 500, 50, 200, 50
	h := newHome(t)
	url := h.start("load")
	address := strings.TrimSuffix(strings.TrimPrefix(url, "http://"), "/mrp/v1")
	dial := func() net.Conn {
		t.Helper()
		conn, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		return conn
	}
	before := medianOfCells(t, url, cells)

	for range idle {
		conn := dial()
		fmt.Fprintf(conn, "GET /mrp/v1/health HTTP/1.1\r\nHost: %s\r\n\r\n", address)
		if _, err := http.ReadResponse(bufio.NewReader(conn), nil); err != nil {
			t.Fatal(err)
		}
	}
	const body = `{"code":"print('sent slowly')"}`
	var senders []net.Conn
	for range slow {
		conn := dial()
		fmt.Fprintf(conn, "POST /mrp/v1/execute HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", address, len(body), body[:5])
		senders = append(senders, conn)
	}
	stuck := dial()
	loud := `{"code":"for i in range(100_000): print(f'{i:099}')","execId":"loud"}`
	fmt.Fprintf(stuck, "POST /mrp/v1/execute/stream HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", address, len(loud), loud)
	waitUntil(t, "the loud cell has ended", func() bool {
		text, err := get(url + "/executions/loud")
		return err == nil && strings.Contains(text, `"state":"done"`)
	})

	// Two hundred follow a cell that goes on while others come and look.
	const lines = 500
	followed := fmt.Sprintf(`{"code":"for i in range(%d): print(i)\ninput()","execId":"followed"}`, lines)
	response, err := http.Post(url+"/execute/stream", "application/json", strings.NewReader(followed))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	streams := make([]*http.Response, readers)
	for i := range streams {
		if streams[i], err = http.Get(url + "/executions/followed/stream?accumulated=none"); err != nil {
			t.Fatal(err)
		}
		defer streams[i].Body.Close()
	}
	waitUntil(t, "the cell has its answer", func() bool {
		// It may not have asked yet.
		answer, err := http.Post(url+"/input", "application/json", strings.NewReader(`{"execId":"followed","text":"go on"}`))
		if err != nil {
			return false
		}
		answer.Body.Close()
		text, err := get(url + "/executions/followed")
		return err == nil && strings.Contains(text, `"state":"done"`)
	})
	var all sync.WaitGroup
	for _, stream := range streams {
		all.Go(func() {
			text, err := io.ReadAll(stream.Body)
			if err != nil || !strings.Contains(string(text), fmt.Sprintf(`%d\n`, lines-1)) || !strings.HasSuffix(strings.TrimSpace(string(text)), "}") || !strings.Contains(string(text), "event: done") {
				t.Errorf("a reader got %d bytes: %v", len(text), err)
			}
		})
	}
	all.Wait()

	under := medianOfCells(t, url, cells)
	t.Logf("median of a cell: %v alone, %v under load", before, under)
	for _, sender := range senders {
		fmt.Fprint(sender, body[5:])
		answer, err := http.ReadResponse(bufio.NewReader(sender), nil)
		if err != nil {
			t.Fatal(err)
		}
		if text, err := io.ReadAll(answer.Body); err != nil || !strings.Contains(string(text), `"stdout":"sent slowly\n"`) {
			t.Errorf("a slow sender is answered %v %s", err, text)
		}
	}
}

func medianOfCells(t *testing.T, url string, count int) time.Duration {
	t.Helper()
	var took []time.Duration
	for i := range count {
		began := time.Now()
		if got := mustExecute(t, url, fmt.Sprintf("print(%d)", i)); got != fmt.Sprintf("%d\n", i) {
			t.Errorf("got %s", got)
		}
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	return took[count/2]
}
