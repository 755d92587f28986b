package notebook

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime/debug"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/mrmd/mrmd-python/interp"
	"github.com/mrmd/mrmd-python/mrp"
)

// There is one Python in a process, and it lives on the main goroutine: all tests
// share one runtime.
var (
	// address is the "host:port" the runtime listens on.
	address          string
	workingDirectory string
	virtualenv       string

	runtimeEngine *interp.Engine
	// listener is told of late output.
	listener atomic.Pointer[mrp.Handler]
)

// Were these collected, their finalizers would close descriptors 1 and 2.
var originalStreams = []*os.File{os.Stdout, os.Stderr}

const maxSessions = 40

func TestMain(m *testing.M) {
	report, err := saveStandardStreams()
	if err != nil {
		panic(err)
	}
	give := func(format string, arguments ...any) {
		fmt.Fprintf(report, format+"\n", arguments...)
		os.Exit(2)
	}
	virtualenv = os.Getenv("MRMD_TEST_VENV")
	if virtualenv == "" {
		give("MRMD_TEST_VENV is not set: run the tests with `make test` or scripts/with-python VENV go test ./internal/notebook")
	}
	root, err := os.MkdirTemp("", "mrmd-notebook-test-")
	if err != nil {
		give("making a folder for the runtime: %v", err)
	}
	// Python tells the real name of a folder that is reached through a link.
	if workingDirectory, err = filepath.EvalSymlinks(root); err != nil {
		give("finding the runtime's folder: %v", err)
	}
	os.Setenv("HOME", root)
	os.Setenv("IPYTHONDIR", filepath.Join(root, ".ipython"))
	os.Setenv("MPLCONFIGDIR", filepath.Join(root, "matplotlib"))
	testFolder, err := os.Getwd()
	if err != nil {
		give("finding this folder: %v", err)
	}
	documents = filepath.Join(testFolder, "..", "..", "docs")
	if err := os.Chdir(workingDirectory); err != nil {
		give("entering the runtime's folder: %v", err)
	}
	engine, err := serve(report)
	if err != nil {
		give("serving: %v", err)
	}
	go func() {
		<-engine.Ready()
		if err := engine.StartError(); err != nil {
			give("starting Python: %v", err)
		}
		code := m.Run()
		os.RemoveAll(root)
		os.Exit(code)
	}()
	_ = engine.Run() // what fails to start is told by StartError
	select {}
}

func serve(report *os.File) (*interp.Engine, error) {
	engine := interp.New(interp.Options{
		// A busy machine must not turn an answer into a 503.
		LookInDeadline:   20 * time.Second,
		Executable:       filepath.Join(virtualenv, "bin", "python"),
		Virtualenv:       virtualenv,
		WorkingDirectory: workingDirectory,
		CrashLog:         report,
		LateOutput: func(execID string, stream mrp.Stream, text []byte) {
			listener.Load().LateOutput(execID, stream, text)
		},
	})
	handler, bound, err := serveEngine(engine)
	if err != nil {
		return nil, err
	}
	listener.Store(handler)
	runtimeEngine, address = engine, bound
	return engine, nil
}

// serveEngine serves the engine at an address of its own, until the process ends.
func serveEngine(engine *interp.Engine) (handler *mrp.Handler, bound string, err error) {
	socket, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, "", err
	}
	bound = socket.Addr().String()
	handler, err = mrp.NewHandler(engine, mrp.Options{
		Version:        "test",
		AssetsDir:      filepath.Join(workingDirectory, ".mrmd-assets"),
		BoundAddresses: []string{bound},
		MaxSessions:    maxSessions,
	})
	if err != nil {
		return nil, "", err
	}
	server := mrp.NewServer(handler, mrp.Limits{})
	go func() { _ = server.Serve(socket) }()
	return handler, bound, nil
}

// useFreshHandler puts a handler that has seen no execution in front of the engine
// for one test.
func useFreshHandler(t *testing.T) {
	handler, bound, err := serveEngine(runtimeEngine)
	if err != nil {
		t.Fatal(err)
	}
	before, addressBefore := listener.Swap(handler), address
	address = bound
	t.Cleanup(func() {
		listener.Store(before)
		address = addressBefore
		if err := handler.Close(); err != nil {
			t.Error(err)
		}
	})
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
