package mrp

import (
	"bufio"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

// errNoSocket says that this machine, or this network namespace, has no such
// socket: its program has closed it, or runs in a container.
var errNoSocket = errors.New("the program has closed the connection, or runs in another network namespace")

// tcpSocket is what the kernel tells of a TCP socket.
type tcpSocket struct{ uid, inode uint32 }

// The messages of sock_diag(7). Packages for netlink ask for a dump of all sockets
// and filter it, which grows with their number; this asks for one.
const (
	tcpListen = 10

	diagRequestSize = unix.SizeofNlMsghdr + 8 + diagIDSize
	diagIDSize      = 48
	diagAnswerSize  = unix.SizeofNlMsghdr + 4 + diagIDSize + 20

	diagIDAt    = unix.SizeofNlMsghdr + 4
	diagUserAt  = diagIDAt + diagIDSize + 12
	diagInodeAt = diagIDAt + diagIDSize + 16
)

// sockets is the line to the kernel, which is kept open: a question takes two system
// calls then, and is answered when no descriptors are left.
var sockets socketLine

type socketLine struct {
	mu         sync.Mutex
	descriptor int
	// inode tells that descriptor is still ours; 0 before the line is open. The user's
	// code can close any descriptor, and the number passes to another file.
	inode uint64
}

// open opens the line unless it is open, and leaves an error to the next question.
func (l *socketLine) open() {
	l.mu.Lock()
	defer l.mu.Unlock()
	_ = l.ensure()
}

func (l *socketLine) ensure() error {
	var stat unix.Stat_t
	if l.inode != 0 && unix.Fstat(l.descriptor, &stat) == nil && stat.Ino == l.inode {
		return nil
	}
	l.inode = 0
	descriptor, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.NETLINK_SOCK_DIAG)
	if err != nil {
		return err
	}
	if err := unix.Fstat(descriptor, &stat); err != nil {
		return errors.Join(err, unix.Close(descriptor))
	}
	l.descriptor, l.inode = descriptor, stat.Ino
	return nil
}

// find asks the kernel for the TCP socket at local that is connected to remote;
// errNoSocket when there is none.
func (l *socketLine) find(local, remote netip.AddrPort) (tcpSocket, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	err := l.ensure()
	if errors.Is(err, unix.EPROTONOSUPPORT) || errors.Is(err, unix.EAFNOSUPPORT) || errors.Is(err, unix.EPERM) {
		return tcpSocket{}, errNoSocket
	}
	request := diagRequest(local, remote)
	if err == nil {
		err = unix.Sendto(l.descriptor, request, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK})
	}
	// The answer is there when the question has been sent.
	var answer [1 << 10]byte
	size := 0
	if err == nil {
		size, _, err = unix.Recvfrom(l.descriptor, answer[:], 0)
	}
	if err != nil {
		// An answer that comes after all is not to be taken for the next one.
		if l.inode != 0 {
			err = errors.Join(err, unix.Close(l.descriptor))
			l.inode = 0
		}
		return tcpSocket{}, fmt.Errorf("asking the kernel for a socket: %w", err)
	}
	return parseDiagAnswer(answer[:size], request)
}

func diagRequest(local, remote netip.AddrPort) []byte {
	order := binary.NativeEndian
	request := order.AppendUint32(make([]byte, 0, diagRequestSize), diagRequestSize)
	request = order.AppendUint16(request, unix.SOCK_DIAG_BY_FAMILY)
	request = order.AppendUint16(request, unix.NLM_F_REQUEST)
	request = order.AppendUint32(request, 1) // the number of the request
	request = order.AppendUint32(request, 0) // to the kernel
	family := byte(unix.AF_INET)
	if local.Addr().Is6() {
		family = unix.AF_INET6
	}
	request = append(request, family, unix.IPPROTO_TCP, 0, 0)
	request = order.AppendUint32(request, 1<<32-1) // in any state
	request = binary.BigEndian.AppendUint16(request, local.Port())
	request = binary.BigEndian.AppendUint16(request, remote.Port())
	for _, address := range []netip.Addr{local.Addr(), remote.Addr()} {
		request = append(request, address.AsSlice()...)
		request = append(request, make([]byte, 16-address.BitLen()/8)...)
	}
	request = order.AppendUint32(request, 0)    // by any interface
	return order.AppendUint64(request, 1<<64-1) // with any cookie
}

