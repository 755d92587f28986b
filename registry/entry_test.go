package registry

import (
	"bytes"
	"reflect"
	"strings"
	"testing"
	"time"
)

// entryOf042 is an entry as mrmd-python 0.4.2 writes it.
const entryOf042 = `{
  "id": "d1",
  "pid": 7125,
  "port": 18811,
  "host": "localhost",
  "url": "http://localhost:18811/mrp/v1",
  "venv": "/usr",
  "cwd": "/home/u/notes",
  "assets_dir": null,
  "created": "2026-11-22T06:57:02.271838+00:00",
  "lastActivity": "2026-11-22T06:57:02.271884+00:00"
}`

func TestEntryOf042IsWrittenAsItWasRead(t *testing.T) {
	entry, err := ParseEntry([]byte(entryOf042))
	if err != nil {
		t.Fatal(err)
	}
	if entry.PID != 7125 || entry.AssetsDir != nil || string(entry.Raw) != entryOf042 {
		t.Errorf("ParseEntry = %+v", entry)
	}
	text, err := entry.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if string(text) != entryOf042+"\n" {
		t.Errorf("Encode:\n%s\nwant\n%s", text, entryOf042)
	}
}

func TestUnknownFieldsAreKept(t *testing.T) {
	text := strings.Replace(entryOf042, `"port"`, `"zeta": [1, {"b": null}], "alpha": "é", "port"`, 1)
	entry, err := ParseEntry([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	entry.Port = 5
	written, err := entry.Encode()
	if err != nil {
		t.Fatal(err)
	}
	again, err := ParseEntry(written)
	if err != nil {
		t.Fatal(err)
	}
	zeta, alpha := bytes.Index(written, []byte(`"zeta"`)), bytes.Index(written, []byte(`"alpha": "é"`))
	if again.Port != 5 || zeta < 0 || alpha < zeta {
		t.Errorf("rewritten as\n%s", written)
	}
}

func TestAllFieldsSurviveEncoding(t *testing.T) {
	assets, kills := "/a <&> b", uint64(0)
	entry := Entry{ID: "a:b", PID: 3, Port: 4, Host: "h", URL: "u", Venv: "v", Cwd: "c", AssetsDir: &assets,
		Created: "2026-11-22T06:57:02.271838+00:00", LastActivity: "x", StartTime: 1 << 60, BootID: "b",
		Version: "1", Python: "p", PythonVersion: "3.12.1", ABI: "cp312", VenvReason: "asked",
		Executable: "/e", Argv: []string{"mrmd-python", "--id", "a:b"}, State: "stopping: SIGTERM",
		OOMKills: &kills, Token: "t", Socket: "/s"}
	value := reflect.ValueOf(entry)
	for index := range value.NumField() {
		if name := value.Type().Field(index).Name; value.Field(index).IsZero() && name != "Unknown" && name != "Raw" {
			t.Errorf("the test sets no %s", name)
		}
	}
	text, err := entry.Encode()
	if err != nil {
		t.Fatal(err)
	}
	again, err := ParseEntry(text)
	if err != nil {
		t.Fatal(err)
	}
	again.Raw = nil
	if !reflect.DeepEqual(again, entry) {
		t.Errorf("read back %+v\nwant %+v", again, entry)
	}
}

func TestPathsThatAreNotUTF8DoNotHideARuntime(t *testing.T) {
	for _, cwd := range []string{`"/\udcff"`, "\"/\xff\""} {
		if _, err := ParseEntry([]byte(`{"id": "x", "pid": 1, "cwd": ` + cwd + `}`)); err != nil {
			t.Errorf("cwd %q: %v", cwd, err)
		}
	}
	if _, err := (Entry{ID: "x", Cwd: "/\xff"}).Encode(); err != nil {
		t.Error(err)
	}
}

func TestWhatIsNoEntryIsRefused(t *testing.T) {
	for name, text := range map[string]string{
		"empty":          "",
		"torn":           entryOf042[:len(entryOf042)/2],
		"two":            entryOf042 + entryOf042,
		"array":          "[]",
		"null":           "null",
		"no id":          `{"pid": 3}`,
		"null id":        `{"id": null}`,
		"pid is text":    `{"id": "x", "pid": "7"}`,
		"pid is -1":      `{"id": "x", "pid": -1}`,
		"pid is too big": `{"id": "x", "pid": 4294967297}`,
		"binary":         "\x00\x01\x02",
	} {
		if entry, err := ParseEntry([]byte(text)); err == nil {
			t.Errorf("%s: read as %+v", name, entry)
		}
	}
}

func TestFieldsMayBeMissing(t *testing.T) {
	entry, err := ParseEntry([]byte(`{"id": "nopid", "created": "x"}`))
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := entry.Created.Time(); ok || entry.PID != 0 || entry.Alive() {
		t.Errorf("read as %+v", entry)
	}
}

func TestTimestampIsWhatPythonWrites(t *testing.T) {
	at := time.Date(2026, 11, 22, 7, 57, 2, 271838999, time.FixedZone("CET", 3600))
	stamp := NewTimestamp(at)
	if stamp != "2026-11-22T06:57:02.271838+00:00" {
		t.Errorf("NewTimestamp = %s", stamp)
	}
	read, ok := stamp.Time()
	if !ok || !read.Equal(at.Truncate(time.Microsecond)) {
		t.Errorf("Time() = %s, %t", read, ok)
	}
}

func FuzzParseEntry(f *testing.F) {
	for _, seed := range []string{entryOf042, `{"id": "x"}`, `{"id": "", "pid": 0, "x": {"id": 1}}`, `{"id":"\ud800"}`, "{", ""} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		entry, err := ParseEntry(text)
		if err != nil {
			return
		}
		if entry.PID < 0 {
			t.Fatalf("pid %d came through", entry.PID)
		}
		first, err := entry.Encode()
		if err != nil {
			t.Fatal(err)
		}
		again, err := ParseEntry(first)
		if err != nil {
			t.Fatalf("what was written can't be read: %v\n%s", err, first)
		}
		second, err := again.Encode()
		if err != nil || !bytes.Equal(first, second) {
			t.Fatalf("written twice: %v\n%s\n%s", err, first, second)
		}
	})
}
