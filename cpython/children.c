/* The functions by which Python code starts processes, with ours in front of them:
 * built-in ones of the same name and description, so that they look the same. */
#include "bridge.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "_cgo_export.h"

typedef struct {
    const char *name;
    PyCFunctionWithKeywords function;
    PyObject *original;
    PyMethodDef method;
} stand_in;

static int user_traces_crashes;

/* Whoever reaps what this process adopts must leave its own children to those who
 * wait for them. */
static void report(long pid) {
    char text[32], *answer = NULL;
    size_t answer_length = 0;
    int length = snprintf(text, sizeof text, "%ld", pid);
    Py_BEGIN_ALLOW_THREADS
    mrmdHostCall("started", text, (size_t)length, &answer, &answer_length);
    Py_END_ALLOW_THREADS
    free(answer);
}

static void report_started(PyObject *started) {
    PyObject *pid = PyTuple_Check(started) && PyTuple_GET_SIZE(started) > 0 ? PyTuple_GET_ITEM(started, 0) : started;
    if (PyLong_Check(pid)) {
        long number = PyLong_AsLong(pid);
        if (number > 0) {
            report(number);
        }
    }
}

/* From 3.12 on a fork warns of other threads, those that run Go included. They are no
 * danger to the child, which never needs what they hold; only the user's threads are
 * to be warned of. */
#if PY_VERSION_HEX >= 0x030C0000

static PyObject *fork_filter;
/* The list that the filter is in during a fork, NULL at other times. */
static PyObject *filtered;

/* Takes the warning filter for forks that only Go's threads look on at. */
void mrmd_set_fork_filter(PyObject *filter) {
    Py_XSETREF(fork_filter, Py_NewRef(filter));
}

static long threads_of_this_process(void) {
    long count = 0;
    char line[128];
    FILE *status = fopen("/proc/self/status", "re");
    while (status != NULL && fgets(line, sizeof line, status) != NULL && sscanf(line, "Threads: %ld", &count) != 1) {
    }
    if (status != NULL) {
        fclose(status);
    }
    return count;
}

/* The main thread is counted as one of Go's. A thread that has been joined, as
 * IPython's has just been, is still there for a moment. */
static int only_go_looks_on(void) {
    const struct timespec moment = {.tv_nsec = 200000};
    for (int look = 0; look < 25; look++) {
        if (threads_of_this_process() <= mrmdGoThreads()) {
            return 1;
        }
        nanosleep(&moment, NULL);
    }
    return 0;
}

/* Call before a fork, after what else is done then: IPython ends a thread. Needs the
 * GIL, any thread. */
void mrmd_begin_quiet_fork(void) {
    if (fork_filter == NULL || filtered != NULL || mrmd_is_forked_child || !only_go_looks_on()) {
        return;
    }
    PyObject *warnings = PyImport_ImportModule("warnings");
    PyObject *filters = warnings == NULL ? NULL : PyObject_GetAttrString(warnings, "filters");
    Py_XDECREF(warnings);
    if (filters == NULL || !PyList_Check(filters) || PyList_Insert(filters, 0, fork_filter) < 0) {
        Py_CLEAR(filters);
        PyErr_Clear();
    }
    filtered = filters;
}

static void end_quiet_fork(void) {
    PyObject *filters = filtered;
    filtered = NULL;
    for (Py_ssize_t i = 0; filters != NULL && i < PyList_GET_SIZE(filters); i++) {
        if (PyList_GET_ITEM(filters, i) == fork_filter) {
            PyObject *type, *value, *traceback;
            PyErr_Fetch(&type, &value, &traceback);
            PyList_SetSlice(filters, i, i + 1, NULL);
            PyErr_Restore(type, value, traceback);
            break;
        }
    }
    Py_XDECREF(filters);
}

#else

void mrmd_set_fork_filter(PyObject *filter) {
    (void)filter;
}

void mrmd_begin_quiet_fork(void) {
}

static void end_quiet_fork(void) {
}

#endif

static PyObject *start_process(const stand_in *called, PyObject *arguments, PyObject *keywords, int executes) {
    int ignored = executes && mrmd_interrupt_begin_exec();
    mrmd_interrupt_note_process();
    int depth = mrmd_interrupt_begin_start();
    PyObject *started = PyObject_Call(called->original, arguments, keywords);
    mrmd_interrupt_end_start(depth);
    end_quiet_fork();
    if (ignored) {
        mrmd_interrupt_end_exec();
    }
    if (started != NULL && !mrmd_is_forked_child) {
        report_started(started);
    }
    return started;
}

static PyObject *trace_crashes(const stand_in *called, PyObject *arguments, PyObject *keywords, int enabled) {
    PyObject *done = PyObject_Call(called->original, arguments, keywords);
    if (done != NULL) {
        user_traces_crashes = enabled;
    }
    return done;
}

