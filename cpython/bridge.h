/* What the C files of this package offer to Go and to one another. */
#ifndef MRMD_CPYTHON_BRIDGE_H
#define MRMD_CPYTHON_BRIDGE_H

#include <Python.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* start.c */
char *mrmd_start(const char *program);

/* door.c: the bells by which Go wakes the threads that run Python, and the main thread's
 * wait at the door. That needs the GIL, which is released while waiting. */
enum { MRMD_BELL_RUNG = 0, MRMD_BELL_SIGNAL = 1 };
typedef struct mrmd_bell mrmd_bell;
mrmd_bell *mrmd_bell_new(void);
int mrmd_bell_wait(mrmd_bell *bell, long spin_nanoseconds);
void mrmd_bell_ring(mrmd_bell *bell);
int mrmd_door_wait(long spin_nanoseconds);
int mrmd_door_is_waited_at(void);
void mrmd_door_ring(void);
int mrmd_door_descriptor(void);
int mrmd_door_leave(void);
void mrmd_door_return(void);
void mrmd_run_pending_signals(void);

/* output.c: what is written to the standard streams, in order. */
typedef struct {
    const char *bytes;
    size_t length;
    int stream;    /* 0 stdout, 1 stderr */
    int direct;    /* written by Python's own stream, not through the pty */
    int64_t owner; /* of a direct write; 0 when nobody's */
} mrmd_output_record;

int mrmd_output_open(const int masters[2], const int slaves[2], int wake_fd, size_t high_water);
void mrmd_output_flush_stdio(void);
int mrmd_output_take(void);
int mrmd_output_next(mrmd_output_record *record);
int mrmd_output_append(int stream, int64_t owner, const char *bytes, size_t length, int is_line);
int mrmd_output_write(int stream, int64_t owner, const char *bytes, size_t length);

/* interrupt.c */
int mrmd_interrupt_install(void);
int mrmd_replace_builtin(PyObject *module, PyMethodDef *method, PyObject *original);
PyObject *mrmd_signal_signal(PyObject *module, PyObject *arguments);
int mrmd_is_interrupt_handler(const struct sigaction *action);
void mrmd_interrupt_reinstall(void);
void mrmd_interrupt_uncover(void);
int mrmd_interrupt_begin_exec(void);
void mrmd_interrupt_end_exec(void);

/* runs.c */
void mrmd_runs_install(void);
int mrmd_interrupt_is_due(int is_ours);
void mrmd_interrupt_wake_main_thread(void);
int mrmd_interrupt_request(void);
int mrmd_interrupt_was_asked_for(void);
int mrmd_interrupt_again(void);
int mrmd_interrupt_wake(unsigned run);
unsigned mrmd_interrupt_run(void);
int mrmd_interrupt_background(void);
void mrmd_interrupt_begin_run(void);
int mrmd_run_starts_processes(void);
void mrmd_interrupt_note_process(void);
int mrmd_interrupt_begin_start(void);
void mrmd_interrupt_end_start(int depth);
int mrmd_unwind_request(void);
int mrmd_unwind_raise(void);
PyObject *mrmd_run_background(PyObject *callable, PyObject *arguments);
PyObject *mrmd_run_interruptible(PyObject *callable, PyObject *arguments);
PyObject *mrmd_run_uninterruptible(PyObject *callable, PyObject *arguments);

int mrmd_host_write(int stream, const char *bytes, Py_ssize_t length, int is_line);

/* print.c */
int mrmd_print_install(PyObject *builtins, PyObject *stream, PyObject *write);

/* swallowed.c */
int mrmd_swallowed_install(PyObject *signal_module);
void mrmd_set_interrupt_diversion(PyObject *function);

/* memory.c */
void mrmd_populate_arenas(int populate);
int mrmd_make_objects_old(void);
void mrmd_unmap_start_pages(void);

/* sender.c */
int mrmd_is_descendant(pid_t pid);

/* profiling.c */
void mrmd_profiling_note_go(void);
int mrmd_profiling_begin(void);
void mrmd_profiling_end(void);
int mrmd_profiling_begin_setting(void);
void mrmd_profiling_end_setting(void);
void mrmd_profiling_begin_exec(void);

/* repair.c */
typedef struct {
    int number;
    const char *library;
} mrmd_repaired_signal;
int mrmd_signals_repair(mrmd_repaired_signal *repaired, int most);

/* attach.c: other threads that visit Python. The signal, one that nothing else is
 * known to use, is sent before Python 3.13; its handler is also what unwinds the
 * user's code. */
#define MRMD_VISIT_SIGNAL SIGRTMAX
int mrmd_visits_install(PyObject *signal_function);
int mrmd_visits_own_handler(int number, PyObject *handler);
void mrmd_visits_signal_taken(int taken);
void mrmd_visits_let_pass(void);
void *mrmd_thread_attach(void);
void mrmd_thread_enter(void *state);
void mrmd_thread_leave(void);

/* fault.c */
int mrmd_fault_before_enable(void);
int mrmd_fault_after_enable(void);
int mrmd_is_fault_handler(const struct sigaction *action);
void mrmd_fault_uncover(int number, int keep_faulthandler);

/* fork.c */
extern int mrmd_is_forked_child;
void mrmd_fork_install(void);
void mrmd_fork_remember_descriptors(void);
void mrmd_fork_own_path(const char *prefix);
void mrmd_fork_own_descriptor(int descriptor);

/* children.c */
void mrmd_set_fork_filter(PyObject *filter);
void mrmd_begin_quiet_fork(void);
PyObject *mrmd_stand_in(PyObject *module, const char *name);
PyObject *mrmd_call(PyObject *callable, PyObject *arguments);
void mrmd_leave_forked_child(PyObject *result);
int mrmd_user_traces_crashes(void);

/* starter.c */
int mrmd_starter_ignored(int number);

/* host.c */
int mrmd_host_register(void);

/* convert.c: text in and out; all need the GIL. */
PyObject *mrmd_text_to_python(const char *utf8, size_t length);
PyObject *mrmd_text_bytes(PyObject *text, const char **utf8, size_t *length);
char *mrmd_exception_text(char **type, char **message);

#endif
