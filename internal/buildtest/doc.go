// Package buildtest tests how mrmd-python is built: that the scripts under scripts/
// link each kind of Python there is (pyenv, Debian, uv, conda, static only), never
// serve one Python's build for another, and refuse with a reason what can't be
// linked. It has no code outside its tests, nothing imports it, and it imports
// nothing of this module: it runs the scripts as a developer does.
package buildtest
