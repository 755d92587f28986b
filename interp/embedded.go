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

// installEmbedded makes the embedded Python package importable as _mrmd. Main
// thread; needs the GIL.
func installEmbedded() error {
	files, err := embeddedPython.ReadDir("python")
	if err != nil {
		return fmt.Errorf("listing the embedded Python files: %w", err)
	}
	names, texts := python3.PyList_New(0), python3.PyList_New(0)
	defer names.DecRef()
	defer texts.DecRef()
	var bootstrapSource string
	for _, file := range files {
		source, err := embeddedPython.ReadFile(path.Join("python", file.Name()))
		if err != nil {
			return fmt.Errorf("reading the embedded Python file %s: %w", file.Name(), err)
		}
		name := embeddedPackage + "." + strings.TrimSuffix(file.Name(), ".py")
		if name == bootstrapModule {
			bootstrapSource = string(source)
		}
		for list, text := range map[*cpython.Object]string{names: name, texts: string(source)} {
			item := cpython.Text(text)
			python3.PyList_Append(list, item)
			item.DecRef()
		}
	}
	install, err := bootstrap(bootstrapSource)
	if err != nil {
		return fmt.Errorf("loading the embedded Python package: %w", err)
	}
	defer install.DecRef()
	done, err := cpython.Call(install, names, texts)
	if err != nil {
		return fmt.Errorf("installing the embedded Python package: %w", err)
	}
	done.DecRef()
	return nil
}

// bootstrap runs the one module that nothing can import yet and gives its
// install function.
func bootstrap(source string) (*cpython.Object, error) {
	builtins, err := cpython.Import("builtins")
	if err != nil {
		return nil, err
	}
	defer builtins.DecRef()
	code, err := callAttribute(builtins, "compile", source, "<mrmd>/bootstrap.py", "exec")
	if err != nil {
		return nil, err
	}
	defer code.DecRef()
	namespace := python3.PyDict_New()
	defer namespace.DecRef()
	name := cpython.Text(bootstrapModule)
	defer name.DecRef()
	python3.PyDict_SetItemString(namespace, "__name__", name)
	done, err := callAttribute(builtins, "exec", code, namespace)
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
