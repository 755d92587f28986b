package wheeltest

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestBuiltAgainItIsTheSame builds the wheel once more, in other circumstances: later,
// with another umask and other temporary folders.
func TestBuiltAgainItIsTheSame(t *testing.T) {
	thorough(t)
	folder := t.TempDir()
	command := exec.Command("sh", "-c", `umask 077; exec ../../scripts/build-wheel "$0" "$1"`, folder, basePython)
	command.Env = append(os.Environ(), "TMPDIR="+t.TempDir(), "TZ=Asia/Tokyo")
	var said bytes.Buffer
	command.Stderr = &said
	output, err := command.Output()
	if err != nil {
		t.Fatalf("building: %v\n%s", err, said.String())
	}
	built := strings.TrimSpace(string(output))
	if filepath.Base(built) != filepath.Base(wheelPath) {
		t.Errorf("it is called %s, want %s", filepath.Base(built), filepath.Base(wheelPath))
	}
	again, err := os.ReadFile(built)
	if err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(wheelPath)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(again, before) {
		t.Errorf("%s and %s differ", built, wheelPath)
	}
}
