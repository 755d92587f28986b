package mrp

import (
	"slices"
	"sync"
	"time"
)

// archive knows every execution that is queued, running or retained: by its id,
// in the order of arrival, and the ended ones in the order in which they ended.
type archive struct {
	limits Limits

	mu    sync.Mutex
	byID  map[string]*execution
	order []*execution
	ended []*execution
	// lastOfCell is the newest ended execution of each cell.
	lastOfCell   map[string]*execution
	memory, disk int64
}

func newArchive(limits Limits) *archive {
	return &archive{
		limits:     limits,
		byID:       make(map[string]*execution),
		lastOfCell: make(map[string]*execution),
	}
}

// admit takes a new execution in, unless its id is in use.
func (a *archive) admit(e *execution) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if _, used := a.byID[e.request.execID]; used {
		return conflict("execId %q is running or retained; leave execId out to get a new one", e.request.execID)
	}
	a.byID[e.request.execID] = e
	a.order = append(a.order, e)
	return nil
}

// withdraw forgets an execution that found no place in the queue.
func (a *archive) withdraw(e *execution) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.forget(e)
}

// conclude counts an execution among the ended and drops those that the limits
// have no room for.
func (a *archive) conclude(e *execution, now time.Time) {
	memory, disk := e.log.footprint()
	memory += e.outcomeSize()
	a.mu.Lock()
	memory += e.late[Stdout].memory() + e.late[Stderr].memory()
	e.memory, e.disk = memory, disk
	e.retained = true
	a.memory += memory
	a.disk += disk
	a.ended = append(a.ended, e)
	if cell := cellKey(e); cell != "" {
		if before := a.lastOfCell[cell]; before != nil {
			before.lastOfCell = false
		}
		e.lastOfCell = true
		a.lastOfCell[cell] = e
	}
	dropped := a.enforce(now)
	a.mu.Unlock()
	dropAll(dropped)
}

// cellKey tells cells apart: two sessions may use the same cell id.
func cellKey(e *execution) string {
	if e.request.cellID == "" {
		return ""
	}
	return e.request.session + "\x00" + e.request.cellID
}

// expire drops what has become too old.
func (a *archive) expire(now time.Time) {
	a.mu.Lock()
	dropped := a.enforce(now)
	a.mu.Unlock()
	dropAll(dropped)
}

func dropAll(executions []*execution) {
	for _, e := range executions {
		e.log.drop()
	}
}

func (a *archive) enforce(now time.Time) (dropped []*execution) {
	age := a.limits.RetainAge
	for i := 0; i < len(a.ended); {
		old := now.Sub(a.ended[i].status().finishedAt)
		switch {
		case old <= age:
			return append(dropped, a.makeRoom()...)
		case a.ended[i].lastOfCell && old <= max(age, a.limits.RetainCellAge):
			i++
		default:
			dropped = append(dropped, a.retire(i))
		}
	}
	return append(dropped, a.makeRoom()...)
}

func (a *archive) makeRoom() (dropped []*execution) {
	// The newest one stays whatever its size: its client is about to read it.
	for len(a.ended) > 1 && (len(a.ended) > a.limits.RetainCount ||
		a.memory > a.limits.RetainMemory || a.disk > a.limits.RetainSpool) {
		dropped = append(dropped, a.retire(a.leastWorthKeeping()))
	}
	return dropped
}

// leastWorthKeeping is the oldest ended execution that is not the last of its
// cell, else the oldest.
func (a *archive) leastWorthKeeping() int {
	for i, e := range a.ended[:len(a.ended)-1] {
		if !e.lastOfCell {
			return i
		}
	}
	return 0
}

func (a *archive) retire(i int) *execution {
	e := a.ended[i]
	a.ended = slices.Delete(a.ended, i, i+1)
	a.memory -= e.memory
	a.disk -= e.disk
	e.retained = false
	if e.lastOfCell {
		delete(a.lastOfCell, cellKey(e))
	}
	a.forget(e)
	return e
}

func (a *archive) forget(e *execution) {
	delete(a.byID, e.request.execID)
	if i := slices.Index(a.order, e); i >= 0 {
		a.order = slices.Delete(a.order, i, i+1)
	}
}

// find gives the execution with that id, nil when there is none.
func (a *archive) find(id string) *execution {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.byID[id]
}

// holds is how much is kept: executions, bytes of memory and bytes of disk.
func (a *archive) holds() (count int, memory, disk int64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.order), a.memory, a.disk
}

// list gives all executions, newest last.
func (a *archive) list() []*execution {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.order)
}

// close drops everything.
func (a *archive) close() {
	a.mu.Lock()
	all := a.order
	a.order, a.ended = nil, nil
	clear(a.byID)
	clear(a.lastOfCell)
	a.mu.Unlock()
	dropAll(all)
}

// outcomeSize is about how many bytes an ended execution holds besides its log.
func (e *execution) outcomeSize() int64 {
	const fixed = 1 << 10
	size := fixed
	if e.outcome.Result != nil {
		size += len(*e.outcome.Result)
	}
	if failed := e.outcome.Error; failed != nil {
		size += len(failed.Message)
		for _, line := range failed.Traceback {
			size += len(line)
		}
	}
	return int64(size)
}
