// Package interp runs notebook cells with IPython: it implements mrp.Engine on
// top of cpython. Its Python half is the embedded package under python/.
//
// Called by cmd/mrmd-python. It imports mrp (for the Engine interface and its
// types) and cpython, and knows nothing of HTTP.
package interp
