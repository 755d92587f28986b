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

// findSocket asks the kernel for the TCP socket at local that is connected to
// remote; errNoSocket when there is none.
func findSocket(local, remote netip.AddrPort) (tcpSocket, error) {
	descriptor, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_SOCK_DIAG)
	if errors.Is(err, unix.EPROTONOSUPPORT) || errors.Is(err, unix.EAFNOSUPPORT) || errors.Is(err, unix.EPERM) {
		return tcpSocket{}, errNoSocket
	}
	if err != nil {
		return tcpSocket{}, fmt.Errorf("asking the kernel for a socket: %w", err)
	}
	defer func() { _ = unix.Close(descriptor) }()
	request := diagRequest(local, remote)
	if err := unix.Sendto(descriptor, request, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return tcpSocket{}, fmt.Errorf("asking the kernel for a socket: %w", err)
	}
	// The answer is there when the question has been sent.
	answer := make([]byte, 4096)
	size, _, err := unix.Recvfrom(descriptor, answer, unix.MSG_DONTWAIT)
	if err != nil {
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
		_, err := findSocket(ours, theirs)
		diagnoses.works = err == nil
	})
	return diagnoses.works
}

// findSocketInTables is findSocket by the tables in /proc/net, where the kernel
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
