"""Runs cells in the shells of the sessions and says how they ended.

Main thread; needs the GIL.
"""

import _mrmd_host
from IPython.core.interactiveshell import ExecutionResult

from _mrmd import autoreload, children, failures, history, loop, sessions


class Runner:
    """The shells as the host sees them."""

    def __init__(self, shells):
        """Run cells in the shells of `shells`, a sessions.Shells."""
        self._shells = shells

    def run(self, run_number, session, code, store_history, silent):
        """Run a cell; never raises for what the user's code does.

        `run_number` is what late output is traced back to the cell by. Returns
        (result, error, execution count, imports): the last expression's repr or
        None; None or (type, message, traceback lines, line, column); the cell's own
        number; the top-level modules it imports.
        """
        shell = self._shells.enter(session)
        shell.begin_cell()
        number = shell.execution_count
        _mrmd_host.run.set(run_number)
        try:
            if not silent and autoreload.has_changes():
                _mrmd_host.run_interruptible(autoreload.reload_changed, shell)
            outcome = shell.run_cell(code, store_history=store_history, silent=silent)
        except BaseException as error:
            # An extension's event callback may raise what IPython lets through.
            outcome = ExecutionResult(None)
            outcome.error_in_exec = error
        if _mrmd_host.is_forked_child():
            error = outcome.error_before_exec or outcome.error_in_exec
            if error is not None:
                error.__traceback__ = failures.user_traceback(error)
            children.end(error)
        _mrmd_host.run.set(0)
        autoreload.note_imports()
        error = outcome.error_before_exec or outcome.error_in_exec
        return (
            shell.displayhook.result_repr,
            None if error is None else failures.describe(shell, error, shell.cell_file),
            number,
            shell.cell_imports or [],
        )

    def note_changes(self, paths):
        """Take the paths of Python files that changed, in lines."""
        autoreload.note_changes(paths)

    def flush_history(self):
        """Write the histories to their database soon. Any thread."""
        for shell in self._shells.all():
            history.flush(shell)

    def reset(self, session):
        """Clear a session's namespace, outputs and numbers."""
        self._shells.reset(session)

    def close(self, session):
        """End a session and give back what its namespace held."""
        self._shells.close(session)

    def count_variables(self, session):
        """Count the user's variables of a session. Any thread."""
        return self._shells.count_variables(session)

    def answer(self, session, *question):
        """Answer a question about a session's objects. Any thread."""
        from _mrmd import intelligence

        return intelligence.answer(self._shells.find(session), *question)

    def has_background_work(self):
        """Say whether the event loop has something to do between cells."""
        return loop.has_work()

    def wait_in_loop(self, descriptor):
        """Run the event loop until the descriptor can be read or nothing is left."""
        loop.run_until_readable(descriptor)


def start():
    """Make the default session's shell and what runs cells."""
    return Runner(sessions.Shells())
