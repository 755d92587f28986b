package mrp

import (
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// assetStore saves displays in the assets folder, or in a folder that a request
// names, and finds them again by their URL.
type assetStore struct {
	dir    string
	pruner *assetPruner

	mu sync.Mutex
	// elsewhere says where the files that are not in the assets folder stand,
	// by the path of their URL; elsewhereOrder bounds it.
	elsewhere      map[string]assetPlace
	elsewhereOrder []string
}

// assetDir is a folder for files: relative to a root that nothing may leave.
type assetDir struct{ root, relative string }

type assetPlace struct{ root, name string }

// maxElsewhere is how many files outside of the assets folder stay reachable.
const maxElsewhere = 10000

func newAssetStore(pruner *assetPruner) *assetStore {
	pruner.soon()
	return &assetStore{dir: pruner.dir, pruner: pruner, elsewhere: make(map[string]assetPlace)}
}

// savedAsset is a file as clients see it. size is in bytes.
type savedAsset struct {
	path, url, mimeType string
	size                int64
}

func (a savedAsset) appendMembers(dst []byte) []byte {
	dst = appendQuoted(append(dst, `"path":`...), a.path)
	dst = appendQuoted(append(dst, `,"url":`...), a.url)
	dst = appendQuoted(append(dst, `,"mimeType":`...), a.mimeType)
	dst = appendQuoted(append(dst, `,"assetType":`...), assetType(a.mimeType))
	return strconv.AppendInt(append(dst, `,"size":`...), a.size, 10)
}

// save writes one display into a file of its own. A reader sees the whole file
// or none.
func (s *assetStore) save(execID string, number int, dir *assetDir, mimeType string, content jsontext.Value) (savedAsset, error) {
	body, err := newAssetBody(mimeType, content)
	if err != nil {
		return savedAsset{}, err
	}
	target := assetDir{root: s.dir, relative: "."}
	if dir != nil {
		target = *dir
	}
	name := filepath.Join(target.relative, fmt.Sprintf("%s_%04d.%s", safeFileName(execID), number, assetExtension(mimeType)))
	if target.root == s.dir {
		s.pruner.note(name, time.Now())
	}
	size, err := writeAtomically(target.root, name, body)
	if err != nil {
		return savedAsset{}, fmt.Errorf("no file can be made of a display in the folder %s: %w", filepath.Join(target.root, target.relative), err)
	}
	s.pruner.soon()
	urlPath := filepath.ToSlash(name)
	if target.root != s.dir {
		s.remember(urlPath, assetPlace{target.root, name})
	}
	return savedAsset{
		path:     filepath.Join(target.root, name),
		url:      pathPrefix + "/assets/" + escapeSegments(urlPath),
		mimeType: mimeType,
		size:     size,
	}, nil
}

func escapeSegments(urlPath string) string {
	segments := strings.Split(urlPath, "/")
	for i, segment := range segments {
		segments[i] = url.PathEscape(segment)
	}
	return strings.Join(segments, "/")
}

// writeAtomically writes a file below root, 0600 and its folders 0700, so that
// no moment shows a part of it, and gives its size in bytes. Nothing that happens
// below root meanwhile can lead outside of it.
func writeAtomically(root, name string, body io.WriterTo) (size int64, err error) {
	if err := os.MkdirAll(root, 0o700); err != nil {
		return 0, err
	}
	folder, err := os.OpenRoot(root)
	if err != nil {
		return 0, err
	}
	defer folder.Close()
	if err := folder.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		return 0, err
	}
	temporary := filepath.Join(filepath.Dir(name), ".saving-"+newExecID())
	if size, err = writeNew(folder, temporary, body); err == nil {
		err = folder.Rename(temporary, name)
	}
	if err != nil {
		return 0, errors.Join(err, removeIfThere(folder, temporary))
	}
	return size, nil
}

func writeNew(folder *os.Root, name string, body io.WriterTo) (size int64, err error) {
	file, err := folder.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return 0, err
	}
	size, err = body.WriteTo(file)
	return size, errors.Join(err, file.Close())
}

