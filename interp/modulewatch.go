package interp

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/go-json-experiment/json"
	"golang.org/x/sys/unix"

	"github.com/mrmd/mrmd-python/cpython"
)

// moduleWatch knows which source files of loaded modules changed since it was last
// asked, for %autoreload. The kernel queues what happens in the modules' folders
// until a cell begins, so that a change made before the cell was sent is never
// missed, and nothing runs meanwhile. Where the kernel can't tell, on network file
// systems and when there are no watches left, the files are looked at on a timer.
type moduleWatch struct {
	// remote says whether changes in a folder may be made by another machine;
	// interval is the time between two looks at such files.
	remote   func(folder string) bool
	interval time.Duration

	// inotify is the descriptor that changes are read from, -1 when there is none.
	inotify int

	mutex sync.Mutex
	// folders are the watched ones by their watch; one may have several names.
	folders map[int32][]string
	known   map[string]struct{}
	// lost are folders that were replaced and are not watched at the moment.
	lost []string
	// polled are the files looked at on a timer, with their times of modification
	// in seconds; changed are those that were found to be other ones.
	polled  map[string]float64
	changed []string
	// attention says that lost or changed has something for take.
	attention atomic.Bool
}

// defaultPollInterval is how soon a change on a network file system is seen.
const defaultPollInterval = time.Second

func newModuleWatch() *moduleWatch {
	return &moduleWatch{
		remote: isRemoteFolder, interval: defaultPollInterval, inotify: -1,
		folders: map[int32][]string{}, known: map[string]struct{}{}, polled: map[string]float64{},
	}
}

// register lets Python name the files of the modules it loaded.
func (w *moduleWatch) register() {
	cpython.RegisterHostFunction("watch_modules", func(argument string) (*string, error) {
		var files []moduleFile
		if err := json.Unmarshal([]byte(argument), &files); err != nil {
			return nil, fmt.Errorf("reading the files of modules: %w", err)
		}
		w.add(files)
		return nil, nil
	})
}

// moduleFile is a source file with the time of modification, in seconds, that it was
// loaded with.
type moduleFile struct {
	Path  string  `json:"path"`
	MTime float64 `json:"mtime"`
}

func (w *moduleWatch) add(files []moduleFile) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	if w.inotify < 0 {
		if descriptor, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK); err == nil {
			w.inotify = descriptor
		}
	}
	for _, file := range files {
		folder := filepath.Dir(file.Path)
		if _, known := w.known[folder]; !known && w.watch(folder) {
			w.known[folder] = struct{}{}
		}
		if _, known := w.known[folder]; known {
			continue
		}
		if len(w.polled) == 0 {
			go w.poll()
		}
		w.polled[file.Path] = file.MTime
	}
}

const watchedEvents = unix.IN_MODIFY | unix.IN_CLOSE_WRITE | unix.IN_MOVED_TO | unix.IN_CREATE | unix.IN_ATTRIB |
	unix.IN_DELETE_SELF | unix.IN_MOVE_SELF | unix.IN_ONLYDIR

// watch reports whether the kernel will tell of changes in the folder. Called with
// the mutex held.
func (w *moduleWatch) watch(folder string) bool {
	if w.inotify < 0 || w.remote(folder) {
		return false
	}
	added, err := unix.InotifyAddWatch(w.inotify, folder, watchedEvents)
	if err != nil {
		return false
	}
	w.folders[int32(added)] = append(w.folders[int32(added)], folder)
	return true
}

// take gives the paths of the Python files that changed since the last call, with
// "" among them when some may be missing. Some may be no module's, or be unchanged.
func (w *moduleWatch) take() []string {
	if w.inotify < 0 && !w.attention.Load() {
		return nil
	}
	var buffer [4096]byte
	read, err := unix.Read(w.inotify, buffer[:])
	if (err != nil || read <= 0) && !w.attention.Load() {
		return nil
	}
	w.mutex.Lock()
	defer w.mutex.Unlock()
	changed := map[string]struct{}{}
	for err == nil && read > 0 {
		w.receive(buffer[:read], changed)
		read, err = unix.Read(w.inotify, buffer[:])
	}
	for _, path := range w.changed {
		changed[path] = struct{}{}
	}
	w.changed = nil
	w.findLost(changed)
	w.attention.Store(len(w.lost) > 0)
	paths := make([]string, 0, len(changed))
	for path := range changed {
		paths = append(paths, path)
	}
	return paths
}

