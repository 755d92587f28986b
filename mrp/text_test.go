package mrp

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"
)

func printing(lines int, line string) toyCell {
	return func(_ context.Context, sink Sink, _ <-chan struct{}) Outcome {
		for range lines {
			sink.Text(Stdout, []byte(line))
		}
		return Outcome{}
	}
}

func TestTenMegabytesOnTheWire(t *testing.T) {
	rt := serve(t)
	line := strings.Repeat("x", 99) + "\n"
	rt.engine.on("loud", printing(100_000, line))
	reader := rt.run(`{"code":"loud","execId":"loud"}`)
	events := reader.all(0)
	if reader.size >= 30_000_000 {
		t.Errorf("%d bytes on the wire", reader.size)
	}
	var stdout strings.Builder
	for _, e := range events {
		if e.name != "stdout" {
			continue
		}
		stdout.WriteString(e.data["content"].(string))
		accumulated := e.data["accumulated"].(string)
		if !strings.HasSuffix(stdout.String(), accumulated) || len(accumulated) > accumulatedLimit {
			t.Fatalf("event %d repeats %d bytes of something else", e.seq(), len(accumulated))
		}
		if truncated := e.data["accumulatedTruncated"] == true; truncated != (stdout.Len() > accumulatedLimit) || !truncated && len(accumulated) != stdout.Len() {
			t.Fatalf("event %d: truncated %v with %d of %d bytes", e.seq(), truncated, len(accumulated), stdout.Len())
		}
	}
	if stdout.String() != strings.Repeat(line, 100_000) {
		t.Error("the events' text is not what was printed")
	}
	result := events[len(events)-2].data
	text := result["stdout"].(string)
	head, rest, _ := strings.Cut(text, "\n… [")
	note, tail, _ := strings.Cut(rest, "] …\n")
	var missing int
	if _, err := fmt.Sscanf(note, "%d bytes not shown: GET /mrp/v1/executions/loud/output/stdout has all", &missing); err != nil {
		t.Errorf("the note is %q: %v", note, err)
	}
	if len(head)+missing+len(tail) != 10_000_000 || len(head) != 2*mebibyte || result["stdoutTruncated"] != true ||
		result["stdoutBytes"] != 1e7 || result["stdoutUrl"] != "/mrp/v1/executions/loud/output/stdout" {
		t.Errorf("%d + %d + %d bytes; %v %v %v", len(head), missing, len(tail), result["stdoutTruncated"], result["stdoutBytes"], result["stdoutUrl"])
	}
	all := rt.do("GET", result["stdoutUrl"].(string), "")
	if string(all.body) != stdout.String() || all.header.Get("Content-Type") != "text/plain; charset=utf-8" || all.header.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("the whole output: %d bytes, %v", len(all.body), all.header)
	}
}

func TestAccumulatedModes(t *testing.T) {
	rt := serve(t)
	more := make(chan struct{})
	rt.engine.on("two", func(_ context.Context, sink Sink, _ <-chan struct{}) Outcome {
		sink.Text(Stdout, []byte(strings.Repeat("a", 20_000)))
		<-more
		sink.Text(Stdout, []byte("é"))
		return Outcome{}
	})
	second := func(reader *eventReader) event {
		reader.until("stdout")
		more <- struct{}{}
		return reader.until("stdout")
	}
	for _, c := range []struct {
		mode      string
		length    int
		truncated any
	}{
		{`"full"`, 20_002, nil}, {`"tail"`, accumulatedTail, true}, {`"none"`, 0, nil}, {`null`, 20_002, nil},
	} {
		id := "m" + strings.Trim(c.mode, `"`)
		e := second(rt.run(fmt.Sprintf(`{"code":"two","execId":"%s","accumulated":%s}`, id, c.mode)))
		if e.data["content"] != "é" || len(e.data["accumulated"].(string)) != c.length || e.data["accumulatedTruncated"] != c.truncated {
			t.Errorf("%s: %d bytes, truncated %v", c.mode, len(e.data["accumulated"].(string)), e.data["accumulatedTruncated"])
		}
		replayed := rt.stream(context.Background(), "GET", "/executions/"+id+"/stream?accumulated=tail", "").all(0)
		if got := replayed[2].data["accumulated"].(string); len(got) != accumulatedTail {
			t.Errorf("%s replayed with a tail: %d bytes", c.mode, len(got))
		}
	}
}

