/* A child that user code forks has to be a plain Python process: the threads that
 * run Go do not exist there, so it must never call into Go nor be interrupted by
 * Go's signal handlers, and what it holds of this process's descriptors (the
 * listening port above all) would outlive the runtime with it. */
#include "bridge.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/* Nonzero in a child made by fork() that has not replaced itself with exec(). */
int mrmd_is_forked_child = 0;

enum { MOST_OWN_DESCRIPTORS = 256, MOST_OWN_PORTS = 8 };
static struct {
    int number;
    dev_t device;
    ino_t inode;
} own_descriptors[MOST_OWN_DESCRIPTORS];
static int own_descriptor_count;
static int own_ports[MOST_OWN_PORTS];
static int own_port_count;
static struct sigaction go_action;

/* A number alone does not tell: one that this process has closed since may be the
 * user's by now. */
static int is_own(int descriptor) {
    struct stat now;
    for (int i = 0; i < own_descriptor_count; i++) {
        if (own_descriptors[i].number == descriptor) {
            return fstat(descriptor, &now) == 0 && now.st_dev == own_descriptors[i].device &&
                   now.st_ino == own_descriptors[i].inode;
        }
    }
    return 0;
}

/* Connections come and go; what they have in common is our port at this end. */
static int is_own_connection(int descriptor) {
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
        struct sockaddr_storage storage;
    } address;
    socklen_t size = sizeof address;
    if (own_port_count == 0 || getsockname(descriptor, &address.any, &size) == -1) {
        return 0;
    }
    int port;
    if (address.any.sa_family == AF_INET) {
        port = ntohs(address.v4.sin_port);
    } else if (address.any.sa_family == AF_INET6) {
        port = ntohs(address.v6.sin6_port);
    } else {
        return 0;
    }
    for (int i = 0; i < own_port_count; i++) {
        if (own_ports[i] == port) {
            return 1;
        }
    }
    return 0;
}

static void for_each_descriptor(void (*visit)(int descriptor)) {
    DIR *folder = opendir("/proc/self/fd");
    if (folder == NULL) {
        return;
    }
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        int descriptor = atoi(entry->d_name);
        if (descriptor > 2 && descriptor != dirfd(folder)) {
            visit(descriptor);
        }
    }
    closedir(folder);
}

static void close_if_own(int descriptor) {
    if (is_own(descriptor) || is_own_connection(descriptor)) {
        close(descriptor);
    }
}

/* What this process opened itself is close-on-exec; what its starter wants the
 * user's code to have is not. */
static void remember_if_own(int descriptor) {
    int flags = fcntl(descriptor, F_GETFD);
    struct stat status;
    if (flags != -1 && (flags & FD_CLOEXEC) && own_descriptor_count < MOST_OWN_DESCRIPTORS &&
        fstat(descriptor, &status) == 0) {
        own_descriptors[own_descriptor_count].number = descriptor;
        own_descriptors[own_descriptor_count].device = status.st_dev;
        own_descriptors[own_descriptor_count].inode = status.st_ino;
        own_descriptor_count++;
    }
}

/* Python was told that these signals have their default action (interrupt.c). */
static void take_go_handlers_out(void) {
    struct sigaction installed, to_default = {.sa_handler = SIG_DFL};
    for (int number = 1; number <= SIGRTMAX; number++) {
        if (number == MRMD_VISIT_SIGNAL) {
            sigaction(number, &to_default, NULL);
            continue;
        }
        if (sigaction(number, NULL, &installed) == 0 && (installed.sa_flags & SA_SIGINFO) &&
            (installed.sa_sigaction == go_action.sa_sigaction || mrmd_is_fault_handler(&installed))) {
            sigaction(number, &to_default, NULL);
        }
    }
}

static void become_plain_child(void) {
    mrmd_is_forked_child = 1;
    take_go_handlers_out();
    for_each_descriptor(close_if_own);
}

/* Call before Python starts: what is open then and close-on-exec is this
 * process's own. */
void mrmd_fork_remember_descriptors(void) {
    for_each_descriptor(remember_if_own);
}

/* Connections to this local port are this process's own. */
void mrmd_fork_own_port(int port) {
    if (own_port_count < MOST_OWN_PORTS) {
        own_ports[own_port_count++] = port;
    }
}

/* Go installs one and the same handler for every signal; that of SIGURG, by which
 * it preempts goroutines, is there in every program. */
void mrmd_fork_install(void) {
    sigaction(SIGURG, NULL, &go_action);
    pthread_atfork(NULL, NULL, become_plain_child);
}
