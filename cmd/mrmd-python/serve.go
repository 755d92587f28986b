package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/sirupsen/logrus"
	"golang.org/x/sys/unix"

	"github.com/mrmd/mrmd-python/cpython"
	"github.com/mrmd/mrmd-python/daemonize"
	"github.com/mrmd/mrmd-python/daemonize/process"
	"github.com/mrmd/mrmd-python/interp"
	"github.com/mrmd/mrmd-python/mrp"
	"github.com/mrmd/mrmd-python/registry"
)

// importPatience is how long a starter waits for IPython's import, to tell why it
// failed; the runtime answers HTTP meanwhile, and executions wait for it.
const importPatience = 500 * time.Millisecond

// missingPatience takes its place when IPython is not seen where it should be: most
// likely the import fails, which the starter is to be told.
const missingPatience = 20 * time.Second

// server is a runtime that runs in this process.
type server struct {
	plan
	console  console
	log      *logrus.Logger
	store    *registry.Store   // nil when managed
	claim    *registry.Claim   // nil when managed
	record   *daemonize.Record // nil when managed
	notifier *daemonize.Notifier

	listeners []net.Listener
	url       string
	engine    *interp.Engine
	handler   *mrp.Handler
	activity  *activity
	http      *http.Server
	// stopping is closed, under stopOnce, when the runtime was told to end.
	stopping chan struct{}
	stopOnce sync.Mutex
	ended    sync.Once
}

// serve is the runtime: it listens, runs Python on this goroutine, the main one, and
// returns when it was told to stop. store is nil for a runtime that is in no
// registry, notifier for one that nobody waits for.
func serve(p plan, store *registry.Store, notifier *daemonize.Notifier) error {
	if err := forgetToken(); err != nil {
		return err
	}
	console, err := keepConsole()
	if err != nil {
		return err
	}
	s := &server{plan: p, console: console, store: store, notifier: notifier, stopping: make(chan struct{})}
	if err := s.claimID(); err != nil {
		return adviseOnRoom(err)
	}
	if err := s.run(); err != nil {
		err = errors.Join(adviseOnRoom(err), s.record.Remove())
		if notifier != nil {
			s.log.WithError(err).Error("ended")
		}
		return err
	}
	s.log.Info("ended")
	return nil
}

// adviseOnRoom adds to the error of a full disk what to do.
func adviseOnRoom(err error) error {
	if errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT) {
		return fmt.Errorf("%w; make room on that disk, then start again", err)
	}
	return err
}

// claimID takes the id and, which goes with it, the log.
func (s *server) claimID() error {
	var output io.Writer = s.console.stderr
	if s.store != nil {
		ctx, cancel := context.WithTimeout(context.Background(), claimLimit)
		defer cancel()
		claim, err := s.store.Claim(ctx, s.id)
		if err != nil {
			return err
		}
		s.claim = claim
		path, err := s.store.LogPath(s.id)
		if err != nil {
			return err
		}
		file, err := s.console.openLog(path)
		if err != nil {
			return err
		}
		output = file
		if s.notifier == nil {
			output = io.MultiWriter(s.console.stderr, file)
		}
	}
	log, err := newLogger(output, s.logLevel)
	s.log = log
	if err != nil || s.store == nil {
		return err
	}
	return s.beginRecord()
}

// beginRecord ends what an earlier runtime of the id left behind when it crashed, and
// begins to record what this one starts.
func (s *server) beginRecord() error {
	ctx, cancel := context.WithTimeout(context.Background(), descendantsLimit)
	defer cancel()
	path := s.store.RecordPath(s.id)
	ended, err := daemonize.StopRecorded(ctx, path, recordedOptions(s.store))
	for _, process := range ended {
		s.log.WithFields(logrus.Fields{"process": process.PID, "command": process.Command}).
			Info("ended what an earlier runtime left behind")
	}
	if err != nil {
		s.log.WithError(err).Warn("something that an earlier runtime started is left")
	}
	s.record, err = daemonize.OpenRecord(path, func() func(process.Stat) bool { return otherRuntimes(s.store) })
	return err
}

