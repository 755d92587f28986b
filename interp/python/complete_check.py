"""Says whether code could be run as it stands. Any thread; needs the GIL."""

from IPython.core.inputtransformer2 import TransformerManager


def check(code):
    """Give (status, indent): complete, incomplete or invalid, and spaces to add.

    Works on a transformer of its own, so that it may run beside a cell.
    """
    status, indent = TransformerManager().check_complete(code)
    return status, " " * (indent or 0)
