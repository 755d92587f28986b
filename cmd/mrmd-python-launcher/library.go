package main

import (
	"bufio"
	"debug/elf"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// findLibrary finds the folder of the libpython that belongs to the Python of prefix,
// a venv's folder or an installation's. Where that Python has none as a file (it is
// linked into its interpreter), own is the answer, a folder with a libpython of the
// wheel's own. "" leaves the search to the loader.
func findLibrary(prefix, name, own string) string {
	interpreters := basesOf(prefix, name)
	for _, interpreter := range interpreters {
		if needed, folders := neededBy(interpreter, name); needed {
			// What the interpreter loads is the right one. One that it names no folder
			// for is where the loader finds it by itself.
			return folderWith(name, folders)
		}
	}
	for _, interpreter := range interpreters {
		base := filepath.Dir(filepath.Dir(interpreter))
		// Debian's folder is named by the architecture.
		multiarch, _ := filepath.Glob(filepath.Join(base, "lib", "*-linux-*"))
		folders := append([]string{filepath.Join(base, "lib"), filepath.Join(base, "lib64")}, multiarch...)
		if folder := folderWith(name, folders); folder != "" {
			return folder
		}
	}
	return folderWith(name, []string{own})
}

// basesOf gives the interpreters that may be the one which prefix is made from, as
// they are called and with their links resolved, the likeliest first.
func basesOf(prefix, library string) []string {
	// libpython3.12.so.1.0 belongs to python3.12.
	versioned, _, _ := strings.Cut(strings.TrimPrefix(library, "lib"), ".so")
	home := homeIn(filepath.Join(prefix, "pyvenv.cfg"))
	if home == "" {
		home = filepath.Join(prefix, "bin")
	}
	var found []string
	for _, name := range []string{versioned, "python3", "python"} {
		called := filepath.Join(home, name)
		resolved, err := filepath.EvalSymlinks(called)
		// Another version's is of no use: /usr/bin/python3 is one of several.
		if err != nil || strings.HasPrefix(filepath.Base(resolved), "python3.") && filepath.Base(resolved) != versioned {
			continue
		}
		for _, interpreter := range []string{called, resolved} {
			if !slices.Contains(found, interpreter) {
				found = append(found, interpreter)
			}
		}
	}
	return found
}

// homeIn reads where the base's interpreter is from a venv's pyvenv.cfg
// (docs.python.org/3/library/venv.html); "" when there is no such file.
func homeIn(config string) string {
	file, err := os.Open(config)
	if err != nil {
		return ""
	}
	defer func() { _ = file.Close() }()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		key, value, found := strings.Cut(lines.Text(), "=")
		if found && strings.EqualFold(strings.TrimSpace(key), "home") {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// neededBy says whether a program is linked to a library, and in which folders it
// looks for it.
func neededBy(program, library string) (needed bool, folders []string) {
	file, err := elf.Open(program)
	if err != nil {
		return false, nil
	}
	defer func() { _ = file.Close() }()
	libraries, err := file.ImportedLibraries()
	if err != nil || !slices.Contains(libraries, library) {
		return false, nil
	}
	// The loader's $ORIGIN is the folder of the file itself, not of a link to it.
	if resolved, err := filepath.EvalSymlinks(program); err == nil {
		program = resolved
	}
	origin := strings.NewReplacer("$ORIGIN", filepath.Dir(program), "${ORIGIN}", filepath.Dir(program))
	for _, tag := range []elf.DynTag{elf.DT_RPATH, elf.DT_RUNPATH} {
		paths, err := file.DynString(tag)
		if err != nil {
			continue
		}
		for _, path := range paths {
			for folder := range strings.SplitSeq(path, ":") {
				folders = append(folders, filepath.Clean(origin.Replace(folder)))
			}
		}
	}
	return true, folders
}

func folderWith(name string, folders []string) string {
	for _, folder := range folders {
		if info, err := os.Stat(filepath.Join(folder, name)); err == nil && info.Mode().IsRegular() {
			return folder
		}
	}
	return ""
}
