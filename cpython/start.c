#include "bridge.h"

#include <stdlib.h>
#include <string.h>

static char *status_text(PyStatus status) {
    const char *where = status.func ? status.func : "Python";
    const char *why = status.err_msg ? status.err_msg : "it asked to exit while starting";
    size_t size = strlen(where) + strlen(why) + 3;
    char *text = malloc(size);
    if (text != NULL) {
        snprintf(text, size, "%s: %s", where, why);
    }
    return text;
}

/* program_name and executable both name the venv's interpreter, so that
 * getpath finds pyvenv.cfg beside it and sys.prefix, sys.base_prefix and
 * site-packages come out as in that interpreter; PYTHONHOME, which would leak to
 * children, is not needed (docs.python.org/3/c-api/init_config.html). */
static PyStatus configure(PyConfig *config, const char *program) {
    PyStatus status = PyConfig_SetBytesString(config, &config->program_name, program);
    if (PyStatus_Exception(status)) {
        return status;
    }
    status = PyConfig_SetBytesString(config, &config->executable, program);
    if (PyStatus_Exception(status)) {
        return status;
    }
    /* An empty argv makes sys.argv == [''], as in an interactive Python. */
    wchar_t *program_wide = Py_DecodeLocale(program, NULL);
    if (program_wide == NULL) {
        return PyStatus_NoMemory();
    }
    status = PyWideStringList_Append(&config->orig_argv, program_wide);
    PyMem_RawFree(program_wide);
    return status;
}

/* Starts Python on the calling thread, which becomes its main thread and holds
 * the GIL afterwards. Returns NULL, or a text to free() that says what failed. */
char *mrmd_start(const char *program) {
    mrmd_fork_remember_descriptors();
    mrmd_fork_install();
    PyConfig config;
    PyConfig_InitPythonConfig(&config);
    config.parse_argv = 0;
    if (mrmd_host_register() < 0) {
        PyConfig_Clear(&config);
        return strdup("registering the host module: out of memory");
    }
    PyStatus status = configure(&config, program);
    if (!PyStatus_Exception(status)) {
        status = Py_InitializeFromConfig(&config);
    }
    PyConfig_Clear(&config);
    if (PyStatus_Exception(status)) {
        return status_text(status);
    }
    if (mrmd_interrupt_install() < 0) {
        return mrmd_exception_text(NULL, NULL);
    }
    return NULL;
}
