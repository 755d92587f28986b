package main

import (
	"fmt"
	"net"
	"strconv"
)

// listen binds the host's addresses, all on one port. "localhost" means both
// loopback addresses, as clients differ in which they try; where there is no
// IPv6, one of them.
func listen(host string, port int) ([]net.Listener, int, error) {
	if host != "localhost" {
		listener, err := net.Listen("tcp", net.JoinHostPort(host, strconv.Itoa(port)))
		if err != nil {
			return nil, 0, fmt.Errorf("listening on %s port %d: %w", host, port, err)
		}
		return []net.Listener{listener}, portOf(listener), nil
	}
	// An automatic port may be taken on the other address: try another.
	for attempt := 0; ; attempt++ {
		first, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err != nil {
			return nil, 0, fmt.Errorf("listening on 127.0.0.1 port %d: %w", port, err)
		}
		bound := portOf(first)
		second, err := net.Listen("tcp", net.JoinHostPort("::1", strconv.Itoa(bound)))
		if err == nil {
			return []net.Listener{first, second}, bound, nil
		}
		if !hasIPv6Loopback() {
			return []net.Listener{first}, bound, nil
		}
		first.Close()
		if port != 0 || attempt == 20 {
			return nil, 0, fmt.Errorf("listening on ::1 port %d: %w", bound, err)
		}
	}
}

func portOf(listener net.Listener) int {
	return listener.Addr().(*net.TCPAddr).Port
}

func hasIPv6Loopback() bool {
	probe, err := net.Listen("tcp", "[::1]:0")
	if err != nil {
		return false
	}
	probe.Close()
	return true
}
