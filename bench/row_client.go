package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
)

// clientRow is what the client and the machine's loopback cost, which is in every figure
// of a runtime: a request is answered by a thread of this process that does nothing else.
func clientRow() *row {
	return &row{
		name: "wire/client", title: "what is in each figure of HTTP: the client and the loopback, answered by a thread that does nothing", unit: "ms",
		block: 500, quickBlock: 200,
		contenders: []contender{{"client", func(context.Context, *lab) (*subject, error) {
			listener, err := net.Listen("tcp4", "127.0.0.1:0")
			if err != nil {
				return nil, fmt.Errorf("listening: %w", err)
			}
			go answerAlways(listener)
			r := &runtime{launched: &launched{url: fmt.Sprintf("http://%s/mrp/v1", listener.Addr())}}
			return &subject{end: func() { listener.Close() }, measure: func(ctx context.Context, count int) ([]float64, error) {
				return r.timeAsking(ctx, "/execute", map[string]any{"code": "1+1"}, count, has("result"))
			}}, nil
		}}},
	}
}

// answerAlways answers whatever arrives in one read, on one connection after the other.
func answerAlways(listener net.Listener) {
	const body = `{"success":true,"stdout":"","stderr":"","result":"2","error":null,"displayData":[],"assets":[]}`
	answer := fmt.Appendf(nil, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
	for {
		accepted, err := listener.Accept()
		if err != nil {
			return
		}
		// The descriptor of File is a blocking one, as the client's is.
		file, err := accepted.(*net.TCPConn).File()
		accepted.Close()
		if err != nil {
			return
		}
		s := &socket{descriptor: int(file.Fd())}
		request := make([]byte, 4096)
		for err == nil {
			if _, err = s.Read(request); err == nil {
				_, err = s.Write(answer)
			}
		}
		file.Close()
		if !errors.Is(err, io.EOF) {
			return
		}
	}
}
