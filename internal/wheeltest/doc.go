// Package wheeltest tests a wheel as its users have it: installed into a venv, run
// there, served by uvicorn. scripts/test-wheels builds the wheel and makes the venv;
// the package sees the wire and the file system only, through internal/livetest.
package wheeltest
