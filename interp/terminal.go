package interp

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/mrmd/mrmd-python/cpython"
)

// defaultTerminal is the size that code sees unless somebody says otherwise.
var defaultTerminal = cpython.WindowSize{Columns: 100, Rows: 30}

// prepareEnvironment sets what a terminal and an activated venv would have set, for
// Python and for the programs that cells run. Call before Python is started.
func prepareEnvironment(options Options) error {
	variables := map[string]string{
		"TERM":    "xterm-256color",
		"COLUMNS": strconv.Itoa(int(options.Terminal.Columns)),
		"LINES":   strconv.Itoa(int(options.Terminal.Rows)),
		// Nobody could turn a pager's pages.
		"PAGER": "cat", "GIT_PAGER": "cat", "MANPAGER": "cat",
	}
	if _, err := os.Stat(filepath.Join(options.Virtualenv, "pyvenv.cfg")); err == nil {
		variables["PATH"] = pathWith(filepath.Join(options.Virtualenv, "bin"), os.Getenv("PATH"))
	}
	for name, value := range variables {
		if err := os.Setenv(name, value); err != nil {
			return fmt.Errorf("setting the environment variable %s: %w", name, err)
		}
	}
	return nil
}

// pathWith puts a folder first, so that `!pip` and `!python` are the venv's.
func pathWith(folder, path string) string {
	folders := filepath.SplitList(path)
	if len(folders) > 0 && folders[0] == folder {
		return path
	}
	return strings.Join(append([]string{folder}, folders...), string(os.PathListSeparator))
}

// resizeTerminal gives the terminals the width that a cell was sent with; 0 stands
// for the runtime's own. Main thread, with the GIL.
func (e *Engine) resizeTerminal(columns int) error {
	wanted := e.options.Terminal
	if columns > 0 {
		wanted.Columns = uint16(columns)
	}
	if wanted == e.terminal {
		return nil
	}
	if err := e.output.Resize(wanted); err != nil {
		return err
	}
	e.terminal = wanted
	done, err := callModule(embeddedPackage+".terminal", "resize", int(wanted.Columns), int(wanted.Rows))
	if err != nil {
		return fmt.Errorf("telling Python the size of the terminal: %w", err)
	}
	done.DecRef()
	return nil
}
