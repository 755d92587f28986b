package main

import (
	"fmt"

	"github.com/sirupsen/logrus"
	"github.com/spf13/pflag"
)

// options are the command line's.
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
	logLevel       string
	version        bool
}

func flagSet(chosen *options) *pflag.FlagSet {
	flags := pflag.NewFlagSet("mrmd-python", pflag.ContinueOnError)
	flags.SortFlags = false
	flags.Usage = func() {}
	flags.StringVar(&chosen.id, "id", "default", "Runtime ID")
	flags.IntVar(&chosen.port, "port", 0, "Port to bind to (0 = auto-assign)")
	flags.StringVar(&chosen.host, "host", "localhost", "Host to bind to (use 0.0.0.0 for containers)")
	flags.StringVar(&chosen.venv, "venv", "", "Virtual environment path (auto-detected if not specified)")
	flags.StringVar(&chosen.cwd, "cwd", "", "Working directory (default: current directory)")
	flags.StringVar(&chosen.assetsDir, "assets-dir", "", "Directory for saving assets like plots (default: .mrmd-assets in the working directory)")
	flags.BoolVar(&chosen.foreground, "foreground", false, "Run in foreground instead of daemon mode")
	flags.BoolVar(&chosen.managed, "managed", false, "Managed mode: no banner and no registry entry, for an external process manager that owns the lifecycle")
	flags.BoolVar(&chosen.installMissing, "install", false, "Install IPython into the virtual environment when it is missing there")
	flags.StringVar(&chosen.logLevel, "log-level", "info", "What to log: error, warn, info or debug")
	flags.BoolVar(&chosen.version, "version", false, "Show the version, the commit and the Python this binary is for, and exit")
	return flags
}

func parseFlags(arguments []string) (options, error) {
	var chosen options
	flags := flagSet(&chosen)
	if err := flags.Parse(arguments); err != nil {
		return options{}, err
	}
	if flags.NArg() > 0 {
		return options{}, fmt.Errorf("unrecognized arguments: %v", flags.Args())
	}
	if chosen.port < 0 || chosen.port > 65535 {
		return options{}, fmt.Errorf("argument --port: %d is not a port: give 0 to 65535", chosen.port)
	}
	if _, err := logrus.ParseLevel(chosen.logLevel); err != nil {
		return options{}, fmt.Errorf("argument --log-level: %w", err)
	}
	return chosen, nil
}

func usageText() string {
	return "usage: mrmd-python [options]; mrmd-python --help lists them\n"
}

func helpText() string {
	return "usage: mrmd-python [options]\n\nIndependent Python runtime for MRMD notebooks\n\noptions:\n" +
		flagSet(&options{}).FlagUsages()
}
