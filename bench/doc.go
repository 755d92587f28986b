// Command bench measures mrmd-python beside plain IPython, mrmd-python 0.4.2 and
// ipykernel, all on one machine and in turns, and says how far the figures can be
// trusted.
//
// Each row of the table is measured in rounds. In a round every contender does a
// block of measurements, one contender after the other, and the order rotates from
// round to round; what changes on the machine while the rounds go on hits all of them.
// A ratio is the median over the rounds of the ratio of the two blocks' medians.
//
// scripts/bench makes the venvs, builds the binary and calls it. It knows the runtimes
// by their wire only: of this module it may import internal/livetest and nothing else.
// The Python contenders are under python; each is a process that is told what to do in
// lines of JSON and does its own timing.
package main
