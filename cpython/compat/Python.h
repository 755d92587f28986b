/* Stands in front of the target Python's own Python.h (the generated python3.pc
 * puts this folder first) and supplies the names that go-python3 uses and newer
 * Pythons have removed. go-python3 itself stays unmodified.
 *
 * What is supplied here is never called by this project; it exists so that
 * go-python3 compiles and links. Each name is guarded by the version that
 * dropped it ("What's New in Python 3.x", section "Removed").
 */
#ifndef MRMD_COMPAT_PYTHON_H
#define MRMD_COMPAT_PYTHON_H

#include_next <Python.h>

#if PY_VERSION_HEX < 0x030A0000
#error "mrmd-python needs CPython 3.10 or newer: older ones install signal handlers without SA_ONSTACK, which crashes the Go runtime"
#endif
#ifdef Py_GIL_DISABLED
#error "free-threaded (PEP 703) builds of Python are not supported yet: build for the default build of this Python"
#endif

/* Removed in 3.9. */
static inline void PyEval_ReInitThreads(void) {}
static inline int PyDict_ClearFreeList(void) { return 0; }
static inline int PyFloat_ClearFreeList(void) { return 0; }
static inline int PyList_ClearFreeList(void) { return 0; }

/* Declared but not exported before 3.13. */
#if PY_VERSION_HEX < 0x030D0000
#define PySignal_SetWakeupFd(fd) (-1)
#endif

#if PY_VERSION_HEX >= 0x030D0000
static inline int PyEval_ThreadsInitialized(void) { return 1; }
static inline void Py_SetPath(const wchar_t *path) { (void)path; }
static inline void PySys_SetPath(const wchar_t *path) { (void)path; }
static inline void PySys_AddWarnOption(const wchar_t *option) { (void)option; }
static inline void PySys_AddXOption(const wchar_t *option) { (void)option; }
static inline int Py_SetStandardStreamEncoding(const char *encoding, const char *errors) {
    (void)encoding;
    (void)errors;
    return -1;
}
#endif

#endif
