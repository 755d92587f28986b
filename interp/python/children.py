"""Tells the host of the processes that Python code starts. Any thread.

The host reaps the orphans it has adopted, and must leave these to their waiters.
"""

import _posixsubprocess
import functools
import os

import _mrmd_host


def install():
    """Watch every way by which Python starts a process."""
    for name in ("fork", "forkpty", "posix_spawn", "posix_spawnp"):
        setattr(os, name, _reporting(getattr(os, name)))
    reporting = _reporting(_posixsubprocess.fork_exec)
    _posixsubprocess.fork_exec = reporting
    import subprocess

    if hasattr(subprocess, "_fork_exec"):
        subprocess._fork_exec = reporting


def _reporting(start):
    @functools.wraps(start)
    def start_and_report(*arguments, **options):
        started = start(*arguments, **options)
        pid = started[0] if isinstance(started, tuple) else started
        if pid and not _mrmd_host.is_forked_child():
            _mrmd_host.call("started", str(pid))
        return started

    return start_and_report
