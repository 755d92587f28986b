package interp

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/mrmd/mrmd-python/cpython"
	"github.com/mrmd/mrmd-python/mrp"
)

// Options says how to run Python.
type Options struct {
	// Executable is the absolute path of the venv's interpreter; Virtualenv the
	// venv's folder (or the prefix of a Python outside any venv).
	Executable string
	Virtualenv string
	// WorkingDirectory is the process's working directory, put first on
	// sys.path together with its src folder when there is one.
	WorkingDirectory string
	// Terminal is the size that code sees unless an execution names another width;
	// zeros mean 100 x 30.
	Terminal cpython.WindowSize
	// CrashLog receives Python's trace when the process crashes; may be nil.
	CrashLog *os.File
	// LateOutput receives what is written while no cell runs; may be nil. execID
	// names the execution whose code wrote it, through a thread or a task that
	// outlived it, and is "" when that is not certain. It must return quickly
	// and not need the GIL.
	LateOutput func(execID string, stream mrp.Stream, text []byte)
	// LookInDeadline is when a question about live objects is answered from the
	// last snapshot, or not at all; zero means 300 ms.
	LookInDeadline time.Duration
	// OwnPathPrefixes say how the paths of files begin that this process opens for
	// itself while it runs: children that cells fork do not keep them.
	OwnPathPrefixes []string
	// ChildStarted is told the pid of each process that Python code starts, before
	// that code goes on; may be nil. It must not need the GIL.
	ChildStarted func(pid int)
	// Log takes warnings; nil discards them.
	Log logrus.FieldLogger
	// CacheDir is the folder that keeps compiled code for the next start; empty
	// for none.
	CacheDir string
	// InstallMissing installs IPython into the venv when it is not there.
	InstallMissing bool
}

// Engine runs cells with IPython in this process. There is one per process.
type Engine struct {
	options Options
	ready   chan struct{}
	// served is closed when the main thread takes no more cells.
	served chan struct{}

	main    *cpython.Main
	visitor *cpython.Visitor
	output  *cpython.Output
	router  router
	inputs  pendingInputs
	runner  runner
	history historyFlush
	start   *startCode
	runs    runs

	children children
	modules  *moduleWatch
	lookIn   *lookIn

	// terminal is the size that the terminals have now. Main thread.
	terminal cpython.WindowSize

	// largeBundles says that the cell has shown something large.
	largeBundles atomic.Bool

	// turn is the running execution's; nil between executions.
	turn atomic.Pointer[turn]

	mutex    sync.Mutex
	startErr error
	info     mrp.Info
}

var _ mrp.Engine = (*Engine)(nil)

// New prepares an engine; Run starts it. Any goroutine.
func New(options Options) *Engine {
	options.Terminal.Columns = cmp.Or(options.Terminal.Columns, defaultTerminal.Columns)
	options.Terminal.Rows = cmp.Or(options.Terminal.Rows, defaultTerminal.Rows)
	if options.Log == nil {
		silent := logrus.New()
		silent.SetOutput(io.Discard)
		options.Log = silent
	}
	return &Engine{
		lookIn:   newLookIn(options.LookInDeadline),
		options:  options,
		terminal: options.Terminal,
		modules:  newModuleWatch(),
		ready:    make(chan struct{}),
		served:   make(chan struct{}),
		info: mrp.Info{
			WorkingDirectory: options.WorkingDirectory,
			Executable:       options.Executable,
			Virtualenv:       options.Virtualenv,
			PythonVersion:    cpython.Version(),
			Implementation:   "cpython",
			CanFormat:        hasPackage(options.Virtualenv, "black"),
		},
	}
}

// hasPackage looks for a package without asking Python, which may not be up yet.
func hasPackage(virtualenv, name string) bool {
	found, err := filepath.Glob(filepath.Join(virtualenv, "lib", "python3.*", "site-packages", name))
	return err == nil && len(found) > 0
}

