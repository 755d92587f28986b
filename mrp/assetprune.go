package mrp

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"regexp"
	"slices"
	"sync"
	"time"
)

// assetPruner removes old files from the assets folder, if the options say so. Only
// files named as this runtime names them are touched, and none in folders below.
type assetPruner struct {
	dir string
	// count is how many files are kept, age for how long; 0 means all, for ever.
	count int
	age   time.Duration
	// failed is told why files could not be removed.
	failed func(error)

	running sync.Mutex

	mu sync.Mutex
	// saved says when this process saved a file, by the monotonic clock: the file's
	// own time is the wall clock's, which may have been set since.
	saved map[string]time.Time
}

// assetFileName is what assetStore.save calls a file.
var assetFileName = regexp.MustCompile(`_\d{4,}\.[a-z]+$`)

func (p *assetPruner) enabled() bool { return p.count > 0 || p.age > 0 }

// note remembers that a file of the folder is about to be saved.
func (p *assetPruner) note(name string, now time.Time) {
	if !p.enabled() {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.saved == nil {
		p.saved = make(map[string]time.Time)
	}
	p.saved[name] = now
}

// soon prunes without making the caller wait; one that runs already will do.
func (p *assetPruner) soon() {
	if !p.enabled() || !p.running.TryLock() {
		return
	}
	go func() {
		defer p.running.Unlock()
		if err := p.prune(time.Now()); err != nil {
			p.failed(err)
		}
	}()
}

// prune removes what is too old and, of the rest, all but the newest files.
func (p *assetPruner) prune(now time.Time) error {
	root, err := os.OpenRoot(p.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("pruning the assets folder: %w", err)
	}
	defer root.Close()
	files, err := p.assetFiles(root, now)
	if err != nil {
		return fmt.Errorf("pruning the assets folder: %w", err)
	}
	var failures []error
	for place, file := range files {
		tooMany := p.count > 0 && place >= p.count
		tooOld := p.age > 0 && now.Sub(file.savedAt) > p.age
		if tooMany || tooOld {
			failures = append(failures, removeIfThere(root, file.name))
		}
	}
	if err := errors.Join(failures...); err != nil {
		return fmt.Errorf("pruning the assets folder: %w", err)
	}
	return nil
}

// assetFile is a file this runtime, or one before it, saved.
type assetFile struct {
	name    string
	savedAt time.Time
	// own says that this process saved it.
	own bool
}

// savingLimit is how long a file that was noted may take to appear.
const savingLimit = 10 * time.Minute

// assetFiles gives the files of the folder, the newest first: those of this process
// before all others, whatever their times say.
func (p *assetPruner) assetFiles(root *os.Root, now time.Time) ([]assetFile, error) {
	entries, err := fs.ReadDir(root.FS(), ".")
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	var files []assetFile
	names := make(map[string]bool)
	for _, entry := range entries {
		if !entry.Type().IsRegular() || !assetFileName.MatchString(entry.Name()) {
			continue
		}
		names[entry.Name()] = true
		if savedAt, own := p.saved[entry.Name()]; own {
			files = append(files, assetFile{entry.Name(), savedAt, true})
		} else if info, err := entry.Info(); err == nil {
			files = append(files, assetFile{entry.Name(), info.ModTime(), false})
		}
	}
	maps.DeleteFunc(p.saved, func(name string, savedAt time.Time) bool {
		return !names[name] && now.Sub(savedAt) > savingLimit
	})
	slices.SortFunc(files, func(a, b assetFile) int {
		if a.own != b.own {
			if a.own {
				return -1
			}
			return 1
		}
		return cmp.Or(b.savedAt.Compare(a.savedAt), cmp.Compare(b.name, a.name))
	})
	return files, nil
}
