"""Print the versions of this Python and of the packages named."""

import platform
import sys
from importlib.metadata import version

print(
    ", ".join(
        [
            f"Python {platform.python_version()}",
            *(f"{name} {version(name)}" for name in sys.argv[1:]),
        ]
    )
)
