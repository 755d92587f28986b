// Package registry keeps ~/.mrmd/runtimes: one JSON file for each runtime, by
// which tools find it, and a lock by which a runtime holds its id for life.
//
// A Store finds and lists entries; a Claim is what a runtime holds on its id and
// through which it publishes its entry, keeps it current and takes it back. An
// entry counts as alive only when its pid lives and is the process that wrote the
// entry.
//
// Nothing is logged: problems are returned. Called by cmd/mrmd-python. It imports
// daemonize/process and no other package of this project. Linux only. Its
// functions may run on any goroutine and none needs the GIL.
package registry
