package interp

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mrmd/mrmd-python/mrp"
)

// moduleFolder is a folder on sys.path for modules that a test edits.
type moduleFolder struct {
	t    *testing.T
	path string
}

func newModuleFolder(t *testing.T) moduleFolder {
	folder := moduleFolder{t, t.TempDir()}
	mustRun(t, fmt.Sprintf("import sys\nsys.path.insert(0, %q)", folder.path))
	t.Cleanup(func() {
		mustRun(t, fmt.Sprintf(`
sys.path.remove(%[1]q)
for name, module in list(sys.modules.items()):
    if (getattr(module, '__file__', None) or '').startswith(%[1]q): del sys.modules[name]`, folder.path))
	})
	return folder
}

// write writes a file as a careless editor does, in place.
func (f moduleFolder) write(name, text string) {
	f.t.Helper()
	path := filepath.Join(f.path, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		f.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		f.t.Fatal(err)
	}
}

// replace writes a file as a careful editor does, by renaming another one.
func (f moduleFolder) replace(name, text string) {
	f.t.Helper()
	f.write(name+".new", text)
	if err := os.Rename(filepath.Join(f.path, name+".new"), filepath.Join(f.path, name)); err != nil {
		f.t.Fatal(err)
	}
}

func wantResult(t *testing.T, code, want string) *transcript {
	t.Helper()
	result, shown := mustRun(t, code)
	if result != want {
		t.Errorf("%q gave %s, want %s", code, result, want)
	}
	return shown
}

func TestEditedModulesAreReloaded(t *testing.T) {
	folder := newModuleFolder(t)
	folder.write("edited.py", "def f(): return 1\nclass C:\n    def m(self): return 'old'\n")
	wantResult(t, "import edited\nfrom edited import f, C\nc = C()\nf(), edited.f(), c.m()", "(1, 1, 'old')")
	// As long as before, and within the same second.
	folder.write("edited.py", "def f(): return 2\nclass C:\n    def m(self): return 'new'\n")
	wantResult(t, "f(), edited.f(), c.m()", "(2, 2, 'new')")
	folder.replace("edited.py", "def f(): return 3\nclass C:\n    def m(self): return 'neu'\n")
	wantResult(t, "f(), c.m()", "(3, 'neu')")
	if err := os.Remove(filepath.Join(folder.path, "edited.py")); err != nil {
		t.Fatal(err)
	}
	wantResult(t, "f()", "3")
	folder.write("edited.py", "def f(): return 4\nclass C:\n    def m(self): return 'nowhere'\nvalue = 5\n")
	wantResult(t, "f(), c.m(), edited.value", "(4, 'nowhere', 5)")

	folder.write("edited.py", "def f(: return 9\n")
	shown := wantResult(t, "f()", "4")
	if !strings.Contains(shown.stderr(), "autoreload of edited failed") {
		t.Errorf("nobody was told of the syntax error: %q", shown.stderr())
	}
	if shown = wantResult(t, "f()", "4"); shown.stderr() != "" {
		t.Errorf("told again: %q", shown.stderr())
	}
	folder.write("edited.py", "def f(): return 6\n")
	wantResult(t, "f()", "6")

	folder.write("again.py", "x = 1\n")
	wantResult(t, "import again\nagain.x", "1")
	wantResult(t, "del sys.modules['again']\nimport again\nagain.x", "1")
	folder.write("again.py", "x = 2\n")
	wantResult(t, "again.x", "2")

	folder.write("added.py", "x = 1\n")
	wantResult(t, "import added\nadded.x", "1")
	folder.write("added.py", "x = 2\n")
	wantResult(t, "added.x", "2")
}