func TestLongTextGoesToTheSpool(t *testing.T) {
	rt := serve(t, func(o *Options) {
		o.Limits.TextMemory = 1000
		o.Limits.ResultText = 500
		o.Limits.RetainCount = 1
	})
	random := rand.New(rand.NewPCG(1, 2))
	var want strings.Builder
	rt.engine.on("loud", func(_ context.Context, sink Sink, _ <-chan struct{}) Outcome {
		want.Reset()
		for want.Len() < 2_500_000 {
			line := strings.Repeat("aé€😀\n"[:[]int{1, 3, 6, 10, 11}[random.IntN(5)]], 1+random.IntN(200))
			want.WriteString(line)
			sink.Text(Stdout, []byte(line))
		}
		sink.Text(Stderr, []byte("short"))
		return Outcome{}
	})
	reader := rt.run(`{"code":"loud","execId":"one","accumulated":"none"}`)
	var content strings.Builder
	for _, e := range reader.all(0) {
		if e.name == "stdout" {
			content.WriteString(e.data["content"].(string))
		}
	}
	if content.String() != want.String() {
		t.Error("live: not what was printed")
	}
	files, _ := filepath.Glob(filepath.Join(rt.spool, "*"))
	if len(files) != 1 {
		t.Fatalf("spool files: %v", files)
	}
	if info, err := os.Stat(files[0]); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info.Mode(), err)
	}
	content.Reset()
	for _, e := range rt.stream(context.Background(), "GET", "/executions/one/stream", "").all(0) {
		if e.name == "stdout" {
			content.WriteString(e.data["content"].(string))
		}
	}
	if content.String() != want.String() {
		t.Error("replayed: not what was printed")
	}
	all := rt.do("GET", "/mrp/v1/executions/one/output/stdout", "")
	if string(all.body) != want.String() || all.header.Get("Content-Length") != fmt.Sprint(want.Len()) {
		t.Errorf("whole: %d bytes of %d", len(all.body), want.Len())
	}
	stdout := rt.get("/executions/one")["result"].(map[string]any)["stdout"].(string)
	if strings.ContainsRune(stdout, utf8.RuneError) {
		t.Error("a character was cut")
	}
	if head, _, ok := strings.Cut(stdout, "\n… ["); !ok || !strings.HasPrefix(want.String(), head) || len(head) < 250 {
		t.Errorf("the result's head: %.80q", stdout)
	}
	if _, tail, ok := strings.Cut(stdout, "] …\n"); !ok || !strings.HasSuffix(want.String(), tail) {
		t.Error("the result's tail")
	}
	rt.post("/execute", `{"code":"1"}`)
	waitFor(t, "the dropped one's file to go", func() bool {
		files, _ := filepath.Glob(filepath.Join(rt.spool, "*"))
		return len(files) == 0
	})
	rt.run(`{"code":"loud","execId":"two","accumulated":"none"}`).all(0)
	rt.handler.Close()
	if files, _ := filepath.Glob(filepath.Join(rt.spool, "*")); len(files) != 0 {
		t.Errorf("after Close: %v", files)
	}
}

// TestCellThatOutlivesTheHandler leaves nothing behind.
func TestCellThatOutlivesTheHandler(t *testing.T) {
	rt := serve(t, func(o *Options) { o.Limits.TextMemory = 1000 })
	entered, leave, ended := make(chan struct{}), make(chan struct{}), make(chan struct{})
	rt.engine.on("loud", func(_ context.Context, sink Sink, _ <-chan struct{}) Outcome {
		defer close(ended)
		for i := range 4 {
			sink.Text(Stdout, bytes.Repeat([]byte("x"), 2*tailKept))
			if i == 0 {
				close(entered)
				<-leave
			}
		}
		return Outcome{}
	})
	rt.run(`{"code":"loud","accumulated":"none"}`)
	<-entered
	if err := rt.handler.Close(); err != nil {
		t.Error(err)
	}
	close(leave)
	<-ended
	waitFor(t, "the files to be gone", func() bool {
		files, err := filepath.Glob(filepath.Join(rt.spool, "*"))
		return err == nil && len(files) == 0 && rt.handler.queue.state().current == nil
	})
}

