package cpython

// #include "bridge.h"
import "C"

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"time"
	"unsafe"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"
)

// Output collects what is written to the standard streams of this process, by
// Python or by anything else, in the order it was written.
type Output struct {
	receive func(Written)
	// Held while a batch is taken and received, so that batches arrive in order.
	receiving sync.Mutex
	masters   [2]*os.File
	slaves    [2]*os.File
	wake      *os.File
	// NoTerminal says why the streams are pipes and no terminals; nil when they are.
	NoTerminal error
}

// Written is a run of bytes that was written to a standard stream.
type Written struct {
	// Stream is 0 for stdout and 1 for stderr.
	Stream int
	// Direct says that Python's own stream wrote it, and not something that
	// writes to the file descriptor.
	Direct bool
	// Owner is the value that the context variable _mrmd_host.run had for the
	// code that wrote; 0 when it had none or the write was not direct.
	Owner int64
	// Bytes are valid only during the call they are given to.
	Bytes []byte
}

// Up to this many bytes wait for the receiver before a writer has to.
const outputHighWater = 4 << 20

// What arrives within this time of the last delivery is delivered together: a
// loop that prints would otherwise pay for a wake-up with every line.
const outputBurst = 200 * time.Microsecond

// WindowSize is a terminal's size in characters.
type WindowSize struct{ Columns, Rows uint16 }

// CaptureOutput puts a pty each in the place of file descriptors 1 and 2 (a pipe where
// there are no ptys) and an empty file in that of 0. It calls receive, from one goroutine or thread at a
// time, with what arrives. receive must not need the GIL. Call before Start, once;
// what this process itself wants to say must go elsewhere from then on.
func CaptureOutput(size WindowSize, receive func(Written)) (*Output, error) {
	output := &Output{receive: receive}
	var masters, slaves [2]C.int
	for stream := range output.masters {
		master, slave, err := output.open(size)
		if err != nil {
			return nil, fmt.Errorf("capturing file descriptor %d: %w", stream+1, err)
		}
		// The slave is kept open for good: the user's code may close 1 or 2,
		// and a master without any slave reports an error for ever.
		output.masters[stream], output.slaves[stream] = master, slave
		masters[stream], slaves[stream] = C.int(master.Fd()), C.int(slave.Fd())
		if err := unix.SetNonblock(int(master.Fd()), true); err != nil {
			return nil, fmt.Errorf("making a pseudo-terminal non-blocking: %w", err)
		}
		if err := unix.Dup3(int(slave.Fd()), stream+1, 0); err != nil {
			return nil, fmt.Errorf("replacing file descriptor %d: %w", stream+1, err)
		}
	}
	if err := emptyStandardInput(); err != nil {
		return nil, err
	}
	wake, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		return nil, fmt.Errorf("making an eventfd: %w", err)
	}
	output.wake = os.NewFile(uintptr(wake), "output wake")
	if C.mrmd_output_open(&masters[0], &slaves[0], C.int(wake), outputHighWater) != 0 {
		return nil, errors.New("looking at a pseudo-terminal: fstat failed")
	}
	go output.follow(output.wake)
	go output.follow(output.masters[0])
	go output.follow(output.masters[1])
	return output, nil
}

// A child process that reads must find nothing: the terminal this process was
// started from, if any, is the operator's and not the code's.
func emptyStandardInput() error {
	null, err := os.Open(os.DevNull)
	if err != nil {
		return fmt.Errorf("emptying standard input: %w", err)
	}
	defer null.Close()
	if err := unix.Dup3(int(null.Fd()), 0, 0); err != nil {
		return fmt.Errorf("emptying standard input: %w", err)
	}
	return nil
}

// open opens a terminal, or a pipe where none can be had: in a container without
// /dev/pts, or when all are in use.
func (o *Output) open(size WindowSize) (master, slave *os.File, err error) {
	if o.NoTerminal == nil {
		if master, slave, err = openTerminal(size); err == nil {
			return master, slave, nil
		}
		o.NoTerminal = fmt.Errorf("opening a pseudo-terminal: %w", err)
	}
	return os.Pipe()
}

