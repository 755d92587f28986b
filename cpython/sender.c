/* Who sent a signal, as far as /proc tells. For signal handlers too: nothing here
 * allocates, and errno is the caller's to keep. */
#include "bridge.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* The parent of a process; -1 when there is none such. */
static pid_t parent_of(pid_t pid) {
    char path[32] = "/proc/", digits[16], text[512];
    size_t count = 0, end = 6;
    for (pid_t rest = pid; rest > 0; rest /= 10) {
        digits[count++] = (char)('0' + rest % 10);
    }
    while (count > 0) {
        path[end++] = digits[--count];
    }
    memcpy(path + end, "/stat", 6);
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file == -1) {
        return -1;
    }
    ssize_t length = read(file, text, sizeof text - 1);
    close(file);
    if (length <= 0) {
        return -1; /* it ended since it was opened */
    }
    text[length] = 0;
    /* The command, in parentheses, may hold anything: "pid (command) state parent". */
    const char *after = strrchr(text, ')');
    pid_t parent = 0;
    if (after != NULL && strlen(after) > 4) {
        for (after += 4; *after >= '0' && *after <= '9'; after++) {
            parent = parent * 10 + (*after - '0');
        }
    }
    return parent;
}

/* Whether the process descends from this one; -1 when it, or one between, has ended. */
int mrmd_is_descendant(pid_t pid) {
    pid_t self = getpid();
    for (int generation = 0; pid > 1 && generation < 64; generation++) {
        pid = parent_of(pid);
        if (pid == self) {
            return 1;
        }
    }
    return pid == -1 ? -1 : 0;
}
