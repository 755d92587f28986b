"""What becomes of the processes that Python code starts.

The host is told of each: it reaps the orphans it has adopted, and must leave these
to their waiters. A forked child is made a plain Python process. Any thread.
"""

import _posixsubprocess
import _signal
import faulthandler
import os
import posix
import re
import sys
import threading

import _mrmd_host

_is_installed = False


def install():
    """Watch every way by which Python starts a process.

    To be called before IPython is imported: what is registered first is run last
    before a fork, when IPython has ended its history thread.
    """
    global _is_installed
    if _is_installed:
        return
    _is_installed = True
    for name in ("fork", "forkpty", "posix_spawn", "posix_spawnp"):
        setattr(os, name, _mrmd_host.stand_in(posix, name))
    fork_exec = _mrmd_host.stand_in(_posixsubprocess, "fork_exec")
    # It may have been imported by what is imported with Python.
    subprocess = sys.modules.get("subprocess")
    if hasattr(subprocess, "_fork_exec"):
        subprocess._fork_exec = fork_exec
    for name in ("enable", "disable"):
        _mrmd_host.stand_in(faulthandler, name)
    message = re.compile("This process .* is multi-threaded")
    _mrmd_host.set_fork_filter(("ignore", message, DeprecationWarning, None, 0))
    os.register_at_fork(before=_before_fork, after_in_child=_become_plain)


def _before_fork():
    """Look for threads besides the host's own if Python knows of none."""
    known = threading.enumerate()
    if sum(not isinstance(thread, threading._DummyThread) for thread in known) == 1:
        _mrmd_host.begin_quiet_fork()


def _become_plain():
    """Undo what a plain interpreter would not have done. Forked child."""
    if not _mrmd_host.user_traces_crashes():
        faulthandler.disable()
    # Not signal: a start has no need of its enums.
    if _signal.getsignal(_signal.SIGRTMAX) == _signal.SIG_DFL:
        # It may hide the handler by which the host looks in.
        _signal.signal(_signal.SIGRTMAX, _signal.SIG_DFL)


def end(error):
    """End a forked child that came to the end of its code, of which error is left.

    It is no notebook: its threads are waited for and its output is flushed, but
    what the runtime has registered for its own exit is not run.
    """
    status = 0
    if isinstance(error, SystemExit):
        status = error.code if isinstance(error.code, int) else int(bool(error.code))
        if isinstance(error.code, str):
            print(error.code, file=sys.stderr)
    elif error is not None:
        status = 1
        sys.excepthook(type(error), error, error.__traceback__)
    threading._shutdown()
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except Exception:  # the child closed or broke it
            pass
    _mrmd_host.flush_stdio()
    os._exit(status & 0xFF)