// childStarted records a process that Python code has started.
func (s *server) childStarted(pid int) {
	if err := s.record.Started(pid); err != nil {
		s.log.WithError(err).Warn("what a cell started is not recorded")
	}
}

func (s *server) run() error {
	if err := os.Chdir(s.workingDirectory); err != nil {
		return fmt.Errorf("--cwd: %w", err)
	}
	listeners, port, err := s.listen()
	if err != nil {
		return err
	}
	s.listeners = listeners
	if warning := s.guard.openToOthers(s.host); warning != nil {
		s.log.Warn(warning)
	}
	s.newEngine()
	if err := s.becomeParent(); err != nil {
		return err
	}
	if err := s.serveHTTP(); err != nil {
		return err
	}
	if err := s.publish(port); err != nil {
		return err
	}
	s.log.WithFields(logrus.Fields{"id": s.id, "url": s.url, "python": cpython.Version(), "venv": s.python.folder,
		"venvReason": s.python.reason, "cwd": s.workingDirectory, "version": version}).Info("started")
	if s.notifier == nil && !s.managed {
		printForeground(s.console.stdout, s.plan, s.url, port)
	}
	go s.stopOnSignal()
	go s.stopWhenIdle()
	go s.logReady()
	told := make(chan bool, 1)
	go func() { told <- s.tellReady() }()

	err = s.engine.Run()
	if s.engine.StartError() != nil {
		return s.startFailed(err, <-told)
	}
	if err != nil {
		s.log.WithError(err).Warn("Python did not end well")
	}
	s.end()
	return nil
}

// namePortHolder says which runtime has the port that is in use.
func (s *server) namePortHolder(err error) error {
	var inUse *portInUseError
	if !errors.As(err, &inUse) || s.store == nil {
		return err
	}
	entries, _, listErr := s.store.List()
	if listErr != nil {
		return err
	}
	for _, entry := range entries {
		if entry.Port == inUse.port && entry.Alive() {
			return fmt.Errorf("%w (runtime '%s', process %d, has it)", err, entry.ID, entry.PID)
		}
	}
	return err
}

// becomeParent prepares this process for what the user's code starts.
func (s *server) becomeParent() error {
	if err := daemonize.RestoreFileLimit(); err != nil {
		return err
	}
	if err := daemonize.BecomeSubreaper(); err != nil {
		return err
	}
	reaper := &daemonize.Reaper{StartedHere: func(child process.Identity) bool {
		return s.engine.StartedChild(child.PID)
	}, Reaped: func(reaped process.Stat) {
		s.log.WithFields(logrus.Fields{"process": reaped.PID, "name": reaped.Name}).Debug("reaped an orphan")
	}}
	go func() {
		if err := reaper.Run(context.Background()); err != nil {
			s.log.WithError(err).Error("orphans are not reaped")
		}
	}()
	go func() {
		if err := s.record.Run(context.Background()); err != nil {
			s.log.WithError(err).Error("what cells start is not recorded")
		}
	}()
	return nil
}

func (s *server) newEngine() {
	var logLate func(string, mrp.Stream, []byte)
	s.engine = interp.New(interp.Options{
		Executable:       s.python.interpreter,
		Virtualenv:       s.python.folder,
		WorkingDirectory: s.workingDirectory,
		CacheDir:         s.cacheFolder,
		Terminal:         s.limits.terminal,
		CrashLog:         s.console.crash,
		LateOutput: func(execID string, stream mrp.Stream, text []byte) {
			logLate(execID, stream, text)
			s.handler.LateOutput(execID, stream, text)
		},
		ChildStarted:    s.childStarted,
		OwnPathPrefixes: s.ownPathPrefixes(),
		Log:             s.log,
		InstallMissing:  s.installMissing,
		LookInDeadline:  time.Duration(s.limits.answerWithin),
	})
	logLate = logLateOutput(s.log, s.engine.Ready())
}