// parseDiagAnswer reads the answer to a request. When no connection is found the
// kernel tells of a listening socket at the same port, which is somebody else's;
// one without an inode has no program any more.
func parseDiagAnswer(answer, request []byte) (tcpSocket, error) {
	order := binary.NativeEndian
	if len(answer) < unix.SizeofNlMsghdr+4 {
		return tcpSocket{}, errors.New("asking the kernel for a socket: its answer is cut short")
	}
	if order.Uint16(answer[4:]) == unix.NLMSG_ERROR {
		err := unix.Errno(-int32(order.Uint32(answer[unix.SizeofNlMsghdr:])))
		if err == unix.ENOENT || err == unix.EOPNOTSUPP || err == unix.EPERM {
			return tcpSocket{}, errNoSocket
		}
		return tcpSocket{}, fmt.Errorf("asking the kernel for a socket: %w", err)
	}
	if len(answer) < diagAnswerSize {
		return tcpSocket{}, errors.New("asking the kernel for a socket: its answer is cut short")
	}
	const idInRequest = unix.SizeofNlMsghdr + 8
	found := tcpSocket{uid: order.Uint32(answer[diagUserAt:]), inode: order.Uint32(answer[diagInodeAt:])}
	samePorts := string(answer[diagIDAt:diagIDAt+4]) == string(request[idInRequest:idInRequest+4])
	if state := answer[unix.SizeofNlMsghdr+1]; state == tcpListen || !samePorts || found.inode == 0 {
		return tcpSocket{}, errNoSocket
	}
	return found, nil
}

var diagnoses struct {
	once  sync.Once
	works bool
}

// diagnosesSockets says whether the kernel answers such questions at all, by asking
// for a socket that is there: this end of a connection.
func diagnosesSockets(ours, theirs netip.AddrPort) bool {
	diagnoses.once.Do(func() {
		_, err := sockets.find(ours, theirs)
		diagnoses.works = err == nil
	})
	return diagnoses.works
}

// findSocketInTables is find by the tables in /proc/net, where the kernel
// does not answer. It reads them all.
func findSocketInTables(local, remote netip.AddrPort) (tcpSocket, error) {
	for _, table := range []string{"/proc/self/net/tcp", "/proc/self/net/tcp6"} {
		file, err := os.Open(table)
		if err != nil {
			continue
		}
		found, err := findSocketInTable(bufio.NewScanner(file), local, remote)
		_ = file.Close()
		if err == nil {
			return found, nil
		}
	}
	return tcpSocket{}, errNoSocket
}

func findSocketInTable(lines *bufio.Scanner, local, remote netip.AddrPort) (tcpSocket, error) {
	const localAt, remoteAt, userAt, inodeAt = 1, 2, 7, 9
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) <= inodeAt || parseTableAddress(fields[localAt]) != local || parseTableAddress(fields[remoteAt]) != remote {
			continue
		}
		uid, uidErr := strconv.ParseUint(fields[userAt], 10, 32)
		inode, inodeErr := strconv.ParseUint(fields[inodeAt], 10, 32)
		if uidErr == nil && inodeErr == nil && inode != 0 {
			return tcpSocket{uid: uint32(uid), inode: uint32(inode)}, nil
		}
	}
	return tcpSocket{}, errNoSocket
}

// parseTableAddress reads an address as the tables have it: words of four bytes in
// the machine's order, and the port.
func parseTableAddress(text string) netip.AddrPort {
	words, portText, _ := strings.Cut(text, ":")
	port, err := strconv.ParseUint(portText, 16, 16)
	raw, hexErr := hex.DecodeString(words)
	if err != nil || hexErr != nil || len(raw)%4 != 0 {
		return netip.AddrPort{}
	}
	for i := 0; i < len(raw); i += 4 {
		binary.NativeEndian.PutUint32(raw[i:], binary.BigEndian.Uint32(raw[i:]))
	}
	address, ok := netip.AddrFromSlice(raw)
	if !ok {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(address.Unmap(), uint16(port))
}
