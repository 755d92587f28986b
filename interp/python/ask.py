"""Input: `input()` and `getpass()` ask the reader through the host. Main thread."""

import builtins
import json
import sys

import _mrmd_host

from _mrmd import when_imported

_plain_input = builtins.input
_reader = None


class InputCancelled(Exception):
    """Raised in the cell when the reader declines to answer an input request."""

    # The name by which cells can catch it, and by which tracebacks call it.
    __module__ = "builtins"


def for_text(prompt, password=False):
    """Ask the reader for a line and wait; the GIL is free meanwhile.

    Raises InputCancelled when the reader declines, and IPython's
    StdinNotImplementedError where the execution may not ask.
    """
    request = json.dumps({"prompt": prompt, "password": password})
    while True:
        answer = json.loads(_mrmd_host.call("input", request))
        if "text" in answer:
            return answer["text"]
        if answer["error"] == "cancelled":
            raise InputCancelled("Input cancelled by user")
        # A signal whose handler raises nothing does not end an input().
        if answer["error"] != "interrupted":
            break
    from IPython.core.error import StdinNotImplementedError

    raise StdinNotImplementedError(answer["message"])


def _input(prompt="", /):
    """Ask the reader for a line of text, showing the prompt.

    Where the user's code has put another `sys.stdin` in place, that is read.
    """
    if sys.stdin is not _reader:
        return _plain_input(prompt)
    return for_text(_show(prompt))


def _getpass(prompt="Password: ", stream=None):
    """Ask the reader for a password, which is not echoed."""
    return for_text(_show(prompt), password=True)


def _show(prompt):
    text = str(prompt)
    sys.stdout.write(text)
    sys.stdout.flush()
    return text


def install(reader):
    """Replace the built-in input and getpass.getpass, and let cells catch a no.

    `reader` is the standard input that stands for the reader.
    """
    global _reader
    _reader = reader
    builtins.InputCancelled = InputCancelled
    _input.__name__ = _input.__qualname__ = "input"
    _getpass.__name__ = _getpass.__qualname__ = "getpass"
    builtins.input = _input
    when_imported.call("getpass", _install_in)


def _install_in(getpass):
    getpass.getpass = _getpass
