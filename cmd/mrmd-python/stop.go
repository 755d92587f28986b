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
	// cellGrace is how long the running cell has to end when it is interrupted, and
	// exitGrace how long what is registered for Python's exit may then take.
	cellGrace = 2 * time.Second
	exitGrace = 3 * time.Second
	// lastGrace is for a cell that did not end when it was interrupted: it may yet.
	lastGrace = 500 * time.Millisecond
	// streamGrace is how long clients have to take the end of their streams.
	streamGrace = time.Second
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
			go s.stop(received.String())
		}
	}
}

func (s *server) stopWhenIdle() {
	if s.idleTimeout <= 0 {
		return
	}
	limit := time.Duration(s.idleTimeout)
	s.activity.waitUntilIdle(limit)
	s.stop("idle for " + limit.String())
}

// stop ends the runtime: the running cell is interrupted and what is registered for
// Python's exit runs. What takes too long is left behind.
func (s *server) stop(why string) {
	if !s.beginStopping(why) {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), cellGrace)
	defer cancel()
	grace := exitGrace
	if err := s.handler.Shutdown(ctx); err != nil {
		s.log.WithError(err).Warn("the running cell does not give way")
		grace = lastGrace
	}
	deadline := time.After(grace)
	select {
	case <-s.engine.Ready():
		s.engine.Stop()
		<-deadline
	case <-deadline:
	}
	s.log.Warn("Python does not come to its end")
	s.endNow()
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