func removeIfThere(folder *os.Root, name string) error {
	if err := folder.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

func (s *assetStore) remember(urlPath string, place assetPlace) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, known := s.elsewhere[urlPath]; !known {
		s.elsewhereOrder = append(s.elsewhereOrder, urlPath)
		if len(s.elsewhereOrder) > maxElsewhere {
			delete(s.elsewhere, s.elsewhereOrder[0])
			s.elsewhereOrder = s.elsewhereOrder[1:]
		}
	}
	s.elsewhere[urlPath] = place
}

// locate says where the file of a URL's path stands.
func (s *assetStore) locate(urlPath string) assetPlace {
	s.mu.Lock()
	defer s.mu.Unlock()
	if place, ok := s.elsewhere[urlPath]; ok {
		return place
	}
	return assetPlace{s.dir, filepath.FromSlash(urlPath)}
}

// resolveDir checks a request's assetDir: with its symbolic links resolved it
// has to lie inside the assets folder or the working directory. It need not
// exist.
func (s *assetStore) resolveDir(given, workingDirectory string) (*assetDir, error) {
	if strings.ContainsRune(given, 0) {
		return nil, invalidRequest("\"assetDir\" must not contain a NUL character")
	}
	target := given
	if !filepath.IsAbs(target) {
		target = filepath.Join(workingDirectory, target)
	}
	target, err := resolveLinks(target)
	if err != nil {
		return nil, invalidRequest("\"assetDir\" %q can't be used: %v", given, err)
	}
	for _, root := range []string{s.dir, workingDirectory} {
		if root == "" {
			continue
		}
		resolved, err := resolveLinks(root)
		if err != nil {
			continue
		}
		relative, err := filepath.Rel(resolved, target)
		if err == nil && filepath.IsLocal(relative) {
			return &assetDir{root: root, relative: relative}, nil
		}
	}
	return nil, invalidRequest("\"assetDir\" %q must lie inside the assets folder %s or the working directory %s",
		given, s.dir, workingDirectory)
}

// resolveLinks resolves the symbolic links of the part of a path that exists.
func resolveLinks(name string) (string, error) {
	name = filepath.Clean(name)
	resolved, err := filepath.EvalSymlinks(name)
	if err == nil {
		return resolved, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	if _, err := os.Lstat(name); err == nil {
		return "", fmt.Errorf("%s is a symbolic link to nowhere", name)
	}
	parent := filepath.Dir(name)
	if parent == name {
		return "", err
	}
	if resolved, err = resolveLinks(parent); err != nil {
		return "", err
	}
	return filepath.Join(resolved, filepath.Base(name)), nil
}

// maxFileName is the longest execId that is used as a file's name as it is.
const maxFileName = 100

// safeFileName is an execution's id as the beginning of a file's name: letters,
// digits, ".", "_" and "-" only, and never hidden. An id that had to be changed
// gets a hash, so that two ids never share a name.
func safeFileName(execID string) string {
	changed := false
	safe := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '_', r == '-', r == '.':
			return r
		}
		changed = true
		return '_'
	}, execID)
	if strings.HasPrefix(safe, ".") {
		safe, changed = "_"+safe[1:], true
	}
	if len(safe) > maxFileName {
		safe, changed = safe[:maxFileName], true
	}
	if !changed {
		return safe
	}
	hash := fnv.New64a()
	_, _ = hash.Write([]byte(execID))
	return fmt.Sprintf("%s-%016x", safe, hash.Sum64())
}

// isPlainPath says whether a URL's path names a file below a folder and nothing
// else: no empty, "." or ".." segments, no backslash, no NUL.
func isPlainPath(urlPath string) bool {
	return urlPath != "" && path.Clean("/"+urlPath) == "/"+urlPath &&
		!strings.ContainsAny(urlPath, "\\\x00") && filepath.IsLocal(filepath.FromSlash(urlPath))
}
