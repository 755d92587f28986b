// Package golden replays recorded conversations with mrmd-python 0.4.2 against
// this runtime: the real engine behind a real HTTP server. Each reply has to be
// the recorded one, changed by exactly the rows of docs/compatibility.md that
// name it; a difference without a row fails, and so does a row without a
// difference.
//
// It has no code outside its tests, and nothing imports it. The tests wire mrp
// and interp as the command does.
package golden
