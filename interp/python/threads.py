"""Threads that remember which cell started them.

What a thread prints after its cell has ended is kept with that cell. Any thread.
"""

import functools
import threading

import _mrmd_host


def install():
    """Have every thread inherit the run of the code that starts it.

    An interrupt waits until the thread is there: one that hits the lock by which the
    thread says so would leave it waiting for that lock for good.
    """
    start, bootstrap = threading.Thread.start, threading.Thread._bootstrap

    @functools.wraps(start)
    def start_in_run(self):
        self._mrmd_run = _run_to_inherit(self)
        if threading.current_thread() is threading.main_thread():
            _mrmd_host.run_uninterruptible(start, self)
        else:
            start(self)

    @functools.wraps(bootstrap)
    def bootstrap_in_run(self):
        run = getattr(self, "_mrmd_run", 0)
        # From 3.14 on a thread runs in a context of its own.
        context = getattr(self, "_context", None)
        if context is None:
            _mrmd_host.run.set(run)
        else:
            context.run(_mrmd_host.run.set, run)
        bootstrap(self)

    threading.Thread.start = start_in_run
    threading.Thread._bootstrap = bootstrap_in_run


def _run_to_inherit(thread):
    target = getattr(thread, "_target", None)
    if getattr(target, "__module__", None) == "concurrent.futures.thread":
        # A pool's thread goes on to work for cells that did not start it.
        return 0
    return _mrmd_host.run.get(0)
