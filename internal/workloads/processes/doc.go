// Package processes holds what cells do with processes, threads and machines: tests
// that compare a runtime with a plain Python which is started the same way.
package processes
