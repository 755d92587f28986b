/* SIGINT has three senders, told apart by siginfo: we ourselves, to stop the
 * running code (sigqueue with the number of the run it is meant for, or with
 * BACKGROUND for what runs between the runs, or with UNWIND to end it); the user's
 * code, by raise() or kill() of its own process or from one it has started, which
 * must behave as in plain Python; and the outside (Ctrl-C at a terminal), which is
 * Go's.
 *
 * Python's handler only ever sees a SIGINT while user code runs, so that no
 * KeyboardInterrupt is raised in the machinery around it. */
#include "bridge.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

static pthread_t main_thread;
static struct sigaction go_action, python_action;
static PyObject *original_signal, *original_getsignal, *default_action;

enum { BACKGROUND = 0, WAKE = INT_MAX - 1, UNWIND = INT_MAX }; /* no run has these numbers */

static _Atomic int user_code_depth;
static _Atomic int in_background;
static _Atomic unsigned current_run;
static _Atomic unsigned requested_run;
static _Atomic int run_starts_processes;
static _Atomic int is_held, came_while_held;

static _Atomic int unwind_requested, unwind_due;

static void call_python_handler(int number, siginfo_t *info, void *context) {
    if (python_action.sa_flags & SA_SIGINFO) {
        python_action.sa_sigaction(number, info, context);
    } else if (python_action.sa_handler == SIG_DFL) {
        struct sigaction restore = python_action;
        sigaction(number, &restore, NULL);
        raise(number);
    } else if (python_action.sa_handler != SIG_IGN) {
        python_action.sa_handler(number);
    }
}

/* What the user's code has started may interrupt it as in plain Python. Of a sender
 * that has ended since nobody knows the parent: when the run has started processes it
 * is taken for one of them, for a cell must not be able to end the server. */
static int is_of_users_code(pid_t sender) {
    int descends = mrmd_is_descendant(sender);
    return descends == -1 ? atomic_load(&run_starts_processes) : descends;
}

/* The kernel gives a signal for the process to another thread while the main one has
 * it blocked, as when it starts a process. By the time it is noted here the main thread
 * may have gone to sleep in a system call, where nobody else can tell it. */
static void wake_main_thread(void) {
    if (!pthread_equal(pthread_self(), main_thread)) {
        union sigval value = {.sival_int = WAKE};
        pthread_sigqueue(main_thread, SIGINT, value);
    }
}

/* Of several SIGINTs that are pending at once the kernel keeps the first, so what is
 * to be done is read from here and not from the one that came. */
static int take_request(void) {
    unsigned run = atomic_load(&current_run);
    return run != 0 && atomic_load(&user_code_depth) > 0 && atomic_compare_exchange_strong(&requested_run, &run, 0);
}

static void take_unwinding(void) {
    if (atomic_load(&user_code_depth) > 0 && atomic_exchange(&unwind_requested, 0)) {
        atomic_store(&unwind_due, 1);
        PyErr_SetInterruptEx(MRMD_VISIT_SIGNAL);
    }
}

static void on_sigint(int number, siginfo_t *info, void *context) {
    if (mrmd_is_forked_child) {
        call_python_handler(number, info, context);
        return;
    }
    int sender_is_known = info->si_code <= 0;
    int saved_errno = errno;
    int from_here = sender_is_known && (info->si_pid == getpid() || is_of_users_code(info->si_pid));
    errno = saved_errno;
    if (!from_here) {
        if (go_action.sa_flags & SA_SIGINFO) {
            go_action.sa_sigaction(number, info, context);
        }
        return;
    }
    int is_ours = info->si_code == SI_QUEUE && info->si_pid == getpid();
    if (atomic_load(&user_code_depth) == 0 && !atomic_load(&in_background)) {
        if (!is_ours && atomic_load(&is_held)) {
            atomic_store(&came_while_held, 1);
        }
        return;
    }
    int is_due = take_request();
    if (is_ours) {
        take_unwinding();
        is_due = is_due || (info->si_value.sival_int == BACKGROUND && atomic_load(&in_background));
        if (!is_due) {
            return;
        }
    }
    call_python_handler(number, info, context);
    wake_main_thread();
}

int mrmd_is_interrupt_handler(const struct sigaction *action) {
    return (action->sa_flags & SA_SIGINFO) && action->sa_sigaction == on_sigint;
}

