#include "bridge.h"

/* Gives the calling OS thread a Python thread state and leaves it without the
 * GIL, to be entered with mrmd_thread_enter. NULL when memory runs out. */
void *mrmd_thread_attach(void) {
    PyThreadState *state = PyThreadState_New(PyInterpreterState_Main());
    return state;
}

/* Takes the GIL on the thread that attached; waits for whoever holds it. */
void mrmd_thread_enter(void *state) {
    PyEval_RestoreThread(state);
}

void mrmd_thread_leave(void) {
    PyEval_SaveThread();
}
