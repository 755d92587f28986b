// Package mrp speaks the MRMD Runtime Protocol: HTTP and server-sent events, the
// guard in front of them, the queue of executions and the event log of each. It
// defines the Engine that runs the code and knows nothing of Python.
//
// Called by cmd/mrmd-python, which gives it an engine and a listener. It imports
// no package of this project.
package mrp
