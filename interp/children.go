package interp

import (
	"fmt"
	"os"
	"strconv"
	"sync"

	"github.com/mrmd/mrmd-python/cpython"
)

// children are the processes that Python code started here, as python/children.py
// reports them: whoever reaps what this process has adopted must leave them to
// the code that waits for them.
type children struct {
	mutex sync.Mutex
	pids  map[int]struct{}
}

// When so many are remembered, those that are gone are forgotten.
const manyChildren = 4096

func (c *children) register(started func(pid int)) {
	cpython.RegisterHostFunction("started", func(argument string) (*string, error) {
		pid, err := strconv.Atoi(argument)
		if err != nil {
			return nil, fmt.Errorf("reading a started child's pid: %w", err)
		}
		c.add(pid)
		if started != nil {
			started(pid)
		}
		return nil, nil
	})
}

func (c *children) add(pid int) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if c.pids == nil {
		c.pids = map[int]struct{}{}
	}
	c.pids[pid] = struct{}{}
	if len(c.pids)%manyChildren == 0 {
		for known := range c.pids {
			if _, err := os.Stat("/proc/" + strconv.Itoa(known)); os.IsNotExist(err) {
				delete(c.pids, known)
			}
		}
	}
}

// StartedChild says whether Python code in this process started the child with
// this pid. Any goroutine, without the GIL.
func (e *Engine) StartedChild(pid int) bool {
	e.children.mutex.Lock()
	defer e.children.mutex.Unlock()
	_, known := e.children.pids[pid]
	return known
}
