"""Keeps IPython's history database off the path of a cell.

IPython writes each cell to SQLite as it runs, on a thread that holds what the next
cell needs. Here cells collect in IPython's cache, and the host has them written
together a moment later.
"""

# More cells than anybody runs between two flushes; IPython then writes by itself.
CACHED_CELLS = 10_000


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
