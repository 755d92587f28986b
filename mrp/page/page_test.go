package page

import (
	"io/fs"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
)

func get(t *testing.T, path string) *httptest.ResponseRecorder {
	t.Helper()
	answer := httptest.NewRecorder()
	Handler().ServeHTTP(answer, httptest.NewRequest("GET", path, nil))
	return answer
}

func TestPageIsServed(t *testing.T) {
	paths, err := Files()
	if err != nil {
		t.Fatal(err)
	}
	types := map[string]string{"": "text/html", ".html": "text/html", ".js": "text/javascript", ".css": "text/css"}
	for _, path := range paths {
		answer := get(t, path)
		extension := path[max(strings.LastIndex(path, "."), 0):]
		if path == "/" {
			extension = ""
		}
		if answer.Code != 200 || !strings.HasPrefix(answer.Header().Get("Content-Type"), types[extension]) {
			t.Errorf("%s: %d %s", path, answer.Code, answer.Header().Get("Content-Type"))
		}
		want := policy
		if path == "/page/frame.html" {
			want = framePolicy
		}
		if got := answer.Header().Get("Content-Security-Policy"); got != want {
			t.Errorf("%s has the policy %q", path, got)
		}
	}
	if answer := get(t, "/page/nothing.js"); answer.Code != 404 {
		t.Errorf("what is not there answers %d", answer.Code)
	}
}

// Whatever a page of ours names has to come from the runtime itself, and under a path
// prefix too.
func TestNothingIsFetchedFromElsewhere(t *testing.T) {
	paths, err := Files()
	if err != nil {
		t.Fatal(err)
	}
	elsewhere := regexp.MustCompile(`(?:src|href|from|import|fetch|url)\s*[=(]?\s*["'(]?(?:https?:)?//|(?:src|href)="/|style="|\son\w+="`)
	err = fs.WalkDir(embedded, "static", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := embedded.ReadFile(path)
		if found := elsewhere.Find(content); found != nil {
			t.Errorf("%s has %q", path, found)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(paths) < 3 {
		t.Errorf("only %v are served", paths)
	}
}
