package notebook

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// documents is the folder docs.
var documents string

// example is one block of commands of the document: what is run, and what the
// block of output behind it shows, in which … stands for any text.
type example struct {
	heading, commands, shown string
}

var (
	exampleForm = regexp.MustCompile("(?ms)^## (.+?)$|^```sh\n(.*?)^```\n(?:\n```(?:json|text)\n(.*?)^```\n)?")
	addressForm = "http://localhost:8000"
)

func readExamples(t *testing.T, name string) (examples []example) {
	t.Helper()
	document, err := os.ReadFile(filepath.Join(documents, name))
	if err != nil {
		t.Fatal(err)
	}
	heading := ""
	for _, found := range exampleForm.FindAllStringSubmatch(string(document), -1) {
		if found[1] != "" {
			heading = found[1]
			continue
		}
		if strings.Contains(found[2], "curl") {
			examples = append(examples, example{heading, found[2], found[3]})
		}
	}
	return examples
}

// TestExamplesOfTheDocuments runs every block that uses curl, in order, and looks
// for what the document shows.
func TestExamplesOfTheDocuments(t *testing.T) {
	t.Run("notebooks", func(t *testing.T) { runExamples(t, "notebooks.md", 14) })
	t.Run("intelligence", func(t *testing.T) { runExamples(t, "intelligence.md", 6) })
}

func runExamples(t *testing.T, document string, atLeast int) {
	if _, err := exec.LookPath("curl"); err != nil {
		t.Fatal("curl is needed to run the document's examples; install it: apt-get install curl")
	}
	useFreshHandler(t)
	post(t, "/reset", nil)
	// The time limit is only there to end an example that waits in vain.
	ctx, cancel := context.WithTimeout(context.Background(), 4*time.Minute)
	t.Cleanup(cancel)
	examples := readExamples(t, document)
	if len(examples) < atLeast {
		t.Fatalf("only %d examples were found", len(examples))
	}
	folder := t.TempDir()
	for _, e := range examples {
		if e.shown == "" {
			t.Errorf("%s: a block shows nothing of its output:\n%s", e.heading, e.commands)
		}
		script := filepath.Join(folder, "example.sh")
		commands := strings.ReplaceAll(e.commands, addressForm, "http://"+address)
		if err := os.WriteFile(script, []byte(commands), 0o600); err != nil {
			t.Fatal(err)
		}
		command := exec.CommandContext(ctx, "bash", "-euo", "pipefail", script)
		command.Dir = folder
		command.WaitDelay = time.Second
		command.Env = append(os.Environ(), "MRP=http://"+address+"/mrp/v1")
		output, err := command.CombinedOutput()
		if err != nil {
			t.Errorf("%s: %v\n%s%s", e.heading, err, e.commands, output)
		}
		rest := string(output)
		for _, line := range strings.Split(strings.TrimSpace(e.shown), "\n") {
			for _, part := range strings.Split(line, "…") {
				before, after, found := strings.Cut(rest, strings.TrimSpace(part))
				if !found {
					t.Errorf("%s: the output does not have %q where it should\n%s\noutput:\n%s", e.heading, part, e.commands, output)
					break
				}
				_ = before
				rest = after
			}
		}
	}
	waitFor(t, "the runtime to be idle", func() bool { return get(t, "/health")["state"] == "idle" })
}
