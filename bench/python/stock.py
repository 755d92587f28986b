"""Plain Python with IPython: `run_cell` in this process, history on, no server."""

import time

from answering import answer_requests
from IPython.core.interactiveshell import InteractiveShell

shell = InteractiveShell.instance()


def run(code):
    """Run a cell that must succeed."""
    shell.run_cell(code, store_history=True).raise_error()


def value(code):
    """Run a cell that must succeed and give its result's repr."""
    outcome = shell.run_cell(code, store_history=True)
    outcome.raise_error()
    return repr(outcome.result)


def cells(code, count):
    """Run a cell count times and give the nanoseconds of each."""
    times = []
    for _ in range(count):
        began = time.perf_counter_ns()
        outcome = shell.run_cell(code, store_history=True)
        times.append(time.perf_counter_ns() - began)
        outcome.raise_error()
    return times


if __name__ == "__main__":
    answer_requests({"run": run, "value": value, "cells": cells})