// Run starts Python and runs cells until Stop. It must be called from the main
// goroutine, once. From then on file descriptors 1 and 2 of the process belong
// to the user's code. The error says why it could not start.
func (e *Engine) Run() error {
	if err := e.startUp(); err != nil {
		e.mutex.Lock()
		e.startErr = err
		e.mutex.Unlock()
		close(e.ready)
		return err
	}
	// Who takes late output tells what a start writes from the rest by ready.
	e.output.Flush()
	close(e.ready)
	go e.settle()
	e.main.Serve()
	close(e.served)
	return e.finish()
}

func (e *Engine) startUp() (err error) {
	texts, err := sources()
	if err != nil {
		return err
	}
	e.start = readStartCode(e.options, texts)
	if err := prepareEnvironment(e.options); err != nil {
		return err
	}
	e.router.late = e.takeLateOutput
	e.output, err = cpython.CaptureOutput(e.options.Terminal, e.router.receive)
	if err != nil {
		return fmt.Errorf("capturing the standard streams: %w", err)
	}
	if reason := e.output.NoTerminal; reason != nil {
		e.options.Log.WithError(reason).Warn("cells see no terminal; mount /dev/pts to give them one")
	}
	e.registerDisplay()
	e.registerInput()
	e.children.register(e.options.ChildStarted)
	e.modules.register()
	e.main, err = cpython.Start(cpython.Config{
		Program:         e.options.Executable,
		PathPrefix:      pathPrefix(e.options.WorkingDirectory),
		OwnPathPrefixes: e.options.OwnPathPrefixes,
	})
	if err != nil {
		return err
	}
	endStart := cpython.HastenStart()
	err = errors.Join(e.startPython(texts), endStart())
	if err != nil {
		return err
	}
	e.visitor = cpython.NewVisitor()
	return nil
}

func pathPrefix(workingDirectory string) []string {
	folders := []string{workingDirectory}
	source := filepath.Join(workingDirectory, "src")
	if info, err := os.Stat(source); err == nil && info.IsDir() {
		folders = append(folders, source)
	}
	return folders
}

func (e *Engine) startPython(texts map[string]string) error {
	if err := installEmbedded(texts, e.start); err != nil {
		return err
	}
	if err := e.start.recallPatterns(); err != nil {
		return fmt.Errorf("recalling the regular expressions of the last start: %w", err)
	}
	if e.options.CrashLog != nil {
		if err := cpython.TraceCrashes(e.options.CrashLog); err != nil {
			return err
		}
	}
	if err := callStart("streams", nil); err != nil {
		return fmt.Errorf("putting the standard streams in place: %w", err)
	}
	if err := e.startShell(); err != nil {
		return err
	}
	if err := callStart("describe", e.takeDescription); err != nil {
		return err
	}
	return e.start.finish()
}

func (e *Engine) startShell() error {
	err := callStart("runner", e.takeRunner)
	var exception *cpython.Error
	if !errors.As(err, &exception) || exception.Type != "ModuleNotFoundError" {
		return wrapStart(err)
	}
	if !e.options.InstallMissing {
		return fmt.Errorf("%s (in %s): install IPython with: %s", exception.Message, e.options.Virtualenv,
			strings.Join(installCommand(e.options.Executable), " "))
	}
	if err := installIPython(e.options.Executable); err != nil {
		return err
	}
	return wrapStart(callStart("runner", e.takeRunner))
}

func wrapStart(err error) error {
	var exception *cpython.Error
	if errors.As(err, &exception) {
		return fmt.Errorf("starting IPython: %w\n%s", err, exception.Traceback)
	}
	return err
}

// runner is python/cell.py's Runner: its methods, held for the process's life.
type runner struct {
	run, noteChanges, reset, close, countVariables, flushHistory, hasBackgroundWork, waitInLoop, answer *cpython.Object
}

