/* When the user's code may be interrupted, and who has asked for it. Python's handler
 * only ever sees a SIGINT while that code runs, so that no KeyboardInterrupt is raised
 * in the machinery around it. */
#include "bridge.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>

static pthread_t main_thread;

static _Atomic int user_code_depth;
static _Atomic int in_background;
static _Atomic unsigned current_run;
static _Atomic int run_starts_processes;
static _Atomic int holds, came_while_held;

/* What is asked for. The signal that announces it says only that it is ours: the kernel
 * keeps one SIGINT of several that are pending, whatever each would say. */
static _Atomic unsigned requested_run;
static _Atomic unsigned interrupted_run;
static _Atomic int background_requested;
static _Atomic int unwind_requested, unwind_due;

/* The calling thread is the main one. */
void mrmd_runs_install(void) {
    main_thread = pthread_self();
}

static int knock(pthread_t thread) {
    union sigval nothing = {0};
    return pthread_sigqueue(thread, SIGINT, nothing);
}

/* The kernel gives a signal for the process to another thread while the main one has
 * it blocked, as when it starts a process. By the time it is noted there the main thread
 * may have gone to sleep in a system call, where nobody else can tell it. */
void mrmd_interrupt_wake_main_thread(void) {
    if (!pthread_equal(pthread_self(), main_thread)) {
        knock(main_thread);
    }
}

static int take_request(void) {
    unsigned run = atomic_load(&current_run), requested = run;
    if (run == 0 || atomic_load(&user_code_depth) == 0 || !atomic_compare_exchange_strong(&requested_run, &requested, 0)) {
        return 0;
    }
    atomic_store(&interrupted_run, run);
    return 1;
}

static void take_unwinding(void) {
    if (atomic_load(&user_code_depth) > 0 && atomic_exchange(&unwind_requested, 0)) {
        atomic_store(&unwind_due, 1);
        PyErr_SetInterruptEx(MRMD_VISIT_SIGNAL);
    }
}

/* Whether a SIGINT, ours or of the user's code, is for Python's handler now. In the
 * signal's handler. */
int mrmd_interrupt_is_due(int is_ours) {
    if (atomic_load(&user_code_depth) == 0 && !atomic_load(&in_background)) {
        if (!is_ours && atomic_load(&holds) > 0) {
            atomic_store(&came_while_held, 1);
        }
        return 0;
    }
    int is_requested = take_request();
    if (!is_ours) {
        return 1;
    }
    take_unwinding();
    int is_for_background = atomic_load(&in_background) && atomic_exchange(&background_requested, 0);
    return is_requested || is_for_background;
}

int mrmd_run_starts_processes(void) {
    return atomic_load(&run_starts_processes);
}

/* Begins a run: requests for an earlier one no longer count. Main thread. */
void mrmd_interrupt_begin_run(void) {
    unsigned run = atomic_load(&current_run) + 1;
    atomic_store(&current_run, run ? run : 1);
    atomic_store(&requested_run, 0);
    atomic_store(&run_starts_processes, 0);
}

/* To be called before Python code starts a process. Any thread. */
void mrmd_interrupt_note_process(void) {
    atomic_store(&run_starts_processes, 1);
}

/* Asks the current run to stop with KeyboardInterrupt. Any thread, no GIL. */
int mrmd_interrupt_request(void) {
    atomic_store(&requested_run, atomic_load(&current_run));
    return atomic_load(&user_code_depth) > 0 ? knock(main_thread) : 0;
}

/* Whether an interrupt that was asked for has been raised in the user's code that runs now.
 * Any thread, in what Python calls; false on any but the main thread. */
int mrmd_interrupt_was_asked_for(void) {
    unsigned run = atomic_load(&current_run);
    return run != 0 && !mrmd_is_forked_child && pthread_equal(pthread_self(), main_thread) &&
           atomic_load(&interrupted_run) == run && atomic_load(&user_code_depth) > 0;
}

/* Asks for that interrupt once more; returns 0 where there was none: what the user's code
 * raises by itself is not repeated. */
int mrmd_interrupt_again(void) {
    if (!mrmd_interrupt_was_asked_for()) {
        return 0;
    }
    atomic_store(&requested_run, atomic_load(&current_run));
    knock(main_thread);
    return 1;
}

/* Gets the main thread out of a system call that the user's code of a run is in. Any
 * thread, no GIL. */
int mrmd_interrupt_wake(unsigned run) {
    return atomic_load(&current_run) == run && atomic_load(&user_code_depth) > 0 ? knock(main_thread) : 0;
}

unsigned mrmd_interrupt_run(void) {
    return atomic_load(&current_run);
}

