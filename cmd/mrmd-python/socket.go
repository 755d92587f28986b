package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"
)

// unixScheme begins the URL of a runtime that serves on a Unix socket only; the
// socket's path follows, escaped as one segment.
const unixScheme = "http+unix://"

// listen binds whatever the runtime serves on, its port first. The port is 0 without
// TCP.
func (s *server) listen() (listeners []net.Listener, port int, err error) {
	if !s.guard.noTCP {
		if listeners, port, err = listenPreferring(s.host, s.port, s.preferredPort); err != nil {
			return nil, 0, s.namePortHolder(err)
		}
		s.url = urlOf(listeners, port)
	}
	if s.guard.socket == "" {
		return listeners, port, nil
	}
	socket, err := listenUnix(s.guard.socket)
	if err != nil {
		for _, listener := range listeners {
			_ = listener.Close()
		}
		return nil, 0, err
	}
	if s.guard.noTCP {
		s.url = unixScheme + url.PathEscape(s.guard.socket) + "/mrp/v1"
	}
	return append(listeners, socket), port, nil
}

// listenUnix binds a Unix socket, mode 0600 from its first moment. One that nobody
// serves any more is replaced.
func listenUnix(path string) (net.Listener, error) {
	if longest := len(syscall.RawSockaddrUnix{}.Path) - 1; len(path) > longest {
		return nil, fmt.Errorf("--socket %s: the path has %d bytes and a socket's may have %d; choose a shorter one", path, len(path), longest)
	}
	// Two runtimes must not both find the same stale socket.
	folder, err := os.Open(filepath.Dir(path))
	if err != nil {
		return nil, fmt.Errorf("--socket %s: %w", path, err)
	}
	defer func() { _ = folder.Close() }()
	if err := unix.Flock(int(folder.Fd()), unix.LOCK_EX); err != nil {
		return nil, fmt.Errorf("--socket %s: locking its folder: %w", path, err)
	}
	if err := removeStaleSocket(path); err != nil {
		return nil, fmt.Errorf("--socket %s: %w", path, err)
	}
	config := net.ListenConfig{Control: func(_, _ string, socket syscall.RawConn) error {
		var err error
		// On Linux the file that bind makes has the mode of the socket.
		return errors.Join(socket.Control(func(descriptor uintptr) { err = unix.Fchmod(int(descriptor), 0o600) }), err)
	}}
	listener, err := config.Listen(context.Background(), "unix", path)
	if err != nil {
		return nil, fmt.Errorf("--socket %s: %w", path, err)
	}
	return listener, nil
}

func removeStaleSocket(path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if info.Mode().Type() != fs.ModeSocket {
		return errors.New("there is a file that is no socket; choose another path")
	}
	conn, err := net.Dial("unix", path)
	if err == nil {
		_ = conn.Close()
		return errors.New("another program serves on it; choose another path")
	}
	if !errors.Is(err, syscall.ECONNREFUSED) {
		return fmt.Errorf("asking whether somebody serves on it: %w", err)
	}
	return os.Remove(path)
}
