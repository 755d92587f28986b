package interp

import (
	"context"
	"testing"

	"github.com/mrmd/mrmd-python/mrp"
)

func BenchmarkExecuteSum(b *testing.B) {
	sink := &transcript{}
	for b.Loop() {
		if _, err := engine.Execute(context.Background(), mrp.Execution{Code: "1+1", StoreHistory: true}, sink); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkPrintLines(b *testing.B) {
	sink := &transcript{}
	b.SetBytes(100 * 10000)
	for b.Loop() {
		outcome, err := engine.Execute(context.Background(), mrp.Execution{Code: "for i in range(10000): print('x'*99)"}, sink)
		if err != nil || outcome.Error != nil {
			b.Fatal(err, outcome.Error)
		}
	}
}

// BenchmarkVisitWhileLooping is how long another thread needs to look in while
// a pure Python loop runs.
func BenchmarkVisitWhileLooping(b *testing.B) {
	sink := &signalled{text: "begun\n", seen: make(chan struct{})}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = engine.Execute(context.Background(), mrp.Execution{Code: "print('begun')\nwhile True: pass"}, sink)
	}()
	<-sink.seen
	for b.Loop() {
		if _, err := engine.VariableCount(context.Background(), ""); err != nil {
			b.Fatal(err)
		}
	}
	engine.Interrupt()
	<-done
}
