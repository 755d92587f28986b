package mrp

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestPruning(t *testing.T) {
	now := time.Now()
	for _, c := range []struct {
		count int
		age   time.Duration
		left  string
	}{
		{0, 0, "a_0001.png b_0001.html c_0001.svg d_12345.gif notes.txt own_1.png sub"},
		{2, 0, "a_0001.png b_0001.html notes.txt own_1.png sub"},
		{0, 150 * time.Minute, "a_0001.png b_0001.html c_0001.svg notes.txt own_1.png sub"},
		{3, 90 * time.Minute, "a_0001.png b_0001.html notes.txt own_1.png sub"},
		{9, 24 * time.Hour, "a_0001.png b_0001.html c_0001.svg d_12345.gif notes.txt own_1.png sub"},
	} {
		dir := t.TempDir()
		for age, name := range []string{"a_0001.png", "b_0001.html", "c_0001.svg", "d_12345.gif", "notes.txt", "own_1.png"} {
			path := filepath.Join(dir, name)
			if err := os.WriteFile(path, nil, 0o600); err != nil {
				t.Fatal(err)
			}
			modified := now.Add(-time.Duration(age) * time.Hour)
			if err := os.Chtimes(path, modified, modified); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.Mkdir(filepath.Join(dir, "sub"), 0o700); err != nil {
			t.Fatal(err)
		}
		pruner := assetPruner{dir: dir, count: c.count, age: c.age}
		if err := pruner.prune(now); err != nil {
			t.Error(err)
		}
		if left := namesIn(t, dir); left != c.left {
			t.Errorf("with %d and %v are left: %s", c.count, c.age, left)
		}
	}
	if err := (&assetPruner{dir: filepath.Join(t.TempDir(), "none"), count: 1}).prune(now); err != nil {
		t.Error(err)
	}
}

func namesIn(t *testing.T, dir string) string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	return strings.Join(names, " ")
}

func TestSavingPrunes(t *testing.T) {
	rt := serve(t, func(o *Options) { o.Limits.RetainAssets = 2 })
	rt.engine.on("show", showing(pngDisplay("")))
	for i := range 5 {
		rt.post("/execute", fmt.Sprintf(`{"code":"show","execId":"e%d"}`, i))
	}
	deadline := time.Now().Add(3 * time.Minute)
	for strings.Count(namesIn(t, rt.assets), ".png") > 2 {
		if time.Now().After(deadline) {
			t.Fatalf("left: %s", namesIn(t, rt.assets))
		}
		time.Sleep(time.Millisecond)
		// One that begins while another runs is left to that one.
		rt.post("/execute", `{"code":"show"}`)
	}
}

// A clock that is set back, or on, by hours while the runtime runs leaves what it
// saved meanwhile: files get the wall clock's time.
func TestPruningWhileTheClockJumps(t *testing.T) {
	began := time.Now()
	dir := t.TempDir()
	pruner := assetPruner{dir: dir, count: 3, age: time.Hour}
	for i, file := range []struct {
		name     string
		modified time.Duration
		own      bool
	}{
		{"before_0001.png", 0, false},
		{"ahead_0001.png", 5 * time.Hour, false},
		{"first_0001.png", 0, true},
		{"back_0001.png", -3 * time.Hour, true},
		{"on_0001.png", 3 * time.Hour, true},
	} {
		saved := began.Add(time.Duration(i) * time.Second)
		if file.own {
			pruner.note(file.name, saved)
		}
		path := filepath.Join(dir, file.name)
		modified := saved.Add(file.modified)
		if err := errors.Join(os.WriteFile(path, nil, 0o600), os.Chtimes(path, modified, modified)); err != nil {
			t.Fatal(err)
		}
	}
	for _, step := range []struct {
		after time.Duration
		left  string
	}{
		{time.Minute, "back_0001.png first_0001.png on_0001.png"},
		{time.Hour + 3500*time.Millisecond, "on_0001.png"},
		{2 * time.Hour, ""},
	} {
		if err := pruner.prune(began.Add(step.after)); err != nil {
			t.Error(err)
		}
		if left := namesIn(t, dir); left != step.left {
			t.Errorf("after %v are left: %s", step.after, left)
		}
	}
	if err := pruner.prune(began.Add(3 * time.Hour)); err != nil || len(pruner.saved) != 0 {
		t.Errorf("files that are long gone are still noted: %v, %v", pruner.saved, err)
	}
}
