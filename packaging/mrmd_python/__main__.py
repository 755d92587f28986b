"""``python -m mrmd_python`` is ``mrmd-python``."""

import os
import sys

from mrmd_python._launcher import find_launcher


def main():
    """Have the program take this process over, with the same arguments."""
    program = find_launcher()
    os.execv(program, [program, *sys.argv[1:]])


if __name__ == "__main__":
    main()
