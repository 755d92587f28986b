package mrp

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
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
}

// assetFileName is what assetStore.save calls a file.
var assetFileName = regexp.MustCompile(`_\d{4,}\.[a-z]+$`)

func (p *assetPruner) enabled() bool { return p.count > 0 || p.age > 0 }

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
	files, err := assetFiles(root)
	if err != nil {
		return fmt.Errorf("pruning the assets folder: %w", err)
	}
	var failures []error
	for place, file := range files {
		tooMany := p.count > 0 && place >= p.count
		tooOld := p.age > 0 && now.Sub(file.ModTime()) > p.age
		if tooMany || tooOld {
			failures = append(failures, removeIfThere(root, file.Name()))
		}
	}
	if err := errors.Join(failures...); err != nil {
		return fmt.Errorf("pruning the assets folder: %w", err)
	}
	return nil
}

// assetFiles gives the files this runtime, or one before it, saved: the newest first.
func assetFiles(root *os.Root) ([]fs.FileInfo, error) {
	entries, err := fs.ReadDir(root.FS(), ".")
	if err != nil {
		return nil, err
	}
	var files []fs.FileInfo
	for _, entry := range entries {
		if !entry.Type().IsRegular() || !assetFileName.MatchString(entry.Name()) {
			continue
		}
		if info, err := entry.Info(); err == nil {
			files = append(files, info)
		}
	}
	slices.SortFunc(files, func(a, b fs.FileInfo) int {
		return cmp.Or(b.ModTime().Compare(a.ModTime()), cmp.Compare(b.Name(), a.Name()))
	})
	return files, nil
}