func openTerminal(size WindowSize) (master, slave *os.File, err error) {
	master, slave, err = pty.Open()
	if err != nil {
		return nil, nil, err
	}
	state, err := unix.IoctlGetTermios(int(slave.Fd()), unix.TCGETS)
	if err == nil {
		// Nothing reads what a client types here, and a newline stays one.
		state.Lflag &^= unix.ECHO
		state.Oflag &^= unix.OPOST
		err = unix.IoctlSetTermios(int(slave.Fd()), unix.TCSETS, state)
	}
	if err == nil {
		err = pty.Setsize(slave, &pty.Winsize{Cols: size.Columns, Rows: size.Rows})
	}
	if err != nil {
		master.Close()
		slave.Close()
		return nil, nil, fmt.Errorf("setting up %s: %w", slave.Name(), err)
	}
	return master, slave, nil
}

// follow hands over what arrives whenever the file can be read, until the
// process ends.
func (o *Output) follow(file *os.File) {
	raw, err := file.SyscallConn()
	if err != nil {
		return
	}
	var last time.Time
	// The callback says "not yet" each time, so Read goes on waiting.
	_ = raw.Read(func(descriptor uintptr) bool {
		if time.Since(last) < outputBurst {
			time.Sleep(outputBurst)
		}
		if file == o.wake {
			var count [8]byte
			_, _ = unix.Read(int(descriptor), count[:])
		}
		o.Flush()
		last = time.Now()
		return false
	})
}

// Flush hands all that was written so far to the receiver before it returns.
// Any goroutine or thread, with or without the GIL.
func (o *Output) Flush() {
	o.receiving.Lock()
	defer o.receiving.Unlock()
	o.flush()
}

// FlushStdio makes what C code printed with libc's buffered functions arrive.
// Any thread; it may wait for one that is printing.
func FlushStdio() {
	C.mrmd_output_flush_stdio()
}

// FlushThen is Flush, and calls then before anything written later can be
// received: a boundary in the stream of output.
func (o *Output) FlushThen(then func()) {
	o.receiving.Lock()
	defer o.receiving.Unlock()
	o.flush()
	then()
}

func (o *Output) flush() {
	for C.mrmd_output_take() != 0 {
		var record C.mrmd_output_record
		for C.mrmd_output_next(&record) != 0 {
			o.receive(Written{
				Stream: int(record.stream),
				Direct: record.direct != 0,
				Owner:  int64(record.owner),
				Bytes:  unsafe.Slice((*byte)(unsafe.Pointer(record.bytes)), int(record.length)),
			})
		}
	}
}

// ReopenClosed puts the terminals back where the user's code has closed descriptor 1 or
// 2, whose number the next file or connection that is opened would get, and all output
// with it. Between cells, on the main thread; it needs no GIL.
func (o *Output) ReopenClosed() error {
	for stream, slave := range o.slaves {
		if _, err := unix.FcntlInt(uintptr(stream+1), unix.F_GETFD, 0); !errors.Is(err, unix.EBADF) {
			continue
		}
		// The lowest number that is free: another thread may have been faster.
		reopened, err := unix.FcntlInt(slave.Fd(), unix.F_DUPFD, stream+1)
		if err != nil {
			return fmt.Errorf("opening descriptor %d again: %w", stream+1, err)
		}
		if reopened != stream+1 {
			_ = unix.Close(reopened) // nothing was written to it
		}
	}
	return nil
}

// Resize sets the size that code sees on the terminals of both streams.
func (o *Output) Resize(size WindowSize) error {
	if o.NoTerminal != nil {
		return nil
	}
	// Not by the masters: asking an os.File for its descriptor makes it blocking, and
	// a read of what programs wrote would wait for ever.
	for _, slave := range o.slaves {
		if err := pty.Setsize(slave, &pty.Winsize{Cols: size.Columns, Rows: size.Rows}); err != nil {
			return fmt.Errorf("resizing a pseudo-terminal: %w", err)
		}
	}
	return nil
}