/* Puts our handler back, with Python's behind it as before. */
void mrmd_interrupt_reinstall(void) {
    struct sigaction ours = {.sa_sigaction = on_sigint, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    sigemptyset(&ours.sa_mask);
    sigaction(SIGINT, &ours, NULL);
}

/* A forked child has Python's action, which may be to ignore it and then passes to
 * what the child executes. */
void mrmd_interrupt_uncover(void) {
    struct sigaction installed;
    if (sigaction(SIGINT, NULL, &installed) == 0 && mrmd_is_interrupt_handler(&installed)) {
        sigaction(SIGINT, &python_action, NULL);
    }
}

/* An ignored signal stays ignored in a process that is executed, and ours in front
 * of the user's SIG_IGN would undo that. Returns whether to call the other. Needs
 * the GIL. */
int mrmd_interrupt_begin_exec(void) {
    mrmd_profiling_begin_exec();
    int ignored = !mrmd_is_forked_child && !(python_action.sa_flags & SA_SIGINFO) && python_action.sa_handler == SIG_IGN;
    if (ignored) {
        mrmd_interrupt_uncover();
    }
    return ignored;
}

void mrmd_interrupt_end_exec(void) {
    if (!mrmd_is_forked_child) {
        mrmd_interrupt_reinstall();
    }
}

static int chain(void) {
    struct sigaction installed;
    if (sigaction(SIGINT, NULL, &installed) == -1) {
        PyErr_SetFromErrno(PyExc_OSError);
        return -1;
    }
    if (!mrmd_is_interrupt_handler(&installed)) {
        python_action = installed;
        mrmd_interrupt_reinstall();
    }
    return 0;
}

/* The handler of visits is shown to nobody, and is back when the user's is taken
 * away: without any the next visit would end the process. */
static PyObject *hide_visits(int number, PyObject *previous) {
    if (previous == NULL || !mrmd_visits_own_handler(number, previous)) {
        return previous;
    }
    Py_DECREF(previous);
    return Py_NewRef(default_action);
}

static PyObject *set_visit_signal(PyObject *arguments) {
    PyObject *previous = PyObject_CallObject(original_signal, arguments);
    if (previous == NULL) {
        return NULL;
    }
    int to_default = PyTuple_GET_SIZE(arguments) == 2 &&
                     PyObject_RichCompareBool(PyTuple_GET_ITEM(arguments, 1), default_action, Py_EQ) == 1;
    mrmd_visits_signal_taken(!to_default);
    if (to_default && !mrmd_is_forked_child && mrmd_visits_install(original_signal) < 0) {
        Py_DECREF(previous);
        return NULL;
    }
    return previous;
}

static PyObject *set_profiling_signal(PyObject *arguments) {
    if (mrmd_profiling_begin_setting() < 0) {
        return NULL;
    }
    PyObject *previous = PyObject_CallObject(original_signal, arguments);
    mrmd_profiling_end_setting();
    return previous;
}

/* Stands in for _signal.signal: the user's code may install a SIGINT handler,
 * and ours stays in front of it. */
PyObject *mrmd_signal_signal(PyObject *module, PyObject *arguments) {
    (void)module;
    int number = 0;
    if (PyTuple_GET_SIZE(arguments) > 0 && PyLong_Check(PyTuple_GET_ITEM(arguments, 0))) {
        number = (int)PyLong_AsLong(PyTuple_GET_ITEM(arguments, 0));
        PyErr_Clear();
    }
    PyObject *previous = number == MRMD_VISIT_SIGNAL ? set_visit_signal(arguments)
                         : number == SIGPROF         ? set_profiling_signal(arguments)
                                                     : PyObject_CallObject(original_signal, arguments);
    if (previous != NULL && !mrmd_is_forked_child && chain() < 0) {
        Py_CLEAR(previous);
    }
    return hide_visits(number, previous);
}

static PyObject *signal_getsignal(PyObject *module, PyObject *number) {
    (void)module;
    PyObject *handler = PyObject_CallFunctionObjArgs(original_getsignal, number, NULL);
    return handler == NULL ? NULL : hide_visits((int)PyLong_AsLong(number), handler);
}

static PyMethodDef signal_method = {"signal", mrmd_signal_signal, METH_VARARGS, NULL};
static PyMethodDef getsignal_method = {"getsignal", signal_getsignal, METH_O, NULL};

/* Puts a function of ours in the place of one of _signal's, with its description. */
static int replace(PyObject *module, PyMethodDef *method, PyObject *original) {
    if (!PyCFunction_Check(original)) {
        PyErr_Format(PyExc_TypeError, "_signal.%s is not built in", method->ml_name);
        return -1;
    }
    method->ml_doc = ((PyCFunctionObject *)original)->m_ml->ml_doc;
    PyObject *name = PyModule_GetNameObject(module);
    PyObject *replacement = name == NULL ? NULL : PyCFunction_NewEx(method, module, name);
    int outcome = replacement == NULL ? -1 : PyObject_SetAttrString(module, method->ml_name, replacement);
    Py_XDECREF(name);
    Py_XDECREF(replacement);
    return outcome;
}

/* Python remembers the action each signal had when it started, and saw Go's
 * handlers everywhere. The user's code is to see the default there, as in plain
 * Python, while Go keeps its handlers until the user's code sets its own. */
static int hide_go_handlers(void) {
    for (int number = 1; number <= SIGRTMAX; number++) {
        struct sigaction installed;
        /* Go sets SA_SIGINFO with every action, SIG_IGN included. */
        if (number == SIGINT || sigaction(number, NULL, &installed) == -1 ||
            !(installed.sa_flags & SA_SIGINFO) || installed.sa_handler == SIG_IGN) {
            continue;
        }
        PyObject *ignored = PyObject_CallFunction(original_signal, "iO", number, default_action);
        if (ignored == NULL) {
            if (!PyErr_ExceptionMatches(PyExc_ValueError) && !PyErr_ExceptionMatches(PyExc_OSError)) {
                return -1;
            }
            PyErr_Clear(); /* SIGKILL and those the C library keeps for itself */
        }
        Py_XDECREF(ignored);
        if (sigaction(number, &installed, NULL) == -1 && errno != EINVAL) {
            PyErr_SetFromErrno(PyExc_OSError);
            return -1;
        }
    }
    return 0;
}

/* Makes SIGINT Python's on the calling thread, the main one, with our handler in
 * front. Python leaves SIGINT alone while starting when a handler (Go's) is
 * there already, so it is asked for here. Needs the GIL. */
int mrmd_interrupt_install(void) {
    main_thread = pthread_self();
    mrmd_profiling_note_go();
    if (sigaction(SIGINT, NULL, &go_action) == -1) {
        PyErr_SetFromErrno(PyExc_OSError);
        return -1;
    }
    int outcome = -1;
    PyObject *handler = NULL, *number = NULL, *ignored = NULL;
    PyObject *module = PyImport_ImportModule("_signal");
    if (module == NULL) {
        return -1;
    }
    original_signal = PyObject_GetAttrString(module, "signal");
    original_getsignal = PyObject_GetAttrString(module, "getsignal");
    handler = PyObject_GetAttrString(module, "default_int_handler");
    number = PyLong_FromLong(SIGINT);
    default_action = PyObject_GetAttrString(module, "SIG_DFL");
    if (original_signal == NULL || original_getsignal == NULL || handler == NULL || number == NULL ||
        default_action == NULL || hide_go_handlers() < 0) {
        goto done;
    }
    ignored = PyObject_CallFunctionObjArgs(original_signal, number, handler, NULL);
    if (ignored == NULL || chain() < 0 || mrmd_visits_install(original_signal) < 0) {
        goto done;
    }
    if (replace(module, &signal_method, original_signal) == 0) {
        outcome = replace(module, &getsignal_method, original_getsignal);
    }
done:
    Py_XDECREF(ignored);
    Py_XDECREF(number);
    Py_XDECREF(handler);
    Py_DECREF(module);
    return outcome;
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
    unsigned run = atomic_load(&current_run);
    union sigval value = {.sival_int = (int)run};
    atomic_store(&requested_run, run);
    if (atomic_load(&user_code_depth) == 0) {
        return 0;
    }
    return pthread_sigqueue(main_thread, SIGINT, value);
}

/* Gets the main thread out of a system call in the user's code of a run, as a signal
 * without a handler in Python would. Any thread, no GIL. */
int mrmd_interrupt_wake(unsigned run) {
    if (atomic_load(&current_run) != run || atomic_load(&user_code_depth) == 0) {
        return 0;
    }
    union sigval value = {.sival_int = WAKE};
    return pthread_sigqueue(main_thread, SIGINT, value);
}

unsigned mrmd_interrupt_run(void) {
    return atomic_load(&current_run);
}

/* Asks what the main thread runs between two runs to stop with KeyboardInterrupt;
 * nothing happens when it runs nothing. Any thread, no GIL. */
int mrmd_interrupt_background(void) {
    union sigval value = {.sival_int = BACKGROUND};
    return atomic_load(&in_background) ? pthread_sigqueue(main_thread, SIGINT, value) : 0;
}

/* Asks the user's code to unwind, now or as soon as some begins, with SystemExit.
 * It goes by a signal so that code which waits in a system call hears it as it
 * hears an interrupt. It is not by SIGINT's handler, which may be the user's own, and
 * not KeyboardInterrupt, which programs take to mean that only the present step is
 * to stop. Any thread, no GIL. */
int mrmd_unwind_request(void) {
    union sigval value = {.sival_int = UNWIND};
    atomic_store(&unwind_requested, 1);
    if (atomic_load(&user_code_depth) == 0) {
        return 0;
    }
    return pthread_sigqueue(main_thread, SIGINT, value);
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
    if (atomic_load(&unwind_requested)) {
        union sigval value = {.sival_int = UNWIND};
        pthread_sigqueue(pthread_self(), SIGINT, value);
    }
    unsigned run = atomic_load(&current_run);
    /* A child that was forked as the request came is not what it was meant for. */
    if (run != 0 && !mrmd_is_forked_child && atomic_load(&requested_run) == run) {
        union sigval value = {.sival_int = (int)run};
        pthread_sigqueue(pthread_self(), SIGINT, value);
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
        atomic_store(&is_held, 1);
    }
    return depth;
}

static void let_go(int depth) {
    atomic_store(&user_code_depth, depth);
    if (depth == 0) {
        return;
    }
    atomic_store(&is_held, 0);
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
