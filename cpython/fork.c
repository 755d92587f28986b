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
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* Nonzero in a child made by fork() that has not replaced itself with exec(). */
int mrmd_is_forked_child = 0;

enum { MOST_OWN_DESCRIPTORS = 256, MOST_OWN_PATHS = 8 };

/* Of two files with the same number at two times only the identity tells whether
 * they are one. */
static struct own_descriptor {
    int number;
    dev_t device;
    ino_t inode;
} own_descriptors[MOST_OWN_DESCRIPTORS];
static int own_descriptor_count;
static char *own_paths[MOST_OWN_PATHS];
static int own_path_count;
static struct sigaction go_action;

union socket_address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    struct sockaddr_un local;
    struct sockaddr_storage storage;
};

static int is_known(int descriptor) {
    struct stat now;
    if (fstat(descriptor, &now) == -1) {
        return 0;
    }
    for (int i = 0; i < own_descriptor_count; i++) {
        const struct own_descriptor *own = &own_descriptors[i];
        if (own->number == descriptor && own->device == now.st_dev && own->inode == now.st_ino) {
            return 1;
        }
    }
    return 0;
}

static int stream_address(int descriptor, union socket_address *address) {
    int type;
    socklen_t type_size = sizeof type, size = sizeof *address;
    memset(address, 0, sizeof *address);
    return getsockopt(descriptor, SOL_SOCKET, SO_TYPE, &type, &type_size) == 0 && type == SOCK_STREAM &&
           getsockname(descriptor, &address->any, &size) == 0;
}

/* Whether a listener's socket may be what a connection's was accepted from. */
static int accepts_at(const union socket_address *listener, const union socket_address *connection) {
    if (listener->any.sa_family == AF_UNIX) {
        return connection->any.sa_family == AF_UNIX && listener->local.sun_path[0] != 0 &&
               strncmp(listener->local.sun_path, connection->local.sun_path, sizeof listener->local.sun_path) == 0;
    }
    if (listener->any.sa_family == AF_INET6) {
        /* A socket for any address takes IPv4 connections as well. */
        int any = IN6_IS_ADDR_UNSPECIFIED(&listener->v6.sin6_addr);
        in_port_t port = connection->any.sa_family == AF_INET6 ? connection->v6.sin6_port : connection->v4.sin_port;
        return listener->v6.sin6_port == port &&
               (any || (connection->any.sa_family == AF_INET6 &&
                        IN6_ARE_ADDR_EQUAL(&listener->v6.sin6_addr, &connection->v6.sin6_addr)));
    }
    return listener->any.sa_family == AF_INET && connection->any.sa_family == AF_INET &&
           listener->v4.sin_port == connection->v4.sin_port &&
           (listener->v4.sin_addr.s_addr == htonl(INADDR_ANY) ||
            listener->v4.sin_addr.s_addr == connection->v4.sin_addr.s_addr);
}

/* Connections come and go; what they have in common is the address of one of our
 * listeners at this end. */
static int is_own_connection(int descriptor) {
    union socket_address connection, listener;
    if (!stream_address(descriptor, &connection)) {
        return 0;
    }
    for (int i = 0; i < own_descriptor_count; i++) {
        int listens = 0;
        socklen_t size = sizeof listens;
        int number = own_descriptors[i].number;
        if (getsockopt(number, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) == 0 && listens && is_known(number) &&
            stream_address(number, &listener) && accepts_at(&listener, &connection)) {
            return 1;
        }
    }
    return 0;
}

static int has_own_path(int descriptor) {
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length <= 0) {
        return 0;
    }
    path[length] = 0;
    for (int i = 0; i < own_path_count; i++) {
        if (strncmp(path, own_paths[i], strlen(own_paths[i])) == 0) {
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

static void close_own_connection(int descriptor) {
    if (!is_known(descriptor) && is_own_connection(descriptor)) {
        close(descriptor);
    }
}

static void close_if_own(int descriptor) {
    if (is_known(descriptor) || has_own_path(descriptor)) {
        close(descriptor);
    }
}

/* What this process opened while Python was running. */
void mrmd_fork_own_descriptor(int descriptor) {
    struct stat now;
    if (fstat(descriptor, &now) == 0 && own_descriptor_count < MOST_OWN_DESCRIPTORS) {
        own_descriptors[own_descriptor_count++] =
            (struct own_descriptor){descriptor, now.st_dev, now.st_ino};
    }
}

/* What this process opened itself is close-on-exec; what its starter wants the
 * user's code to have is not. */
static void remember_if_own(int descriptor) {
    int flags = fcntl(descriptor, F_GETFD);
    if (flags != -1 && (flags & FD_CLOEXEC)) {
        mrmd_fork_own_descriptor(descriptor);
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
        if (sigaction(number, NULL, &installed) == -1 || !(installed.sa_flags & SA_SIGINFO)) {
            continue;
        }
        if (mrmd_is_fault_handler(&installed)) {
            mrmd_fault_uncover(number, mrmd_user_traces_crashes());
        } else if (installed.sa_sigaction == go_action.sa_sigaction) {
            sigaction(number, &to_default, NULL);
        }
    }
}

static __thread sigset_t mask_before_fork;

/* A signal that reaches the child before it has left Go's handlers behind would be theirs,
 * and lost: it is to wait, as when a parent terminates at once what it has forked. */
static void block_signals(void) {
    static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS};
    sigset_t blocked;
    sigfillset(&blocked);
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        sigdelset(&blocked, faults[i]);
    }
    pthread_sigmask(SIG_BLOCK, &blocked, &mask_before_fork);
}

static void restore_signals(void) {
    pthread_sigmask(SIG_SETMASK, &mask_before_fork, NULL);
}

static void become_plain_child(void) {
    mrmd_is_forked_child = 1;
    take_go_handlers_out();
    mrmd_interrupt_uncover();
    /* The listeners tell which connections are ours: they go last. */
    for_each_descriptor(close_own_connection);
    for_each_descriptor(close_if_own);
    restore_signals();
}

/* Call before Python starts: what is open then and close-on-exec is this
 * process's own. */
void mrmd_fork_remember_descriptors(void) {
    for_each_descriptor(remember_if_own);
}

/* Files whose path, without symbolic links, begins so are this process's own. */
void mrmd_fork_own_path(const char *prefix) {
    if (own_path_count < MOST_OWN_PATHS) {
        own_paths[own_path_count++] = strdup(prefix);
    }
}

/* Go installs one and the same handler for every signal; that of SIGURG, by which
 * it preempts goroutines, is there in every program. */
void mrmd_fork_install(void) {
    sigaction(SIGURG, NULL, &go_action);
    pthread_atfork(block_signals, restore_signals, become_plain_child);
}
