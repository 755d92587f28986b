/* One ordered queue of what is written to the standard streams.
 *
 * Python's own sys.stdout and sys.stderr write here directly (mrmd_output_write,
 * about 1 µs); what anything else writes to file descriptors 1 and 2 arrives on
 * a pty each. A direct write first collects what is waiting on the ptys, so the
 * order is that in which one thread wrote, whichever way it took: poll() and
 * read() on a pty's master flush the line discipline before they say "nothing
 * there" (Linux, drivers/tty/n_tty.c).
 *
 * No function here touches Python state or calls into Go. */
#include "bridge.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct {
    char *bytes;
    size_t length;
    size_t capacity;
} buffer;

typedef struct {
    size_t length;
    int stream;
    int direct;
    int64_t owner;
} span;

typedef struct {
    buffer text;
    span *spans;
    size_t span_count;
    size_t span_capacity;
} batch;

static pthread_mutex_t queue_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t queue_drained = PTHREAD_COND_INITIALIZER;
static batch filling, taken;
static size_t high_water_mark;
static int pty_masters[2] = {-1, -1};
static struct stat capturing[2];
static int wake_descriptor = -1;
static size_t taken_span, taken_offset;

static int grow(void **memory, size_t *capacity, size_t needed, size_t item) {
    if (needed <= *capacity) {
        return 0;
    }
    size_t larger = *capacity ? *capacity * 2 : 4096;
    while (larger < needed) {
        larger *= 2;
    }
    void *moved = realloc(*memory, larger * item);
    if (moved == NULL) {
        return -1;
    }
    *memory = moved;
    *capacity = larger;
    return 0;
}

/* Called with queue_lock held. */
static int append(span kind, const char *bytes, size_t length) {
    if (grow((void **)&filling.text.bytes, &filling.text.capacity, filling.text.length + length, 1) < 0) {
        return -1;
    }
    span *last = filling.span_count > 0 ? &filling.spans[filling.span_count - 1] : NULL;
    if (last == NULL || last->stream != kind.stream || last->direct != kind.direct || last->owner != kind.owner) {
        if (grow((void **)&filling.spans, &filling.span_capacity, filling.span_count + 1, sizeof(span)) < 0) {
            return -1;
        }
        filling.spans[filling.span_count++] = (span){0, kind.stream, kind.direct, kind.owner};
    }
    memcpy(filling.text.bytes + filling.text.length, bytes, length);
    filling.text.length += length;
    filling.spans[filling.span_count - 1].length += length;
    return 0;
}

/* Called with queue_lock held. */
static void collect(void) {
    char chunk[65536];
    struct pollfd ready[2] = {{pty_masters[0], POLLIN, 0}, {pty_masters[1], POLLIN, 0}};
    while (filling.text.length < high_water_mark && poll(ready, 2, 0) > 0) {
        int progress = 0;
        for (int stream = 0; stream < 2; stream++) {
            if (!(ready[stream].revents & POLLIN)) {
                continue;
            }
            ssize_t count;
            while (filling.text.length < high_water_mark &&
                   (count = read(pty_masters[stream], chunk, sizeof chunk)) > 0) {
                append((span){.stream = stream}, chunk, (size_t)count);
                progress = 1;
            }
        }
        if (!progress) {
            break;
        }
    }
}

static void wake_reader(void) {
    uint64_t one = 1;
    while (write(wake_descriptor, &one, sizeof one) == -1 && errno == EINTR) {
    }
}

/* Takes over the masters of two ptys whose slaves are (or will be) descriptors
 * 1 and 2, or the two ends of pipes where there are no ptys. wake_fd is an eventfd, written whenever the queue stops being empty;
 * a writer waits while more than high_water bytes are queued. */
int mrmd_output_open(const int masters[2], const int slaves[2], int wake_fd, size_t high_water) {
    for (int stream = 0; stream < 2; stream++) {
        if (fstat(slaves[stream], &capturing[stream]) == -1) {
            return -1;
        }
        pty_masters[stream] = masters[stream];
    }
    wake_descriptor = wake_fd;
    high_water_mark = high_water;
    return 0;
}

/* Makes C code's buffered printf output arrive: libc holds an unfinished line. */
void mrmd_output_flush_stdio(void) {
    fflush(stdout);
    fflush(stderr);
}

/* Takes all that is queued, the ptys' included, to be read with
 * mrmd_output_next. One taker at a time. Returns whether there is anything. */