/* Asks what the main thread runs between two runs to stop with KeyboardInterrupt;
 * nothing happens when it runs nothing. Any thread, no GIL. */
int mrmd_interrupt_background(void) {
    atomic_store(&background_requested, 1);
    return atomic_load(&in_background) ? knock(main_thread) : 0;
}

/* Asks the user's code to unwind, now or as soon as some begins, with SystemExit.
 * It goes by a signal so that code which waits in a system call hears it as it
 * hears an interrupt. It is not by SIGINT's handler, which may be the user's own, and
 * not KeyboardInterrupt, which programs take to mean that only the present step is
 * to stop. Any thread, no GIL. */
int mrmd_unwind_request(void) {
    atomic_store(&unwind_requested, 1);
    return atomic_load(&user_code_depth) > 0 ? knock(main_thread) : 0;
}

/* Raises what was asked for, on the main thread in a handler of Python's. */
int mrmd_unwind_raise(void) {
    if (!atomic_exchange(&unwind_due, 0)) {
        return 0;
    }
    PyErr_SetString(PyExc_SystemExit, "the runtime ends");
    return -1;
}

static void raise_what_is_pending(PyObject **result) {
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    if (PyErr_CheckSignals() < 0) {
        Py_CLEAR(*result);
        Py_XDECREF(type);
        Py_XDECREF(value);
        Py_XDECREF(traceback);
        return;
    }
    PyErr_Restore(type, value, traceback);
}

/* Delivers a request that came while no user code ran, now that some is about
 * to: as a signal, so that it is the user's own handler that runs if she has one,
 * and at a place in her code. */
static void deliver_request(void) {
    unsigned run = atomic_load(&current_run);
    /* A child that was forked as the request came is not what it was meant for. */
    int is_requested = run != 0 && !mrmd_is_forked_child && atomic_load(&requested_run) == run;
    if (is_requested || atomic_load(&unwind_requested)) {
        knock(pthread_self());
    }
}

/* Calls the user's code; only within such a call is SIGINT raised. When it
 * returns no interrupt meant for this code can be raised any more: what was
 * already tripped is raised here. Needs the GIL, main thread. */
PyObject *mrmd_run_interruptible(PyObject *callable, PyObject *arguments) {
    atomic_fetch_add(&user_code_depth, 1);
    deliver_request();
    PyObject *result = PyObject_CallObject(callable, arguments);
    atomic_fetch_sub(&user_code_depth, 1);
    raise_what_is_pending(&result);
    return result;
}

/* Calls code of the user's that belongs to no run. Needs the GIL, main thread. */
PyObject *mrmd_run_background(PyObject *callable, PyObject *arguments) {
    atomic_store(&background_requested, 0);
    atomic_store(&in_background, 1);
    PyObject *result = PyObject_CallObject(callable, arguments);
    atomic_store(&in_background, 0);
    raise_what_is_pending(&result);
    return result;
}

/* Holds back what would be raised in the user's code, which the main thread runs. */
static int hold(void) {
    int depth = atomic_exchange(&user_code_depth, 0);
    if (depth > 0) {
        atomic_fetch_add(&holds, 1);
    }
    return depth;
}

static void let_go(int depth) {
    atomic_store(&user_code_depth, depth);
    if (depth == 0) {
        return;
    }
    atomic_fetch_sub(&holds, 1);
    if (mrmd_is_forked_child) {
        return;
    }
    deliver_request();
    if (atomic_exchange(&came_while_held, 0)) {
        pthread_kill(pthread_self(), SIGINT);
    }
}

/* Calls machinery that user code got into and that an interrupt would leave in
 * pieces; an interrupt that comes meanwhile is raised afterwards. Needs the GIL,
 * main thread. */
PyObject *mrmd_run_uninterruptible(PyObject *callable, PyObject *arguments) {
    int depth = hold();
    PyObject *result = NULL;
    if (PyErr_CheckSignals() == 0) {
        result = PyObject_CallObject(callable, arguments);
    }
    let_go(depth);
    if (depth > 0) {
        raise_what_is_pending(&result);
    }
    return result;
}

/* Holds interrupts back while a process is started: IPython and others stop threads in
 * hooks before a fork, and one that hits a hook would leave a lock taken for good. Returns
 * what to end it with. Any thread; it holds on the main thread only. */
int mrmd_interrupt_begin_start(void) {
    return pthread_equal(pthread_self(), main_thread) ? hold() : 0;
}

/* Ends that; an interrupt that came meanwhile is raised once the caller has the process,
 * in a forked child never. */
void mrmd_interrupt_end_start(int depth) {
    if (depth > 0) {
        let_go(depth);
    }
}
