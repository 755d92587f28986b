// Package page is the notebook page that a runtime shows at its root: a small client
// of the protocol, to try a runtime and to see what it does.
//
// It is plain files, embedded, that need no network. Called by cmd/mrmd-python; it
// imports nothing of this module.
package page
