"""Find the program that the wheel installed."""

import os
import sys


def find_launcher():
    """Return the absolute path of the wheel's bin/mrmd-python.

    Raises FileNotFoundError when this package was not installed from a wheel.
    """
    # Where it is in a venv. Asking for the installed files takes longer than the
    # program needs for most commands.
    program = os.path.join(sys.prefix, "bin", "mrmd-python")
    if os.path.isdir(os.path.join(sys.prefix, "libexec", "mrmd-python")):
        return program
    import importlib.metadata

    try:
        files = importlib.metadata.files("mrmd-python") or []
    except importlib.metadata.PackageNotFoundError:
        files = []
    for file in files:
        if file.name == "mrmd-python" and file.parent.name == "bin":
            return str(file.locate().resolve())
    raise FileNotFoundError(
        "the program mrmd-python is not installed: install its wheel into this Python"
    )
