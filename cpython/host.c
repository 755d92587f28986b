/* The built-in module _mrmd_host: what Python code may ask of this process. */
#include "bridge.h"

#include <stdlib.h>

#include "_cgo_export.h"

static PyObject *host_error;

/* A context variable: which run the running code belongs to. Tasks inherit it
 * from what created them, threads from what started them. */
static PyObject *run_variable;

static int64_t owner_of_caller(void) {
    PyObject *value;
    if (PyContextVar_Get(run_variable, NULL, &value) < 0 || value == NULL) {
        PyErr_Clear();
        return 0;
    }
    int64_t owner = PyLong_AsLongLong(value);
    Py_DECREF(value);
    if (owner == -1 && PyErr_Occurred()) {
        PyErr_Clear();
        return 0;
    }
    return owner;
}

/* Writes to a stream, 0 (stdout) or 1 (stderr), for the code that runs, with a newline
 * after it when is_line is set. Needs the GIL, which it gives up only when it has to wait.
 * Returns 0, or -1 with an exception set. */
int mrmd_host_write(int stream, const char *bytes, Py_ssize_t length, int is_line) {
    int64_t owner = owner_of_caller();
    if (mrmd_output_append(stream, owner, bytes, (size_t)length, is_line)) {
        return 0;
    }
    int outcome;
    Py_BEGIN_ALLOW_THREADS
    outcome = mrmd_output_write(stream, owner, bytes, (size_t)length);
    if (outcome == 0 && is_line) {
        outcome = mrmd_output_write(stream, owner, "\n", 1);
    }
    Py_END_ALLOW_THREADS
    if (outcome < 0) {
        PyErr_SetFromErrno(PyExc_OSError);
    }
    return outcome;
}

static PyObject *host_write(PyObject *module, PyObject *arguments) {
    (void)module;
    int stream;
    Py_buffer data;
    if (!PyArg_ParseTuple(arguments, "iy*:write", &stream, &data)) {
        return NULL;
    }
    if (stream != 0 && stream != 1) {
        PyBuffer_Release(&data);
        PyErr_SetString(PyExc_ValueError, "stream is 0 (stdout) or 1 (stderr)");
        return NULL;
    }
    int outcome = mrmd_host_write(stream, data.buf, data.len, 0);
    Py_ssize_t length = data.len;
    PyBuffer_Release(&data);
    return outcome < 0 ? NULL : PyLong_FromSsize_t(length);
}

static int write_with_handler(int stream, PyObject *text, PyObject *errors) {
    const char *handler = PyUnicode_AsUTF8(errors);
    PyObject *encoded = handler ? PyUnicode_AsEncodedString(text, "utf-8", handler) : NULL;
    if (encoded == NULL) {
        return -1;
    }
    int outcome = mrmd_host_write(stream, PyBytes_AS_STRING(encoded), PyBytes_GET_SIZE(encoded), 0);
    Py_DECREF(encoded);
    return outcome;
}

static PyObject *host_write_text(PyObject *module, PyObject *const *arguments, Py_ssize_t count) {
    (void)module;
    if (count != 3) {
        PyErr_Format(PyExc_TypeError, "write() takes exactly one argument (%zd given)", count - 2);
        return NULL;
    }
    long stream = PyLong_AsLong(arguments[0]);
    PyObject *text = arguments[2];
    if (stream == -1 && PyErr_Occurred()) {
        return NULL;
    }
    if (!PyUnicode_Check(text)) {
        PyErr_Format(PyExc_TypeError, "write() argument must be str, not %.200s", Py_TYPE(text)->tp_name);
        return NULL;
    }
    Py_ssize_t length;
    const char *bytes = PyUnicode_AsUTF8AndSize(text, &length);
    int outcome;
    if (bytes != NULL) {
        outcome = mrmd_host_write((int)stream, bytes, length, 0);
    } else {
        PyErr_Clear();
        outcome = write_with_handler((int)stream, text, arguments[1]);
    }
    return outcome < 0 ? NULL : PyLong_FromSsize_t(PyUnicode_GET_LENGTH(text));
}