func (e *Engine) takeRunner(object *cpython.Object) error {
	for name, method := range map[string]**cpython.Object{
		"run":                 &e.runner.run,
		"note_changes":        &e.runner.noteChanges,
		"reset":               &e.runner.reset,
		"close":               &e.runner.close,
		"count_variables":     &e.runner.countVariables,
		"flush_history":       &e.runner.flushHistory,
		"has_background_work": &e.runner.hasBackgroundWork,
		"wait_in_loop":        &e.runner.waitInLoop,
		"answer":              &e.runner.answer,
	} {
		found, err := cpython.Attribute(object, name)
		if err != nil {
			return err
		}
		*method = found
	}
	e.main.SetIdle(cpython.Idle{Wanted: e.hasBackgroundWork, Wait: e.waitInLoop})
	return nil
}

func (e *Engine) takeDescription(description *cpython.Object) error {
	items, err := cpython.Items(description, 3)
	if err != nil {
		return err
	}
	e.mutex.Lock()
	defer e.mutex.Unlock()
	for i, target := range []*string{&e.info.Implementation, &e.info.IPythonVersion} {
		if *target, err = cpython.GoText(items[i]); err != nil {
			return err
		}
	}
	e.info.CanFormat = cpython.IsTrue(items[2])
	return nil
}

// callStart calls a function of python/start.py and gives its result to take.
func callStart(function string, take func(*cpython.Object) error, arguments ...any) error {
	result, err := callModule(embeddedPackage+".start", function, arguments...)
	if err != nil {
		return err
	}
	defer result.DecRef()
	if take == nil {
		return nil
	}
	return take(result)
}

func (e *Engine) finish() error {
	if err := callStart("finish", nil); err != nil {
		return fmt.Errorf("running the exit functions of Python: %w", err)
	}
	e.output.Flush()
	return nil
}

// Stop makes Run end: no more cells run, and what is registered for Python's exit does.
// It waits until the main thread has turned to that. The error is ctx's when that
// ended first: a cell, or code that belongs to none, does not let go of the thread. Any
// goroutine that does not hold the GIL.
func (e *Engine) Stop(ctx context.Context) error {
	if err := e.waitReady(ctx); err != nil {
		return fmt.Errorf("waiting for Python to start: %w", err)
	}
	e.main.Stop()
	select {
	case <-e.served:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("waiting for Python's main thread: %w", ctx.Err())
	}
}

// Unwind has the running cell, or the one that is about to, end with SystemExit, so
// that its finally clauses run: a KeyboardInterrupt would tell it that somebody wants
// only its present step to end. It returns at once. Any goroutine.
func (e *Engine) Unwind() error {
	if err := cpython.Unwind(); err != nil {
		return err
	}
	e.inputs.cancelAll()
	return nil
}

// FinishBeside does what Run does last, for a cell that does not come to its end: it
// has the history written and runs what is registered for Python's exit, on a thread
// beside the cell's. What that takes the GIL from can't be helped: the error is ctx's
// when it ended first, and the functions then go on. Any goroutine that does not hold
// the GIL.
func (e *Engine) FinishBeside(ctx context.Context) error {
	if err := e.waitReady(ctx); err != nil {
		return fmt.Errorf("waiting for Python to start: %w", err)
	}
	// One of its own: user code may hold on to the others.
	err := cpython.NewVisitor().Do(ctx, func() error {
		// First: an exit function may take all the time there is.
		if _, err := cpython.Call(e.runner.flushHistory); err != nil {
			return err
		}
		return e.finish()
	})
	if err != nil {
		return fmt.Errorf("ending Python beside a running cell: %w", err)
	}
	return nil
}

// Info implements mrp.Engine.
func (e *Engine) Info() mrp.Info {
	e.mutex.Lock()
	defer e.mutex.Unlock()
	return e.info
}

// Ready implements mrp.Engine.
func (e *Engine) Ready() <-chan struct{} { return e.ready }

// StartError implements mrp.Engine.
func (e *Engine) StartError() error {
	e.mutex.Lock()
	defer e.mutex.Unlock()
	return e.startErr
}

// waitReady waits until Python can be asked.
func (e *Engine) waitReady(ctx context.Context) error {
	select {
	case <-e.ready:
		return e.StartError()
	default:
	}
	select {
	case <-e.ready:
		return e.StartError()
	case <-ctx.Done():
		return ctx.Err()
	}
}
