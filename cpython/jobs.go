package cpython

import (
	"fmt"
	"runtime/debug"
	"sync"
)

// job is a function that a thread of Python's is to run.
type job struct {
	function func() error
	// outcome has room for the function's error: who runs it waits for nobody.
	outcome chan error
}

// jobQueue is what waits for such a thread, first come first served. Any goroutine.
type jobQueue struct {
	mutex   sync.Mutex
	waiting []*job
	closed  bool
}

// add queues a function; nil when the queue is closed.
func (q *jobQueue) add(function func() error) *job {
	added := &job{function: function, outcome: make(chan error, 1)}
	q.mutex.Lock()
	defer q.mutex.Unlock()
	if q.closed {
		return nil
	}
	q.waiting = append(q.waiting, added)
	return added
}

// withdraw takes a job back; it reports false when the job has begun.
func (q *jobQueue) withdraw(asked *job) bool {
	q.mutex.Lock()
	defer q.mutex.Unlock()
	for i, other := range q.waiting {
		if other == asked {
			q.waiting = append(q.waiting[:i], q.waiting[i+1:]...)
			return true
		}
	}
	return false
}

// next gives the job whose turn it is; nil when none waits or the queue is closed.
func (q *jobQueue) next() (asked *job, closed bool) {
	q.mutex.Lock()
	defer q.mutex.Unlock()
	if q.closed || len(q.waiting) == 0 {
		return nil, q.closed
	}
	asked = q.waiting[0]
	q.waiting[0] = nil
	q.waiting = q.waiting[1:]
	return asked, false
}

func (q *jobQueue) close() {
	q.mutex.Lock()
	defer q.mutex.Unlock()
	q.closed = true
}

// fail gives every job that still waits an error.
func (q *jobQueue) fail(err error) {
	q.mutex.Lock()
	defer q.mutex.Unlock()
	for _, asked := range q.waiting {
		asked.outcome <- err
	}
	q.waiting = nil
}

// run runs the job's function; a panic in it becomes an error. Needs the GIL.
func (j *job) run() {
	j.outcome <- protect(j.function)
}

func protect(function func() error) (err error) {
	defer func() {
		if reason := recover(); reason != nil {
			err = fmt.Errorf("panic on a thread of Python's: %v\n%s", reason, debug.Stack())
		}
	}()
	return function()
}
