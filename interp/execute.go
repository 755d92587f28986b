package interp

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	python3 "github.com/DataDog/go-python3"
	"github.com/sirupsen/logrus"

	"github.com/mrmd/mrmd-python/cpython"
	"github.com/mrmd/mrmd-python/mrp"
)

// Execute implements mrp.Engine.
func (e *Engine) Execute(ctx context.Context, request mrp.Execution, sink mrp.Sink) (mrp.Outcome, error) {
	if err := e.waitReady(ctx); err != nil {
		return mrp.Outcome{}, fmt.Errorf("waiting for Python to start: %w", err)
	}
	if request.StoreHistory && !request.Silent {
		e.history.schedule(e)
	}
	// From here on an interrupt is meant for this run, though its code has not
	// begun: it is raised when it does.
	cpython.BeginRun()
	turn := &turn{}
	e.turn.Store(turn)
	defer e.turn.Store(nil)
	defer e.returnMemory()
	var outcome mrp.Outcome
	err := e.main.Do(ctx, func() (err error) {
		turn.begun.Store(true)
		number := e.runs.begin(request.ExecID)
		e.output.FlushThen(func() { e.router.sink = sink })
		defer func() {
			if err := e.output.ReopenClosed(); err != nil {
				e.options.Log.WithError(err).Warn("what is written to a closed stream is lost")
			}
			cpython.FlushStdio()
			e.output.FlushThen(func() {
				e.router.finish()
				e.router.sink = nil
			})
			e.repairSignals()
		}()
		if err := e.resizeTerminal(request.Columns); err != nil {
			return err
		}
		outcome, err = e.run(number, request)
		return err
	})
	if err != nil {
		return mrp.Outcome{}, fmt.Errorf("running a cell: %w", err)
	}
	return outcome, nil
}

// repairSignals undoes what a cell's C extensions did to signal handlers.
func (e *Engine) repairSignals() {
	for _, repaired := range cpython.RepairSignals() {
		e.options.Log.WithFields(logrus.Fields{"signal": repaired.Signal.String(), "library": repaired.Library}).
			Warn("repaired a signal handler that a C extension installed")
	}
}

func (e *Engine) run(number int, request mrp.Execution) (mrp.Outcome, error) {
	if err := e.noteChangedModules(); err != nil {
		return mrp.Outcome{}, err
	}
	result, err := cpython.Call(e.runner.run, number, sessionOf(request.Session), request.Code,
		request.StoreHistory, request.Silent)
	if err != nil {
		return mrp.Outcome{}, err
	}
	defer result.DecRef()
	return outcomeOf(result)
}

// noteChangedModules tells Python which modules' files changed since the last cell.
func (e *Engine) noteChangedModules() error {
	changed := e.modules.take()
	if len(changed) == 0 {
		return nil
	}
	done, err := cpython.Call(e.runner.noteChanges, strings.Join(changed, "\n"))
	if err != nil {
		return fmt.Errorf("noting edited modules: %w", err)
	}
	done.DecRef()
	return nil
}

// outcomeOf reads the tuple of python/cell.py's Runner.run. Needs the GIL.
func outcomeOf(result *cpython.Object) (outcome mrp.Outcome, err error) {
	items, err := cpython.Items(result, 4)
	if err != nil {
		return outcome, err
	}
	if !cpython.IsNone(items[0]) {
		text, err := cpython.GoText(items[0])
		if err != nil {
			return outcome, err
		}
		outcome.Result = &text
	}
	if !cpython.IsNone(items[1]) {
		if outcome.Error, err = cellError(items[1]); err != nil {
			return outcome, err
		}
	}
	outcome.ExecutionCount = cpython.Int(items[2])
	outcome.Imports, err = textList(items[3])
	return outcome, err
}

func cellError(description *cpython.Object) (*mrp.CellError, error) {
	items, err := cpython.Items(description, 5)
	if err != nil {
		return nil, err
	}
	var failure mrp.CellError
	if failure.Type, err = cpython.GoText(items[0]); err != nil {
		return nil, err
	}
	if failure.Message, err = cpython.GoText(items[1]); err != nil {
		return nil, err
	}
	if failure.Traceback, err = textList(items[2]); err != nil {
		return nil, err
	}
	failure.Line, failure.Column = optionalInt(items[3]), optionalInt(items[4])
	return &failure, nil
}

func optionalInt(object *cpython.Object) *int {
	if cpython.IsNone(object) {
		return nil
	}
	value := cpython.Int(object)
	return &value
}

func textList(list *cpython.Object) ([]string, error) {
	texts := make([]string, python3.PyList_Size(list))
	for i := range texts {
		text, err := cpython.GoText(python3.PyList_GetItem(list, i))
		if err != nil {
			return nil, err
		}
		texts[i] = text
	}
	return texts, nil
}

// turn is an execution's time on the main thread.
type turn struct{ begun atomic.Bool }

// A task of the event loop is to give way to a cell; one that has not done so this
// long after the cell was to stop is stopped itself.
const backgroundPatience = 100 * time.Millisecond

// Interrupt implements mrp.Engine.
func (e *Engine) Interrupt() bool {
	turn := e.turn.Load()
	if turn == nil {
		return false
	}
	if cpython.Interrupt() != nil {
		return false
	}
	e.inputs.cancelAll()
	if !turn.begun.Load() {
		time.AfterFunc(backgroundPatience, func() {
			if e.turn.Load() == turn && !turn.begun.Load() {
				_ = cpython.InterruptBackground() // the main thread lives as long as the process
			}
		})
	}
	return true
}

// IsComplete implements mrp.Engine.
func (e *Engine) IsComplete(ctx context.Context, code string) (mrp.Completeness, error) {
	if err := e.waitReady(ctx); err != nil {
		return mrp.Completeness{}, fmt.Errorf("waiting for Python to start: %w", err)
	}
	var answer mrp.Completeness
	err := e.visitor.Do(ctx, func() error {
		checked, err := callModule(embeddedPackage+".complete_check", "check", code)
		if err != nil {
			return err
		}
		defer checked.DecRef()
		items, err := cpython.Items(checked, 2)
		if err != nil {
			return err
		}
		if answer.Status, err = cpython.GoText(items[0]); err != nil {
			return err
		}
		answer.Indent, err = cpython.GoText(items[1])
		return err
	})
	if err != nil {
		return mrp.Completeness{}, fmt.Errorf("checking whether code is complete: %w", err)
	}
	return answer, nil
}
