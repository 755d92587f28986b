package mrp

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"os"
	"slices"
	"sync"

	"golang.org/x/sys/unix"
)

// connection is what is known of the program at the other end of a connection. It
// is found out once, when the connection is accepted, so that requests pay nothing.
type connection struct {
	// beyondLoopback says that the other end may be another machine, whose users
	// nobody here can tell apart.
	beyondLoopback bool
	// uid is the user of the other end's socket and inode its number; err says why
	// they are not known.
	uid   uint32
	inode uint32
	// pid is the process that connected, known of Unix sockets only.
	pid int32
	err error

	launcher     sync.Once
	fromLauncher bool
}

type connectionKey struct{}

// NoteConnection is for the ConnContext of an http.Server that serves a Handler:
// without it nobody knows who connects, and all requests are refused. NewServer's has it.
func NoteConnection(ctx context.Context, conn net.Conn) context.Context {
	return context.WithValue(ctx, connectionKey{}, identify(conn))
}

// identify asks the kernel who is at the other end. It waits for nobody.
func identify(conn net.Conn) *connection {
	switch conn := conn.(type) {
	case *net.UnixConn:
		return identifyUnix(conn)
	case *net.TCPConn:
		ours, theirs := addressOf(conn.LocalAddr()), addressOf(conn.RemoteAddr())
		// What comes from one of this machine's addresses to the same one has gone
		// over loopback too.
		if !theirs.Addr().IsLoopback() && theirs.Addr() != ours.Addr() {
			return &connection{beyondLoopback: true}
		}
		found, err := sockets.find(theirs, ours)
		if errors.Is(err, errNoSocket) && !diagnosesSockets(ours, theirs) {
			found, err = findSocketInTables(theirs, ours)
		}
		return &connection{uid: found.uid, inode: found.inode, err: err}
	}
	return &connection{err: errors.New("the connection is neither TCP nor a Unix socket")}
}

func addressOf(address net.Addr) netip.AddrPort {
	tcp, _ := address.(*net.TCPAddr)
	if tcp == nil {
		return netip.AddrPort{}
	}
	found := tcp.AddrPort()
	return netip.AddrPortFrom(found.Addr().Unmap(), found.Port())
}

func identifyUnix(conn *net.UnixConn) *connection {
	raw, err := conn.SyscallConn()
	if err != nil {
		return &connection{err: err}
	}
	var credentials *unix.Ucred
	controlErr := raw.Control(func(descriptor uintptr) {
		credentials, err = unix.GetsockoptUcred(int(descriptor), unix.SOL_SOCKET, unix.SO_PEERCRED)
	})
	if err := errors.Join(controlErr, err); err != nil {
		return &connection{err: err}
	}
	return &connection{uid: credentials.Uid, pid: credentials.Pid}
}

// peers decides which users may connect over loopback and Unix sockets.
type peers struct {
	own     uint32
	allowed []uint32
	anyUser bool
	// launcher is the executable of the program that started this one.
	launcher os.FileInfo
}

func newPeers(options Options) peers {
	return peers{own: uint32(os.Geteuid()), allowed: options.AllowedUsers, anyUser: options.AnyUser, launcher: options.Launcher}
}

// check refuses users that are neither the runtime's own nor allowed. Root is one
// of them: it could do what it likes anyway, but the services that run as root can
// often be talked into sending a request for somebody else.
func (p *peers) check(r *http.Request) error {
	peer := connectionOf(r)
	switch {
	case peer == nil:
		return forbiddenPeer("who sent this request is not known: the http.Server that serves this needs mrp.NoteConnection as its ConnContext")
	case p.anyUser || peer.beyondLoopback:
		return nil
	case peer.err != nil:
		return forbiddenPeer("the user who connects can't be told (%v); start the runtime with --socket PATH and connect there, "+
			"or with --token and --allow-user any", peer.err)
	case peer.uid == p.own || slices.Contains(p.allowed, peer.uid):
		return nil
	}
	return forbiddenPeer("the user with uid %d may not use this runtime, which belongs to uid %d; "+
		"start it with --allow-user %[1]d to let that user run code as its owner", peer.uid, p.own)
}

func forbiddenPeer(format string, args ...any) error {
	return failure(http.StatusForbidden, "forbidden_peer", format, args...)
}

func connectionOf(r *http.Request) *connection {
	peer, _ := r.Context().Value(connectionKey{}).(*connection)
	return peer
}

// fromLauncher says whether the program at the other end runs the executable that
// launched this runtime. It looks through the processes of the machine, once per
// connection.
func (p *peers) fromLauncher(r *http.Request) bool {
	peer := connectionOf(r)
	if p.launcher == nil || peer == nil || peer.beyondLoopback || peer.err != nil {
		return false
	}
	peer.launcher.Do(func() {
		if peer.pid != 0 {
			peer.fromLauncher = runsExecutable(peer.pid, p.launcher)
		} else {
			peer.fromLauncher = anyHoldsSocket(p.launcher, peer.inode)
		}
	})
	return peer.fromLauncher
}