func (w *moduleWatch) receive(events []byte, changed map[string]struct{}) {
	for len(events) >= unix.SizeofInotifyEvent {
		event := (*unix.InotifyEvent)(unsafe.Pointer(&events[0]))
		end := unix.SizeofInotifyEvent + int(event.Len)
		name := string(bytes.TrimRight(events[unix.SizeofInotifyEvent:end], "\x00"))
		events = events[end:]
		switch {
		case event.Mask&unix.IN_Q_OVERFLOW != 0:
			changed[""] = struct{}{}
		case event.Mask&(unix.IN_DELETE_SELF|unix.IN_MOVE_SELF|unix.IN_UNMOUNT) != 0:
			w.lose(event.Wd)
		case strings.HasSuffix(name, ".py"):
			for _, folder := range w.folders[event.Wd] {
				changed[filepath.Join(folder, name)] = struct{}{}
			}
		}
	}
}

// lose takes note that a folder's name may stand for another folder from now on.
func (w *moduleWatch) lose(watch int32) {
	w.lost = append(w.lost, w.folders[watch]...)
	delete(w.folders, watch)
	// The kernel has removed the watch of a folder that is gone by itself.
	_, _ = unix.InotifyRmWatch(w.inotify, uint32(watch))
}

func (w *moduleWatch) findLost(changed map[string]struct{}) {
	still := w.lost[:0]
	for _, folder := range w.lost {
		if w.watch(folder) {
			changed[""] = struct{}{}
		} else {
			still = append(still, folder)
		}
	}
	w.lost = still
}

// poll looks at the files that the kernel can't tell of, until the process ends.
func (w *moduleWatch) poll() {
	for range time.Tick(w.interval) {
		w.mutex.Lock()
		paths := make(map[string]float64, len(w.polled))
		for path, modified := range w.polled {
			paths[path] = modified
		}
		w.mutex.Unlock()
		for path, before := range paths {
			now, err := modificationTime(path)
			if err != nil || now == before {
				continue
			}
			w.mutex.Lock()
			w.polled[path] = now
			w.changed = append(w.changed, path)
			w.mutex.Unlock()
			w.attention.Store(true)
		}
	}
}

// modificationTime is a file's, in seconds as Python computes them.
func modificationTime(path string) (float64, error) {
	info, err := os.Stat(path)
	if err != nil {
		return math.NaN(), fmt.Errorf("looking at a module's file: %w", err)
	}
	modified := info.ModTime()
	return float64(modified.Unix()) + 1e-9*float64(modified.Nanosecond()), nil
}

// remoteFileSystems are those whose changes the kernel is not told of when another
// machine, or a process behind the file system, makes them (statfs(2)).
var remoteFileSystems = map[uint32]struct{}{
	unix.NFS_SUPER_MAGIC: {}, unix.SMB_SUPER_MAGIC: {}, unix.SMB2_SUPER_MAGIC: {}, unix.CIFS_SUPER_MAGIC: {},
	unix.FUSE_SUPER_MAGIC: {}, unix.V9FS_MAGIC: {}, unix.CEPH_SUPER_MAGIC: {}, unix.CODA_SUPER_MAGIC: {},
	unix.AFS_FS_MAGIC: {}, unix.AFS_SUPER_MAGIC: {}, unix.OCFS2_SUPER_MAGIC: {},
	0x0BD00BD0: {}, // Lustre
	0x01161970: {}, // GFS2
	0x47504653: {}, // GPFS
	0x786F4256: {}, // a VirtualBox shared folder
}

func isRemoteFolder(folder string) bool {
	var status unix.Statfs_t
	for {
		err := unix.Statfs(folder, &status)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		_, remote := remoteFileSystems[uint32(status.Type)]
		return err == nil && remote
	}
}
