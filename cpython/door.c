#include "bridge.h"

#include <errno.h>
#include <linux/futex.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* The door's bell: one word that both sides change atomically. A ring that
 * finds the main thread awake costs no system call. */
enum { QUIET = 0, RUNG = 1, ASLEEP = 2, ELSEWHERE = 3 };
static _Atomic uint32_t bell = QUIET;
static int bell_descriptor = -1;

static long futex(int operation, uint32_t value) {
    return syscall(SYS_futex, &bell, operation | FUTEX_PRIVATE_FLAG, value, NULL, NULL, 0);
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
static int spin_for_ring(long nanoseconds) {
    if (nanoseconds <= 0) {
        return 0;
    }
    int64_t end = monotonic_nanoseconds() + nanoseconds;
    do {
        for (int i = 0; i < 64; i++) {
            if (atomic_load_explicit(&bell, memory_order_acquire) == RUNG) {
                return 1;
            }
            pause_cpu();
        }
    } while (monotonic_nanoseconds() < end);
    return 0;
}

static int wait_without_gil(long spin_nanoseconds) {
    if (!spin_for_ring(spin_nanoseconds)) {
        uint32_t quiet = QUIET;
        if (atomic_compare_exchange_strong(&bell, &quiet, ASLEEP)) {
            while (atomic_load(&bell) == ASLEEP) {
                if (futex(FUTEX_WAIT, ASLEEP) == -1 && errno == EINTR) {
                    uint32_t asleep = ASLEEP;
                    if (atomic_compare_exchange_strong(&bell, &asleep, QUIET)) {
                        return MRMD_DOOR_SIGNAL;
                    }
                }
            }
        }
    }
    atomic_store(&bell, QUIET);
    return MRMD_DOOR_RUNG;
}

/* Waits with the GIL released until somebody rings or a signal arrives. */
int mrmd_door_wait(long spin_nanoseconds) {
    int outcome;
    Py_BEGIN_ALLOW_THREADS
    outcome = wait_without_gil(spin_nanoseconds);
    Py_END_ALLOW_THREADS
    return outcome;
}

void mrmd_door_ring(void) {
    switch (atomic_exchange(&bell, RUNG)) {
    case ASLEEP:
        futex(FUTEX_WAKE, 1);
        break;
    case ELSEWHERE: {
        uint64_t one = 1;
        while (write(bell_descriptor, &one, sizeof one) == -1 && errno == EINTR) {
        }
        break;
    }
    }
}

/* Gives the descriptor that becomes readable when somebody rings between
 * mrmd_door_leave and mrmd_door_return; -1 with errno set when there is none. */
int mrmd_door_descriptor(void) {
    if (bell_descriptor == -1) {
        bell_descriptor = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        mrmd_fork_own_descriptor(bell_descriptor);
    }
    return bell_descriptor;
}

/* The main thread goes to wait somewhere else; 0 when somebody has rung already. */
int mrmd_door_leave(void) {
    uint32_t quiet = QUIET;
    return atomic_compare_exchange_strong(&bell, &quiet, ELSEWHERE);
}

/* The main thread is back. */
void mrmd_door_return(void) {
    uint64_t count;
    atomic_store(&bell, QUIET);
    while (read(bell_descriptor, &count, sizeof count) == -1 && errno == EINTR) {
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
