package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/mrmd/mrmd-python/daemonize"
	"github.com/mrmd/mrmd-python/registry"
)

const (
	// cellGrace is how long the running cell has to come to its end, and exitGrace how
	// long what is registered for Python's exit may then take.
	cellGrace = time.Second
	exitGrace = 3 * time.Second
	// besideGrace is for the exit functions when a cell does not come to its end: all
	// in all the runtime is to end within five seconds then.
	besideGrace = 2 * time.Second
	// streamGrace is how long clients have to take the end of their streams.
	streamGrace = 500 * time.Millisecond
	// descendantsLimit bounds the wait for killed processes to go.
	descendantsLimit = 10 * time.Second
)

// stopOnSignal ends the runtime when it is asked from outside to. A managed one
// leaves that to its manager, as 0.4.2 did: SIGKILL.
func (s *server) stopOnSignal() {
	asked := []os.Signal{syscall.SIGINT, syscall.SIGTERM}
	// nohup means it.
	if !signal.Ignored(syscall.SIGHUP) {
		asked = append(asked, syscall.SIGHUP)
	}
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, asked...)
	for received := range signals {
		if s.managed && received != syscall.SIGHUP {
			s.log.WithField("signal", received.String()).Debug("ignored")
			continue
		}
		select {
		case <-s.stopping:
			// Somebody has no patience.
			s.log.WithField("signal", received.String()).Warn("ending at once")
			s.endNow()
		default:
			// Who presses Ctrl-C means the server: the cell is told nothing.
			go s.stop(received.String(), received != syscall.SIGINT)
		}
	}
}

func (s *server) stopWhenIdle() {
	if s.idleTimeout <= 0 {
		return
	}
	limit := time.Duration(s.idleTimeout)
	s.activity.waitUntilIdle(limit)
	s.stop("idle for "+limit.String(), true)
}

// stop ends the runtime, once what is registered for Python's exit has run. A running
// cell has a moment to end, for which it is unwound if unwind says so; one that goes on
// is left behind.
func (s *server) stop(why string, unwind bool) {
	if !s.beginStopping(why) {
		return
	}
	if unwind {
		if err := s.engine.Unwind(); err != nil {
			s.log.WithError(err).Warn("the running cell was not told")
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), cellGrace)
	defer cancel()
	err := s.handler.Shutdown(ctx)
	if err == nil {
		err = s.engine.Stop(ctx)
	}
	if err != nil {
		s.log.WithError(err).Warn("what runs is left behind")
		s.finishBeside()
	} else {
		// Meanwhile the main goroutine ends the process, unless an exit function hangs.
		time.Sleep(exitGrace)
		s.log.Warn("Python does not come to its end")
	}
	s.endNow()
}

// finishBeside does what is to be done at Python's exit while a cell runs on.
func (s *server) finishBeside() {
	ctx, cancel := context.WithTimeout(context.Background(), besideGrace)
	defer cancel()
	if err := s.engine.FinishBeside(ctx); err != nil {
		s.log.WithError(err).Warn("Python does not come to its end")
	}
}

// beginStopping notes that the runtime ends; false when it was ending before.
func (s *server) beginStopping(why string) bool {
	s.stopOnce.Lock()
	defer s.stopOnce.Unlock()
	select {
	case <-s.stopping:
		return false
	default:
	}
	close(s.stopping)
	s.log.WithField("reason", why).Info("stopping")
	if s.claim != nil {
		if err := s.claim.Update(func(entry *registry.Entry) { entry.State = "stopping: " + why }); err != nil {
			s.log.WithError(err).Warn("the registry was not told")
		}
	}
	return true
}

// endNow ends the process without waiting for Python.
func (s *server) endNow() {
	s.end()
	s.log.Info("ended")
	os.Exit(0)
}

// end closes everything, the descendants and the registry entry last. Only the first
// call does; others wait for it.
func (s *server) end() {
	s.ended.Do(func() {
		s.closeHTTP()
		ctx, cancel := context.WithTimeout(context.Background(), descendantsLimit)
		defer cancel()
		ended, err := daemonize.StopDescendants(ctx, daemonize.StopOptions{Spare: otherRuntimes(s.store)})
		for _, process := range ended {
			s.log.WithFields(logrus.Fields{"process": process.PID, "command": process.Command}).Info("ended what the runtime started")
		}
		if err != nil {
			s.log.WithError(err).Warn("something the runtime started is left")
		} else if err := s.record.Remove(); err != nil {
			s.log.WithError(err).Warn("the record of what the runtime started is left")
		}
		if s.claim != nil {
			if err := s.claim.Release(); err != nil {
				s.log.WithError(err).Warn("leaving the registry")
			}
		}
	})
}

// closeHTTP ends the streams and gives their readers a moment to take the end.
func (s *server) closeHTTP() {
	if err := s.handler.Close(); err != nil {
		s.log.WithError(err).Warn("closing the handler")
	}
	ctx, cancel := context.WithTimeout(context.Background(), streamGrace)
	defer cancel()
	_ = s.http.Shutdown(ctx) // what is still open then ends with the process
}
