#include "bridge.h"

#include <stdlib.h>
#include <string.h>

PyObject *mrmd_text_to_python(const char *utf8, size_t length) {
    return PyUnicode_DecodeUTF8(utf8, (Py_ssize_t)length, "replace");
}

/* Gives text as UTF-8. Returns an owned reference that keeps the bytes alive, or
 * NULL with an exception set. Lone surrogates, which have no UTF-8, come out as
 * the escape a reader can recognise. */
PyObject *mrmd_text_bytes(PyObject *text, const char **utf8, size_t *length) {
    Py_ssize_t size;
    const char *bytes = PyUnicode_AsUTF8AndSize(text, &size);
    if (bytes != NULL) {
        *utf8 = bytes;
        *length = (size_t)size;
        Py_INCREF(text);
        return text;
    }
    if (!PyErr_ExceptionMatches(PyExc_UnicodeEncodeError)) {
        return NULL;
    }
    PyErr_Clear();
    PyObject *encoded = PyUnicode_AsEncodedString(text, "utf-8", "backslashreplace");
    if (encoded == NULL) {
        return NULL;
    }
    *utf8 = PyBytes_AS_STRING(encoded);
    *length = (size_t)PyBytes_GET_SIZE(encoded);
    return encoded;
}

static char *copy_text(PyObject *text) {
    if (text == NULL || !PyUnicode_Check(text)) {
        PyErr_Clear();
        return NULL;
    }
    const char *utf8;
    size_t length;
    PyObject *holder = mrmd_text_bytes(text, &utf8, &length);
    if (holder == NULL) {
        PyErr_Clear();
        return NULL;
    }
    char *copy = malloc(length + 1);
    if (copy != NULL) {
        memcpy(copy, utf8, length);
        copy[length] = 0;
    }
    Py_DECREF(holder);
    return copy;
}

static PyObject *formatted(PyObject *value) {
    PyObject *module = PyImport_ImportModule("traceback");
    PyObject *lines = NULL, *empty = NULL, *text = NULL;
    if (module != NULL) {
        PyObject *traceback = PyException_GetTraceback(value);
        lines = PyObject_CallMethod(module, "format_exception", "OOO", (PyObject *)Py_TYPE(value), value,
                                    traceback ? traceback : Py_None);
        Py_XDECREF(traceback);
    }
    if (lines != NULL) {
        empty = PyUnicode_FromString("");
    }
    if (empty != NULL) {
        text = PyUnicode_Join(empty, lines);
    }
    Py_XDECREF(empty);
    Py_XDECREF(lines);
    Py_XDECREF(module);
    if (text == NULL) {
        PyErr_Clear();
        text = PyObject_Repr(value);
    }
    return text;
}

/* Takes the exception that is set and gives its traceback as text to free(),
 * and through the pointers that are not NULL its type's name and its message. */
char *mrmd_exception_text(char **type_name, char **message) {
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    if (type == NULL) {
        return strdup("no exception was set");
    }
    PyErr_NormalizeException(&type, &value, &traceback);
    if (traceback != NULL) {
        PyException_SetTraceback(value, traceback);
    }
    if (type_name != NULL) {
        *type_name = strdup(((PyTypeObject *)type)->tp_name);
    }
    if (message != NULL) {
        PyObject *text = PyObject_Str(value);
        *message = copy_text(text);
        Py_XDECREF(text);
    }
    PyObject *text = formatted(value);
    char *copy = copy_text(text);
    Py_XDECREF(text);
    Py_XDECREF(type);
    Py_XDECREF(value);
    Py_XDECREF(traceback);
    return copy != NULL ? copy : strdup("an exception that cannot be shown");
}