enum { FORK, FORKPTY, POSIX_SPAWN, POSIX_SPAWNP, FORK_EXEC, ENABLE, DISABLE, STAND_IN_COUNT };
static stand_in stand_ins[STAND_IN_COUNT];

#define STAND_IN(function, index, behaviour, detail)                                              \
    static PyObject *function(PyObject *module, PyObject *arguments, PyObject *keywords) {       \
        (void)module;                                                                             \
        return behaviour(&stand_ins[index], arguments, keywords, detail);                         \
    }

STAND_IN(call_fork, FORK, start_process, 0)
STAND_IN(call_forkpty, FORKPTY, start_process, 0)
STAND_IN(call_posix_spawn, POSIX_SPAWN, start_process, 1)
STAND_IN(call_posix_spawnp, POSIX_SPAWNP, start_process, 1)
STAND_IN(call_fork_exec, FORK_EXEC, start_process, 1)
STAND_IN(call_enable, ENABLE, trace_crashes, 1)
STAND_IN(call_disable, DISABLE, trace_crashes, 0)

static stand_in stand_ins[STAND_IN_COUNT] = {
    [FORK] = {.name = "fork", .function = call_fork},
    [FORKPTY] = {.name = "forkpty", .function = call_forkpty},
    [POSIX_SPAWN] = {.name = "posix_spawn", .function = call_posix_spawn},
    [POSIX_SPAWNP] = {.name = "posix_spawnp", .function = call_posix_spawnp},
    [FORK_EXEC] = {.name = "fork_exec", .function = call_fork_exec},
    [ENABLE] = {.name = "enable", .function = call_enable},
    [DISABLE] = {.name = "disable", .function = call_disable},
};

static PyObject *put_in_front(stand_in *known, PyObject *module) {
    PyObject *original = PyObject_GetAttrString(module, known->name);
    if (original == NULL || !PyCFunction_Check(original)) {
        Py_XDECREF(original);
        return PyErr_Occurred() ? NULL : PyErr_Format(PyExc_TypeError, "%s is not built in", known->name);
    }
    const PyMethodDef *described = ((PyCFunctionObject *)original)->m_ml;
    known->method = (PyMethodDef){described->ml_name, (PyCFunction)(void (*)(void))known->function,
                                  METH_VARARGS | METH_KEYWORDS, described->ml_doc};
    known->original = original;
    PyObject *module_name = PyModule_GetNameObject(module);
    PyObject *function = module_name == NULL ? NULL : PyCFunction_NewEx(&known->method, module, module_name);
    Py_XDECREF(module_name);
    if (function != NULL && PyObject_SetAttrString(module, known->name, function) < 0) {
        Py_CLEAR(function);
    }
    return function;
}

/* Puts ours in front of a built-in function of a module and returns it: of those
 * that start processes, and of faulthandler's enable and disable. Once for each;
 * needs the GIL. */
PyObject *mrmd_stand_in(PyObject *module, const char *name) {
    for (int i = 0; i < STAND_IN_COUNT; i++) {
        if (strcmp(stand_ins[i].name, name) == 0) {
            return put_in_front(&stand_ins[i], module);
        }
    }
    return PyErr_Format(PyExc_ValueError, "nothing stands in for %s", name);
}

/* Whether the user's code wants faulthandler's traces, and not only we. Needs the
 * GIL. */
int mrmd_user_traces_crashes(void) {
    return user_traces_crashes;
}

/* The status for the exception that is set, which is printed unless it asks to exit. */
static int exit_status(void) {
    if (!PyErr_ExceptionMatches(PyExc_SystemExit)) {
        PyErr_Print();
        return EXIT_FAILURE;
    }
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    PyErr_NormalizeException(&type, &value, &traceback);
    PyObject *code = PyObject_GetAttrString(value, "code");
    if (code != NULL && PyLong_Check(code)) {
        return (int)PyLong_AsLong(code);
    }
    return code == Py_None ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* Ends a forked child whose Python code came to its end: in it there is no Go to
 * return to. result is what the code returned, NULL for an exception. Needs the
 * GIL; does nothing in the runtime itself. */
void mrmd_leave_forked_child(PyObject *result) {
    if (!mrmd_is_forked_child) {
        return;
    }
    int status = result == NULL ? exit_status() : EXIT_SUCCESS;
    mrmd_output_flush_stdio();
    _exit(status);
}

/* PyObject_CallObject for Go. */
PyObject *mrmd_call(PyObject *callable, PyObject *arguments) {
    PyObject *result = PyObject_CallObject(callable, arguments);
    mrmd_leave_forked_child(result);
    return result;
}
