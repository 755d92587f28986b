"""The event loop that all cells share, and what it does between them. Main thread.

The loop runs while a cell awaits, and between cells while it has something to do.
It does not run while a plain cell runs, so that `asyncio.run()` works there.
"""

import functools
import sys

import _mrmd_host
from IPython.core.async_helpers import get_asyncio_loop

from _mrmd import children, when_imported


def shared():
    """Give the loop, a new one when the user's code closed it."""
    return get_asyncio_loop()


def install():
    """Make the loop the current one, also for `asyncio.create_task` in plain cells.

    asyncio takes long to import and most notebooks never do: this waits for it.
    """
    when_imported.call("asyncio", _install_in)


def _install_in(asyncio):
    original = asyncio.create_task

    @functools.wraps(original)
    def create_task(coro, **options):
        try:
            running = asyncio.get_running_loop()
        except RuntimeError:
            running = None
        if running is None and _is_main_thread():
            return shared().create_task(coro, **options)
        return original(coro, **options)

    asyncio.create_task = asyncio.tasks.create_task = create_task
    if _is_main_thread():
        make_current()


def make_current():
    """Undo what `asyncio.run()` leaves: no current loop."""
    asyncio = sys.modules.get("asyncio")
    if asyncio is not None:
        asyncio.set_event_loop(shared())


class Interrupts:
    """What interrupts do while the loop runs the task of a cell.

    Raised in the machinery of asyncio, KeyboardInterrupt takes the callback along that
    was about to run, and whoever waits for its task waits for ever. There the task is
    cancelled instead, as `asyncio.run()` does, but an interrupt that comes after that is
    raised all the same.
    """

    def __init__(self, task):
        """Know the task, which belongs to the shared loop."""
        self._task = task
        self._runner = sys._getframe(1).f_code
        self.has_cancelled = False

    def __enter__(self):
        """Take the interrupts that the user has no handler for."""
        _mrmd_host.set_interrupt_diversion(self._divert)
        return self

    def __exit__(self, *ignored):
        """Leave them alone."""
        _mrmd_host.set_interrupt_diversion(None)

    def _divert(self, frame):
        if (
            self.has_cancelled
            or not self._is_machinery(frame)
            or not self._task.cancel()
        ):
            return False
        self.has_cancelled = True
        # A system call in which the loop waits is entered again after a signal.
        self._task.get_loop().call_soon_threadsafe(_do_nothing)
        return True

    def _is_machinery(self, frame):
        # What asyncio does within a coroutine of the user's is the user's.
        while frame is not None and frame.f_code is not self._runner:
            module = frame.f_globals.get("__name__") or ""
            if module != "selectors" and not module.startswith("asyncio."):
                return False
            frame = frame.f_back
        return True


def _do_nothing():
    pass


def has_work():
    """Say whether the loop has tasks, callbacks or descriptors to look after."""
    asyncio = sys.modules.get("asyncio")
    if asyncio is None:
        return False
    kept = shared()
    if asyncio.all_tasks(kept):
        return True
    try:
        # A selector loop always watches the one descriptor it is woken by.
        return bool(kept._ready or kept._scheduled or len(kept._selector.get_map()) > 1)
    except AttributeError:
        # Another kind of loop can't be asked; nothing was seen to be running.
        return False


def run_until_readable(descriptor):
    """Run the loop until somebody rings, or until it has nothing to do."""
    import asyncio

    kept = shared()
    watched = set()
    is_over = False

    def stop():
        # What was scheduled here may come when a cell already uses the loop.
        if not is_over:
            kept.stop()

    def watch():
        tasks = asyncio.all_tasks(kept)
        for task in tasks - watched:
            watched.add(task)
            task.add_done_callback(done)

    def done(task):
        watched.discard(task)
        if is_over:
            return
        watch()
        if not watched:
            # Once more round the loop: the task's own callbacks come first.
            kept.call_soon(stop)

    kept.add_reader(descriptor, stop)
    watch()
    try:
        _mrmd_host.run_background(kept.run_forever)
        if _mrmd_host.is_forked_child():
            children.end(None)
    except KeyboardInterrupt as error:
        if _mrmd_host.is_forked_child():
            children.end(error)
        print("A task of the event loop was interrupted.", file=sys.stderr)
    finally:
        is_over = True
        kept.remove_reader(descriptor)
        for task in watched:
            task.remove_done_callback(done)


def _is_main_thread():
    import threading

    return threading.current_thread() is threading.main_thread()
