package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"github.com/mrmd/mrmd-python/registry"
)

// plan is a runtime that is to be started: the options with every choice made.
type plan struct {
	options
	python           target
	workingDirectory string
	// assetsFolder is where assets go; it is also in the registry when it was asked for.
	assetsFolder string
	cacheFolder  string
}

// newPlan makes the choices that the options leave open and checks them all. It may
// not return: see ensureSamePython.
func newPlan(chosen options) (plan, error) {
	if chosen.port < 0 || chosen.port > 65535 {
		return plan{}, fmt.Errorf("--port %d is no port: give 1 to 65535, or 0 for a free one", chosen.port)
	}
	// An empty one would mean every address there is.
	if chosen.host == "" {
		return plan{}, errors.New("--host is empty: give localhost, or 0.0.0.0 to listen everywhere")
	}
	if !chosen.managed {
		if err := registry.CheckID(chosen.id); err != nil {
			return plan{}, err
		}
	}
	if err := chosen.guard.resolve(); err != nil {
		return plan{}, err
	}
	workingDirectory, err := folderToWorkIn(chosen.cwd)
	if err != nil {
		return plan{}, err
	}
	python, err := chooseTarget(chosen.venv, workingDirectory)
	if err != nil {
		return plan{}, err
	}
	if chosen.venvReason != "" {
		python.reason = chosen.venvReason
	}
	if err := ensureSamePython(python); err != nil {
		return plan{}, err
	}
	assets := chosen.assetsDir
	if assets == "" {
		assets = ".mrmd-assets"
	}
	if !filepath.IsAbs(assets) {
		assets = filepath.Join(workingDirectory, assets)
	}
	return plan{
		options: chosen, python: python, workingDirectory: workingDirectory,
		assetsFolder: assets, cacheFolder: cacheFolder(),
	}, nil
}

// cacheFolder is where compiled code is kept for the next start; empty, and none is
// kept, when this user has no home.
func cacheFolder() string {
	home, err := registry.FindHome()
	if err != nil {
		return ""
	}
	return filepath.Join(home.Dir, "cache")
}

func folderToWorkIn(asked string) (string, error) {
	current, err := os.Getwd()
	if err != nil && !filepath.IsAbs(asked) {
		return "", fmt.Errorf("finding the working directory: %w; name one with --cwd", err)
	}
	if asked == "" {
		return current, nil
	}
	if !filepath.IsAbs(asked) {
		asked = filepath.Join(current, asked)
	}
	asked = filepath.Clean(asked)
	info, err := os.Stat(asked)
	if err == nil && !info.IsDir() {
		err = &os.PathError{Op: "chdir", Path: asked, Err: unix.ENOTDIR}
	}
	if err == nil {
		err = unix.Access(asked, unix.X_OK)
	}
	if err != nil {
		return "", fmt.Errorf("--cwd %s: there is no folder to work in: %w", asked, errors.Unwrap(err))
	}
	return asked, nil
}

// arguments are a command line that asks for this very runtime wherever, and in
// whatever environment, it is given.
func (p plan) arguments() []string {
	arguments := []string{
		"mrmd-python",
		"--id=" + p.id,
		"--port=" + strconv.Itoa(p.port),
		"--host=" + p.host,
		"--venv=" + p.python.folder,
		"--venv-reason=" + p.python.reason,
		"--cwd=" + p.workingDirectory,
		"--log-level=" + p.logLevel,
	}
	if p.assetsDir != "" {
		arguments = append(arguments, "--assets-dir="+p.assetsFolder)
	}
	if p.installMissing {
		arguments = append(arguments, "--install")
	}
	if p.idleTimeout > 0 {
		arguments = append(arguments, "--idle-timeout="+time.Duration(p.idleTimeout).String())
	}
	if p.diagnostics {
		arguments = append(arguments, "--diagnostics")
	}
	arguments = append(arguments, p.guard.arguments()...)
	arguments = append(arguments, p.limits.limitArguments()...)
	for _, host := range p.allowedHosts {
		arguments = append(arguments, "--allow-host="+host)
	}
	for _, origin := range p.allowedOrigins {
		arguments = append(arguments, "--allow-origin="+origin)
	}
	return arguments
}

// openRegistry finds the registry. It has to be called before the working directory
// changes.
func openRegistry() (*registry.Store, error) {
	home, err := registry.FindHome()
	if err != nil {
		return nil, err
	}
	return registry.Open(home), nil
}