// ownPathPrefixes say which files are the runtime's own: its log and its locks, and
// what it keeps of long output.
func (s *server) ownPathPrefixes() []string {
	prefixes := []string{mrp.SpoolPrefix()}
	if s.store != nil {
		prefixes = append(prefixes, s.store.OwnFolders()...)
	}
	return prefixes
}

func (s *server) serveHTTP() error {
	s.activity = newActivity(s.engine, func() {
		if s.claim != nil {
			s.claim.Touch()
		}
	})
	options := mrp.Options{
		Version:        version,
		AssetsDir:      s.assetsFolder,
		BoundAddresses: addressesOf(s.listeners),
		AllowedHosts:   s.allowedHosts,
		AllowedOrigins: s.allowedOrigins,
		Logger:         s.log,
		MaxSessions:    s.limits.maxSessions,
		Limits:         s.limits.Limits,
	}
	s.guardHandler(&options)
	s.addDiagnostics(&options)
	agents, err := s.addPages(&options)
	if err != nil {
		return err
	}
	handler, err := mrp.NewHandler(s.activity, options)
	if err != nil {
		return err
	}
	s.handler, s.activity.handler = handler, handler
	agents.runtime = handler.Inside()
	s.http = mrp.NewServer(s.activity, s.limits.Limits)
	s.http.ErrorLog = httpLogger(s.log)
	for _, listener := range s.listeners {
		go func() {
			if err := s.http.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
				s.log.WithError(err).WithField("address", listener.Addr()).Error("serving stopped")
			}
		}()
	}
	return nil
}

// publish puts the runtime into the registry.
func (s *server) publish(port int) error {
	if s.claim == nil {
		return nil
	}
	executable, err := ownPath()
	if err != nil {
		return err
	}
	entry := registry.Entry{
		Port:          port,
		Host:          s.host,
		URL:           s.url,
		Venv:          s.python.folder,
		Cwd:           s.workingDirectory,
		Version:       version,
		Python:        s.python.interpreter,
		PythonVersion: cpython.Version(),
		ABI:           cpython.ABITag(),
		VenvReason:    s.python.reason,
		Executable:    executable,
		Argv:          s.arguments(),
		Token:         s.guard.token,
		Socket:        s.guard.socket,
	}
	if s.assetsDir != "" {
		entry.AssetsDir = &s.assetsFolder
	}
	return s.claim.Publish(entry)
}

func (s *server) logReady() {
	<-s.engine.Ready()
	if s.engine.StartError() == nil {
		s.log.Info("ready")
	}
}

// tellReady tells the starter that the runtime answers. It reports whether it did:
// when Python failed to start before, that is what the starter has to be told.
func (s *server) tellReady() bool {
	patience := importPatience
	switch installed, err := filepath.Glob(filepath.Join(s.python.folder, "lib", "python3.*", "site-packages", "IPython")); {
	case s.installMissing:
		patience = installLimit
	case err != nil || len(installed) == 0:
		patience = missingPatience
	}
	select {
	case <-s.engine.Ready():
		if s.engine.StartError() != nil {
			return false
		}
	case <-time.After(patience):
	}
	if err := s.notifier.Ready(s.url); err != nil {
		s.log.WithError(err).Warn("the starter was not told")
	}
	return true
}

// startFailed cleans up when Python can't be started. A runtime that its starter
// believes in leaves its entry, in which the reason is found.
func (s *server) startFailed(err error, believed bool) error {
	s.closeHTTP()
	if s.claim == nil {
		return err
	}
	if believed && s.notifier != nil {
		return errors.Join(err, s.claim.Update(func(entry *registry.Entry) { entry.State = "starting: " + err.Error() }))
	}
	return errors.Join(err, s.claim.Release())
}
