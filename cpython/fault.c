/* A fault in Go code is Go's to handle: a nil pointer there is a panic that can
 * be recovered. Any other is a crash of the user's code, of which Python's
 * faulthandler writes the trace that says where; after it the process dies of
 * the signal, without Go's dump of every goroutine burying that trace. */
#include "bridge.h"

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <ucontext.h>

/* Go has an action for SIGABRT too: it prints its dump, and then hangs in the abort()
 * of a thread that was in C. */
static const int fault_signals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
enum { FAULT_SIGNAL_COUNT = sizeof fault_signals / sizeof *fault_signals };
static struct sigaction go_actions[FAULT_SIGNAL_COUNT], python_actions[FAULT_SIGNAL_COUNT];

/* The bounds of this executable's code, which the linker supplies (ld's manual,
 * "Source Code Reference"); libpython and extensions lie elsewhere. */
extern char __executable_start, etext;

static uintptr_t faulting_instruction(const ucontext_t *context) {
#if defined(__x86_64__)
    return (uintptr_t)context->uc_mcontext.gregs[REG_RIP];
#elif defined(__aarch64__)
    return (uintptr_t)context->uc_mcontext.pc;
#else
    (void)context;
    return 0;
#endif
}

static void on_fault(int number, siginfo_t *info, void *context) {
    uintptr_t instruction = faulting_instruction(context);
    int in_go = info->si_code > 0 && instruction >= (uintptr_t)&__executable_start && instruction < (uintptr_t)&etext;
    for (int i = 0; i < FAULT_SIGNAL_COUNT; i++) {
        if (fault_signals[i] != number) {
            continue;
        }
        if (in_go && !mrmd_is_forked_child && (go_actions[i].sa_flags & SA_SIGINFO)) {
            go_actions[i].sa_sigaction(number, info, context);
        } else if (python_actions[i].sa_flags & SA_SIGINFO) {
            python_actions[i].sa_sigaction(number, info, context);
        } else if (python_actions[i].sa_handler != SIG_DFL && python_actions[i].sa_handler != SIG_IGN) {
            python_actions[i].sa_handler(number);
        }
    }
}

/* Call before faulthandler.enable(): it will restore the default action, not
 * Go's, once it has written its trace. */
int mrmd_fault_before_enable(void) {
    struct sigaction to_default = {.sa_handler = SIG_DFL};
    for (int i = 0; i < FAULT_SIGNAL_COUNT; i++) {
        if (sigaction(fault_signals[i], &to_default, &go_actions[i]) == -1) {
            return errno;
        }
    }
    /* abort() is never Go's: its handler would only add the dump. */
    return sigaction(SIGABRT, &to_default, NULL) == -1 ? errno : 0;
}

/* Call after faulthandler.enable(), whether it succeeded or not. */
int mrmd_fault_after_enable(void) {
    struct sigaction ours = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER};
    for (int i = 0; i < FAULT_SIGNAL_COUNT; i++) {
        if (sigaction(fault_signals[i], &ours, &python_actions[i]) == -1) {
            return errno;
        }
    }
    return 0;
}

int mrmd_is_fault_handler(const struct sigaction *action) {
    return (action->sa_flags & SA_SIGINFO) && action->sa_sigaction == on_fault;
}

/* Takes ours out from in front of faulthandler, or both. Forked child. */
void mrmd_fault_uncover(int number, int keep_faulthandler) {
    struct sigaction to_default = {.sa_handler = SIG_DFL};
    for (int i = 0; i < FAULT_SIGNAL_COUNT; i++) {
        if (fault_signals[i] == number) {
            sigaction(number, keep_faulthandler ? &python_actions[i] : &to_default, NULL);
        }
    }
}
