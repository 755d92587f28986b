/* Interrupts that something swallows: the cell would go on as if nobody had asked it to
 * stop. Python reports an exception that leaves a finalizer or the callback of a weak
 * reference, and goes on. C extensions drop what Python code that they call has raised, as
 * NumPy does when it compares dtypes. These are raised once more; what Python code has
 * caught is not. Where an exception would do harm, as in an event loop, Python code may
 * divert the interrupt. */
#include "bridge.h"

static PyObject *plain_hook;
static PyObject *raised;
static PyObject *diversion;

#if PY_VERSION_HEX >= 0x030C0000
/* One number of a table of handlers, and where it ends (Python's
 * InternalDocs/exception_handling.md). */
static unsigned read_number(const unsigned char **at) {
    unsigned number = **at & 63;
    while (*(*at)++ & 64) {
        number = number << 6 | (**at & 63);
    }
    return number;
}

static int table_has_handler(PyObject *table, unsigned instruction) {
    const unsigned char *at = (const unsigned char *)PyBytes_AS_STRING(table);
    const unsigned char *end = at + PyBytes_GET_SIZE(table);
    while (at < end) {
        unsigned start = read_number(&at), length = read_number(&at);
        read_number(&at); /* the handler */
        read_number(&at); /* the stack's depth there */
        if (instruction >= start && instruction < start + length) {
            return 1;
        }
    }
    return 0;
}

static PyObject *attribute_of_attribute(PyObject *object, const char *first, const char *second) {
    PyObject *between = PyObject_GetAttrString(object, first);
    PyObject *found = between == NULL ? NULL : PyObject_GetAttrString(between, second);
    Py_XDECREF(between);
    return found;
}

/* Whether the outermost Python frame that the exception came to has a handler (except,
 * finally or with) where it did: then that frame may have caught it. */
static int frame_has_handler(PyObject *traceback) {
    PyObject *code = attribute_of_attribute(traceback, "tb_frame", "f_code");
    PyObject *table = code == NULL ? NULL : PyObject_GetAttrString(code, "co_exceptiontable");
    PyObject *offset = table == NULL ? NULL : PyObject_GetAttrString(traceback, "tb_lasti");
    int has_handler = 1;
    if (offset != NULL && PyBytes_Check(table)) {
        has_handler = table_has_handler(table, (unsigned)PyLong_AsLong(offset) / 2);
    }
    PyErr_Clear();
    Py_XDECREF(offset);
    Py_XDECREF(table);
    Py_XDECREF(code);
    return has_handler;
}
#else
/* Before 3.12 only a handler gives the exception its traceback. */
static int frame_has_handler(PyObject *traceback) {
    (void)traceback;
    return 1;
}
#endif

static int may_be_caught(PyObject *exception) {
    PyObject *traceback = PyException_GetTraceback(exception);
    int may_be = traceback != NULL && frame_has_handler(traceback);
    Py_XDECREF(traceback);
    return may_be;
}

/* Runs as soon as Python code runs again after an interrupt was raised. Whoever handles
 * the exception, or keeps it to raise it later, holds a reference. */
static int look_for_raised(void *nothing) {
    (void)nothing;
    PyObject *exception = raised;
    raised = NULL;
    if (exception != NULL) {
        int is_swallowed = Py_REFCNT(exception) == 1 && !may_be_caught(exception);
        Py_DECREF(exception);
        if (is_swallowed) {
            mrmd_interrupt_again();
        }
    }
    return 0;
}

/* Takes a function that is called with the frame that an interrupt hits and says whether
 * it stops the code in another way than by an exception there; None for none. Needs the GIL. */
void mrmd_set_interrupt_diversion(PyObject *function) {
    Py_XSETREF(diversion, Py_NewRef(function));
}

/* Returns 1 when the interrupt needs no exception, -1 with one that the function raised. */
static int divert(PyObject *arguments) {
    if (diversion == NULL || diversion == Py_None || mrmd_is_forked_child || PyTuple_GET_SIZE(arguments) != 2) {
        return 0;
    }
    PyObject *function = Py_NewRef(diversion);
    PyObject *is_diverted = PyObject_CallOneArg(function, PyTuple_GET_ITEM(arguments, 1));
    Py_DECREF(function);
    int outcome = is_diverted == NULL ? -1 : PyObject_IsTrue(is_diverted);
    Py_XDECREF(is_diverted);
    return outcome;
}

/* Stands in for signal.default_int_handler. */
static PyObject *default_int_handler(PyObject *module, PyObject *arguments) {
    (void)module;
    int is_diverted = divert(arguments);
    if (is_diverted != 0) {
        return is_diverted < 0 ? NULL : Py_NewRef(Py_None);
    }
    PyObject *exception = PyObject_CallNoArgs(PyExc_KeyboardInterrupt);
    if (exception == NULL) {
        return NULL;
    }
    PyErr_SetObject(PyExc_KeyboardInterrupt, exception);
    if (mrmd_interrupt_was_asked_for() && Py_AddPendingCall(look_for_raised, NULL) == 0) {
        Py_XSETREF(raised, exception);
    } else {
        Py_DECREF(exception);
    }
    return NULL;
}

static PyObject *unraisable_hook(PyObject *module, PyObject *report) {
    (void)module;
    PyObject *type = PyObject_GetAttrString(report, "exc_type");
    int is_interrupt = type != NULL && PyErr_GivenExceptionMatches(type, PyExc_KeyboardInterrupt);
    PyErr_Clear();
    Py_XDECREF(type);
    if (is_interrupt && mrmd_interrupt_again()) {
        return Py_NewRef(Py_None);
    }
    return PyObject_CallOneArg(plain_hook, report);
}

static PyMethodDef handler_method = {"default_int_handler", default_int_handler, METH_VARARGS, NULL};
static PyMethodDef hook_method = {"unraisablehook", unraisable_hook, METH_O, NULL};

/* Python's signal module has a copy, made when it was imported. */
static int update_signal_module(PyObject *internal) {
    PyObject *name = PyUnicode_FromString("signal");
    PyObject *module = name == NULL ? NULL : PyImport_GetModule(name);
    Py_XDECREF(name);
    if (module == NULL) {
        return PyErr_Occurred() ? -1 : 0;
    }
    PyObject *handler = PyObject_GetAttrString(internal, handler_method.ml_name);
    int outcome = handler == NULL ? -1 : PyObject_SetAttrString(module, handler_method.ml_name, handler);
    Py_XDECREF(handler);
    Py_DECREF(module);
    return outcome;
}

/* Puts ours in the place of default_int_handler in _signal, the module that is given, and
 * of sys.unraisablehook. Once; needs the GIL. Returns 0, or -1 with an exception set. */
int mrmd_swallowed_install(PyObject *signal_module) {
    PyObject *sys_module = PyImport_AddModule("sys");
    PyObject *plain_handler = PyObject_GetAttrString(signal_module, handler_method.ml_name);
    plain_hook = sys_module == NULL ? NULL : PyObject_GetAttrString(sys_module, hook_method.ml_name);
    int outcome = -1;
    if (plain_handler != NULL && plain_hook != NULL &&
        mrmd_replace_builtin(signal_module, &handler_method, plain_handler) == 0 &&
        update_signal_module(signal_module) == 0 &&
        mrmd_replace_builtin(sys_module, &hook_method, plain_hook) == 0) {
        /* Who takes a hook of their own away puts the other back. */
        outcome = PySys_SetObject("__unraisablehook__", PySys_GetObject(hook_method.ml_name));
    }
    Py_XDECREF(plain_handler);
    return outcome;
}
