package golden

import (
	_ "embed" // for what Python is asked
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/mrmd/mrmd-python/interp"
	"github.com/mrmd/mrmd-python/mrp"
)

// subject is the runtime that answers: one per process, for there is one Python
// in it.
var subject runtimeUnderTest

// runtimeUnderTest is a served engine and the folders it was given.
type runtimeUnderTest struct {
	// address is the "host:port" it listens on.
	address string
	// The folders are absolute.
	home, workingDirectory, assets, virtualenv string
	sitePackages, standardLibrary              string
	// python is like "3.11"; version is the runtime's own.
	python, version string
}

// Were these collected, their finalizers would close descriptors 1 and 2.
var originalStreams = []*os.File{os.Stdout, os.Stderr}

func TestMain(m *testing.M) {
	report, err := saveStandardStreams()
	if err != nil {
		panic(err)
	}
	giveUp := func(format string, arguments ...any) {
		fmt.Fprintf(report, format+"\n", arguments...)
		os.Exit(2)
	}
	if err := readInputs(); err != nil {
		giveUp("%v", err)
	}
	root, err := os.MkdirTemp("", "mrmd-golden-test-")
	if err != nil {
		giveUp("making a folder for the runtime: %v", err)
	}
	if err := subject.prepare(root); err != nil {
		giveUp("preparing the runtime's folders: %v", err)
	}
	engine := interp.New(interp.Options{
		// A busy machine must not turn an answer into a 503.
		LookInDeadline:   20 * time.Second,
		Executable:       filepath.Join(subject.virtualenv, "bin", "python"),
		Virtualenv:       subject.virtualenv,
		WorkingDirectory: subject.workingDirectory,
		CrashLog:         report,
	})
	if err := subject.serve(engine); err != nil {
		giveUp("serving: %v", err)
	}
	go func() {
		<-engine.Ready()
		if err := engine.StartError(); err != nil {
			giveUp("starting Python: %v", err)
		}
		code := m.Run()
		os.RemoveAll(root)
		os.Exit(code)
	}()
	_ = engine.Run() // what fails to start is told by StartError
	select {}
}

// saveStandardStreams keeps what `go test` reads: the engine takes file
// descriptors 1 and 2 over, so the testing package is given duplicates.
func saveStandardStreams() (*os.File, error) {
	saved := make([]*os.File, 2)
	for i, file := range originalStreams {
		duplicate, err := unix.FcntlInt(file.Fd(), unix.F_DUPFD_CLOEXEC, 10)
		if err != nil {
			return nil, fmt.Errorf("duplicating %s: %w", file.Name(), err)
		}
		saved[i] = os.NewFile(uintptr(duplicate), file.Name())
	}
	os.Stdout, os.Stderr = saved[0], saved[1]
	return saved[1], debug.SetCrashOutput(saved[1], debug.CrashOptions{})
}

// prepare makes the folders the recording speaks of, enters the working
// directory, and sets the environment that code and its libraries look at.
func (s *runtimeUnderTest) prepare(root string) error {
	s.virtualenv = os.Getenv("MRMD_TEST_VENV")
	if s.virtualenv == "" {
		return fmt.Errorf("MRMD_TEST_VENV is not set: run the tests with `make test` or " +
			"MRMD_TEST_VENV=$PWD/VENV scripts/with-python VENV go test ./internal/golden")
	}
	// A temporary folder may be reached through a link, and Python tells the real name.
	root, err := filepath.EvalSymlinks(root)
	if err != nil {
		return err
	}
	s.home = filepath.Join(root, "home")
	s.workingDirectory = filepath.Join(root, "work")
	s.assets = filepath.Join(s.workingDirectory, ".mrmd-assets")
	for _, folder := range []string{s.home, filepath.Join(s.assets, "sub")} {
		if err := os.MkdirAll(folder, 0o700); err != nil {
			return err
		}
	}
	for name, content := range map[string]string{"t.txt": "plain", "sub/a.svg": "<svg/>"} {
		if err := os.WriteFile(filepath.Join(s.assets, name), []byte(content), 0o600); err != nil {
			return err
		}
	}
	if err := os.Chdir(s.workingDirectory); err != nil {
		return err
	}
	for _, setting := range os.Environ() {
		name, _, _ := strings.Cut(setting, "=")
		if strings.HasPrefix(name, "PYTHON") || strings.HasPrefix(name, "MPL") || strings.HasPrefix(name, "PIP_") {
			os.Unsetenv(name)
		}
	}
	os.Setenv("PIP_DISABLE_PIP_VERSION_CHECK", "1")
	os.Setenv("HOME", s.home)
	os.Setenv("IPYTHONDIR", filepath.Join(s.home, ".ipython"))
	os.Setenv("MPLCONFIGDIR", filepath.Join(s.home, "matplotlib"))
	return s.askPython()
}

//go:embed testdata/look_around.py
var lookAround string

func (s *runtimeUnderTest) askPython() error {
	python := exec.Command(filepath.Join(s.virtualenv, "bin", "python"), "-c", lookAround)
	output, err := python.Output()
	if err != nil {
		return fmt.Errorf("asking %s for its folders: %w", python.Path, err)
	}
	answers := strings.Split(strings.TrimSpace(string(output)), "\n")
	if len(answers) != 3 {
		return fmt.Errorf("%s gives %d answers instead of three: %q", python.Path, len(answers), answers)
	}
	s.sitePackages, s.standardLibrary, s.python = answers[0], answers[1], answers[2]
	return nil
}

func (s *runtimeUnderTest) serve(engine *interp.Engine) error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	s.address = listener.Addr().String()
	handler, err := mrp.NewHandler(engine, mrp.Options{
		Version:        s.version,
		AssetsDir:      s.assets,
		BoundAddresses: []string{s.address},
	})
	if err != nil {
		return err
	}
	server := mrp.NewServer(handler, mrp.Limits{})
	go func() { _ = server.Serve(listener) }() // it ends with the process
	return nil
}
