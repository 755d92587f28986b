package codecache

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/go-json-experiment/json"
)

// A file is: magic, checksum of what follows, length of the index, index, codes.
const (
	magic      = "mrmdcode"
	prefixSize = len(magic) + 4 + 4
)

// checksum makes its table when it is first called and not in every process's start.
func checksum(content []byte) uint32 {
	return crc32.Checksum(content, crc32.MakeTable(crc32.Castagnoli))
}

type index struct {
	Key     string   `json:"key"`
	Modules []Module `json:"modules"`
}

// ErrStale is returned by Read when what it gives, if anything, is not all there is
// to remember.
var ErrStale = errors.New("the code cache is not current")

var errNoCache = errors.New("it is not a code cache")

// Contents are the modules of a file. Their code is the file itself, mapped into
// memory that is not Go's.
type Contents struct {
	Modules []Module
	mapping []byte
}

// Close ends the mapping: the modules' code must not be used any more. Contents of
// nothing may be closed.
func (c *Contents) Close() error {
	if c == nil || c.mapping == nil {
		return nil
	}
	mapping := c.mapping
	c.Modules, c.mapping = nil, nil
	if err := syscall.Munmap(mapping); err != nil {
		return fmt.Errorf("unmapping the code cache: %w", err)
	}
	return nil
}

// Read gives the modules of a file written with the same key. Left out, with
// ErrStale, are those whose source has changed; without an error, those that a
// module in one of the folders comes before. Only a file of this user that nobody
// else can write is read. With another error there are no contents.
func Read(path, key string, folders []string) (*Contents, error) {
	mapping, err := mapOwn(path)
	if err != nil {
		return nil, fmt.Errorf("reading the code cache: %w", err)
	}
	contents := &Contents{mapping: mapping}
	found, err := decode(mapping)
	if err != nil {
		err = fmt.Errorf("reading the code cache %s: %w", path, err)
	} else if found.Key != key {
		err = ErrStale
	}
	if err != nil {
		return nil, errors.Join(err, contents.Close())
	}
	hidden := map[string]bool{}
	contents.Modules = make([]Module, 0, len(found.Modules))
	stale := false
	for _, module := range found.Modules {
		top, _, _ := strings.Cut(module.Name, ".")
		isHidden, known := hidden[top]
		if !known {
			isHidden = module.Origin != "" && hasModule(folders, top)
			hidden[top] = isHidden
		}
		switch {
		case isHidden:
		case !module.isCurrent():
			stale = true
		default:
			contents.Modules = append(contents.Modules, module)
		}
	}
	if stale {
		return contents, ErrStale
	}
	return contents, nil
}

// mapOwn maps a file that is only ever replaced, never written again.
func mapOwn(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	status, ok := info.Sys().(*syscall.Stat_t)
	if !ok || int(status.Uid) != os.Geteuid() || info.Mode().Perm()&0o022 != 0 {
		return nil, fmt.Errorf("%s may have been written by somebody else; remove it", path)
	}
	if info.Size() < int64(prefixSize) {
		return nil, errNoCache
	}
	return syscall.Mmap(int(file.Fd()), 0, int(info.Size()), syscall.PROT_READ, syscall.MAP_PRIVATE|syscall.MAP_POPULATE)
}

func hasModule(folders []string, name string) bool {
	for _, folder := range folders {
		for _, candidate := range []string{name, name + ".py"} {
			if _, err := os.Lstat(filepath.Join(folder, candidate)); err == nil {
				return true
			}
		}
	}
	return false
}

func decode(content []byte) (found index, err error) {
	if string(content[:len(magic)]) != magic {
		return found, errNoCache
	}
	body := content[len(magic)+4:]
	if checksum(body) != binary.LittleEndian.Uint32(content[len(magic):]) {
		return found, errors.New("it is damaged")
	}
	length := int(binary.LittleEndian.Uint32(body))
	body = body[4:]
	if length > len(body) {
		return found, errors.New("its index is too long")
	}
	if err := json.Unmarshal(body[:length], &found); err != nil {
		return found, fmt.Errorf("reading its index: %w", err)
	}
	codes := body[length:]
	for i := range found.Modules {
		module := &found.Modules[i]
		if module.Length < 0 || module.Length > len(codes) {
			return index{}, errors.New("its index is wrong")
		}
		module.Code, codes = codes[:module.Length:module.Length], codes[module.Length:]
	}
	return found, nil
}

// Write replaces the file by one with these modules, readable by this user only.
func Write(path, key string, modules []Module) error {
	content, err := encode(index{key, modules})
	if err != nil {
		return fmt.Errorf("encoding the code cache: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("making the folder of the code cache: %w", err)
	}
	temporary, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return fmt.Errorf("writing the code cache: %w", err)
	}
	defer os.Remove(temporary.Name())
	if _, err = temporary.Write(content); err == nil {
		err = temporary.Close()
	}
	if err == nil {
		err = os.Rename(temporary.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("writing the code cache: %w", err)
	}
	return nil
}

func encode(all index) ([]byte, error) {
	for i := range all.Modules {
		all.Modules[i].Length = len(all.Modules[i].Code)
	}
	encoded, err := json.Marshal(all)
	if err != nil {
		return nil, err
	}
	var body bytes.Buffer
	body.Write(binary.LittleEndian.AppendUint32(nil, uint32(len(encoded))))
	body.Write(encoded)
	for _, module := range all.Modules {
		body.Write(module.Code)
	}
	content := []byte(magic)
	content = binary.LittleEndian.AppendUint32(content, checksum(body.Bytes()))
	return append(content, body.Bytes()...), nil
}
