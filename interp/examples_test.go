package interp

import (
	"flag"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// examplesVariable tells a process of the tests to run the examples and nothing else:
// an example has an engine of its own, which needs the main goroutine of a process.
const examplesVariable = "MRMD_TEST_EXAMPLES"

// runExamples runs them, on the goroutine that calls it.
func runExamples(m *testing.M) int {
	if _, err := saveStandardStreams(); err != nil {
		panic(err)
	}
	return m.Run()
}

// leaveExamplesOut has the tests of this process not run them.
func leaveExamplesOut() error {
	flag.Parse()
	skipped := "^Example"
	if asked := flag.Lookup("test.skip").Value.String(); asked != "" {
		skipped += "|" + asked
	}
	return flag.Set("test.skip", skipped)
}

func TestExamples(t *testing.T) {
	command := exec.Command(os.Args[0], "-test.run=^Example", "-test.v")
	command.Env = append(os.Environ(), examplesVariable+"=1", "MRMD_TEST_VENV="+os.Getenv("MRMD_TEST_VENV"))
	command.Dir = t.TempDir()
	output, err := command.CombinedOutput()
	if err != nil || !strings.Contains(string(output), "--- PASS: Example") {
		t.Errorf("the examples: %v\n%s", err, output)
	}
}
