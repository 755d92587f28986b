package interp

import (
	"cmp"
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/mrmd/mrmd-python/cpython"
)

const (
	// defaultLookInDeadline is when a question is answered without Python.
	defaultLookInDeadline = 300 * time.Millisecond
	// maxVisitors bounds the threads that user code can hold on to.
	maxVisitors = 8
	// stopWithin is how long user code that was told to stop may take to hear it.
	stopWithin = 200 * time.Millisecond
	// stopAgainAfter is how long user code that did not hear it is left alone.
	stopAgainAfter = time.Second
)

// lookIn asks questions about live objects on threads beside the main one. One
// question is answered at a time, in order. A visit in which user code does not
// come back (a __repr__ that sleeps) is left behind: the next question, and this
// one asked again with less user code, go to another thread.
type lookIn struct {
	deadline  time.Duration
	snapshots snapshots

	turn   chan struct{}
	number atomic.Int64
	// visitors guards those that are idle, the last to look first, whose thread may
	// still be awake, and how many have been made.
	visitors sync.Mutex
	idle     []*cpython.Visitor
	made     int
	// stopper is a thread that only ever tells others to stop.
	stopper     *cpython.Visitor
	makeStopper sync.Once
}

var (
	errNoVisitor = errors.New("all threads that look in are held by user code")
	// errNotReady is the answer while what it needs is still being imported.
	errNotReady = errors.New("what the answer needs is not there yet")
)

// lastAttempt is the one that makes do with what is there, without user code.
const lastAttempt = 2

func newLookIn(deadline time.Duration) *lookIn {
	return &lookIn{
		deadline: cmp.Or(deadline, defaultLookInDeadline),
		turn:     make(chan struct{}, 1),
	}
}

// visitor gives an idle visitor, a new one when there is none.
func (l *lookIn) visitor() (*cpython.Visitor, error) {
	l.visitors.Lock()
	defer l.visitors.Unlock()
	if last := len(l.idle) - 1; last >= 0 {
		visitor := l.idle[last]
		l.idle = l.idle[:last]
		return visitor, nil
	}
	if l.made == maxVisitors {
		return nil, errNoVisitor
	}
	l.made++
	return cpython.NewVisitor(), nil
}

func (l *lookIn) takeBack(visitor *cpython.Visitor) {
	l.visitors.Lock()
	defer l.visitors.Unlock()
	l.idle = append(l.idle, visitor)
}

