package main

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"syscall"
)

// portInUseError says that another program listens where this one was told to.
type portInUseError struct {
	address string
	port    int
}

func (e *portInUseError) Error() string {
	return fmt.Sprintf("port %d is in use on %s; choose another with --port, or 0 for a free one", e.port, e.address)
}

// listen binds the host's addresses, all on one port, and gives the port.
// "localhost" means both loopback addresses, as clients differ in which they try;
// where there is no IPv6, one of them.
func listen(host string, port int) ([]net.Listener, int, error) {
	if host != "localhost" {
		listener, err := listenOn(host, port)
		if err != nil {
			return nil, 0, err
		}
		return []net.Listener{listener}, portOf(listener), nil
	}
	// An automatic port may be taken on the other address: try another.
	for attempt := 0; ; attempt++ {
		first, err := listenOn("127.0.0.1", port)
		if err != nil {
			return nil, 0, err
		}
		bound := portOf(first)
		second, err := listenOn("::1", bound)
		if err == nil {
			return []net.Listener{first, second}, bound, nil
		}
		if !hasIPv6Loopback() {
			return []net.Listener{first}, bound, nil
		}
		_ = first.Close()
		if port != 0 || attempt == 20 {
			return nil, 0, err
		}
	}
}

// listenPreferring is listen for an automatic port with one that is tried first.
func listenPreferring(host string, port, preferred int) ([]net.Listener, int, error) {
	if port == 0 && preferred != 0 {
		listeners, bound, err := listen(host, preferred)
		if err == nil {
			return listeners, bound, nil
		}
	}
	return listen(host, port)
}

func listenOn(host string, port int) (net.Listener, error) {
	listener, err := net.Listen("tcp", net.JoinHostPort(host, strconv.Itoa(port)))
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, &portInUseError{address: host, port: port}
	}
	if err != nil {
		return nil, fmt.Errorf("listening on %s port %d: %w", host, port, err)
	}
	return listener, nil
}

func portOf(listener net.Listener) int {
	return listener.Addr().(*net.TCPAddr).Port
}

func hasIPv6Loopback() bool {
	probe, err := net.Listen("tcp", "[::1]:0")
	if err != nil {
		return false
	}
	_ = probe.Close()
	return true
}

// urlOf is where clients find a runtime that listens so: at localhost when they can.
// Not every client tries ::1 for that.
func urlOf(listeners []net.Listener, port int) string {
	host := "localhost"
	if address := listeners[0].Addr().(*net.TCPAddr).IP; !address.IsUnspecified() &&
		!address.Equal(net.IPv4(127, 0, 0, 1)) {
		host = address.String()
	}
	return "http://" + net.JoinHostPort(host, strconv.Itoa(port)) + "/mrp/v1"
}

func addressesOf(listeners []net.Listener) []string {
	var addresses []string
	for _, listener := range listeners {
		if listener.Addr().Network() != "unix" {
			addresses = append(addresses, listener.Addr().String())
		}
	}
	return addresses
}
