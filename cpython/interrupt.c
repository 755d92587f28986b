/* SIGINT has three senders, told apart by siginfo: we ourselves, with what we want
 * written down in runs.c; the user's code, by raise() or kill() of its own process or
 * from one it has started, which must behave as in plain Python; and the outside
 * (Ctrl-C at a terminal), which is Go's. */
#include "bridge.h"

#include <errno.h>
#include <signal.h>
#include <unistd.h>

static struct sigaction go_action, python_action;
static PyObject *original_signal, *original_getsignal, *default_action;

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
    return descends == -1 ? mrmd_run_starts_processes() : descends;
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
    if (mrmd_interrupt_is_due(is_ours)) {
        call_python_handler(number, info, context);
        mrmd_interrupt_wake_main_thread();
    }
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

/* Puts a function of ours in the place of a built-in one, with its description. Needs the
 * GIL. Returns 0, or -1 with an exception set. */
int mrmd_replace_builtin(PyObject *module, PyMethodDef *method, PyObject *original) {
    if (!PyCFunction_Check(original)) {
        PyErr_Format(PyExc_TypeError, "%s is not built in", method->ml_name);
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
    mrmd_runs_install();
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
    if (mrmd_swallowed_install(module) < 0) {
        goto done;
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
    if (mrmd_replace_builtin(module, &signal_method, original_signal) == 0) {
        outcome = mrmd_replace_builtin(module, &getsignal_method, original_getsignal);
    }
done:
    Py_XDECREF(ignored);
    Py_XDECREF(number);
    Py_XDECREF(handler);
    Py_DECREF(module);
    return outcome;
}
