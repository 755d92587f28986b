/* print() of whole lines.
 *
 * Python's print writes each argument, each separator and the newline by itself, and
 * each write to the standard streams looks at the descriptors for what other code has
 * written. What stands in front of it writes a line of plain values at once, where
 * sys.stdout is the runtime's own and untouched; anything else it leaves to Python's. */
#include "bridge.h"

static PyObject *plain_print;
static PyObject *own_stream, *own_write;
static PyObject *write_name, *separator;

/* A user's own sys.stdout, or a `write` put into ours, is to be called as ever. */
static int stdout_is_own(void) {
    if (PySys_GetObject("stdout") != own_stream) {
        return 0;
    }
    PyObject *write = PyObject_GetAttr(own_stream, write_name);
    int is_own = write == own_write;
    if (write == NULL) {
        PyErr_Clear();
    }
    Py_XDECREF(write);
    return is_own;
}

/* Only of these does str() run no code of the user's. */
static int is_plain(PyObject *value) {
    return PyUnicode_CheckExact(value) || PyLong_CheckExact(value) || PyFloat_CheckExact(value) ||
           PyBool_Check(value) || value == Py_None;
}

/* The text of a line without its newline; NULL, perhaps with an exception, when Python's
 * print has to make it. */
static PyObject *text_of(PyObject *const *values, Py_ssize_t count) {
    if (count == 1 && PyUnicode_CheckExact(values[0])) {
        return Py_NewRef(values[0]);
    }
    for (Py_ssize_t i = 0; i < count; i++) {
        if (!is_plain(values[i])) {
            return NULL;
        }
    }
    if (count == 1) {
        return PyObject_Str(values[0]);
    }
    PyObject *texts = PyTuple_New(count);
    for (Py_ssize_t i = 0; texts != NULL && i < count; i++) {
        PyObject *text = PyObject_Str(values[i]);
        if (text == NULL) {
            Py_CLEAR(texts);
        } else {
            PyTuple_SET_ITEM(texts, i, text);
        }
    }
    PyObject *line = texts == NULL ? NULL : PyUnicode_Join(separator, texts);
    Py_XDECREF(texts);
    return line;
}

static PyObject *print_line(PyObject *module, PyObject *const *values, Py_ssize_t count, PyObject *names) {
    (void)module;
    PyObject *text = names == NULL && stdout_is_own() ? text_of(values, count) : NULL;
    Py_ssize_t length;
    const char *bytes = text == NULL ? NULL : PyUnicode_AsUTF8AndSize(text, &length);
    if (bytes == NULL) {
        /* A number too long for str(), or a lone surrogate: the error is Python's. */
        PyErr_Clear();
        Py_XDECREF(text);
        return PyObject_Vectorcall(plain_print, values, (size_t)count, names);
    }
    int outcome = mrmd_host_write(0, bytes, length, 1);
    Py_DECREF(text);
    return outcome < 0 ? NULL : Py_NewRef(Py_None);
}

/* Puts ours in front of the builtin print, whose name, module and documentation it has.
 * stream is the runtime's sys.stdout, write what its attribute `write` is. Once; needs
 * the GIL. Returns 0, or -1 with an exception set. */
int mrmd_print_install(PyObject *builtins, PyObject *stream, PyObject *write) {
    static PyMethodDef method;
    plain_print = PyObject_GetAttrString(builtins, "print");
    write_name = PyUnicode_InternFromString("write");
    separator = PyUnicode_FromString(" ");
    if (plain_print == NULL || write_name == NULL || separator == NULL) {
        return -1;
    }
    if (!PyCFunction_Check(plain_print)) {
        PyErr_SetString(PyExc_TypeError, "print is not built in");
        return -1;
    }
    own_stream = Py_NewRef(stream);
    own_write = Py_NewRef(write);
    const PyMethodDef *described = ((PyCFunctionObject *)plain_print)->m_ml;
    method = (PyMethodDef){described->ml_name, (PyCFunction)(void (*)(void))print_line,
                           METH_FASTCALL | METH_KEYWORDS, described->ml_doc};
    PyObject *name = PyModule_GetNameObject(builtins);
    PyObject *function = name == NULL ? NULL : PyCFunction_NewEx(&method, builtins, name);
    Py_XDECREF(name);
    int outcome = function == NULL ? -1 : PyObject_SetAttrString(builtins, "print", function);
    Py_XDECREF(function);
    return outcome;
}
