package interp

import (
	"embed"
	"fmt"
	"path"
	"strings"

	python3 "github.com/DataDog/go-python3"

	"github.com/mrmd/mrmd-python/cpython"
)

//go:embed python/*.py
var embeddedPython embed.FS

const (
	embeddedPackage = "_mrmd"
	bootstrapModule = embeddedPackage + ".bootstrap"
)

// sources are the embedded modules' texts by full name.
func sources() (map[string]string, error) {
	files, err := embeddedPython.ReadDir("python")
	if err != nil {
		return nil, fmt.Errorf("listing the embedded Python files: %w", err)
	}
	texts := make(map[string]string, len(files))
	for _, file := range files {
		source, err := embeddedPython.ReadFile(path.Join("python", file.Name()))
		if err != nil {
			return nil, fmt.Errorf("reading the embedded Python file %s: %w", file.Name(), err)
		}
		texts[embeddedPackage+"."+strings.TrimSuffix(file.Name(), ".py")] = string(source)
	}
	return texts, nil
}

// installEmbedded makes the embedded Python package importable as _mrmd, and what
// was remembered of the last start findable. Main thread; needs the GIL.
func installEmbedded(texts map[string]string, start *startCode) error {
	names, sources := python3.PyList_New(0), python3.PyList_New(0)
	defer names.DecRef()
	defer sources.DecRef()
	for name, text := range texts {
		for list, text := range map[*cpython.Object]string{names: name, sources: text} {
			item := cpython.Text(text)
			python3.PyList_Append(list, item)
			item.DecRef()
		}
	}
	codes, remembered, err := start.objects()
	if err != nil {
		return fmt.Errorf("handing over the compiled code of the last start: %w", err)
	}
	defer codes.DecRef()
	defer remembered.DecRef()
	install, err := bootstrap(texts[bootstrapModule], python3.PyDict_GetItemString(codes, bootstrapModule))
	if err != nil {
		return fmt.Errorf("loading the embedded Python package: %w", err)
	}
	defer install.DecRef()
	functions, err := cpython.Call(install, names, sources, codes, remembered)
	if err != nil {
		return fmt.Errorf("installing the embedded Python package: %w", err)
	}
	defer functions.DecRef()
	return start.take(functions)
}

// bootstrap runs the one module that nothing can import yet, from its marshalled code
// when there is one, and gives its install function.
func bootstrap(source string, marshalled *cpython.Object) (*cpython.Object, error) {
	code, err := bootstrapCode(source, marshalled)
	if err != nil {
		return nil, err
	}
	defer code.DecRef()
	namespace := python3.PyDict_New()
	defer namespace.DecRef()
	name := cpython.Text(bootstrapModule)
	defer name.DecRef()
	python3.PyDict_SetItemString(namespace, "__name__", name)
	done, err := callModule("builtins", "exec", code, namespace)
	if err != nil {
		return nil, err
	}
	done.DecRef()
	install := python3.PyDict_GetItemString(namespace, "install") // borrowed
	if install == nil {
		return nil, fmt.Errorf("%s has no install function", bootstrapModule)
	}
	install.IncRef()
	return install, nil
}

func bootstrapCode(source string, marshalled *cpython.Object) (*cpython.Object, error) {
	if marshalled != nil {
		return callModule("marshal", "loads", marshalled)
	}
	return callModule("builtins", "compile", source, "<mrmd>/bootstrap.py", "exec")
}

func callAttribute(object *cpython.Object, name string, arguments ...any) (*cpython.Object, error) {
	function, err := cpython.Attribute(object, name)
	if err != nil {
		return nil, err
	}
	defer function.DecRef()
	return cpython.Call(function, arguments...)
}

func callModule(module, function string, arguments ...any) (*cpython.Object, error) {
	imported, err := cpython.Import(module)
	if err != nil {
		return nil, err
	}
	defer imported.DecRef()
	return callAttribute(imported, function, arguments...)
}
