// Mrmd-python-launcher is the bin/mrmd-python that a wheel installs.
//
// A wheel is built for one Python version but not for one Python: where libpython
// is differs from machine to machine, and a program can't name a place for it that
// is found only when it runs. So the wheel has two programs. The runtime lies under
// libexec and looks for libpython in one odd place, /proc/self/fd/N; this one finds
// the folder, opens it as that descriptor and lets the runtime take its place. It
// leaves nothing in the environment and starts no Python.
//
// It is linked statically, knows nothing of the runtime's command line, and may
// import nothing of this module but internal/wheel.
package main
