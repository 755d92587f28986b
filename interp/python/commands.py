"""Programs that cells run on the terminals. Main thread."""

import os
import signal
import subprocess

# How long a program may take to end when it was interrupted, in seconds.
_PATIENCE = 5


def run(command, **options):
    """Run a program to its end and give its exit status, negative for a signal.

    It gets a session of its own. When this is interrupted the program is too, with
    all it started; what does not end then is killed.
    """
    child = subprocess.Popen(command, start_new_session=True, **options)
    try:
        return child.wait()
    except BaseException:
        _end(child)
        raise


def _end(child):
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
