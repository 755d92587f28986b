package interp

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestOutputKeepsTheOrderOfItsWriters(t *testing.T) {
	_, shown := mustRun(t, `
import ctypes, os, subprocess, sys
libc = ctypes.CDLL(None)
for i in range(50):
    print('a', i)
    os.write(1, b'b\n')
    subprocess.run(['echo', 'c'])
    libc.puts(b'd'); libc.fflush(None)
    pid = os.fork()
    if pid == 0:
        print('e')
        os._exit(0)
    os.waitpid(pid, 0)
    sys.stdout.buffer.write(b'f\n')
`)
	var want strings.Builder
	for i := range 50 {
		want.WriteString("a " + itoa(i) + "\nb\nc\nd\ne\nf\n")
	}
	if shown.stdout() != want.String() {
		t.Errorf("out of order:\n%s", shown.stdout())
	}
}

func itoa(i int) string {
	if i < 10 {
		return string(rune('0' + i))
	}
	return itoa(i/10) + itoa(i%10)
}

func TestStdoutAndStderrKeepTheirOrder(t *testing.T) {
	_, shown := mustRun(t, "import sys\nfor i in range(3):\n    print('o')\n    print('e', file=sys.stderr)")
	var streams []string
	for _, entry := range shown.order {
		stream, _, _ := strings.Cut(entry, ":")
		if len(streams) == 0 || streams[len(streams)-1] != stream {
			streams = append(streams, stream)
		}
	}
	if got := strings.Join(streams, " "); got != "stdout stderr stdout stderr stdout stderr" {
		t.Errorf("streams came as %s", got)
	}
}

func TestUnfinishedPrintfArrivesBeforeTheEnd(t *testing.T) {
	_, shown := mustRun(t, "import ctypes\nctypes.CDLL(None).printf(b'no newline')")
	if shown.stdout() != "no newline" {
		t.Errorf("stdout %q", shown.stdout())
	}
}

func TestNoCharacterIsSplit(t *testing.T) {
	shown := &transcript{}
	runInto(t, `
import os, subprocess, sys
text = ('x' + 'é✓😀' * 4000 + '\n').encode()
for i in range(0, len(text), 1000):
    os.write(1, text[i:i+1000])
subprocess.run([sys.executable, '-c', 'print("é✓😀" * 20000)'])
print('é✓😀' * 20000)
`, shown)
	for _, entry := range shown.order {
		if !utf8.ValidString(entry) {
			t.Fatalf("a piece is not UTF-8: %q", entry[:20])
		}
	}
	want := "x" + strings.Repeat("é✓😀", 4000) + "\n" + strings.Repeat(strings.Repeat("é✓😀", 20000)+"\n", 2)
	if shown.stdout() != want {
		t.Errorf("got %d bytes, want %d", len(shown.stdout()), len(want))
	}
}

func TestBytesThatAreNotText(t *testing.T) {
	_, shown := mustRun(t, `import os; os.write(1, b'a\xff\xfeb\x00\x07\xc3')`)
	if want := "a\ufffd\ufffdb\x00\x07\ufffd"; shown.stdout() != want {
		t.Errorf("stdout %q, want %q", shown.stdout(), want)
	}
}

func TestRawTerminalOutputPassesThrough(t *testing.T) {
	_, shown := mustRun(t, `
import os, sys, subprocess
print('10%\r20%', end='\r\n'); os.write(1, b'\x1b[31mred\x1b[0m\n')
subprocess.run(['printf', 'x\\ny\\r\\n'])
print(sys.stdout.isatty(), sys.stderr.isatty(), os.isatty(1), sys.stdout.encoding, os.get_terminal_size().columns)`)
	want := "10%\r20%\r\n\x1b[31mred\x1b[0m\nx\ny\r\nTrue True True utf-8 100\n"
	if shown.stdout() != want {
		t.Errorf("stdout %q, want %q", shown.stdout(), want)
	}
}

