"""The size of the terminal as the environment tells it. Main thread."""

import os
import sys


def resize(columns, rows):
    """Say the size, in characters, where programs look before they ask the terminal."""
    os.environ["COLUMNS"] = str(columns)
    os.environ["LINES"] = str(rows)
    console = getattr(sys.modules.get("rich"), "_console", None)
    if console is not None:
        # The console that all of rich shares read the variables when it was made.
        console.size = (columns, rows)
