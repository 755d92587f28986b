package codecache

import (
	"encoding/binary"
	"fmt"
	"os"
)

// Module is the compiled code of one module.
type Module struct {
	Name string `json:"name"`
	// Origin is the source's path, Compiled that of the file its code is from;
	// both are empty for a module that is not from a file.
	Origin   string `json:"origin"`
	Compiled string `json:"compiled"`
	// IsPackage says that Origin is a package's __init__.py.
	IsPackage bool `json:"isPackage"`
	// Modified and Size are the source's when it was compiled, as importlib keeps
	// them: seconds since 1970 and bytes, each modulo 2^32.
	Modified uint32 `json:"modified"`
	Size     uint32 `json:"size"`
	// Code is a marshalled code object.
	Code []byte `json:"-"`
	// Length is Code's, in the file.
	Length int `json:"length"`
}

// headerSize is that of importlib's compiled files since Python 3.7.
const headerSize = 16

// FromCompiled reads a module from the file importlib compiled its source to; an
// error says that there is none, or that it is not the source's any more.
func FromCompiled(name, origin, compiled string, isPackage bool) (Module, error) {
	content, err := os.ReadFile(compiled)
	if err != nil {
		return Module{}, fmt.Errorf("reading the compiled code of %s: %w", name, err)
	}
	if len(content) <= headerSize || binary.LittleEndian.Uint32(content[4:]) != 0 {
		return Module{}, fmt.Errorf("%s does not say which source it is compiled from", compiled)
	}
	module := Module{
		Name: name, Origin: origin, Compiled: compiled, IsPackage: isPackage,
		Modified: binary.LittleEndian.Uint32(content[8:]), Size: binary.LittleEndian.Uint32(content[12:]),
		Code: content[headerSize:],
	}
	if !module.isCurrent() {
		return Module{}, fmt.Errorf("%s has changed since it was compiled", origin)
	}
	return module, nil
}

// FromSource reads a module by having its source compiled, where there is no file
// that it was compiled to.
func FromSource(name, origin, compiled string, isPackage bool, compile func() ([]byte, error)) (Module, error) {
	source, err := os.Stat(origin)
	if err != nil {
		return Module{}, fmt.Errorf("looking at the source of %s: %w", name, err)
	}
	code, err := compile()
	if err != nil {
		return Module{}, fmt.Errorf("compiling %s: %w", origin, err)
	}
	return Module{
		Name: name, Origin: origin, Compiled: compiled, IsPackage: isPackage,
		Modified: uint32(source.ModTime().Unix()), Size: uint32(source.Size()), Code: code,
	}, nil
}

// isCurrent says whether the source is the one that was compiled, as importlib tells.
func (m *Module) isCurrent() bool {
	if m.Origin == "" {
		return true
	}
	source, err := os.Stat(m.Origin)
	return err == nil && uint32(source.ModTime().Unix()) == m.Modified && uint32(source.Size()) == m.Size
}