// A module that the user's profile imports is the user's, though a start imported it.
func TestEditedModulesOfTheProfile(t *testing.T) {
	if err := os.WriteFile("imported_by_startup_file.py", []byte("value = 12345\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if result, _ := mustRun(t, "import imported_by_startup_file\nimported_by_startup_file.value"); result != "12345" {
		t.Errorf("the module has %s", result)
	}
}

func TestEditedPackages(t *testing.T) {
	folder := newModuleFolder(t)
	folder.write("whole/__init__.py", "from .part import f\n")
	folder.write("whole/part.py", "from .deep.most import g\ndef f(): return 1\n")
	folder.write("whole/deep/__init__.py", "")
	folder.write("whole/deep/most.py", "def g(): return 'a'\n")
	wantResult(t, "import whole\nwhole.f(), whole.part.g()", "(1, 'a')")
	folder.write("whole/part.py", "from .deep.most import g\ndef f(): return 2\n")
	folder.write("whole/deep/most.py", "def g(): return 'b'\n")
	wantResult(t, "whole.f(), whole.part.g()", "(2, 'b')")

	// A folder that is put in the place of another, as a checkout does.
	folder.write("other/__init__.py", "from .part import f\n")
	folder.write("other/part.py", "from .deep.most import g\ndef f(): return 33\n")
	folder.write("other/deep/__init__.py", "")
	folder.write("other/deep/most.py", "def g(): return 'c'\n")
	for _, step := range [][2]string{{"whole", "before"}, {"other", "whole"}} {
		if err := os.Rename(filepath.Join(folder.path, step[0]), filepath.Join(folder.path, step[1])); err != nil {
			t.Fatal(err)
		}
	}
	wantResult(t, "whole.f(), sys.modules['whole.part'].g()", "(33, 'c')")
	folder.write("whole/part.py", "def f(): return 4\n")
	wantResult(t, "whole.f()", "4")
}

func TestModulesBehindSymbolicLinks(t *testing.T) {
	folder, elsewhere := newModuleFolder(t), newModuleFolder(t)
	elsewhere.write("real/linked.py", "def f(): return 1\n")
	if err := os.Symlink(filepath.Join(elsewhere.path, "real", "linked.py"), filepath.Join(folder.path, "linked.py")); err != nil {
		t.Fatal(err)
	}
	wantResult(t, "import linked\nlinked.f()", "1")
	elsewhere.write("real/linked.py", "def f(): return 2\n")
	wantResult(t, "linked.f()", "2")
}

func TestModulesOfOtherSessions(t *testing.T) {
	folder := newModuleFolder(t)
	folder.write("shared.py", "def f(): return 1\n")
	wantResult(t, "import shared\nshared.f()", "1")
	folder.write("shared.py", "def f(): return 2\n")
	other := mrp.Execution{Code: "import shared\nshared.f()", Session: "other of autoreload"}
	outcome, err := engine.Execute(context.Background(), other, &transcript{})
	if err != nil || resultOf(outcome) != "2" {
		t.Errorf("the other session sees %s, %v", resultOf(outcome), err)
	}
	wantResult(t, "shared.f()", "2")
	if err := engine.CloseSession(context.Background(), other.Session); err != nil {
		t.Error(err)
	}
}

func TestAutoreloadModes(t *testing.T) {
	folder := newModuleFolder(t)
	t.Cleanup(func() { mustRun(t, "%autoreload 2") })
	folder.write("moded.py", "def f(): return 1\n")
	folder.write("listed.py", "def f(): return 1\n")
	for _, extension := range []string{"autoreload", "IPython.extensions.autoreload"} {
		if _, shown := mustRun(t, "%load_ext "+extension+"\n%reload_ext "+extension); shown.stderr() != "" {
			t.Errorf("%%load_ext said %q", shown.stderr())
		}
	}
	mustRun(t, "%autoreload 0\nimport moded")
	folder.write("moded.py", "def f(): return 2\n")
	wantResult(t, "moded.f()", "1")
	wantResult(t, "%autoreload now\nmoded.f()", "2")
	folder.write("moded.py", "def f(): return 3\n")
	wantResult(t, "moded.f()", "2")
	mustRun(t, "%autoreload 2")
	wantResult(t, "moded.f()", "3")
	mustRun(t, "%autoreload 1\n%aimport listed")
	folder.write("moded.py", "def f(): return 4\n")
	folder.write("listed.py", "def f(): return 4\n")
	wantResult(t, "moded.f(), listed.f()", "(3, 4)")
	mustRun(t, "%autoreload 2\n%aimport -listed")
	folder.write("listed.py", "def f(): return 5\n")
	wantResult(t, "moded.f(), listed.f()", "(4, 4)")
	mustRun(t, "%autoreload 3 --print")
	folder.write("moded.py", "def f(): return 5\ndef newly_there(): return 'new'\n")
	_, shown := mustRun(t, "from moded import f")
	if !strings.Contains(shown.stdout(), "moded") {
		t.Errorf("--print printed %q", shown.stdout())
	}
	mustRun(t, "%autoreload 3")
	wantResult(t, "newly_there(), f()", "('new', 5)")
	if outcome, _ := run(t, "%autoreload 7"); outcome.Error == nil {
		t.Error("%autoreload 7 was accepted")
	}
	if shown := wantResult(t, "1", "1"); shown.stdout()+shown.stderr() != "" {
		t.Errorf("a plain cell said %q", shown.stdout()+shown.stderr())
	}
}

// TestModulesOnNetworkFileSystems takes every folder for a remote one.
func TestModulesOnNetworkFileSystems(t *testing.T) {
	folder := newModuleFolder(t)
	before := engine.modules
	watch := newModuleWatch()
	watch.remote = func(string) bool { return true }
	watch.interval = time.Millisecond
	engine.modules = watch
	watch.register()
	defer func() { engine.modules = before; before.register() }()
	folder.write("remote.py", "def f(): return 1\n")
	wantResult(t, "import remote\nremote.f()", "1")
	folder.write("remote.py", "def f(): return 22\n")
	deadline := time.Now().Add(3 * time.Minute)
	for {
		if result, _ := mustRun(t, "remote.f()"); result == "22" {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the edit was never seen")
		}
	}
	if !isRemoteFolder("/") && len(watch.folders) != 0 {
		t.Errorf("watches %v", watch.folders)
	}
}

// TestNoCellPaysForUnchangedModules looks whether IPython's autoreload is even loaded.
func TestNoCellPaysForUnchangedModules(t *testing.T) {
	folder := newModuleFolder(t)
	folder.write("quiet.py", "x = 1\n")
	mustRun(t, "import quiet")
	wantResult(t, `
import _mrmd.autoreload as notes
calls = []
kept = notes.reload_changed
notes.reload_changed = lambda shell: calls.append(1) or kept(shell)`, "")
	folder.write("data.txt", "not a module")
	wantResult(t, "len(calls)", "0")
	folder.write("quiet.py", "x = 2\n")
	wantResult(t, "len(calls), quiet.x", "(1, 2)")
	wantResult(t, "notes.reload_changed = kept\nlen(calls)", "1")
}
