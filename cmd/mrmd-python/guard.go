package main

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"github.com/mrmd/mrmd-python/mrp"
)

// guardOptions are what the command line says of who may connect, and where.
type guardOptions struct {
	allowedUsers []string
	token        string
	requireToken bool
	socket       string
	noTCP        bool

	// launcher is the executable of this process's parent, nil when it can't be told.
	launcher os.FileInfo
}

// anyUser is what --allow-user takes for everybody.
const anyUser = "any"

func guardFlags(flags *pflag.FlagSet, chosen *guardOptions) {
	flags.StringArrayVar(&chosen.allowedUsers, "allow-user", nil, "A user, by name or uid, whose programs may connect over loopback besides your own; 'any' lets all (may be repeated)")
	flags.StringVar(&chosen.token, "token", "", "A secret that every request has to show (better: the variable MRMD_TOKEN, which other users can't see)")
	flags.BoolVar(&chosen.requireToken, "require-token", false, "Refuse to start without a token")
	flags.StringVar(&chosen.socket, "socket", "", "Serve on a Unix socket at this path too, which only you can open")
	flags.BoolVar(&chosen.noTCP, "no-tcp", false, "With --socket: serve on no port")
	for name, metavar := range map[string]string{"allow-user": "USER", "socket": "PATH"} {
		annotate(flags, name, metavarAnnotation, metavar)
	}
}

// resolve checks what the command line says and makes it independent of the working
// directory and of names.
func (g *guardOptions) resolve() error {
	if err := mrp.CheckToken(g.token); err != nil {
		return fmt.Errorf("--token: %w", err)
	}
	if g.requireToken && g.token == "" {
		return errors.New("--require-token: there is no token; set MRMD_TOKEN to one, such as the output of: openssl rand -hex 16")
	}
	if g.noTCP && g.socket == "" {
		return errors.New("--no-tcp leaves nothing to serve on: name a Unix socket with --socket PATH")
	}
	if g.socket != "" {
		absolute, err := filepath.Abs(g.socket)
		if err != nil {
			return fmt.Errorf("--socket %s: %w", g.socket, err)
		}
		g.socket = absolute
	}
	for i, name := range g.allowedUsers {
		if name == anyUser {
			continue
		}
		uid, err := userID(name)
		if err != nil {
			return fmt.Errorf("--allow-user %s: %w", name, err)
		}
		g.allowedUsers[i] = strconv.FormatUint(uint64(uid), 10)
	}
	return nil
}

func userID(name string) (uint32, error) {
	text := name
	if found, err := user.Lookup(name); err == nil {
		text = found.Uid
	}
	uid, err := strconv.ParseUint(text, 10, 32)
	if err != nil {
		return 0, errors.New("there is no such user; give a name or a uid")
	}
	return uint32(uid), nil
}

// arguments are the flags that ask for the same. The token is not among them, for a
// command line can be read by everybody.
func (g *guardOptions) arguments() []string {
	var arguments []string
	for _, name := range g.allowedUsers {
		arguments = append(arguments, "--allow-user="+name)
	}
	if g.requireToken {
		arguments = append(arguments, "--require-token")
	}
	if g.socket != "" {
		arguments = append(arguments, "--socket="+g.socket)
	}
	if g.noTCP {
		arguments = append(arguments, "--no-tcp")
	}
	return arguments
}

// guardHandler gives the handler's options what the command line says.
func (s *server) guardHandler(options *mrp.Options) {
	for _, name := range s.guard.allowedUsers {
		if name == anyUser {
			options.AnyUser = true
		} else if uid, err := userID(name); err == nil {
			options.AllowedUsers = append(options.AllowedUsers, uid)
		}
	}
	options.Token = s.guard.token
	options.Launcher = s.guard.launcher
}

// noteLauncher remembers what program started this one, while it is still there.
func (g *guardOptions) noteLauncher(managed bool) {
	if !managed {
		return
	}
	// Without it no page of the launcher is let in, and the refusal says so.
	g.launcher, _ = os.Stat(fmt.Sprintf("/proc/%d/exe", os.Getppid()))
}

// openToOthers is a warning when other machines can use the runtime and nothing asks
// them who they are; nil otherwise.
func (g *guardOptions) openToOthers(host string) error {
	if g.token != "" || g.noTCP || isLoopbackHost(host) {
		return nil
	}
	return fmt.Errorf("--host %s lets every machine that reaches this one RUN CODE AS YOU: there is no token; "+
		"set MRMD_TOKEN to one, or listen on localhost", host)
}

func isLoopbackHost(host string) bool {
	if host == "localhost" {
		return true
	}
	if address, err := netip.ParseAddr(host); err == nil {
		return address.Unmap().IsLoopback()
	}
	addresses, err := net.LookupIP(host)
	for _, address := range addresses {
		if !address.IsLoopback() {
			return false
		}
	}
	return err == nil && len(addresses) > 0
}

// isUnixURL says whether a runtime's URL names a Unix socket.
func isUnixURL(url string) bool { return strings.HasPrefix(url, unixScheme) }
