// Package codecache keeps the compiled code of what Python imports while it starts in
// one file, so that the next start reads one file instead of finding, reading and
// checking hundreds.
//
// Called by interp. It imports nothing of this module and knows nothing of a running
// Python, only of the files that importlib compiles to (docs.python.org, PEP 552).
package codecache
