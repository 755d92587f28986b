package mrp

import (
	"slices"
	"sync"
	"time"
)

// session is a namespace as clients see it. Its fields belong to the lock of the
// table it is in, also when it has been taken out of it.
type session struct {
	id           string
	created      time.Time
	lastActivity time.Time
	// executionCount is the number of the last cell, 0 before the first.
	executionCount int
	// variableCount is what the engine said last.
	variableCount int
}

// sessionTable knows the sessions there are. The default session always is one.
type sessionTable struct {
	limit int

	mu   sync.Mutex
	byID map[string]*session
	// order is that of creation.
	order []*session
}

func newSessionTable(limit int, now time.Time) *sessionTable {
	t := &sessionTable{limit: limit, byID: map[string]*session{}}
	t.insert(DefaultSession, now)
	return t
}

func (t *sessionTable) insert(id string, now time.Time) *session {
	s := &session{id: id, created: now, lastActivity: now}
	t.byID[id] = s
	t.order = append(t.order, s)
	return s
}

// use calls join with a session that there is, while no other call can change
// what sessions there are: a place that join takes in the queue is before or
// behind the session's end as the table says.
func (t *sessionTable) use(id string, now time.Time, join func(*session) error) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.byID[id]
	if s == nil {
		return unknownSession(id)
	}
	s.lastActivity = now
	return join(s)
}

// useOrCreate is use that makes the session when there is none; when join fails
// it is not made.
func (t *sessionTable) useOrCreate(id string, now time.Time, join func(*session) error) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	s, made := t.byID[id], false
	if s == nil {
		if len(t.order) >= t.limit {
			return conflict("there are %d sessions, which is the limit (--max-sessions); "+
				"delete one with DELETE %s/sessions/ID before making %q", len(t.order), pathPrefix, id)
		}
		s, made = t.insert(id, now), true
	}
	s.lastActivity = now
	err := join(s)
	if err != nil && made {
		t.takeOut(s)
	}
	return err
}

// replace takes a session out of the table, or, when it is the default one, puts
// a new one in its place. It is for a function that use has called.
func (t *sessionTable) replace(s *session, now time.Time) {
	if s.id != DefaultSession {
		t.takeOut(s)
		return
	}
	fresh := &session{id: s.id, created: s.created, lastActivity: now}
	t.byID[s.id] = fresh
	t.order[slices.Index(t.order, s)] = fresh
}

func (t *sessionTable) takeOut(s *session) {
	delete(t.byID, s.id)
	t.order = slices.DeleteFunc(t.order, func(other *session) bool { return other == s })
}

// check is an error when there is no such session; "" stands for any.
func (t *sessionTable) check(id string) error {
	if id == "" {
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.byID[id] == nil {
		return unknownSession(id)
	}
	return nil
}

func unknownSession(id string) error {
	return notFound("there is no session %q; make it with POST %s/sessions, or by executing in it", id, pathPrefix)
}

// ended notes the end of an execution; count is its number, 0 when it has none.
func (t *sessionTable) ended(s *session, count int, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	s.lastActivity = now
	if count > 0 {
		s.executionCount = count
	}
}

// cleared notes a reset.
func (t *sessionTable) cleared(s *session) {
	t.mu.Lock()
	defer t.mu.Unlock()
	s.executionCount, s.variableCount = 0, 0
}

// nextCount is the number that the session's next cell will have.
func (t *sessionTable) nextCount(s *session) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return s.executionCount + 1
}

// executionCount is the sum over all sessions.
func (t *sessionTable) executionCount() (sum int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, s := range t.order {
		sum += s.executionCount
	}
	return sum
}

// list gives the sessions in the order of creation.
func (t *sessionTable) list() []*session {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Clone(t.order)
}

func (t *sessionTable) find(id string) *session {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.byID[id]
}

// counted notes how many variables a session has.
func (t *sessionTable) counted(s *session, variables int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	s.variableCount = variables
}

// snapshot gives a session's fields as they are now.
func (t *sessionTable) snapshot(s *session) session {
	t.mu.Lock()
	defer t.mu.Unlock()
	return *s
}
