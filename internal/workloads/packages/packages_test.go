package packages

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mrmd/mrmd-python/internal/livetest"
)

// patience is how long a test waits for what takes a moment on an idle machine.
const patience = 6 * time.Minute

// cells runs cells in a runtime of their own.
type cells struct {
	t       *testing.T
	runtime *livetest.Runtime
}

func start(t *testing.T, options livetest.Options) cells {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	runtime, err := livetest.Start(ctx, options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := runtime.Stop(); err != nil {
			t.Error(err)
		}
	})
	return cells{t, runtime}
}

func (c cells) run(code string, more livetest.Object) livetest.Object {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	body := livetest.Object{"code": code}
	for name, value := range more {
		body[name] = value
	}
	reply, err := c.runtime.Post(ctx, "/execute", body)
	if err != nil {
		c.t.Fatal(err)
	}
	return reply
}

func (c cells) want(code string, result any) {
	c.t.Helper()
	if reply := c.run(code, nil); reply["result"] != result || reply["success"] != true {
		c.t.Errorf("%q gave %v: %v %v", code, reply["result"], reply["stderr"], reply["error"])
	}
}

// makeVenv makes a venv with all that the tests' venv has, which packages can be
// installed into without touching that one.
func makeVenv(t *testing.T) string {
	t.Helper()
	given := os.Getenv("MRMD_TEST_VENV")
	venv := filepath.Join(t.TempDir(), "venv")
	made, err := exec.Command(filepath.Join(given, "bin", "python"), "-m", "venv", "--without-pip", venv).CombinedOutput()
	if err != nil {
		t.Fatalf("making a venv: %v: %s", err, made)
	}
	theirs, err := filepath.Glob(filepath.Join(given, "lib", "python3.*", "site-packages"))
	if err != nil || len(theirs) != 1 {
		t.Fatalf("the packages of %s: %v %v", given, theirs, err)
	}
	ours := filepath.Join(venv, "lib", filepath.Base(filepath.Dir(theirs[0])), "site-packages", "given.pth")
	if err := os.WriteFile(ours, []byte(theirs[0]+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return venv
}

// copyPackage gives a copy of the package under testdata.
func copyPackage(t *testing.T) string {
	t.Helper()
	folder := filepath.Join(t.TempDir(), "tiny")
	if err := os.CopyFS(folder, os.DirFS("testdata/tiny")); err != nil {
		t.Fatal(err)
	}
	return folder
}

const pathWithoutUV = "PATH=/usr/bin:/bin"

func TestPip(t *testing.T) {
	t.Parallel()
	folder := copyPackage(t)
	c := start(t, livetest.Options{Virtualenv: makeVenv(t), Environment: []string{pathWithoutUV}})
	c.want("import importlib.util\nimportlib.util.find_spec('tiny_package') is None", "True")
	reply := c.run("%pip install --no-index --no-build-isolation "+folder, nil)
	if reply["success"] != true || !strings.Contains(reply["stdout"].(string), "Successfully installed tiny") {
		t.Fatalf("%v", reply)
	}
	c.want("import tiny_package\ntiny_package.answer", "42")
	c.want("%pip uninstall tiny-package\nimport importlib.metadata as m\n[d for d in m.distributions() if d.name == 'tiny-package']", "[]")
	c.want("import sys\ndel sys.modules['tiny_package']", nil)
	c.want("%pip install --no-index --no-build-isolation -e "+folder+"\nimport tiny_package\ntiny_package.__file__",
		"'"+filepath.Join(folder, "tiny_package.py")+"'")
	if err := os.WriteFile(filepath.Join(folder, "tiny_package.py"), []byte("answer = 43\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c.want("tiny_package.answer", "43")
	reply = c.run("%pip install --no-index no-such-package-anywhere", nil)
	if failure, _ := reply["error"].(livetest.Object); failure["type"] != "CalledProcessError" {
		t.Errorf("a failure ended as %v", reply["error"])
	}
	reply = c.run("%uv pip list", nil)
	if failure, _ := reply["error"].(livetest.Object); failure["type"] != "UsageError" {
		t.Errorf("without uv: %v", reply["error"])
	}
}

// fakeUV writes what it is asked to do, as uv would be.
const fakeUV = `#!/bin/sh
echo "asked: $*"
printf 'installed = True\n' > "$FAKE_SITE/from_uv.py"
`

func TestUVIsPreferred(t *testing.T) {
	t.Parallel()
	venv := makeVenv(t)
	uv := filepath.Join(venv, "bin", "uv")
	if err := os.WriteFile(uv, []byte(fakeUV), 0o700); err != nil {
		t.Fatal(err)
	}
	site := t.TempDir()
	c := start(t, livetest.Options{Virtualenv: venv, Environment: []string{pathWithoutUV, "FAKE_SITE=" + site, "PYTHONPATH=" + site}})
	c.want("try: import from_uv\nexcept ImportError: missing = True\nmissing", "True")
	for code, asked := range map[string]string{
		"%add 'six>=1' toolz  # both": "pip install --python " + venv + "/bin/python six>=1 toolz",
		"%pip -q list":                "pip -q list --python " + venv + "/bin/python",
		"%uv pip tree":                "pip tree",
	} {
		if reply := c.run(code, nil); reply["stdout"] != "asked: "+asked+"\n" {
			t.Errorf("%q: %v", code, reply["stdout"])
		}
	}
	c.want("import from_uv\nfrom_uv.installed", "True")
	// What uv can't do is pip's.
	if reply := c.run("%pip --version", nil); !strings.HasPrefix(reply["stdout"].(string), "pip ") {
		t.Errorf("%v", reply["stdout"])
	}
}

func TestUsersBackendIsKept(t *testing.T) {
	t.Parallel()
	c := start(t, livetest.Options{Environment: []string{"MPLBACKEND=Agg"}})
	reply := c.run("import matplotlib.pyplot as plt\nfigure, axes = plt.subplots()\nplt.show()\nplt.get_backend().lower()", nil)
	if reply["result"] != "'agg'" || len(reply["assets"].([]any)) != 0 {
		t.Errorf("backend %v, assets %v", reply["result"], reply["assets"])
	}
	if reply = c.run("figure", nil); len(reply["assets"].([]any)) != 1 {
		t.Errorf("a figure as the result: %v", reply)
	}

}

func TestTerminalsFlags(t *testing.T) {
	t.Parallel()
	c := start(t, livetest.Options{Flags: []string{"--columns", "71", "--rows", "9"}})
	const size = "import os, sys\n*os.get_terminal_size(1), os.environ['COLUMNS'], os.environ['LINES'], 'matplotlib' in sys.modules"
	c.want(size, "(71, 9, '71', '9', False)")
	if reply := c.run(size, livetest.Object{"columns": 50}); reply["result"] != "(50, 9, '50', '9', False)" {
		t.Errorf("with columns: %v", reply["result"])
	}
	c.want(size, "(71, 9, '71', '9', False)")
}
