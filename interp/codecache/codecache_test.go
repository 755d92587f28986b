package codecache

import (
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// compile makes a source and a compiled file as importlib would leave them.
func compile(t *testing.T, folder, name, code string) (origin, compiled string) {
	t.Helper()
	origin, compiled = filepath.Join(folder, name+".py"), filepath.Join(folder, name+".pyc")
	write(t, origin, "source of "+name)
	info, err := os.Stat(origin)
	if err != nil {
		t.Fatal(err)
	}
	content := make([]byte, headerSize)
	binary.LittleEndian.PutUint32(content[8:], uint32(info.ModTime().Unix()))
	binary.LittleEndian.PutUint32(content[12:], uint32(info.Size()))
	write(t, compiled, string(content)+code)
	return origin, compiled
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func names(contents *Contents) string {
	if contents == nil {
		return ""
	}
	var found []string
	for _, module := range contents.Modules {
		found = append(found, module.Name+"="+string(module.Code))
	}
	return strings.Join(found, " ")
}

// written is a file with one module that is not from a file and two that are.
func written(t *testing.T) (path, folder string) {
	t.Helper()
	folder = t.TempDir()
	path = filepath.Join(folder, "cache", "start.code")
	modules := []Module{{Name: "inner", Code: []byte("I")}}
	for _, name := range []string{"first", "second"} {
		origin, compiled := compile(t, folder, name, strings.ToUpper(name))
		module, err := FromCompiled(name+".part", origin, compiled, false)
		if err != nil {
			t.Fatal(err)
		}
		modules = append(modules, module)
	}
	if err := Write(path, "key", modules); err != nil {
		t.Fatal(err)
	}
	return path, folder
}

func TestWhatIsWrittenIsRead(t *testing.T) {
	path, folder := written(t)
	contents, err := Read(path, "key", []string{filepath.Join(folder, "nowhere")})
	if got := names(contents); err != nil || got != "inner=I first.part=FIRST second.part=SECOND" {
		t.Errorf("%s, %v", got, err)
	}
	if info, _ := os.Stat(path); info.Mode().Perm() != 0o600 {
		t.Errorf("its mode is %v", info.Mode())
	}
}

func TestChangedSourcesAreLeftOut(t *testing.T) {
	path, folder := written(t)
	later := time.Now().Add(time.Hour)
	if err := os.Chtimes(filepath.Join(folder, "first.py"), later, later); err != nil {
		t.Fatal(err)
	}
	contents, err := Read(path, "key", nil)
	if got := names(contents); !errors.Is(err, ErrStale) || got != "inner=I second.part=SECOND" {
		t.Errorf("%s, %v", got, err)
	}
	if err := os.Remove(filepath.Join(folder, "second.py")); err != nil {
		t.Fatal(err)
	}
	contents, err = Read(path, "key", nil)
	if got := names(contents); !errors.Is(err, ErrStale) || got != "inner=I" {
		t.Errorf("%s, %v", got, err)
	}
}

// A module in the working directory comes before an installed one, as on sys.path.
func TestModulesThatComeBeforeAreLeftOut(t *testing.T) {
	path, _ := written(t)
	project := t.TempDir()
	write(t, filepath.Join(project, "first.py"), "")
	if err := os.Mkdir(filepath.Join(project, "inner"), 0o700); err != nil {
		t.Fatal(err)
	}
	contents, err := Read(path, "key", []string{project})
	if got := names(contents); err != nil || got != "inner=I second.part=SECOND" {
		t.Errorf("%s, %v", got, err)
	}
}

func TestWhatCantBeTrustedIsNotRead(t *testing.T) {
	path, _ := written(t)
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if contents, err := Read(path, "another key", nil); !errors.Is(err, ErrStale) || contents != nil {
		t.Errorf("with another key: %s, %v", names(contents), err)
	}
	for i := range content {
		damaged := append([]byte(nil), content...)
		damaged[i] ^= 0x40
		write(t, path, string(damaged))
		if contents, err := Read(path, "key", nil); err == nil {
			t.Fatalf("byte %d changed: %s", i, names(contents))
		}
	}
	for _, length := range []int{0, 5, prefixSize, len(content) - 1} {
		write(t, path, string(content[:length]))
		if contents, err := Read(path, "key", nil); err == nil {
			t.Errorf("cut to %d bytes: %s", length, names(contents))
		}
	}
	write(t, path, string(content))
	if err := os.Chmod(path, 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := Read(path, "key", nil); err == nil || !strings.Contains(err.Error(), "somebody else") {
		t.Errorf("a file that everybody can write: %v", err)
	}
}

func TestCompiledFilesOfAnotherSource(t *testing.T) {
	folder := t.TempDir()
	origin, compiled := compile(t, folder, "module", "CODE")
	write(t, origin, "another source")
	if _, err := FromCompiled("module", origin, compiled, false); err == nil || !strings.Contains(err.Error(), "has changed") {
		t.Errorf("a changed source: %v", err)
	}
	checked := make([]byte, headerSize+4)
	checked[4] = 1
	write(t, compiled, string(checked))
	if _, err := FromCompiled("module", origin, compiled, false); err == nil || !strings.Contains(err.Error(), "which source") {
		t.Errorf("a file that goes by a hash: %v", err)
	}
}

func TestWhatHasNoCompiledFileIsCompiled(t *testing.T) {
	folder := t.TempDir()
	origin, _ := compile(t, folder, "module", "")
	path := filepath.Join(folder, "start.code")
	module, err := FromSource("module", origin, "nowhere.pyc", true, func() ([]byte, error) { return []byte("CODE"), nil })
	if err == nil {
		err = Write(path, "key", []Module{module})
	}
	if err != nil {
		t.Fatal(err)
	}
	contents, err := Read(path, "key", nil)
	if err != nil || names(contents) != "module=CODE" || !contents.Modules[0].IsPackage || contents.Modules[0].Compiled != "nowhere.pyc" {
		t.Errorf("%+v, %v", contents, err)
	}
}
