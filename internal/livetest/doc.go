// Package livetest drives the real binary over real HTTP, for tests and measurements.
//
// It starts one runtime as a user would, in the foreground and with a HOME of its
// own, and speaks to it as a client would. The packages under internal/workloads and
// bench call it; it may import nothing of this module, so that it sees only the wire.
package livetest
