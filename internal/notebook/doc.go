// Package notebook tests the runtime as an editor uses it: the real engine behind
// a real HTTP server, with real signals. It covers what happens around a cell,
// namely the queue, interrupts, input, replay, sessions and what goes on between
// cells, and runs the examples of docs/notebooks.md and docs/intelligence.md.
//
// It has no code outside its tests, and nothing imports it. The tests wire mrp
// and interp as the command does.
package notebook
