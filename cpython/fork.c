#include "bridge.h"

#include <pthread.h>

/* Nonzero in a child made by fork() that has not replaced itself with exec():
 * the threads that run Go do not exist there, so it must never call into Go. */
int mrmd_is_forked_child = 0;

static void mark_child(void) {
    mrmd_is_forked_child = 1;
}

void mrmd_fork_install(void) {
    pthread_atfork(NULL, NULL, mark_child);
}
