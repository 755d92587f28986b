"""Looking in on the user's objects from another thread: what it may cost.

Almost everything is answered without running the user's code. Where an object's own
`__repr__`, `__len__`, `__dir__` or mapping access is needed it is called through
Visit.call, which gives each object a budget of time. A call that does not come back
is left behind: the host sees that the visit is overdue, calls `overdue` on another
thread and asks the question again there.
"""

import threading
import time

# For so long, in seconds, objects of a type that took too long show their type only.
SLOW_FOR = 10.0

_visits = {}
# By id, with the type: a type of the user's need not be hashable.
_slow_types = {}


class Overtime(BaseException):
    """Raised inside user code that has used up its time."""


class NotAnswered(Exception):
    """The user's code did not answer: it raised, or took too long."""

    def __init__(self, reason):
        """Take the reason in words that can follow a type's name."""
        super().__init__(reason)
        self.reason = reason


class Visit:
    """One question's time."""

    def __init__(self, number, object_seconds, runs_user_code=True):
        """Give each object `object_seconds`, and all together twice as much."""
        self.number = number
        self.runs_user_code = runs_user_code
        self._object_seconds = object_seconds
        self._left = 2 * object_seconds
        self._thread = threading.get_ident()
        self._called_type = None
        self._depth = 0
        self._was_told_to_stop = False

    def __enter__(self):
        """Make the visit known to `overdue`."""
        _visits[self.number] = self
        return self

    def __exit__(self, *_):
        """Forget the visit, and an Overtime that came too late for it."""
        _visits.pop(self.number, None)
        if self._was_told_to_stop:
            settle()

    def call(self, owner, function, *arguments):
        """Call the user's code for an object; raises NotAnswered, nothing else.

        `owner` is the object whose code it is: its type is what is found slow.
        """
        if self._depth:
            # Already inside a call that is being timed.
            return self._call(function, arguments)
        kind = type(owner)
        if not self.runs_user_code or self._left <= 0 or _is_slow(kind):
            raise NotAnswered("took too long")
        # What waits for the GIL is not slow; what sleeps is found overdue.
        began = time.thread_time()
        self._depth, self._called_type = 1, kind
        try:
            return self._call(function, arguments)
        finally:
            self._depth, self._called_type = 0, None
            took = time.thread_time() - began
            self._left -= took
            if took > self._object_seconds:
                _slow_types[id(kind)] = (time.monotonic() + SLOW_FOR, kind)
                raise NotAnswered("took too long")

    @staticmethod
    def _call(function, arguments):
        try:
            return function(*arguments)
        except NotAnswered:
            raise
        except Overtime:
            raise NotAnswered("took too long") from None
        except RecursionError:
            raise NotAnswered("recursed too deep") from None
        except BaseException as error:
            raise NotAnswered(f"raised {type(error).__name__}") from None

    def stop_user_code(self):
        """Raise Overtime in the user's code that the visit runs, if it does."""
        kind = self._called_type
        if kind is None:
            return False
        _slow_types[id(kind)] = (time.monotonic() + SLOW_FOR, kind)
        self._was_told_to_stop = True
        _raise_in(self._thread, Overtime)
        return True


def overdue(number):
    """Stop the user's code in a visit that has taken too long. Another thread."""
    visit = _visits.get(number)
    return visit is not None and visit.stop_user_code()


def settle():
    """Leave no exception announced that no thread takes. Any thread.

    Until 3.12 one flag of the interpreter announces them all, and stays up while
    the thread it is for sleeps in C: every thread then looks for exceptions at each
    loop and call, and code that is traced on 3.11 never gets past a function's
    start (DO_TRACING in its Python/ceval.c). An exception that the calling thread
    raises in itself takes the flag down, and the place of one that came too late.
    """
    try:
        _raise_in(threading.get_ident(), Overtime)
        while True:
            pass
    except Overtime:
        pass


def _is_slow(kind):
    until, _ = _slow_types.get(id(kind), (None, None))
    if until is None:
        return False
    if time.monotonic() > until:
        _slow_types.pop(id(kind), None)
        return False
    return True


def _raise_in(thread, exception):
    import ctypes

    ctypes.pythonapi.PyThreadState_SetAsyncExc(
        ctypes.c_ulong(thread), ctypes.py_object(exception)
    )
