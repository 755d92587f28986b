package interp

import (
	"cmp"
	"context"
	"fmt"

	"github.com/mrmd/mrmd-python/cpython"
	"github.com/mrmd/mrmd-python/mrp"
)

func sessionOf(name string) string { return cmp.Or(name, mrp.DefaultSession) }

// Reset implements mrp.Engine.
func (e *Engine) Reset(ctx context.Context, session string) error {
	if err := e.callOnMain(ctx, func() *cpython.Object { return e.runner.reset }, session); err != nil {
		return fmt.Errorf("resetting the session %q: %w", session, err)
	}
	return nil
}

// CloseSession implements mrp.Engine.
func (e *Engine) CloseSession(ctx context.Context, session string) error {
	if err := e.callOnMain(ctx, func() *cpython.Object { return e.runner.close }, session); err != nil {
		return fmt.Errorf("closing the session %q: %w", session, err)
	}
	return nil
}

func (e *Engine) callOnMain(ctx context.Context, method func() *cpython.Object, session string) error {
	if err := e.waitReady(ctx); err != nil {
		return fmt.Errorf("waiting for Python to start: %w", err)
	}
	// What was known of the session is not to be told of it any more.
	defer e.lookIn.snapshots.forget(sessionOf(session))
	return e.main.Do(ctx, func() error {
		done, err := cpython.Call(method(), sessionOf(session))
		if err != nil {
			return err
		}
		done.DecRef()
		return nil
	})
}

// VariableCount implements mrp.Engine.
func (e *Engine) VariableCount(ctx context.Context, session string) (int, error) {
	if err := e.waitReady(ctx); err != nil {
		return 0, fmt.Errorf("waiting for Python to start: %w", err)
	}
	var count int
	err := e.visitor.Do(ctx, func() error {
		counted, err := cpython.Call(e.runner.countVariables, sessionOf(session))
		if err != nil {
			return err
		}
		defer counted.DecRef()
		count = cpython.Int(counted)
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("counting the variables of the session %q: %w", session, err)
	}
	return count, nil
}