// TestSpoolThatCannotBeWritten: with a full disk the middle of an output that is too
// long for memory is lost, which is said, and nothing else.
func TestSpoolThatCannotBeWritten(t *testing.T) {
	blocked := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(blocked, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	rt := serve(t, func(o *Options) {
		o.SpoolDir = filepath.Join(blocked, "spool")
		o.Limits.TextMemory, o.Limits.UnsavedText = 1000, 3*mebibyte
	})
	rt.engine.on("loud", func(_ context.Context, sink Sink, _ <-chan struct{}) Outcome {
		sink.Text(Stdout, []byte("begin\n"))
		for range 50_000 {
			sink.Text(Stdout, []byte(strings.Repeat("é", 49)+"\n"))
		}
		sink.Text(Stdout, []byte("end\n"))
		sink.Display(textDisplay(strings.Repeat("d", 5_000), ""))
		return Outcome{}
	})
	answer := rt.post("/execute", `{"code":"loud","execId":"x"}`)
	display := answer["displayData"].([]any)[0].(map[string]any)["data"].(map[string]any)["text/plain"].(string)
	if len(display) != 5000 {
		t.Errorf("the display has %d bytes", len(display))
	}
	all := string(rt.do("GET", "/mrp/v1/executions/x/output/stdout", "").body)
	if !strings.HasPrefix(all, "begin\n") || !strings.HasSuffix(all, "end\n") || !strings.Contains(all, "bytes of output are lost: making the spool folder") {
		t.Errorf("%.50q … %d … %.50q", all, len(all), all[len(all)-50:])
	}
	if strings.ContainsRune(all, utf8.RuneError) {
		t.Error("a character was cut")
	}
	events := rt.stream(context.Background(), "GET", "/executions/x/stream?accumulated=none", "").all(0)
	if events[len(events)-1].name != "done" {
		t.Errorf("got %s", names(events))
	}
}

func TestLineEndsThatOnlySomeKnow(t *testing.T) {
	rt := serve(t)
	text := "a\u2028b\u2029c\u0085d\re\nf\vg\x1ch\x00i"
	rt.engine.on("odd", func(_ context.Context, sink Sink, _ <-chan struct{}) Outcome {
		sink.Text(Stdout, []byte(text))
		sink.Display(textDisplay(text, ""))
		return Outcome{Result: &text}
	})
	reader := rt.run(`{"code":"odd"}`)
	for {
		e, ok := reader.next()
		if !ok {
			break
		}
		if strings.ContainsAny(e.raw, "\u2028\u2029\u0085\r\v\x1c\x00") {
			t.Errorf("%s has a line end: %q", e.name, e.raw)
		}
		if e.name == "stdout" && e.data["content"] != text {
			t.Errorf("got %q", e.data["content"])
		}
		if e.name == "result" && (e.data["result"] != text || e.data["stdout"] != text) {
			t.Errorf("got %v", e.data)
		}
	}
}

// TestByteStoreWithoutADisk: what can't be written stays in memory up to a limit, and
// comes to the file when there is room again.
func TestByteStoreWithoutADisk(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "spool")
	if err := os.WriteFile(folder, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	failures := 0
	store := &byteStore{
		memoryLimit: 1000, unsavedLimit: 12 * mebibyte,
		spool: &spool{dir: folder, failed: func(error) { failures++ }},
	}
	log := &eventLog{}
	var want []byte
	write := func(size int) {
		for end := len(want) + size; len(want) < end; {
			piece := fmt.Appendf(nil, "%d%s\n", len(want), strings.Repeat("é", 600))
			store.append(piece)
			want = append(want, piece...)
		}
	}
	stored := func(from int) (text []byte) {
		var scratch []byte
		log.eachPiece(store, int64(from), store.size(), &scratch, func(piece []byte) { text = append(text, piece...) })
		return text
	}
	write(11 * mebibyte)
	if !bytes.Equal(stored(0), want) {
		t.Error("what fits into memory is lost")
	}
	if failures != 1 {
		t.Errorf("%d failures are reported", failures)
	}
	if err := os.Remove(folder); err != nil {
		t.Fatal(err)
	}
	write(2 * mebibyte)
	if !bytes.Equal(stored(0), want) {
		t.Error("what was kept for later is lost")
	}
	if memory := store.memory(); memory > 8*mebibyte {
		t.Errorf("%d bytes are still in memory", memory)
	}
	store.remove()
	if err := os.RemoveAll(folder); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(folder, nil, 0o600); err != nil {
		t.Fatal(err)
	}

	store = &byteStore{memoryLimit: 1000, unsavedLimit: 8 * mebibyte, spool: store.spool}
	want = nil
	most := int64(0)
	for range 30 {
		write(mebibyte)
		most = max(most, store.memory())
		if recent := len(want) - 4*mebibyte + 20; recent > 0 && !bytes.HasSuffix(want, stored(recent)) {
			t.Fatalf("the newest 4 MiB of %d bytes are incomplete", len(want))
		}
	}
	if most > 20*mebibyte {
		t.Errorf("%d bytes were in memory", most)
	}
	store.settle()
	all := stored(0)
	begin, note, found := bytes.Cut(all, []byte("\n… ["))
	note, end, _ := bytes.Cut(note, []byte("] …\n"))
	lost, _, _ := strings.Cut(string(note), " bytes of output are lost: ")
	if !found || !bytes.HasPrefix(want, begin) || !bytes.HasSuffix(want, end) || lost != strconv.Itoa(len(want)-len(begin)-len(end)) {
		t.Errorf("%d bytes, %q, %d bytes of %d", len(begin), note, len(end), len(want))
	}
	if !utf8.Valid(all) {
		t.Error("a character was cut")
	}
}

func TestByteStoreGivesBackWhatItTook(t *testing.T) {
	for _, memoryLimit := range []int{0, 1, 10, 100_000, 3 * mebibyte} {
		store := &byteStore{memoryLimit: memoryLimit, spool: &spool{dir: t.TempDir(), failed: func(err error) { t.Error(err) }}}
		var want []byte
		random := rand.New(rand.NewPCG(1, uint64(memoryLimit)))
		for len(want) < 4*mebibyte {
			piece := bytes.Repeat([]byte{byte('a' + random.IntN(26))}, random.IntN(100_000))
			store.append(piece)
			want = append(want, piece...)
		}
		log := &eventLog{}
		check := func() {
			t.Helper()
			if store.size() != int64(len(want)) {
				t.Fatalf("size %d of %d", store.size(), len(want))
			}
			for range 50 {
				from := random.Int64N(store.size())
				to := from + 1 + random.Int64N(min(200_000, store.size()-from))
				var got []byte
				var scratch []byte
				log.eachPiece(store, from, to, &scratch, func(piece []byte) { got = append(got, piece...) })
				if !bytes.Equal(got, want[from:to]) {
					t.Fatalf("limit %d: %d..%d differs", memoryLimit, from, to)
				}
			}
		}
		check()
		store.settle()
		check()
		if memory := store.memory(); memory > int64(memoryLimit)*2 && memory > wireChunk {
			t.Errorf("limit %d: %d bytes of memory after the end", memoryLimit, memory)
		}
		store.remove()
	}
}

func TestPiecesEndBetweenCharacters(t *testing.T) {
	text := []byte(strings.Repeat("aé€😀", 40_000))
	for _, pieces := range []int{1, 7, 100_000} {
		w := newWireWriter(nil)
		w.openString()
		for rest := text; len(rest) > 0; {
			n := runeBoundary(rest, min(pieces+3, len(rest)))
			w.stringPiece(rest[:n])
			rest = rest[n:]
		}
		w.closeString()
		if string(w.buffer) != quoteRaw(text) {
			t.Errorf("pieces of %d differ", pieces)
		}
		w.release()
	}
}

func quoteRaw(text []byte) string { return string(appendQuoted(nil, text)) }

type failingWriter struct{}

func (failingWriter) Write([]byte) (int, error) { return 0, errors.New("gone") }

func TestWriterStopsAtAnError(t *testing.T) {
	w := newWireWriter(failingWriter{})
	defer w.release()
	w.openString()
	w.stringPiece(bytes.Repeat([]byte("x"), 10*wireChunk))
	if w.err == nil || len(w.buffer) > 2*wireChunk {
		t.Errorf("%v after %d bytes", w.err, len(w.buffer))
	}
}
