#include "bridge.h"

#include <errno.h>
#include <linux/futex.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* A bell: one word that the thread that waits and those that ring change atomically. A
 * ring that finds the thread awake costs no system call. */
enum { QUIET = 0, RUNG = 1, ASLEEP = 2, ELSEWHERE = 3 };
struct mrmd_bell {
    _Atomic uint32_t state;
};

/* The main thread's. */
static mrmd_bell door;
static int door_descriptor = -1;
static _Atomic int main_waits;

static long futex(mrmd_bell *bell, int operation, uint32_t value) {
    return syscall(SYS_futex, &bell->state, operation | FUTEX_PRIVATE_FLAG, value, NULL, NULL, 0);
}

static int64_t monotonic_nanoseconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static inline void pause_cpu(void) {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ __volatile__("yield");
#endif
}

/* Spinning answers a client that asks again at once without the cost of waking
 * a sleeping thread, which is most of the cost of a small cell's round trip. */
static int spin_for_ring(mrmd_bell *bell, long nanoseconds) {
    if (nanoseconds <= 0) {
        return 0;
    }
    int64_t end = monotonic_nanoseconds() + nanoseconds;
    do {
        for (int i = 0; i < 64; i++) {
            if (atomic_load_explicit(&bell->state, memory_order_acquire) == RUNG) {
                return 1;
            }
            pause_cpu();
        }
    } while (monotonic_nanoseconds() < end);
    return 0;
}

/* Ends the process when memory runs out, as Go's allocations do. */
mrmd_bell *mrmd_bell_new(void) {
    mrmd_bell *bell = calloc(1, sizeof(mrmd_bell));
    if (bell == NULL) {
        abort();
    }
    return bell;
}

/* Waits until somebody rings or a signal arrives. Call without the GIL. */
int mrmd_bell_wait(mrmd_bell *bell, long spin_nanoseconds) {
    if (!spin_for_ring(bell, spin_nanoseconds)) {
        uint32_t quiet = QUIET;
        if (atomic_compare_exchange_strong(&bell->state, &quiet, ASLEEP)) {
            while (atomic_load(&bell->state) == ASLEEP) {
                if (futex(bell, FUTEX_WAIT, ASLEEP) == -1 && errno == EINTR) {
                    uint32_t asleep = ASLEEP;
                    if (atomic_compare_exchange_strong(&bell->state, &asleep, QUIET)) {
                        return MRMD_BELL_SIGNAL;
                    }
                }
            }
        }
    }
    atomic_store(&bell->state, QUIET);
    return MRMD_BELL_RUNG;
}

void mrmd_bell_ring(mrmd_bell *bell) {
    switch (atomic_exchange(&bell->state, RUNG)) {
    case ASLEEP:
        futex(bell, FUTEX_WAKE, 1);
        break;
    case ELSEWHERE: {
        uint64_t one = 1;
        while (write(door_descriptor, &one, sizeof one) == -1 && errno == EINTR) {
        }
        break;
    }
    }
}

/* Waits at the door with the GIL released until somebody rings or a signal arrives. */
int mrmd_door_wait(long spin_nanoseconds) {
    int outcome;
    atomic_store(&main_waits, 1);
    Py_BEGIN_ALLOW_THREADS
    outcome = mrmd_bell_wait(&door, spin_nanoseconds);
    Py_END_ALLOW_THREADS
    atomic_store(&main_waits, 0);
    mrmd_visits_let_pass();
    return outcome;
}

/* Whether the main thread needs no asking to let a visit pass: it waits at the door, and
 * will let those pass that have come meanwhile. */
int mrmd_door_is_waited_at(void) {
    return atomic_load(&main_waits);
}

void mrmd_door_ring(void) {
    mrmd_bell_ring(&door);
}

/* Gives the descriptor that becomes readable when somebody rings between
 * mrmd_door_leave and mrmd_door_return; -1 with errno set when there is none. */
int mrmd_door_descriptor(void) {
    if (door_descriptor == -1) {
        door_descriptor = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        mrmd_fork_own_descriptor(door_descriptor);
    }
    return door_descriptor;
}

/* The main thread goes to wait somewhere else; 0 when somebody has rung already. */
int mrmd_door_leave(void) {
    uint32_t quiet = QUIET;
    return atomic_compare_exchange_strong(&door.state, &quiet, ELSEWHERE);
}

/* The main thread is back. */
void mrmd_door_return(void) {
    uint64_t count;
    atomic_store(&door.state, QUIET);
    while (read(door_descriptor, &count, sizeof count) == -1 && errno == EINTR) {
    }
}

/* Runs the Python handlers of signals that arrived while nothing ran, as the
 * interactive interpreter does at its prompt; what they raise has nobody to
 * catch it and is reported like any unraisable exception. */
void mrmd_run_pending_signals(void) {
    if (PyErr_CheckSignals() < 0) {
        PyErr_WriteUnraisable(NULL);
    }
    mrmd_leave_forked_child(Py_None);
}
