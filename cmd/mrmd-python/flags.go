package main

import (
	"fmt"
	"strings"

	"github.com/sirupsen/logrus"
	"github.com/spf13/pflag"
)

// options are what the command line says.
type options struct {
	id             string
	port           int
	host           string
	venv           string
	cwd            string
	assetsDir      string
	foreground     bool
	managed        bool
	installMissing bool
	idleTimeout    period
	allowedHosts   []string
	limits         limits
	guard          guardOptions
	allowedOrigins []string
	logLevel       string
	diagnostics    bool

	list       bool
	json       bool
	kill       string
	killAll    bool
	info       string
	logs       string
	follow     bool
	restart    string
	exec       string
	open, mcp  bool
	completion string
	version    bool
	help       bool

	// venvReason and preferredPort are what a starter tells the daemon: why the
	// venv was chosen, and a port to take if it is free.
	venvReason    string
	preferredPort int

	given map[string]bool
}

// Annotations of a flag: what its argument is called, and that its argument may
// look like a flag.
const (
	metavarAnnotation = "metavar"
	anyTextAnnotation = "any text"
)

func flagSet(chosen *options) *pflag.FlagSet {
	flags := pflag.NewFlagSet("mrmd-python", pflag.ContinueOnError)
	flags.SortFlags = false
	flags.BoolVarP(&chosen.help, "help", "h", false, "show this help message and exit")
	flags.StringVar(&chosen.id, "id", "default", "Runtime ID (default: 'default')")
	flags.IntVar(&chosen.port, "port", 0, "Port to bind to (0 = auto-assign)")
	flags.StringVar(&chosen.host, "host", "localhost", "Host to bind to (default: localhost, use 0.0.0.0 for containers)")
	flags.StringVar(&chosen.venv, "venv", "", "Virtual environment path (auto-detected if not specified)")
	flags.StringVar(&chosen.cwd, "cwd", "", "Working directory (default: current directory)")
	flags.StringVar(&chosen.assetsDir, "assets-dir", "", "Directory for saving assets like plots (default: .mrmd-assets in the working directory)")
	flags.BoolVar(&chosen.foreground, "foreground", false, "Run in foreground instead of daemon mode")
	flags.BoolVar(&chosen.managed, "managed", false, "Managed mode: run in foreground and skip writing to ~/.mrmd/runtimes/ registry (used when an external process manager owns the lifecycle)")
	flags.BoolVar(&chosen.installMissing, "install", false, "Install IPython into the virtual environment when it is missing there")
	flags.Var(&chosen.idleTimeout, "idle-timeout", "End the runtime when it was not used for so long: 90s, 30m, 8h (default: never)")
	flags.StringArrayVar(&chosen.allowedHosts, "allow-host", nil, "A name that requests may use for this host besides its own (may be repeated)")
	flags.StringArrayVar(&chosen.allowedOrigins, "allow-origin", nil, "An origin whose web pages may use the runtime, such as http://localhost:5173 (may be repeated)")
	guardFlags(flags, &chosen.guard)
	limitFlags(flags, &chosen.limits)
	flags.StringVar(&chosen.logLevel, "log-level", "info", "What to log: error, warn, info or debug (default: info)")
	flags.BoolVar(&chosen.diagnostics, "diagnostics", false, "Say in every answer to /execute where its time went (Server-Timing), and serve profiles at /debug/pprof/")
	flags.BoolVar(&chosen.list, "list", false, "List all running runtimes")
	flags.BoolVar(&chosen.json, "json", false, "With --list: as JSON")
	flags.StringVar(&chosen.kill, "kill", "", "Kill a runtime by ID, with everything it started")
	flags.BoolVar(&chosen.killAll, "kill-all", false, "Kill all running runtimes")
	flags.StringVar(&chosen.info, "info", "", "Get detailed info about a runtime")
	flags.StringVar(&chosen.logs, "logs", "", "Show the log of a runtime")
	flags.BoolVarP(&chosen.follow, "follow", "f", false, "With --logs: go on as the log grows")
	flags.StringVar(&chosen.restart, "restart", "", "End a runtime and start it again with the same options and a fresh namespace")
	flags.StringVar(&chosen.exec, "exec", "", "Run code in the runtime named by --id, which is started if need be: a text, a FILE.py, the Python cells of a NOTEBOOK.md, or - for standard input")
	flags.BoolVar(&chosen.open, "open", false, "Open the notebook page of the runtime named by --id, which is started if need be, in the browser")
	flags.BoolVar(&chosen.mcp, "mcp", false, "Offer the runtime named by --id, which is started if need be, to an AI agent: tools of the Model Context Protocol on standard input and output")
	flags.StringVar(&chosen.completion, "completion", "", "Print the completion script for a shell: bash, zsh or fish")
	flags.BoolVar(&chosen.version, "version", false, "Show the version, the commit and the Python this binary is linked to")

	flags.StringVar(&chosen.venvReason, "venv-reason", "", "")
	flags.IntVar(&chosen.preferredPort, "preferred-port", 0, "")
	for _, name := range []string{"venv-reason", "preferred-port"} {
		flags.Lookup(name).Hidden = true
	}
	for name, metavar := range map[string]string{
		"kill": "ID", "info": "ID", "logs": "ID", "restart": "ID", "exec": "CODE", "completion": "SHELL",
		"idle-timeout": "TIME", "allow-host": "NAME", "allow-origin": "ORIGIN", "log-level": "LEVEL",
	} {
		annotate(flags, name, metavarAnnotation, metavar)
	}
	annotate(flags, "exec", anyTextAnnotation, "")
	return flags
}

func annotate(flags *pflag.FlagSet, name, key, value string) {
	if err := flags.SetAnnotation(name, key, []string{value}); err != nil {
		panic(err) // the flag is not defined
	}
}

// metavar is what the argument of a flag is called; "" when it takes none.
func metavar(flag *pflag.Flag) string {
	if flag.NoOptDefVal != "" {
		return ""
	}
	if names := flag.Annotations[metavarAnnotation]; len(names) > 0 {
		return names[0]
	}
	return strings.ToUpper(strings.ReplaceAll(flag.Name, "-", "_"))
}

// usageError is a mistake in the command line, worded as Python's argparse words it.
type usageError struct{ message string }

func (e *usageError) Error() string { return e.message }

func misused(format string, arguments ...any) error {
	return &usageError{message: fmt.Sprintf(format, arguments...)}
}

func parseFlags(arguments []string) (options, error) {
	chosen := options{given: map[string]bool{}}
	flags := flagSet(&chosen)
	if err := setFlags(flags, arguments); err != nil {
		return options{}, err
	}
	flags.Visit(func(flag *pflag.Flag) { chosen.given[flag.Name] = true })
	if _, err := logrus.ParseLevel(chosen.logLevel); err != nil {
		return options{}, misused("argument --log-level: invalid choice: '%s' (choose from error, warn, info, debug)", chosen.logLevel)
	}
	if _, known := completionScripts[chosen.completion]; chosen.given["completion"] && !known {
		return options{}, misused("argument --completion: invalid choice: '%s' (choose from bash, zsh, fish)", chosen.completion)
	}
	return chosen, nil
}
