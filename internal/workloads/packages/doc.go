// Package packages installs packages from cells, and shows what depends on how the
// runtime was started. It has only tests.
package packages
