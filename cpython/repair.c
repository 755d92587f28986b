/* C extensions may install signal handlers of their own. One without SA_ONSTACK
 * runs on whatever stack the signal finds, and a goroutine's is too small for it
 * (os/signal's documentation, "Go programs that use cgo"). */
#include "bridge.h"

#include <dlfcn.h>

static const char *library_of(const struct sigaction *action) {
    Dl_info found;
    void *handler = (action->sa_flags & SA_SIGINFO) ? (void *)action->sa_sigaction : (void *)action->sa_handler;
    return dladdr(handler, &found) != 0 && found.dli_fname != NULL ? found.dli_fname : "an unknown library";
}

/* Repairs what was changed since the last call; fills repaired and returns how
 * many signals it was. Main thread, between cells; the names last. */
int mrmd_signals_repair(mrmd_repaired_signal *repaired, int most) {
    int count = 0;
    for (int number = 1; number < 32 && count < most; number++) {
        struct sigaction installed;
        if (sigaction(number, NULL, &installed) == -1) {
            continue;
        }
        int is_default = !(installed.sa_flags & SA_SIGINFO) &&
                         (installed.sa_handler == SIG_DFL || installed.sa_handler == SIG_IGN);
        int lost = number == SIGINT && !mrmd_is_interrupt_handler(&installed);
        if (!lost && (is_default || (installed.sa_flags & SA_ONSTACK))) {
            continue;
        }
        repaired[count++] = (mrmd_repaired_signal){number, is_default ? "the cell" : library_of(&installed)};
        if (lost) {
            mrmd_interrupt_reinstall();
        } else {
            installed.sa_flags |= SA_ONSTACK;
            sigaction(number, &installed, NULL);
        }
    }
    return count;
}
