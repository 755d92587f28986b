// Package process reads from /proc what identifies a process and signals it only
// while it is still that process.
//
// A pid alone is not an identity: the kernel gives it to another process once the
// first has gone. A pid together with the start time is one for as long as the
// machine runs, and with the boot id for ever.
//
// Called by registry and daemonize. It imports no package of this project. Linux
// only. Its functions may run on any goroutine and none needs the GIL.
package process
