/* What the process was started with, noted before Go's runtime changes it. */
#include "bridge.h"

enum { SIGNALS = 32 };
static unsigned char ignored[SIGNALS];

/* Constructors run before main(), in which Go's runtime starts (ELF gABI,
 * "Initialization and Termination Functions"). */
__attribute__((constructor)) static void note_signals(void) {
    for (int number = 1; number < SIGNALS; number++) {
        struct sigaction installed;
        ignored[number] = sigaction(number, NULL, &installed) == 0 && installed.sa_handler == SIG_IGN;
    }
}

/* Whether the signal, below 32, was ignored when this process started. Any thread,
 * no GIL. */
int mrmd_starter_ignored(int number) {
    return number > 0 && number < SIGNALS && ignored[number];
}
