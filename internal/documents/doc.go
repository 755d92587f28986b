// Package documents has the tests that hold the README and docs/ together: every block
// of code in them is run by a test, and every link leads somewhere. It has no code, is
// used by nobody and imports nothing of this module.
package documents
