package mrp

import "sync"

// screen keeps what an execution's reader would have before him: the displays
// and saved files that were neither replaced nor cleared.
type screen struct {
	mu    sync.Mutex
	items []screenItem
	// clearNext says that the next thing shown takes the place of everything.
	clearNext bool
}

// screenItem is one display: its bundle, its file, or both, as places in the
// log's payloads. An empty place stands for nothing.
type screenItem struct {
	displayID     string
	bundle, asset byteRange
}

// somethingShown does what a clear_output that waits has been waiting for.
func (s *screen) somethingShown() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clearIfDue()
}

func (s *screen) clearIfDue() {
	if s.clearNext {
		s.clearNext = false
		clear(s.items)
		s.items = s.items[:0]
	}
}

func (s *screen) show(item screenItem) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clearIfDue()
	s.items = append(s.items, item)
}

// update replaces every display that has the item's id.
func (s *screen) update(item screenItem) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.items {
		if s.items[i].displayID == item.displayID {
			s.items[i] = item
		}
	}
}

func (s *screen) clear(wait bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clearNext = true
	if !wait {
		s.clearIfDue()
	}
}

// contents gives the bundles and the files in the order they are shown.
func (s *screen) contents() (bundles, assets []byteRange) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, item := range s.items {
		if item.bundle != (byteRange{}) {
			bundles = append(bundles, item.bundle)
		}
		if item.asset != (byteRange{}) {
			assets = append(assets, item.asset)
		}
	}
	return bundles, assets
}
