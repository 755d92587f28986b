/* Another thread that wants to look in while Python code runs would wait a switch
 * interval (5 ms) against a loop that never gives up the GIL, and could starve
 * against one that gives it up often. So the main thread is asked to stand aside,
 * between two bytecodes, until the visit is over.
 *
 * From 3.13 on a pending call does it. Before, one that another thread adds is not
 * looked for until something else interrupts the loop (COMPUTE_EVAL_BREAKER in
 * Python/ceval_gil.c counts pending calls only when the main thread itself adds
 * them), so the thread is sent a signal with a Python handler. */
#include "bridge.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <time.h>

static pthread_mutex_t visit_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t visit_over;
static int visits_waiting;
static _Atomic int is_asked;

/* A clock that is set back must not prolong the wait, and the default one is the
 * wall's. Before main, for there is no static initializer that says so. */
__attribute__((constructor)) static void wait_by_the_monotonic_clock(void) {
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&visit_over, &attributes);
    pthread_condattr_destroy(&attributes);
}

/* A visit that takes longer competes for the GIL like any thread from then on:
 * the user's code must not be held up by it. */
enum { LONGEST_STANDING_ASIDE_NANOSECONDS = 2000000 };

static void wait_for_visits(void) {
    struct timespec end;
    clock_gettime(CLOCK_MONOTONIC, &end);
    end.tv_nsec += LONGEST_STANDING_ASIDE_NANOSECONDS;
    if (end.tv_nsec >= 1000000000) {
        end.tv_nsec -= 1000000000;
        end.tv_sec++;
    }
    pthread_mutex_lock(&visit_lock);
    while (visits_waiting > 0 && pthread_cond_timedwait(&visit_over, &visit_lock, &end) == 0) {
    }
    pthread_mutex_unlock(&visit_lock);
}

static void stand_aside(void) {
    atomic_store(&is_asked, 0);
    if (!mrmd_is_forked_child) {
        Py_BEGIN_ALLOW_THREADS
        wait_for_visits();
        Py_END_ALLOW_THREADS
    }
}

/* Stands aside for the visits that came while the main thread waited at the door, and
 * were not asked to ask. Main thread; needs the GIL. */
void mrmd_visits_let_pass(void) {
    if (mrmd_is_forked_child) {
        return;
    }
    pthread_mutex_lock(&visit_lock);
    int is_wanted = visits_waiting > 0;
    pthread_mutex_unlock(&visit_lock);
    if (is_wanted) {
        stand_aside();
    }
}

static pthread_t main_thread;

static PyObject *signal_handler(PyObject *module, PyObject *arguments) {
    (void)module;
    (void)arguments;
    stand_aside();
    if (!mrmd_is_forked_child && mrmd_unwind_raise() < 0) {
        return NULL;
    }
    Py_RETURN_NONE;
}

static PyMethodDef handler_method = {
    "stand_aside", signal_handler, METH_VARARGS,
    "stand_aside(signalnum, frame, /)\n--\n\nLet a thread that waits for the GIL have it for a moment."};

/* The user's code has a handler of its own for the signal: visits wait their turn. */
static _Atomic int is_taken;

void mrmd_visits_signal_taken(int taken) {
    atomic_store(&is_taken, taken);
}

int mrmd_visits_own_handler(int number, PyObject *handler) {
    return number == MRMD_VISIT_SIGNAL && PyCFunction_Check(handler) &&
           PyCFunction_GET_FUNCTION(handler) == signal_handler;
}

/* signal_function is the original _signal.signal. Main thread; needs the GIL. */
int mrmd_visits_install(PyObject *signal_function) {
    main_thread = pthread_self();
    PyObject *handler = PyCFunction_New(&handler_method, NULL);
    if (handler == NULL) {
        return -1;
    }
    PyObject *previous = PyObject_CallFunction(signal_function, "iO", MRMD_VISIT_SIGNAL, handler);
    Py_DECREF(handler);
    if (previous == NULL) {
        return -1;
    }
    Py_DECREF(previous);
    /* C code that waits in a system call is not to fail for the sake of a visit. */
    struct sigaction installed;
    if (sigaction(MRMD_VISIT_SIGNAL, NULL, &installed) == 0) {
        installed.sa_flags |= SA_RESTART;
        if (sigaction(MRMD_VISIT_SIGNAL, &installed, NULL) == 0) {
            return 0;
        }
    }
    PyErr_SetFromErrno(PyExc_OSError);
    return -1;
}

#if PY_VERSION_HEX >= 0x030D0000

static int stand_aside_call(void *ignored) {
    (void)ignored;
    stand_aside();
    return 0;
}

static void ask_to_stand_aside(void) {
    if (!atomic_exchange(&is_asked, 1) && Py_AddPendingCall(stand_aside_call, NULL) < 0) {
        /* The queue is full; the switch interval will do. */
        atomic_store(&is_asked, 0);
    }
}

#else

static void ask_to_stand_aside(void) {
#if PY_VERSION_HEX < 0x030C0000
    /* Nobody holds the GIL: no call of the main thread needs to be interrupted. */
    if (_PyThreadState_UncheckedGet() == NULL) {
        return;
    }
#endif
    if (!atomic_load(&is_taken) && !atomic_exchange(&is_asked, 1) && pthread_kill(main_thread, MRMD_VISIT_SIGNAL) != 0) {
        atomic_store(&is_asked, 0);
    }
}

#endif

/* Gives the calling OS thread a Python thread state and leaves it without the
 * GIL, to be entered with mrmd_thread_enter. NULL when memory runs out. The caller
 * must not hold the GIL, which tracemalloc takes to note the allocation. */
void *mrmd_thread_attach(void) {
    return PyThreadState_New(PyInterpreterState_Main());
}

/* Takes the GIL on the thread that attached; waits for whoever holds it. */
void mrmd_thread_enter(void *state) {
    pthread_mutex_lock(&visit_lock);
    visits_waiting++;
    pthread_mutex_unlock(&visit_lock);
    if (!mrmd_door_is_waited_at()) {
        ask_to_stand_aside();
    }
    PyEval_RestoreThread(state);
}

void mrmd_thread_leave(void) {
    PyEval_SaveThread();
    pthread_mutex_lock(&visit_lock);
    visits_waiting--;
    pthread_cond_broadcast(&visit_over);
    pthread_mutex_unlock(&visit_lock);
}