// ask gives the answer; the error is ctx's when its deadline has come. What
// computes is waited for when it takes longer than a look, without the turn; what
// only looks is asked again with less user code. Any goroutine that does not hold
// the GIL.
func (l *lookIn) ask(ctx context.Context, e *Engine, key snapshotKey, computes bool) (jsontext.Value, error) {
	if err := e.waitReady(ctx); err != nil {
		return nil, err
	}
	attempt := 0
	for {
		select {
		case l.turn <- struct{}{}:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		if ctx.Err() != nil {
			<-l.turn
			return nil, ctx.Err()
		}
		visitor, err := l.visitor()
		if err != nil {
			<-l.turn
			if errors.Is(err, errNoVisitor) {
				return nil, context.DeadlineExceeded
			}
			return nil, err
		}
		v := &visit{
			lookIn: l, engine: e, key: key, attempt: attempt, number: int(l.number.Add(1)), visitor: visitor,
			patience: l.patience(), began: make(chan struct{}), done: make(chan struct{}), stuck: make(chan struct{}),
		}
		v.over = visitor.Begin(func() error { return v.look(ctx) })
		patience := time.NewTimer(v.patience)
		select {
		case v.err = <-v.over:
			patience.Stop()
			v.end()
		case <-patience.C:
			// It has begun late, or takes long.
			go v.attend()
		case <-ctx.Done():
			patience.Stop()
			go v.attend()
			return nil, ctx.Err()
		}
		select {
		case <-v.done:
			if !errors.Is(v.err, errNotReady) {
				return v.answer, v.err
			}
			attempt = l.attemptAfterWaiting(ctx, attempt)
			continue
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-v.stuck:
		}
		attempt++
		if computes {
			select {
			case <-v.done:
				return v.answer, v.err
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		}
	}
}

// attemptAfterWaiting gives the number of the next attempt: the same one as long as
// there is time to wait once more, the last one when there is not.
func (l *lookIn) attemptAfterWaiting(ctx context.Context, attempt int) int {
	if end, limited := ctx.Deadline(); limited && time.Until(end) < l.patience() {
		return lastAttempt
	}
	return attempt
}

// patience is how long a visit may take before others get their turn.
func (l *lookIn) patience() time.Duration { return l.deadline / 3 }

// visit is one attempt at a question. It has the turn until it is over or stuck.
type visit struct {
	lookIn   *lookIn
	engine   *Engine
	visitor  *cpython.Visitor
	key      snapshotKey
	attempt  int
	number   int
	patience time.Duration

	// began is closed when the visit has the GIL, which is at beganAt; over has its
	// error once it is over. Done is closed after that, stuck when it took too long
	// and the turn has gone on to others.
	began   chan struct{}
	beganAt time.Time
	over    <-chan error
	done    chan struct{}
	stuck   chan struct{}
	answer  jsontext.Value
	err     error
}

func (v *visit) look(ctx context.Context) error {
	v.beganAt = time.Now()
	close(v.began)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return v.call()
}

// end gives back the visitor and the turn of a visit that is over.
func (v *visit) end() {
	v.lookIn.takeBack(v.visitor)
	<-v.lookIn.turn
	close(v.done)
}

// attend sees to the end of a visit that takes long, or that nobody waits for any more.
func (v *visit) attend() {
	// Until it has the GIL it is not stuck but waits, as any other visit would.
	<-v.began
	patience := time.NewTimer(time.Until(v.beganAt.Add(v.patience)))
	defer patience.Stop()
	select {
	case v.err = <-v.over:
		v.end()
	case <-patience.C:
		close(v.stuck)
		<-v.lookIn.turn
		v.stopUserCode()
		v.lookIn.takeBack(v.visitor)
		close(v.done)
	}
}

func (v *visit) call() error {
	object := max(int(v.patience.Milliseconds()*2/5), 1)
	result, err := cpython.Call(v.engine.runner.answer, v.key.session, v.key.kind, v.key.question,
		v.number, object, v.attempt)
	if err != nil {
		return err
	}
	defer result.DecRef()
	items, err := cpython.Items(result, 2)
	if err != nil {
		return err
	}
	status, err := cpython.GoText(items[0])
	if err != nil {
		return err
	}
	text, err := cpython.GoText(items[1])
	if err != nil {
		return err
	}
	v.answer, err = answerOf(status, text)
	return err
}

// stopUserCode raises an exception in the user code that holds the visit, now and
// then, until it is over.
func (v *visit) stopUserCode() {
	l := v.lookIn
	l.makeStopper.Do(func() { l.stopper = cpython.NewVisitor() })
	for {
		l.stopperCalls("overdue", v.number)
		select {
		case v.err = <-v.over:
			return
		case <-time.After(stopWithin):
		}
		l.stopperCalls("settle")
		select {
		case v.err = <-v.over:
			return
		case <-time.After(stopAgainAfter):
		}
	}
}

// stopperCalls calls a function of python/visits.py on the stopper's thread. What
// can't be stopped is waited for all the same, so nothing is made of a failure.
func (l *lookIn) stopperCalls(function string, arguments ...any) {
	_ = l.stopper.Do(context.Background(), func() error {
		result, err := callModule(embeddedPackage+".visits", function, arguments...)
		if err != nil {
			return err
		}
		result.DecRef()
		return nil
	})
}