static PyObject *host_call(PyObject *module, PyObject *arguments) {
    (void)module;
    const char *name;
    PyObject *argument;
    if (!PyArg_ParseTuple(arguments, "sU:call", &name, &argument)) {
        return NULL;
    }
    if (mrmd_is_forked_child) {
        PyErr_SetString(host_error, "a forked child process cannot reach the notebook");
        return NULL;
    }
    const char *text;
    size_t length;
    PyObject *holder = mrmd_text_bytes(argument, &text, &length);
    if (holder == NULL) {
        return NULL;
    }
    char *answer = NULL;
    size_t answer_length = 0;
    int succeeded;
    Py_BEGIN_ALLOW_THREADS
    succeeded = mrmdHostCall((char *)name, (char *)text, length, &answer, &answer_length);
    Py_END_ALLOW_THREADS
    Py_DECREF(holder);
    PyObject *result = NULL;
    if (PyErr_CheckSignals() == 0) {
        result = answer != NULL ? mrmd_text_to_python(answer, answer_length) : Py_NewRef(Py_None);
        if (!succeeded && result != NULL) {
            PyErr_SetObject(host_error, result);
            Py_CLEAR(result);
        }
    }
    free(answer);
    return result;
}

typedef PyObject *(*runner)(PyObject *callable, PyObject *arguments);

static PyObject *run_rest(runner run, PyObject *arguments) {
    Py_ssize_t count = PyTuple_GET_SIZE(arguments);
    if (count < 1) {
        PyErr_SetString(PyExc_TypeError, "expected a callable and its arguments");
        return NULL;
    }
    PyObject *rest = PyTuple_GetSlice(arguments, 1, count);
    if (rest == NULL) {
        return NULL;
    }
    PyObject *result = run(PyTuple_GET_ITEM(arguments, 0), rest);
    Py_DECREF(rest);
    return result;
}

static PyObject *host_run_interruptible(PyObject *module, PyObject *arguments) {
    (void)module;
    return run_rest(mrmd_run_interruptible, arguments);
}

static PyObject *host_run_background(PyObject *module, PyObject *arguments) {
    (void)module;
    return run_rest(mrmd_run_background, arguments);
}

static PyObject *host_run_uninterruptible(PyObject *module, PyObject *arguments) {
    (void)module;
    return run_rest(mrmd_run_uninterruptible, arguments);
}

static PyObject *host_is_forked_child(PyObject *module, PyObject *ignored) {
    (void)module;
    (void)ignored;
    return PyBool_FromLong(mrmd_is_forked_child);
}

static PyObject *host_stand_in(PyObject *module, PyObject *arguments) {
    (void)module;
    PyObject *of;
    const char *name;
    if (!PyArg_ParseTuple(arguments, "Os:stand_in", &of, &name)) {
        return NULL;
    }
    return mrmd_stand_in(of, name);
}

static PyObject *host_print_lines(PyObject *module, PyObject *arguments) {
    (void)module;
    PyObject *builtins, *stream, *write;
    if (!PyArg_ParseTuple(arguments, "OOO:print_lines", &builtins, &stream, &write) ||
        mrmd_print_install(builtins, stream, write) < 0) {
        return NULL;
    }
    Py_RETURN_NONE;
}

static PyObject *host_set_fork_filter(PyObject *module, PyObject *filter) {
    (void)module;
    mrmd_set_fork_filter(filter);
    Py_RETURN_NONE;
}

static PyObject *host_set_interrupt_diversion(PyObject *module, PyObject *function) {
    (void)module;
    mrmd_set_interrupt_diversion(function);
    Py_RETURN_NONE;
}

static PyObject *host_begin_quiet_fork(PyObject *module, PyObject *ignored) {
    (void)module;
    (void)ignored;
    mrmd_begin_quiet_fork();
    Py_RETURN_NONE;
}

static PyObject *host_user_traces_crashes(PyObject *module, PyObject *ignored) {
    (void)module;
    (void)ignored;
    return PyBool_FromLong(mrmd_user_traces_crashes());
}

