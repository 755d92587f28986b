"""Keeps IPython's history database off the path of a cell, and of a start.

IPython writes each cell to SQLite as it runs, on a thread that holds what the next
cell needs. Here cells collect in IPython's cache, and the host has them written
together a moment later; the database is opened then, or when somebody asks for it.
"""

import _thread
import threading

import _mrmd_host
from IPython.core.history import HistoryManager

# More cells than anybody runs between two flushes; IPython then writes by itself.
CACHED_CELLS = 10_000

# What IPython has only with the database open; all that reads or writes it asks for one.
_OF_THE_DATABASE = frozenset(
    "db enabled save_flag save_thread session_number using_thread".split()
)

_opening = _thread.RLock()


class UnopenedHistory(HistoryManager):
    """Stores what is run, and is a HistoryManager once its database is asked for."""

    def __init__(self, **options):
        """Begin as one that is disabled, which has no database and no thread."""
        self._is_opening = True
        super().__init__(enabled=False, **options)
        self._is_opening = False

    def __getattribute__(self, name):
        """Open the database for what is asked of it. Any thread."""
        if name in _OF_THE_DATABASE:
            with _opening:
                own = object.__getattribute__(self, "__dict__")
                if type(self) is UnopenedHistory and not own["_is_opening"]:
                    if threading.current_thread() is threading.main_thread():
                        _mrmd_host.run_uninterruptible(self._open)
                    else:
                        self._open()
        return object.__getattribute__(self, name)

    def _open(self):
        self._is_opening = True
        try:
            # Whether the user's profile disables it is read again.
            self._trait_values.pop("enabled", None)
            HistoryManager.__init__(self, shell=self.shell, parent=self.parent)
            self.__class__ = HistoryManager
        finally:
            self._is_opening = False


def collect(shell):
    """Let cells collect, unless the user's profile says how many may."""
    manager = shell.history_manager
    if manager is not None and manager.db_cache_size <= 1:
        manager.db_cache_size = CACHED_CELLS


def flush(shell):
    """Have IPython's saving thread write what has collected. Any thread."""
    manager = shell.history_manager
    if manager is None or not manager.db_input_cache:
        return
    restart = getattr(manager, "_restart_thread_if_stopped", None)
    if restart is not None and manager.using_thread:
        restart()
    if manager.save_flag is not None:
        manager.save_flag.set()
