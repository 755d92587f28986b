/* A CPU profile of Go's (runtime/pprof) sends SIGPROF to all threads, whoever's
 * handler is there, and switches ITIMER_PROF off at its end (setProcessCPUProfilerTimer
 * in Go's runtime). Both may be the user's, as in plain Python; so a profile is taken
 * only while they are not, and code that changes the action meanwhile waits for its
 * end. */
#include "bridge.h"

#include <signal.h>
#include <stdatomic.h>
#include <sys/time.h>
#include <unistd.h>

enum { PROFILED = -1, WAIT_MICROSECONDS = 10000, SETTING_MICROSECONDS = 100, MOST_TRIES = 10000 };

/* PROFILED, or how many calls are setting the action. */
static _Atomic int users;
static _Atomic int was_profiled;
static struct sigaction go_action, held_action;

static int is_plain(const struct sigaction *action, void (*handler)(int)) {
    return action->sa_handler == handler;
}

/* To be called before Python changes any action. Main thread. */
void mrmd_profiling_note_go(void) {
    sigaction(SIGPROF, NULL, &go_action);
}

/* Gives SIGPROF to Go until mrmd_profiling_end. Returns -1, and changes nothing, when
 * the user's code has a handler or a timer, or another profile is being taken. Any
 * thread, no GIL. */
int mrmd_profiling_begin(void) {
    int expected = 0;
    for (int tries = 0; !atomic_compare_exchange_strong(&users, &expected, PROFILED); tries++) {
        if (expected == PROFILED || tries == MOST_TRIES) {
            return -1;
        }
        expected = 0;
        usleep(SETTING_MICROSECONDS);
    }
    struct itimerval timer;
    int failed = sigaction(SIGPROF, NULL, &held_action) == -1 || getitimer(ITIMER_PROF, &timer) == -1;
    int is_gos = held_action.sa_sigaction == go_action.sa_sigaction;
    int is_free = is_gos || is_plain(&held_action, SIG_DFL) || is_plain(&held_action, SIG_IGN);
    if (failed || !is_free || timer.it_value.tv_sec != 0 || timer.it_value.tv_usec != 0) {
        atomic_store(&users, 0);
        return -1;
    }
    atomic_store(&was_profiled, 1);
    sigaction(SIGPROF, &go_action, NULL);
    return 0;
}

/* The default is not put back: a signal may still be on its way, which would end the
 * process. Python shows the default all the same. Any thread, no GIL. */
void mrmd_profiling_end(void) {
    if (is_plain(&held_action, SIG_IGN)) {
        sigaction(SIGPROF, &held_action, NULL);
    }
    atomic_store(&users, 0);
}

/* Waits for the end of a profile, or for an exception of a signal's handler (-1).
 * Needs the GIL, which others may have meanwhile. */
int mrmd_profiling_begin_setting(void) {
    for (;;) {
        int count = atomic_load(&users);
        if (mrmd_is_forked_child || (count != PROFILED && atomic_compare_exchange_strong(&users, &count, count + 1))) {
            return 0;
        }
        Py_BEGIN_ALLOW_THREADS;
        usleep(WAIT_MICROSECONDS);
        Py_END_ALLOW_THREADS;
        if (PyErr_CheckSignals() < 0) {
            return -1;
        }
    }
}

/* An interval timer goes on in what is executed, where nothing expects its signals.
 * Any thread. */
void mrmd_profiling_begin_exec(void) {
    struct itimerval off = {{0, 0}, {0, 0}};
    if (!mrmd_is_forked_child && atomic_load(&users) == PROFILED) {
        setitimer(ITIMER_PROF, &off, NULL);
    }
}

/* The timer of a thread of Go's goes on after a profile until Go next runs on it,
 * which on the main thread is the cell's end; so the default must not come back. */
void mrmd_profiling_end_setting(void) {
    struct sigaction installed;
    if (mrmd_is_forked_child) {
        return;
    }
    if (atomic_load(&was_profiled) && sigaction(SIGPROF, NULL, &installed) == 0 && is_plain(&installed, SIG_DFL)) {
        sigaction(SIGPROF, &go_action, NULL);
    }
    atomic_fetch_sub(&users, 1);
}
