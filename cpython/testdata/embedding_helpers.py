"""Helpers for the tests of the cpython package, importable by its sys.path."""

import ctypes
import signal

import _mrmd_host as host


def caught(function, *arguments):
    """Give the repr of the exception that a call raises, None without one."""
    try:
        function(*arguments)
    except BaseException as error:
        return repr(error)
    return None


def interrupted_in_machinery():
    """Interrupt machinery that user code got into; say what ran and what was raised."""
    steps = []

    def machinery():
        host.call("test.interrupt", "")
        steps.append("machinery ended")

    def user_code():
        host.run_uninterruptible(machinery)
        steps.append("user code went on")

    return caught(host.run_interruptible, user_code), steps


def interrupted_outside():
    """Interrupt where no user code runs: nothing is raised until some does."""
    host.call("test.interrupt", "")
    first = caught(host.run_interruptible, len, "")
    second = caught(host.run_interruptible, len, "")
    return first, second


def interrupted_in_user_code():
    """Interrupt user code."""
    return caught(host.run_interruptible, host.call, "test.interrupt", "")


def stale_interrupt():
    """Interrupt, begin another run, run its code."""
    host.call("test.interrupt", "")
    host.call("test.begin_run", "")
    return caught(host.run_interruptible, len, "")


def interrupted_behind_another_signal():
    """Interrupt while a signal is pending, of which the kernel keeps only one."""

    def user_code():
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
        host.call("test.wake", "")
        host.call("test.interrupt", "")
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])
        sum(range(10))

    return caught(host.run_interruptible, user_code)


def woken_in_a_system_call():
    """Wait for a signal in a call of C, which does not know of Python's handlers."""
    pause = ctypes.CDLL(None).pause
    return host.run_interruptible(interrupted_before, pause)


def interrupted_before(pause):
    """Take an interrupt, then wait for a signal that no handler of Python has."""
    try:
        host.call("test.interrupt", "")
        sum(range(10))
    except KeyboardInterrupt:
        return pause()


def evaluate(expression):
    """Evaluate an expression and give its str()."""
    return str(eval(expression, {}))
