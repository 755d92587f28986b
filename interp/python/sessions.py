"""One shell for each session, in the one interpreter. Main thread.

Modules, the working directory and the environment are shared; the namespace,
`__main__`, In/Out and the history numbers are a session's own.
"""

import atexit
import gc
import sys

from _mrmd import (
    application,
    autoreload,
    history,
    library_displays,
    plotly_pages,
    plots,
    shell,
)

DEFAULT = "default"


class Shells:
    """The sessions' shells, made when they are first entered."""

    def __init__(self):
        """Load the user's profile and make the default session's shell."""
        autoreload.install()
        self._application = application.Application.instance()
        self._application.initialize()
        first = self._application.shell
        self._shells = {DEFAULT: first}
        self._current = first
        history.collect(first)
        plots.install()
        plotly_pages.install()
        library_displays.install()
        autoreload.end_start()

    def all(self):
        """Give the shells there are. Any thread."""
        return list(self._shells.values())

    def find(self, session):
        """Give a session's shell, None when nothing has run in it. Any thread."""
        return self._shells.get(session)

    def enter(self, session):
        """Give a session's shell, made when there is none, as the current one."""
        wanted = self._shells.get(session)
        if wanted is None:
            wanted = self._shells[session] = self._application.make_another_shell()
            history.collect(wanted)
        if wanted is not self._current:
            self._make_current(wanted)
        return wanted

    def _make_current(self, wanted):
        for kind in shell.Shell._walk_mro():
            kind._instance = wanted
        self._application.shell = wanted
        sys.modules["__main__"] = wanted.user_module
        plots.follow(wanted)
        self._current = wanted

    def reset(self, session):
        """Clear a session's namespace, outputs and numbers."""
        wanted = self._shells.get(session)
        if wanted is not None:
            wanted.reset(new_session=True)

    def close(self, session):
        """End a session; the default one is only cleared."""
        if session == DEFAULT:
            self.reset(session)
            return
        ended = self._shells.pop(session, None)
        if ended is None:
            return
        if ended is self._current:
            self._make_current(self._shells[DEFAULT])
        atexit.unregister(ended.atexit_operations)
        ended.reset(new_session=False)
        ended.atexit_operations()
        ended.configurables.clear()
        compiler = ended.compile
        del ended
        gc.collect()
        compiler.close()

    def count_variables(self, session):
        """Count what /variables lists of a session. Any thread."""
        wanted = self._shells.get(session)
        if wanted is None:
            return 0
        # Not asked during a start.
        from _mrmd import variable_list

        return variable_list.count(wanted)
