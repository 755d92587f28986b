"""Brings the Python half up. Main thread; needs the GIL."""

import os
import sys


def remember_patterns(marshalled):
    """Recall the regular expressions of an earlier start, None when there are none.

    Returns a function that leaves re to itself, and one that gives this start's.
    """
    from _mrmd.patterns import RememberedPatterns

    patterns = RememberedPatterns(marshalled)
    return patterns.end, patterns.compiled


def streams():
    """Put the standard streams in place."""
    from _mrmd import streams as standard_streams

    standard_streams.install()


def runner():
    """Import IPython, make the shell and return what runs cells in it.

    Raises ImportError when IPython can't be imported.
    """
    from _mrmd import children, fast_traitlets

    children.install()
    with fast_traitlets.hastened():
        import IPython  # noqa: F401

        from _mrmd import cell, loop, threads

        threads.install()
        loop.install()
        return cell.start()


def settle():
    """Load what the start has left out and the next question or error needs. Any thread."""
    from IPython import get_ipython

    from _mrmd import deferred, intelligence  # noqa: F401

    deferred.settle()
    shell = get_ipython()
    shell.InteractiveTB, shell.history_manager.db  # noqa: B018


def describe():
    """Give what clients are told: implementation, IPython, can code be formatted."""
    import importlib.util

    import IPython

    # Not asked of formatting.py, which a start has no need to compile.
    ruff = os.path.join(os.path.dirname(sys.executable), "ruff")
    can_format = importlib.util.find_spec("black") is not None or os.path.exists(ruff)
    return (
        sys.implementation.name,
        IPython.__version__,
        can_format,
    )


def finish():
    """Run what is registered for the interpreter's exit, and flush the streams."""
    import atexit

    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except Exception:  # a stream the user closed or broke has nothing to lose
            pass
