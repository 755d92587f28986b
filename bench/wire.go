package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"golang.org/x/sys/unix"
)

// answerLimit is how long one read may wait before the contender counts as stuck.
const answerLimit = 2 * time.Minute

// socket is a TCP connection read and written by blocking system calls. Go's own
// connections wait in its network poller, whose wake-up costs more than some of what is
// measured here; what this one costs is a row of the table (wire/client).
type socket struct {
	descriptor int
	// received counts the bytes read.
	received int64
}

func dialSocket(address string) (*socket, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("connecting to %s: %w", address, err)
	}
	ip := net.ParseIP(host).To4()
	number, err := strconv.Atoi(port)
	if ip == nil || err != nil {
		return nil, fmt.Errorf("connecting to %s: not an IPv4 address and a port", address)
	}
	descriptor, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("making a socket: %w", err)
	}
	s := &socket{descriptor: descriptor}
	limit := unix.NsecToTimeval(answerLimit.Nanoseconds())
	if err := errors.Join(
		unix.SetsockoptInt(descriptor, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1),
		unix.SetsockoptTimeval(descriptor, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &limit),
		unix.Connect(descriptor, &unix.SockaddrInet4{Port: number, Addr: [4]byte(ip)}),
	); err != nil {
		s.Close()
		return nil, fmt.Errorf("connecting to %s: %w", address, err)
	}
	return s, nil
}

// waitForever lifts the limit on how long a read may wait.
func (s *socket) waitForever() error {
	err := unix.SetsockoptTimeval(s.descriptor, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{})
	return os.NewSyscallError("setsockopt", err)
}

func (s *socket) Read(into []byte) (int, error) {
	for {
		n, err := unix.Read(s.descriptor, into)
		switch {
		case err == unix.EINTR:
			continue
		case err != nil:
			return 0, os.NewSyscallError("read", err)
		case n == 0 && len(into) > 0:
			return 0, io.EOF
		}
		s.received += int64(n)
		return n, nil
	}
}

func (s *socket) Write(content []byte) (int, error) {
	written := 0
	for written < len(content) {
		n, err := unix.Write(s.descriptor, content[written:])
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return written, os.NewSyscallError("write", err)
		}
		written += n
	}
	return written, nil
}

// Close closes the connection, once.
func (s *socket) Close() error {
	if s.descriptor < 0 {
		return nil
	}
	err := unix.Close(s.descriptor)
	s.descriptor = -1
	return err
}

// connection is one keep-alive HTTP connection of a client that does as little as
// possible. It may be used by one goroutine at a time.
type connection struct {
	*socket
	lines  *bufio.Reader
	prefix string
	host   string
}

func dial(base string) (*connection, error) {
	parsed, err := url.Parse(base)
	if err != nil {
		return nil, fmt.Errorf("connecting to %s: %w", base, err)
	}
	s, err := dialSocket(parsed.Host)
	if err != nil {
		return nil, err
	}
	return &connection{socket: s, lines: bufio.NewReaderSize(s, 256<<10), prefix: parsed.Path, host: parsed.Host}, nil
}

// encode makes the bytes of a request, so that sending it again costs one write.
func (c *connection) encode(method, path string, body map[string]any) ([]byte, error) {
	var content []byte
	if body != nil {
		var err error
		if content, err = json.Marshal(body); err != nil {
			return nil, fmt.Errorf("encoding the body of %s: %w", path, err)
		}
	}
	var request strings.Builder
	fmt.Fprintf(&request, "%s %s%s HTTP/1.1\r\nHost: %s\r\n", method, c.prefix, path, c.host)
	if body != nil {
		fmt.Fprintf(&request, "Content-Type: application/json\r\nContent-Length: %d\r\n", len(content))
	}
	request.WriteString("\r\n")
	request.Write(content)
	return []byte(request.String()), nil
}

// send writes a request and reads the head of the answer; any status but 200 is an
// error. The caller reads the body to its end.
func (c *connection) send(request []byte) (*http.Response, error) {
	if _, err := c.Write(request); err != nil {
		return nil, err
	}
	response, err := http.ReadResponse(c.lines, nil)
	if err != nil {
		return nil, fmt.Errorf("reading an answer: %w", err)
	}
	if response.StatusCode != http.StatusOK {
		content, _ := io.ReadAll(response.Body)
		first, _, _ := strings.Cut(string(request), "\r\n")
		return nil, &refusal{response.StatusCode, fmt.Sprintf("%s was answered with %s: %s", first, response.Status, content)}
	}
	return response, nil
}

// refusal is an answer other than 200.
type refusal struct {
	status int
	text   string
}

func (r *refusal) Error() string { return r.text }

// isBusy is whether a runtime answered that it is too busy to answer.
func isBusy(err error) bool {
	var refused *refusal
	return errors.As(err, &refused) && refused.status == http.StatusServiceUnavailable
}

// askUntilReady asks until the answer is not that the runtime is busy: one may be right
// after its start, or right after large values were made.
func (c *connection) askUntilReady(ctx context.Context, request []byte) error {
	for began := time.Now(); ; {
		_, err := c.ask(request)
		if !isBusy(err) || time.Since(began) > time.Minute {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// receive reads the answer of a request that was written before.
func (c *connection) receive(check func(answer []byte) error) error {
	response, err := http.ReadResponse(c.lines, nil)
	if err != nil {
		return fmt.Errorf("reading an answer: %w", err)
	}
	content, err := io.ReadAll(response.Body)
	if err != nil {
		return fmt.Errorf("reading an answer: %w", err)
	}
	return check(content)
}

// ask sends a request and reads the whole answer.
func (c *connection) ask(request []byte) ([]byte, error) {
	response, err := c.send(request)
	if err != nil {
		return nil, err
	}
	content, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, fmt.Errorf("reading an answer: %w", err)
	}
	return content, nil
}

// events streams a request's answer and calls receive with each event's name and data,
// until the stream ends.
func (c *connection) events(request []byte, receive func(name string, data []byte) error) error {
	response, err := c.send(request)
	if err != nil {
		return err
	}
	lines := bufio.NewReaderSize(response.Body, 256<<10)
	var name string
	var long []byte
	for {
		line, err := lines.ReadSlice('\n')
		if errors.Is(err, bufio.ErrBufferFull) {
			long = append(long, line...)
			continue
		}
		if len(long) > 0 {
			long = append(long, line...)
			line = long
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("reading a stream: %w", err)
		}
		if rest, found := strings.CutPrefix(string(line[:min(len(line), 64)]), "event: "); found {
			name = strings.TrimRight(rest, "\r\n")
		} else if len(line) > 6 && string(line[:6]) == "data: " {
			if err := receive(name, line[6:]); err != nil {
				return err
			}
		}
		long = long[:0]
	}
}

func milliseconds(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1e6 }
