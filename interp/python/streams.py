"""The standard streams of user code.

stdout and stderr hand their bytes to the process that embeds Python, which keeps
them in order with what arrives on file descriptors 1 and 2. stdin asks the
reader.
"""

import builtins
import functools
import io
import os
import sys

import _mrmd_host

from _mrmd import ask


class OutputBytes(io.RawIOBase):
    """The binary layer of stdout or stderr. Any thread."""

    def __init__(self, descriptor):
        """Stand for file descriptor 1 or 2."""
        self._descriptor = descriptor
        self.name = "<stdout>" if descriptor == 1 else "<stderr>"
        self.mode = "wb"

    def writable(self):
        """Say that it can be written."""
        return True

    def fileno(self):
        """Give the file descriptor, for code that writes to it directly."""
        return self._descriptor

    def isatty(self):
        """Say whether the descriptor is a terminal, which the user may change."""
        return os.isatty(self._descriptor)

    def write(self, data):
        """Queue bytes; OSError when they can't be taken."""
        return _mrmd_host.write(self._descriptor - 1, data)


class OutputText(io.TextIOWrapper):
    """The text layer of stdout or stderr, without buffers of its own.

    What is written needs no flush to keep its place among the streams. The usual
    case, a str to be sent as UTF-8, goes to the host in one step.
    """

    def __init__(self, descriptor, errors):
        """Stand for file descriptor 1 or 2."""
        super().__init__(
            OutputBytes(descriptor),
            encoding="utf-8",
            errors=errors,
            newline="\n",
            write_through=True,
        )
        self.mode = "w"
        # In front of the method: print() then calls straight into the host.
        self.write = functools.partial(_mrmd_host.write_text, descriptor - 1, errors)

    def _take_general_way(self):
        vars(self).pop("write", None)

    def reconfigure(self, **options):
        """Change the encoding or the like."""
        super().reconfigure(**options)
        self._take_general_way()

    def close(self):
        """Close the stream; the descriptor stays open for those who share it."""
        self._take_general_way()
        super().close()

    def detach(self):
        """Give the binary layer away."""
        self._take_general_way()
        return super().detach()


class ReaderInput(io.TextIOBase):
    """Standard input whose lines are typed by the reader. Main thread."""

    name = "<stdin>"
    mode = "r"
    encoding = "utf-8"
    errors = "strict"

    def __init__(self):
        """Begin with nothing typed."""
        self._rest = ""

    def readable(self):
        """Say that it can be read."""
        return True

    def isatty(self):
        """Say no: there is no terminal behind it."""
        return False

    def fileno(self):
        """Give the descriptor of the process's own, empty, standard input."""
        return 0

    def readline(self, size=-1):
        """Ask for a line; it ends with a newline."""
        if size == 0:
            return ""
        if not self._rest:
            self._rest = ask.for_text("") + "\n"
        line, newline, self._rest = self._rest.partition("\n")
        line += newline
        if 0 <= size < len(line):
            line, self._rest = line[:size], line[size:] + self._rest
        return line

    def read(self, size=-1):
        """Ask for one answer: there is no end-of-file key to wait for."""
        if size == 0:
            return ""
        text, self._rest = self._rest or ask.for_text("") + "\n", ""
        if 0 <= size < len(text):
            text, self._rest = text[:size], text[size:]
        return text


def install():
    """Put the streams in place, where `sys.__stdout__` and the like see them too."""
    sys.stdout = sys.__stdout__ = OutputText(1, "strict")
    sys.stderr = sys.__stderr__ = OutputText(2, "backslashreplace")
    sys.stdin = sys.__stdin__ = ReaderInput()
    ask.install(sys.stdin)
    _mrmd_host.print_lines(builtins, sys.stdout, sys.stdout.write)
