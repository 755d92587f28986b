package interp

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"time"

	python3 "github.com/DataDog/go-python3"

	"github.com/mrmd/mrmd-python/cpython"
	"github.com/mrmd/mrmd-python/interp/codecache"
)

// startCode is the compiled code that a start needs, and what has to be remembered of
// this start for the next one.
type startCode struct {
	path, key string
	names     []string
	read      chan *codecache.Contents
	// isCurrent is set before read is answered.
	isCurrent bool

	compiled, forget              *cpython.Object
	compiledPatterns, endPatterns *cpython.Object
	loaded                        []string

	// contents are what was read, until finish, and patterns the regular expressions
	// among them.
	contents *codecache.Contents
	patterns *cpython.Object
}

// patternsName is the name under which a start's regular expressions are kept.
const patternsName = embeddedPackage + ".patterns of a start"

// Variables that decide which code is compiled, and where it is looked for.
var startVariables = []string{"PYTHONPATH", "PYTHONOPTIMIZE", "PYTHONPYCACHEPREFIX", "PYTHONNOUSERSITE", "PYTHONPLATLIBDIR"}

// readStartCode begins to read, beside the start of Python. Any goroutine.
func readStartCode(options Options, texts map[string]string) *startCode {
	start := &startCode{read: make(chan *codecache.Contents, 1)}
	for name := range texts {
		start.names = append(start.names, name)
	}
	slices.Sort(start.names)
	if options.CacheDir == "" {
		start.isCurrent = true
		start.read <- nil
		return start
	}
	venv := sha256.Sum256([]byte(options.Executable))
	start.path = filepath.Join(options.CacheDir, fmt.Sprintf("start-%s-%x.code", cpython.ABITag(), venv[:6]))
	go func() {
		start.key = startKey(options, texts, start.names)
		contents, err := codecache.Read(start.path, start.key, pathPrefix(options.WorkingDirectory))
		start.isCurrent = err == nil
		start.read <- contents
	}()
	return start
}

func startKey(options Options, texts map[string]string, names []string) string {
	hash := sha256.New()
	fmt.Fprintf(hash, "%q %q\n", cpython.Build(), options.Executable)
	for _, variable := range startVariables {
		fmt.Fprintf(hash, "%s=%q\n", variable, os.Getenv(variable))
	}
	for _, name := range names {
		fmt.Fprintf(hash, "%s %d\n%s", name, len(texts[name]), texts[name])
	}
	return fmt.Sprintf("%x", hash.Sum(nil))
}

// objects waits for the file and gives what python/bootstrap.py's install takes: the
// codes of the embedded modules, and of those from files. Needs the GIL.
func (s *startCode) objects() (codes, remembered *cpython.Object, err error) {
	codes, remembered = python3.PyDict_New(), python3.PyDict_New()
	s.contents = <-s.read
	if s.contents == nil {
		return codes, remembered, nil
	}
	for _, module := range s.contents.Modules {
		code, err := cpython.MemoryView(module.Code)
		if err != nil {
			return nil, nil, err
		}
		table, value := codes, code
		switch {
		case module.Name == patternsName:
			s.patterns = code
			continue
		case module.Origin != "":
			table = remembered
			value, err = cpython.Tuple(module.Origin, module.Compiled, module.IsPackage, code)
			code.DecRef()
			if err != nil {
				return nil, nil, err
			}
		}
		python3.PyDict_SetItemString(table, module.Name, value)
		value.DecRef()
	}
	return codes, remembered, nil
}

// take keeps the functions that install returns. Needs the GIL.
func (s *startCode) take(functions *cpython.Object) error {
	return takePair(functions, &s.compiled, &s.forget)
}

func takePair(pair *cpython.Object, first, second **cpython.Object) error {
	items, err := cpython.Items(pair, 2)
	if err != nil {
		return err
	}
	for i, target := range []**cpython.Object{first, second} {
		items[i].IncRef()
		*target = items[i]
	}
	return nil
}

// recallPatterns has the regular expressions of the last start recalled until finish.
// Main thread; needs the GIL.
func (s *startCode) recallPatterns() error {
	var marshalled any
	if s.patterns != nil {
		marshalled = s.patterns
		defer s.patterns.DecRef()
	}
	return callStart("remember_patterns", func(functions *cpython.Object) error {
		return takePair(functions, &s.endPatterns, &s.compiledPatterns)
	}, marshalled)
}

// finish ends the start: what the user imports is found the usual way. Main thread;
// needs the GIL.
func (s *startCode) finish() error {
	found, err := cpython.Call(s.forget, s.isCurrent)
	if err != nil {
		return fmt.Errorf("ending the start: %w", err)
	}
	defer found.DecRef()
	ended, err := cpython.Call(s.endPatterns, s.isCurrent)
	if err != nil {
		return fmt.Errorf("ending the start: %w", err)
	}
	ended.DecRef()
	if err := s.contents.Close(); err != nil {
		return err
	}
	s.loaded, err = textList(found)
	return err
}

// remember writes down for the next start what this one had to find and compile. It
// takes the GIL for a module at a time. Any goroutine.
func (s *startCode) remember(ctx context.Context, visitor *cpython.Visitor) error {
	if s.isCurrent {
		return nil
	}
	var modules []codecache.Module
	for _, name := range s.names {
		code, err := callForBytes(ctx, visitor, s.compiled, name)
		if err != nil {
			return fmt.Errorf("compiling %s: %w", name, err)
		}
		modules = append(modules, codecache.Module{Name: name, Code: code})
	}
	patterns, err := callForBytes(ctx, visitor, s.compiledPatterns)
	if err != nil {
		return fmt.Errorf("remembering regular expressions: %w", err)
	}
	modules = append(modules, codecache.Module{Name: patternsName, Code: patterns})
	for of := range slices.Chunk(s.loaded, 4) {
		name, origin, compiled, isPackage := of[0], of[1], of[2], of[3] != ""
		module, err := codecache.FromCompiled(name, origin, compiled, isPackage)
		if err != nil {
			module, err = codecache.FromSource(name, origin, compiled, isPackage, func() ([]byte, error) {
				return callForBytes(ctx, visitor, s.compiled, name)
			})
		}
		// What can't be compiled any more is found the usual way.
		if err == nil {
			modules = append(modules, module)
		}
	}
	return codecache.Write(s.path, s.key, modules)
}

func callForBytes(ctx context.Context, visitor *cpython.Visitor, function *cpython.Object, arguments ...any) (content []byte, err error) {
	err = visitor.Do(ctx, func() error {
		object, err := cpython.Call(function, arguments...)
		if err != nil {
			return err
		}
		defer object.DecRef()
		content, err = cpython.GoBytes(object)
		return err
	})
	return content, err
}

// settleAfter is when what the next start and the next cells gain from is done, while
// nothing else is.
const settleAfter = time.Second

func (e *Engine) settle() {
	time.Sleep(settleAfter)
	ctx := context.Background()
	if err := e.start.remember(ctx, e.visitor); err != nil && !errors.Is(err, os.ErrPermission) {
		e.options.Log.WithError(err).Warn("the next start will take longer")
	}
	// The first question should not have to import beside a cell that keeps the GIL
	// to itself. A failure is told to who asks.
	_ = e.visitor.Do(ctx, func() error { return callStart("settle", nil) })
	debug.FreeOSMemory()
	cpython.ReturnStartMemory()
}
