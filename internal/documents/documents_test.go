package documents

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const root = "../.."

// runBy names, for the blocks of a document in a language, the file of the test that
// runs them and the test, or says behind "not run: " why nothing does.
var runBy = map[string]string{
	"README.md sh":              "internal/wheeltest/documents_test.go TestReadmeRuntimes",
	"CONTRIBUTING.md sh":        "internal/wheeltest/documents_test.go TestDocumentedMakeTargets",
	"docs/agents.md json":       "internal/wheeltest/documents_test.go TestDocumentedAgentSettings",
	"docs/architecture.md text": "not run: the picture of the packages",
	"docs/benchmarks.md sh":     "bench/readme_test.go TestDocumentedCommandsAreUnderstood",
	"docs/cli.md text":          "cmd/mrmd-python/docs_test.go TestCommandLineDocumentation",
	"docs/embedding.md python":  "internal/wheeltest/documents_test.go TestDocumentedApp",
	"docs/gallery.md python":    "internal/workloads/shown/gallery_test.go TestGallery",
	"docs/gallery.md json":      "internal/workloads/shown/gallery_test.go TestGallery",
	"docs/gallery.md text":      "internal/workloads/shown/gallery_test.go TestGallery",
	"docs/intelligence.md sh":   "internal/notebook/docs_test.go TestExamplesOfTheDocuments",
	"docs/intelligence.md json": "internal/notebook/docs_test.go TestExamplesOfTheDocuments",
	"docs/intelligence.md text": "internal/notebook/docs_test.go TestExamplesOfTheDocuments",
	"docs/notebooks.md sh":      "internal/notebook/docs_test.go TestExamplesOfTheDocuments",
	"docs/notebooks.md json":    "internal/notebook/docs_test.go TestExamplesOfTheDocuments",
	"docs/notebooks.md text":    "internal/notebook/docs_test.go TestExamplesOfTheDocuments",
	"docs/operations.md sh":     "cmd/mrmd-python/diagnostics_test.go TestDocumentedProfiles",
	"docs/operations.md text":   "cmd/mrmd-python/diagnostics_test.go TestDiagnostics",
	"docs/page.md sh":           "internal/wheeltest/documents_test.go TestReadmeRuntimes",
	"docs/scaling.md python":    "internal/workloads/processes/clusters_test.go TestScalingGuide",
	"docs/scaling.md sh":        "not run: it needs a second GPU and a Kubernetes cluster",
	"docs/wheels.md sh":         "internal/wheeltest/documents_test.go TestDocumentedMakeTargets",
}

// documents are all that a reader is led to, by path from the root.
func documents(t *testing.T) map[string]string {
	t.Helper()
	texts := map[string]string{}
	for _, pattern := range []string{"*.md", "docs/*.md"} {
		found, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range found {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			name, err := filepath.Rel(root, path)
			if err != nil {
				t.Fatal(err)
			}
			texts[name] = string(text)
		}
	}
	return texts
}

// TestEveryBlockIsRun fails for a block in a language that no test reads in its document,
// for one without a language, and for a test that is gone.
func TestEveryBlockIsRun(t *testing.T) {
	seen := map[string]bool{}
	for name, text := range documents(t) {
		inside := false
		for line := range strings.Lines(text) {
			language, isFence := strings.CutPrefix(strings.TrimSpace(line), "```")
			if !isFence {
				continue
			}
			if inside = !inside; !inside {
				continue
			}
			// What follows the language is the test's.
			language, _, _ = strings.Cut(language, " ")
			blocks := name + " " + language
			if _, known := runBy[blocks]; !known && !seen[blocks] {
				t.Errorf("%s has a block in %q: write a test that runs it and name that in runBy", name, language)
			}
			seen[blocks] = true
		}
	}
	for blocks, test := range runBy {
		if !seen[blocks] {
			t.Errorf("there are no blocks %s any more; remove them from runBy", blocks)
		}
		if reason, isNotRun := strings.CutPrefix(test, "not run: "); isNotRun && reason != "" {
			continue
		}
		path, function, _ := strings.Cut(test, " ")
		source, err := os.ReadFile(filepath.Join(root, path))
		if err != nil {
			t.Errorf("%s: %v", blocks, err)
		}
		if !strings.Contains(string(source), "func "+function+"(") {
			t.Errorf("%s: %s has no %s", blocks, path, function)
		}
	}
}

var (
	linkForm    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	headingForm = regexp.MustCompile(`(?m)^#+ +(.+)$`)
	fencedForm  = regexp.MustCompile("(?ms)^```.*?^```$")
)

// TestLinksLeadSomewhere follows the links within the repository, to files and headings.
func TestLinksLeadSomewhere(t *testing.T) {
	texts := documents(t)
	followed := 0
	for name, text := range texts {
		for _, link := range linkForm.FindAllStringSubmatch(fencedForm.ReplaceAllString(text, ""), -1) {
			target, anchor, _ := strings.Cut(link[1], "#")
			if strings.Contains(target, ":") {
				continue
			}
			followed++
			path := name
			if target != "" {
				path = filepath.Join(filepath.Dir(name), target)
			}
			if _, err := os.Stat(filepath.Join(root, path)); err != nil {
				t.Errorf("%s: the link to %s leads nowhere", name, link[1])
			}
			if anchor != "" && !hasHeading(texts[path], anchor) {
				t.Errorf("%s: %s has no heading for %s", name, path, link[1])
			}
		}
	}
	if followed < 30 {
		t.Errorf("only %d links were found", followed)
	}
}

// hasHeading says whether a heading has the anchor that GitHub gives it: in small
// letters, without punctuation, spaces as hyphens.
func hasHeading(text, anchor string) bool {
	dropped := regexp.MustCompile(`[^\p{L}\p{N}\- _]`)
	for _, heading := range headingForm.FindAllStringSubmatch(text, -1) {
		plain := dropped.ReplaceAllString(strings.ToLower(heading[1]), "")
		if strings.ReplaceAll(plain, " ", "-") == anchor {
			return true
		}
	}
	return false
}
