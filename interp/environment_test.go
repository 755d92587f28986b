package interp

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestLooksLikeTheVenvsPython compares what code sees here with what it sees
// when the venv's own interpreter runs it.
func TestLooksLikeTheVenvsPython(t *testing.T) {
	const facts = `
import os, platform, resource, signal, site, sys, sysconfig
facts = dict(
    executable=sys.executable, prefix=sys.prefix, base_prefix=sys.base_prefix,
    exec_prefix=sys.exec_prefix, base_exec_prefix=sys.base_exec_prefix,
    flags=tuple(sys.flags), version=sys.version, implementation=sys.implementation.cache_tag,
    sites=site.getsitepackages(), user_site=site.ENABLE_USER_SITE,
    path=[p for p in sys.path if 'site-packages' in p or 'lib/python' in p],
    recursion=sys.getrecursionlimit(), encoding=sys.getfilesystemencoding(),
    stdout_encoding=sys.stdout.encoding.lower(), switch=sys.getswitchinterval(),
    warnings=sys.warnoptions, dont_write=sys.dont_write_bytecode,
    environment=sorted((k, v) for k, v in os.environ.items() if k not in ('LC_CTYPE', '_', 'SHLVL', 'PWD', 'OLDPWD')),
    umask=(os.umask(0o22), os.umask(0o22))[1], scheme=sysconfig.get_default_scheme(),
    libc=platform.libc_ver(), machine=platform.machine(),
)
`
	script := filepath.Join(t.TempDir(), "facts.py")
	if err := os.WriteFile(script, []byte(facts+"print(repr(sorted(facts.items())))\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	plain, err := exec.Command(engine.options.Executable, script).Output()
	if err != nil {
		t.Fatal(err)
	}
	here, _ := mustRun(t, facts+"sorted(facts.items())")
	if want := strings.TrimSpace(string(plain)); here != want {
		t.Errorf("facts differ\n here: %s\nplain: %s", here, want)
	}
}

func TestStartOfSysPath(t *testing.T) {
	result, _ := mustRun(t, "import sys\n(sys.argv, sys.path[0])")
	if want := "([''], '" + engine.options.WorkingDirectory + "')"; result != want {
		t.Errorf("argv and path[0] are %s, want %s", result, want)
	}
	if got := pathPrefix(engine.options.WorkingDirectory); len(got) != 1 {
		t.Errorf("a folder without src gives %v", got)
	}
	withSource := t.TempDir()
	if err := os.Mkdir(filepath.Join(withSource, "src"), 0o700); err != nil {
		t.Fatal(err)
	}
	if got := pathPrefix(withSource); len(got) != 2 || got[1] != filepath.Join(withSource, "src") {
		t.Errorf("a folder with src gives %v", got)
	}
}

func TestMainThreadIsPythons(t *testing.T) {
	result, _ := mustRun(t, `
import signal, threading, os
previous = signal.signal(signal.SIGUSR1, lambda *_: None)
signal.signal(signal.SIGUSR1, previous)
(threading.current_thread() is threading.main_thread(), threading.get_native_id() == os.getpid(),
 signal.getsignal(signal.SIGINT) is signal.default_int_handler)`)
	if result != "(True, True, True)" {
		t.Errorf("main thread facts are %s", result)
	}
}

func TestEditableInstall(t *testing.T) {
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "editable_thing.py"), []byte("answer = 42\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	// site.addsitedir is what reads .pth files when Python starts.
	sites := t.TempDir()
	if err := os.WriteFile(filepath.Join(sites, "thing.pth"), []byte(folder+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	result, _ := mustRun(t, "import site; site.addsitedir('"+sites+"')\nimport editable_thing; editable_thing.answer")
	if result != "42" {
		t.Errorf("result %q", result)
	}
}