static PyObject *host_flush_stdio(PyObject *module, PyObject *ignored) {
    (void)module;
    (void)ignored;
    mrmd_output_flush_stdio();
    Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
    {"write", host_write, METH_VARARGS,
     "write(stream, data, /)\n--\n\nQueue bytes as output of stream 0 (stdout) or 1 (stderr). Any thread."},
    {"write_text", (PyCFunction)(void (*)(void))host_write_text, METH_FASTCALL,
     "write_text(stream, errors, text, /)\n--\n\nQueue a str as UTF-8 output of stream 0 (stdout) or 1 "
     "(stderr); errors is the handler for what has no UTF-8. Any thread."},
    {"call", host_call, METH_VARARGS,
     "call(name, argument, /)\n--\n\nCall a function of the host with a text and return its answer, a text or "
     "None. Releases the GIL; raises Error when the host refuses. Any thread."},
    {"run_interruptible", host_run_interruptible, METH_VARARGS,
     "run_interruptible(callable, /, *arguments)\n--\n\nCall the user's code; only in here is an interrupt "
     "raised as KeyboardInterrupt. Main thread only."},
    {"run_background", host_run_background, METH_VARARGS,
     "run_background(callable, /, *arguments)\n--\n\nCall code of the user's that belongs to no cell; only an "
     "interrupt of the background is raised in it. Main thread only."},
    {"run_uninterruptible", host_run_uninterruptible, METH_VARARGS,
     "run_uninterruptible(callable, /, *arguments)\n--\n\nCall machinery that user code got into; an interrupt "
     "waits until it returns. Main thread only."},
    {"is_forked_child", host_is_forked_child, METH_NOARGS,
     "is_forked_child()\n--\n\nWhether this process was forked from the runtime and is not the runtime."},
    {"stand_in", host_stand_in, METH_VARARGS,
     "stand_in(module, name, /)\n--\n\nPut a function in front of a built-in one that starts processes, or of "
     "faulthandler's enable and disable, and return it. Once for each."},
    {"print_lines", host_print_lines, METH_VARARGS,
     "print_lines(builtins, stream, write, /)\n--\n\nPut a function in front of print that writes whole lines to "
     "`stream`, the host's stdout, as long as that is sys.stdout and its `write` is the one given. Once."},
    {"set_fork_filter", host_set_fork_filter, METH_O,
     "set_fork_filter(filter, /)\n--\n\nSet the item of warnings.filters that a fork has while this process has no "
     "threads but the host's own."},
    {"set_interrupt_diversion", host_set_interrupt_diversion, METH_O,
     "set_interrupt_diversion(function, /)\n--\n\nSet what is called with the frame that an interrupt hits and says "
     "whether it stops the code in another way than by KeyboardInterrupt there; None for none. Main thread."},
    {"begin_quiet_fork", host_begin_quiet_fork, METH_NOARGS,
     "begin_quiet_fork()\n--\n\nPut that filter in place when it is due; the function that forks takes it away."},
    {"user_traces_crashes", host_user_traces_crashes, METH_NOARGS,
     "user_traces_crashes()\n--\n\nWhether the user's code has enabled faulthandler, which the host had before."},
    {"flush_stdio", host_flush_stdio, METH_NOARGS,
     "flush_stdio()\n--\n\nWrite what C code has printed with buffered functions. Any thread."},
    {NULL, NULL, 0, NULL}};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, "_mrmd_host", "What Python code may ask of the process that embeds it.", -1, methods,
    NULL, NULL, NULL, NULL};

static PyObject *create_module(void) {
    PyObject *module = PyModule_Create(&definition);
    if (module == NULL) {
        return NULL;
    }
    host_error = PyErr_NewException("_mrmd_host.Error", NULL, NULL);
    run_variable = PyContextVar_New("mrmd_run", NULL);
    if (host_error == NULL || PyModule_AddObject(module, "Error", Py_NewRef(host_error)) < 0 ||
        run_variable == NULL || PyModule_AddObject(module, "run", Py_NewRef(run_variable)) < 0) {
        Py_DECREF(module);
        return NULL;
    }
    return module;
}

int mrmd_host_register(void) {
    return PyImport_AppendInittab("_mrmd_host", create_module);
}
