// Command mrmd-python runs the Python of MRMD notebooks: it starts, lists and
// ends runtimes, and is the runtime.
//
// It wires the packages together: mrp serves, interp runs the code, registry
// and daemonize keep and find the runtimes. Nothing imports it.
package main
