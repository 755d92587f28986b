"""Runs IPython's own tests by pytest and writes a report; see scripts/regression.

    regression_ipython.py REPORT PYTEST-ARGUMENT…

It runs as a script of a plain Python, where IPython's conftest.py makes the shell that
is tested, and is imported by a cell, where the runtime's own is tested.
"""

import json
import sys

import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.terminal.interactiveshell import TerminalInteractiveShell
from IPython.testing.tools import default_config


class Outcomes:
    """A plugin of pytest that keeps how each test ended, but those that passed."""

    def __init__(self):
        """Begin with nothing."""
        self.run = 0
        self.kept = {}

    def pytest_collectreport(self, report):
        """Keep a file that could not be loaded, or skips itself."""
        if report.failed:
            self.kept[report.nodeid] = ("error", report.longreprtext)
        elif report.skipped:
            self.kept[report.nodeid] = ("skipped", report.longreprtext)

    def pytest_runtest_logreport(self, report):
        """Keep what a test's setup, call or teardown came to."""
        self.run += report.when == "setup"
        if report.failed:
            kind = "failed" if report.when == "call" else "error"
            self.kept.setdefault(report.nodeid, (kind, report.longreprtext))
        elif report.skipped:
            self.kept[report.nodeid] = ("skipped", report.longreprtext)


class ShellOfTheCell:
    """A plugin of pytest that gives IPython's tests a shell that exists already.

    By itself their conftest.py makes the terminal's, which can't be in a process that
    has another. What it configures by that class's name is configured here.
    """

    def __init__(self, shell):
        """Take the place of the terminal's shell."""
        self.shell = shell
        settings = default_config().TerminalInteractiveShell
        shell.colors, shell.autocall = settings.colors, settings.autocall
        # The runtime prints tracebacks to stderr, and the tests look for them in stdout.
        shell._showtraceback = InteractiveShell._showtraceback.__get__(shell)
        TerminalInteractiveShell.instance = classmethod(lambda *_, **options: shell)
        self.pytest_runtest_setup()

    def pytest_runtest_setup(self):
        """Have it be the current one, also after a test that made another."""
        for kind in (TerminalInteractiveShell, *type(self.shell)._walk_mro()):
            kind._instance = self.shell


def run(report_path, *arguments):
    """Run the tests that pytest's arguments name and write how they ended."""
    outcomes = Outcomes()
    plugins = [outcomes]
    if InteractiveShell.initialized():
        plugins.append(ShellOfTheCell(InteractiveShell.instance()))
    # Without a cache, and without what IPython's pyproject.toml sets for its doctests.
    always = ["-v", "-p", "no:cacheprovider", "-o", "addopts=", "--color=no"]
    pytest.main([*always, *arguments], plugins=plugins)
    with open(report_path, "w") as report:
        json.dump({"run": outcomes.run, "outcomes": outcomes.kept}, report)


if __name__ == "__main__":
    run(*sys.argv[1:])
