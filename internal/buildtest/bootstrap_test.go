package buildtest

import (
	"archive/tar"
	"compress/gzip"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// bareMachine makes a PATH without some commands, and a checkout that has just what
// scripts/bootstrap reads.
func bareMachine(t *testing.T, without ...string) (checkout, path string) {
	t.Helper()
	missing := map[string]bool{}
	for _, name := range without {
		missing[name] = true
	}
	bin := t.TempDir()
	for _, dir := range filepath.SplitList(os.Getenv("PATH")) {
		commands, err := os.ReadDir(dir)
		if err != nil || strings.Contains(dir, "/shims") {
			continue
		}
		for _, command := range commands {
			if !missing[command.Name()] {
				// The first folder in PATH that has a name wins.
				_ = os.Symlink(filepath.Join(dir, command.Name()), filepath.Join(bin, command.Name()))
			}
		}
	}
	checkout = t.TempDir()
	mustRun(t, "cp", "-r", filepath.Join(repo, "scripts"), filepath.Join(repo, "go.mod"), checkout)
	return checkout, bin
}

func writeCommand(t *testing.T, path, body string) {
	t.Helper()
	if err := os.Remove(path); err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+body+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
}

func TestBootstrapWithEverythingThereDoesNothing(t *testing.T) {
	checkout, bin := bareMachine(t)
	writeCommand(t, filepath.Join(bin, "apt-get"), "echo apt-get was called; exit 1")
	output, err := run(checkout, []string{"PATH=" + bin}, filepath.Join(checkout, "scripts/bootstrap"))
	if err != nil || output != "" {
		t.Errorf("want success and silence, got %v:\n%s", err, output)
	}
}

func TestBootstrapInstallsMissingPackages(t *testing.T) {
	checkout, bin := bareMachine(t, "gcc", "pkg-config", "sudo")
	log := filepath.Join(t.TempDir(), "log")
	writeCommand(t, filepath.Join(bin, "id"), "echo 0")
	writeCommand(t, filepath.Join(bin, "apt-get"), `echo "$*" >>'`+log+`'`)
	output, err := run(checkout, []string{"PATH=" + bin, "CC="}, filepath.Join(checkout, "scripts/bootstrap"))
	if err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	calls, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	if want := "-o Acquire::Retries=3 install -y --no-install-recommends gcc libc6-dev pkg-config\n"; string(calls) != want {
		t.Errorf("apt-get was called with %q, want %q", calls, want)
	}
}

func TestBootstrapWithoutRootNamesTheCommand(t *testing.T) {
	checkout, bin := bareMachine(t, "gcc", "sudo")
	writeCommand(t, filepath.Join(bin, "id"), "echo 1000")
	writeCommand(t, filepath.Join(bin, "apt-get"), "echo apt-get was called")
	output, err := run(checkout, []string{"PATH=" + bin, "CC="}, filepath.Join(checkout, "scripts/bootstrap"))
	if err == nil || !strings.Contains(output, "install with: sudo apt-get install gcc libc6-dev") {
		t.Errorf("want the command that installs gcc, got %v:\n%s", err, output)
	}
	if strings.Contains(output, "was called") {
		t.Errorf("apt-get was called without root:\n%s", output)
	}
}

func TestBootstrapFetchesGo(t *testing.T) {
	checkout, bin := bareMachine(t, "go", "gofmt")
	required := requiredGo(t)
	downloads := t.TempDir()
	for _, arch := range []string{"amd64", "arm64"} {
		archive := filepath.Join(downloads, "go"+required+".linux-"+arch+".tar.gz")
		writeArchive(t, archive, "go/bin/go", "#!/bin/sh\necho go"+required+"\n")
	}
	script := filepath.Join(checkout, "scripts/bootstrap")
	output, err := run(checkout, []string{"PATH=" + bin, "GO_DOWNLOADS=file://" + downloads}, script)
	if err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	if _, err := os.Stat(filepath.Join(checkout, ".tools/go/bin/go")); err != nil {
		t.Errorf("no Go was installed: %v\n%s", err, output)
	}
	// With it there, nothing more is fetched.
	output, err = run(checkout, []string{"PATH=" + bin, "GO_DOWNLOADS=file:///nowhere"}, script)
	if err != nil || output != "" {
		t.Errorf("the second run: %v\n%s", err, output)
	}
}

func TestBootstrapWithoutNetworkNamesTheCommandForGo(t *testing.T) {
	for _, found := range []string{"", "1.19.8"} {
		checkout, bin := bareMachine(t, "go", "gofmt")
		if found != "" {
			writeCommand(t, filepath.Join(bin, "go"), "echo go"+found)
		}
		output, err := run(checkout, []string{"PATH=" + bin, "GO_DOWNLOADS=file:///nowhere"}, filepath.Join(checkout, "scripts/bootstrap"))
		want := "go" + requiredGo(t) + ".linux-"
		if err == nil || !strings.Contains(output, "install it with: curl -fsSL ") || !strings.Contains(output, want) {
			t.Errorf("with Go %q: want the command that installs %s, got %v:\n%s", found, want, err, output)
		}
	}
}

// requiredGo returns the version in go.mod.
func requiredGo(t *testing.T) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(repo, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(content)) {
		if version, ok := strings.CutPrefix(line, "go "); ok {
			return strings.TrimSpace(version)
		}
	}
	t.Fatal("go.mod names no Go version")
	return ""
}

func writeArchive(t *testing.T, path, name, content string) {
	t.Helper()
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	compressed := gzip.NewWriter(file)
	archive := tar.NewWriter(compressed)
	err = archive.WriteHeader(&tar.Header{Name: name, Mode: 0o755, Size: int64(len(content))})
	if err == nil {
		_, err = archive.Write([]byte(content))
	}
	for _, closer := range []func() error{archive.Close, compressed.Close, file.Close} {
		if closing := closer(); err == nil {
			err = closing
		}
	}
	if err != nil {
		t.Fatal(err)
	}
}