int mrmd_output_take(void) {
    pthread_mutex_lock(&queue_lock);
    collect();
    batch emptied = taken;
    emptied.text.length = 0;
    emptied.span_count = 0;
    taken = filling;
    filling = emptied;
    pthread_cond_broadcast(&queue_drained);
    pthread_mutex_unlock(&queue_lock);
    taken_span = 0;
    taken_offset = 0;
    return taken.span_count > 0;
}

/* Gives the next run of bytes of one stream from the last take; 0 at the end. */
int mrmd_output_next(mrmd_output_record *record) {
    if (taken_span >= taken.span_count) {
        /* One burst must not keep its memory for the life of the runtime. */
        if (taken.text.capacity > (1 << 20)) {
            free(taken.text.bytes);
            taken.text = (buffer){0};
        }
        return 0;
    }
    span next = taken.spans[taken_span++];
    record->bytes = taken.text.bytes + taken_offset;
    record->length = next.length;
    record->stream = next.stream;
    record->direct = next.direct;
    record->owner = next.owner;
    taken_offset += next.length;
    return 1;
}

static int write_descriptor(int descriptor, const char *bytes, size_t length) {
    while (length > 0) {
        ssize_t count = write(descriptor, bytes, length);
        if (count < 0) {
            if (errno == EAGAIN) {
                struct pollfd writable = {descriptor, POLLOUT, 0};
                poll(&writable, 1, -1);
                continue;
            }
            return -1;
        }
        bytes += count;
        length -= (size_t)count;
    }
    return 0;
}

static int still_on_pty(int stream) {
    struct stat now;
    if (fstat(stream + 1, &now) == -1 || (now.st_mode & S_IFMT) != (capturing[stream].st_mode & S_IFMT)) {
        return 0;
    }
    if (S_ISCHR(now.st_mode)) {
        return now.st_rdev == capturing[stream].st_rdev;
    }
    return now.st_dev == capturing[stream].st_dev && now.st_ino == capturing[stream].st_ino;
}

/* A single huge write is queued in parts, so that the queue stays bounded. */
enum { LARGEST_APPEND = 1 << 20 };

static int append_in_turn(span kind, const char *bytes, size_t length) {
    pthread_mutex_lock(&queue_lock);
    while (filling.text.length >= high_water_mark) {
        pthread_cond_wait(&queue_drained, &queue_lock);
    }
    int was_empty = filling.text.length == 0;
    collect();
    int outcome = append(kind, bytes, length);
    pthread_mutex_unlock(&queue_lock);
    if (was_empty) {
        wake_reader();
    }
    return outcome;
}

/* Writes to a standard stream on behalf of Python, with a newline after it when is_line
 * is set, unless that could mean to wait or has to go to the descriptor: then it does
 * nothing and returns 0. May be called with the GIL held. owner is what the bytes are
 * delivered with. */
int mrmd_output_append(int stream, int64_t owner, const char *bytes, size_t length, int is_line) {
    if (mrmd_is_forked_child || pty_masters[0] == -1 || length >= LARGEST_APPEND || !still_on_pty(stream) ||
        pthread_mutex_trylock(&queue_lock) != 0) {
        return 0;
    }
    int was_empty = filling.text.length == 0;
    collect();
    span kind = {.stream = stream, .direct = 1, .owner = owner};
    /* The span of the text is there for the newline: once the memory is, nothing fails. */
    int is_done = filling.text.length < high_water_mark &&
                  grow((void **)&filling.text.bytes, &filling.text.capacity, filling.text.length + length + 1, 1) == 0 &&
                  append(kind, bytes, length) == 0;
    if (is_done && is_line) {
        append(kind, "\n", 1);
    }
    /* What was collected is to be read whether or not there was room for more. */
    int is_filled = was_empty && filling.text.length > 0;
    pthread_mutex_unlock(&queue_lock);
    if (is_filled) {
        wake_reader();
    }
    return is_done;
}

/* Writes to a standard stream on behalf of Python. Call without the GIL: it may
 * wait for the reader. A forked child, and a process whose descriptor was
 * redirected by the user's code, write to the descriptor itself. owner is what
 * the bytes are delivered with. Returns 0, or -1 with errno set. */
int mrmd_output_write(int stream, int64_t owner, const char *bytes, size_t length) {
    if (mrmd_is_forked_child || pty_masters[0] == -1 || !still_on_pty(stream)) {
        return write_descriptor(stream + 1, bytes, length);
    }
    while (length > 0) {
        size_t count = length < LARGEST_APPEND ? length : LARGEST_APPEND;
        if (append_in_turn((span){.stream = stream, .direct = 1, .owner = owner}, bytes, count) < 0) {
            errno = ENOMEM;
            return -1;
        }
        bytes += count;
        length -= count;
    }
    return 0;
}