func TestMuchOutputIsWhole(t *testing.T) {
	_, shown := mustRun(t, `
import subprocess, sys
for i in range(30000): print(i)
subprocess.run([sys.executable, '-c', 'for i in range(30000, 60000): print(i)'])
sys.stdout.write('y' * 20_000_000 + '\n')`)
	var want strings.Builder
	for i := range 60000 {
		want.WriteString(itoa(i) + "\n")
	}
	want.WriteString(strings.Repeat("y", 20_000_000) + "\n")
	if shown.stdout() != want.String() {
		t.Errorf("got %d bytes, want %d", len(shown.stdout()), want.Len())
	}
}

func TestRedirectionsAreTheUsers(t *testing.T) {
	result, shown := mustRun(t, `
import contextlib, io, os, sys, tempfile
with contextlib.redirect_stdout(io.StringIO()) as text:
    print('into memory')
with tempfile.TemporaryFile() as file:
    kept = os.dup(1); os.dup2(file.fileno(), 1)
    print('into the file'); os.write(1, b'and this\n')
    os.dup2(kept, 1); os.close(kept)
    file.seek(0); content = file.read()
print('shown')
(text.getvalue(), content)`)
	if want := `('into memory\n', b'into the file\nand this\n')`; result != want {
		t.Errorf("result %s, want %s", result, want)
	}
	if shown.stdout() != "shown\n" {
		t.Errorf("stdout %q", shown.stdout())
	}
}

// Its number would be the next file's or connection's, which would get all output.
func TestClosedDescriptorsAreThereInTheNextCell(t *testing.T) {
	outcome, _ := run(t, "import os\nos.close(1); os.close(2)\nprint('lost')")
	if outcome.Error == nil || outcome.Error.Type != "OSError" {
		t.Errorf("printing to a closed descriptor: %+v", outcome.Error)
	}
	result, shown := mustRun(t, "import sys\nprint('out'); os.system('echo child; echo err >&2')\nsys.stdout.isatty(), os.isatty(2)")
	if shown.stdout() != "out\nchild\n" || shown.stderr() != "err\n" || result != "(True, True)" {
		t.Errorf("stdout %q, stderr %q, result %s", shown.stdout(), shown.stderr(), result)
	}
}

func TestCaptureMagic(t *testing.T) {
	_, shown := mustRun(t, "%%capture cap\nprint('z')\n1+1")
	if shown.stdout() != "" {
		t.Errorf("stdout %q", shown.stdout())
	}
	if result, _ := mustRun(t, "cap.stdout"); result != `'z\n'` {
		t.Errorf("captured %s", result)
	}
}

func TestLoneSurrogateIsTheUsersError(t *testing.T) {
	outcome, _ := run(t, `print('\ud800')`)
	if outcome.Error == nil || outcome.Error.Type != "UnicodeEncodeError" {
		t.Errorf("error %+v", outcome.Error)
	}
	if _, shown := mustRun(t, `import sys; print('\ud800', file=sys.stderr)`); shown.stderr() != "\\ud800\n" {
		t.Errorf("stderr %q", shown.stderr())
	}
}

func TestStreamMethods(t *testing.T) {
	outcome, _ := run(t, "import sys; sys.stdout.write(5)")
	if outcome.Error == nil || outcome.Error.Message != "write() argument must be str, not int" {
		t.Errorf("error %+v", outcome.Error)
	}
	result, shown := mustRun(t, `
import sys
sys.stderr.reconfigure(errors='replace'); print('\ud800', file=sys.stderr); sys.stderr.reconfigure(errors='backslashreplace')
(sys.stdout.write('é'), sys.stdout.writelines(['a', 'b']), sys.stdout.fileno(), sys.stdout.name, sys.stdout.writable(), sys.stdout.line_buffering)`)
	if shown.stdout() != "éab" || shown.stderr() != "?\n" {
		t.Errorf("stdout %q stderr %q", shown.stdout(), shown.stderr())
	}
	if result != "(1, None, 1, '<stdout>', True, False)" {
		t.Errorf("result %s", result)
	}
}

func TestWhatIsPrintedIsNotKept(t *testing.T) {
	outcome, _ := run(t, `
import sys
text = ''.join(['printed'] * 100)
before = sys.getrefcount(text)
print(text); sys.stdout.write(text); sys.stderr.write(text)
sys.getrefcount(text) - before`)
	if outcome.Result == nil || *outcome.Result != "0" {
		t.Errorf("the references that are left: %v", outcome)
	}
}
