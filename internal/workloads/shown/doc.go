// Package shown tests that what libraries show reaches a client: plots, tables,
// pictures, sounds, pages, progress and widgets of the real packages, each once and
// in order, whether a cell is streamed or answered in whole; and that the gallery in
// docs shows what its notebook does.
package shown
