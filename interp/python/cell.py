"""Runs cells in a shell and says how they ended. Main thread; needs the GIL."""

import os
import sys

import _mrmd_host
from IPython.core.interactiveshell import ExecutionResult

from _mrmd import failures, history


class Runner:
    """The shell as the host sees it."""

    def __init__(self, shell):
        """Run cells in `shell`."""
        self._shell = shell
        history.collect(shell)

    def run(self, code, store_history, silent):
        """Run a cell; never raises for what the user's code does.

        Returns (result, error, execution count, imports): the last expression's
        repr or None; None or (type, message, traceback lines, line, column); the
        cell's own number; the top-level modules it imports.
        """
        shell = self._shell
        shell.displayhook.result_repr = None
        number = shell.execution_count
        shell.begin_cell()
        try:
            outcome = shell.run_cell(code, store_history=store_history, silent=silent)
        except BaseException as error:
            # An extension's event callback may raise what IPython lets through.
            outcome = ExecutionResult(None)
            outcome.error_in_exec = error
        if _mrmd_host.is_forked_child():
            _end_forked_child(outcome)
        error = outcome.error_before_exec or outcome.error_in_exec
        return (
            shell.displayhook.result_repr,
            None if error is None else failures.describe(shell, error, shell.compile.cell_file),
            number,
            shell.cell_imports or [],
        )

    def flush_history(self):
        """Write the history to its database soon. Any thread."""
        history.flush(self._shell)

    def reset(self):
        """Clear the namespace, the outputs and the numbers."""
        self._shell.reset(new_session=True)


def _end_forked_child(outcome):
    """End a forked child that came to the end of the cell: it is no notebook."""
    error = outcome.error_before_exec or outcome.error_in_exec
    status = 0
    if isinstance(error, SystemExit):
        status = error.code if isinstance(error.code, int) else int(bool(error.code))
    elif error is not None:
        status = 1
        sys.excepthook(type(error), error, failures.user_traceback(error))
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status & 0xFF)
