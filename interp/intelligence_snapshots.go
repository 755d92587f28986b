package interp

import (
	"slices"
	"sync"

	"github.com/go-json-experiment/json/jsontext"
)

const (
	maxSnapshots      = 200
	maxSnapshotMemory = 16 << 20 // bytes
)

// snapshots keeps the last answers, for when Python can't be asked.
type snapshots struct {
	mutex   sync.Mutex
	answers map[snapshotKey]jsontext.Value
	// order has the keys, the one used longest ago first.
	order  []snapshotKey
	memory int
}

func (s *snapshots) keep(key snapshotKey, answer jsontext.Value) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.answers == nil {
		s.answers = map[snapshotKey]jsontext.Value{}
	}
	s.drop(key)
	s.answers[key] = answer
	s.order = append(s.order, key)
	s.memory += cost(key, answer)
	for len(s.order) > 1 && (len(s.order) > maxSnapshots || s.memory > maxSnapshotMemory) {
		s.drop(s.order[0])
	}
}

func (s *snapshots) find(key snapshotKey) (jsontext.Value, bool) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	answer, found := s.answers[key]
	return answer, found
}

// forget drops what is kept of a session that has been reset.
func (s *snapshots) forget(session string) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	for _, key := range slices.Clone(s.order) {
		if key.session == session {
			s.drop(key)
		}
	}
}

func (s *snapshots) drop(key snapshotKey) {
	answer, found := s.answers[key]
	if !found {
		return
	}
	s.memory -= cost(key, answer)
	delete(s.answers, key)
	s.order = slices.DeleteFunc(s.order, func(other snapshotKey) bool { return other == key })
}

func cost(key snapshotKey, answer jsontext.Value) int {
	return len(answer) + len(key.question)
}
