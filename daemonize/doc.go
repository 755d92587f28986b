// Package daemonize runs a program detached from its starter and ends it with all
// that it started.
//
// The starter calls Start, which executes the program anew in a session of its own
// and returns when the daemon says, through a Notifier, that it is ready or why it
// is not. The daemon keeps its output in a Log, has RestoreFileLimit undo what Go
// did to the limits, and becomes the parent of its orphans with BecomeSubreaper and
// a Reaper. StopTree ends a daemon and its descendants from outside,
// StopDescendants only the latter, from inside.
//
// Nothing is forked without exec, which a Go process would not survive. Called by
// cmd/mrmd-python. It imports daemonize/process and no other package of this
// project. Linux only. Its functions may run on any goroutine and none needs the
// GIL.
package daemonize
