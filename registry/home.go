package registry

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
)

// privateDirMode keeps entries and logs, which tell of ports and code, from other
// users.
const (
	privateDirMode  fs.FileMode = 0o700
	privateFileMode fs.FileMode = 0o600
)

// Home is the folder that holds runtimes, logs and locks.
type Home struct {
	// Dir is its absolute path.
	Dir string
	// Chosen says that the user named the folder, which may then hold other things
	// and is left with the mode it has.
	Chosen bool
}

// FindHome gives the folder that MRMD_HOME names, else ~/.mrmd, also when HOME is not
// set. A relative
// MRMD_HOME counts from the current folder, so that it has to be called before
// that changes.
func FindHome() (Home, error) {
	if dir := os.Getenv("MRMD_HOME"); dir != "" {
		absolute, err := filepath.Abs(dir)
		if err != nil {
			return Home{}, fmt.Errorf("make MRMD_HOME %q absolute: %w", dir, err)
		}
		return Home{Dir: absolute, Chosen: true}, nil
	}
	folder, err := userHome()
	if err != nil {
		return Home{}, fmt.Errorf("find the home folder: %w; set HOME or MRMD_HOME", err)
	}
	absolute, err := filepath.Abs(filepath.Join(folder, ".mrmd"))
	if err != nil {
		return Home{}, fmt.Errorf("make the home folder absolute: %w", err)
	}
	return Home{Dir: absolute}, nil
}

// userHome gives what HOME says, else what the system knows of the user, as Python's
// Path.home does: services are started without HOME.
func userHome() (string, error) {
	if folder := os.Getenv("HOME"); folder != "" {
		return folder, nil
	}
	current, err := user.LookupId(strconv.Itoa(os.Getuid()))
	if err != nil {
		return "", err
	}
	if current.HomeDir == "" {
		return "", errors.New("HOME is not set, and the user has none")
	}
	return current.HomeDir, nil
}

// ensurePrivateDir makes dir with mode 0700 or, when it is there, takes from it
// what other users were given.
func ensurePrivateDir(dir string) error {
	err := os.Mkdir(dir, privateDirMode)
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	info, err := os.Stat(dir)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return &fs.PathError{Op: "mkdir", Path: dir, Err: errors.New("it is a file and not a folder")}
	}
	if info.Mode().Perm() == privateDirMode {
		return nil
	}
	return os.Chmod(dir, privateDirMode)
}

// ensure makes the home folder and those in it that the registry uses.
func (s *Store) ensure() error {
	err := os.MkdirAll(filepath.Dir(s.home.Dir), 0o777)
	if err == nil && s.home.Chosen {
		err = os.MkdirAll(s.home.Dir, privateDirMode)
	} else if err == nil {
		err = ensurePrivateDir(s.home.Dir)
	}
	for _, dir := range []string{s.runtimesDir(), s.logsDir(), s.locksDir(), s.processesDir()} {
		if err == nil {
			err = ensurePrivateDir(dir)
		}
	}
	if err != nil {
		return fmt.Errorf("can't keep the registry in %s: %w; set MRMD_HOME to a folder you can write to", s.home.Dir, err)
	}
	return nil
}

// OwnFolders are the folders of entries, logs and locks, each with a slash at the end.
func (s *Store) OwnFolders() []string {
	var folders []string
	for _, dir := range []string{s.runtimesDir(), s.logsDir(), s.locksDir()} {
		folders = append(folders, dir+string(filepath.Separator))
	}
	return folders
}

func (s *Store) runtimesDir() string { return filepath.Join(s.home.Dir, "runtimes") }
func (s *Store) logsDir() string     { return filepath.Join(s.home.Dir, "logs") }

func (s *Store) processesDir() string {
	return filepath.Join(s.home.Dir, "processes")
}

// locksDir is apart from the entries so that tools which look through those see
// nothing else.
func (s *Store) locksDir() string { return filepath.Join(s.home.Dir, "locks") }
