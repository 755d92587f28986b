"""Programs that cells run on the terminals. Any thread; the main one can be interrupted."""

import os
import threading

import _mrmd_host

# How long a program may take to end when it was interrupted, in seconds.
_PATIENCE = 5


def run(command, **options):
    """Run a program to its end and give its exit status, negative for a signal.

    It gets a session of its own. When this is interrupted the program is too, with
    all it started; what does not end then is killed.
    """
    # Not needed by a start.
    import subprocess

    if threading.current_thread() is not threading.main_thread():
        return _run(command, options, subprocess.Popen.wait)
    # An interrupt that comes while the child is being started waits until it can be
    # passed on to it.
    return _mrmd_host.run_uninterruptible(_run, command, options, _wait_interruptibly)


def _run(command, options, wait):
    import subprocess

    child = subprocess.Popen(command, start_new_session=True, **options)
    try:
        return wait(child)
    except BaseException:
        _end(child)
        raise


def _wait_interruptibly(child):
    return _mrmd_host.run_interruptible(child.wait)


def _end(child):
    import signal
    import subprocess

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(child.pid, number)
        except ProcessLookupError:
            pass
        try:
            child.wait(_PATIENCE)
            return
        except subprocess.TimeoutExpired:
            continue
