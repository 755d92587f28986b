"""Recognises code that IPython's input transformers would leave as it is.

They tokenize every cell, several times; for most cells a look at the text tells that
nothing in it is IPython's. When in doubt the answer is no, and IPython decides.
Main thread; needs the GIL.
"""

import re

from IPython.core.autocall import IPyAutocall
from IPython.core.macro import Macro

# What inputtransformer2's transformers look for: a question mark anywhere, an escape
# or a prompt at the start of a line, a magic or a command that is assigned.
_SPECIAL = re.compile(
    r"""
      \?
    | ^[ \t]*[%!,;/]
    | [=\\][ \t\n\\]*[%!]
    | ^[ \t]*(?:>>>|\.\.\.|In[ ]\[|\[(?:ins|nav)\])
    """,
    re.MULTILINE | re.VERBOSE,
)
# The word of a line that prefilter looks up as a macro, an autocall or a magic.
_FIRST_WORD = re.compile(r"[\w.*]*")
_EMPTY_LINE = re.compile(r"[ \t\f]*(?:\r\n|\r|\n)")
_EMPTY_LINES = re.compile(f"(?:{_EMPTY_LINE.pattern})+")


def without_leading_empty_lines(code):
    """Split code into the newlines of its leading empty lines, and the rest.

    Code that is nothing else has none that lead.
    """
    if not code or not code[0].isspace():
        return "", code
    lines = _EMPTY_LINES.match(code)
    if lines is None or lines.end() == len(code):
        return "", code
    return "\n" * len(_EMPTY_LINE.findall(lines.group())), code[lines.end() :]


class Recogniser:
    """Knows the transformers a shell starts with; with any other it says no."""

    def __init__(self, shell):
        """Take note of the transformers of `shell`."""
        self._shell = shell
        self._standard = self._transformers()

    def _transformers(self):
        manager = self._shell.input_transformer_manager
        return (
            list(manager.cleanup_transforms),
            list(manager.line_transforms),
            list(manager.token_transformers),
            list(self._shell.input_transformers_post),
        )

    def is_plain(self, code):
        """Say whether transforming the code would only see to its last newline."""
        if not code or code[0].isspace() or _SPECIAL.search(code):
            return False
        if self._transformers() != self._standard or self._shell.has_own_prefilters():
            return False
        return len(code.splitlines()) != 1 or self._is_plain_line(code)

    def _is_plain_line(self, line):
        shell = self._shell
        if shell.autocall or line.rstrip().endswith("# PYTHON-MODE"):
            return False
        word = _FIRST_WORD.match(line).group()
        if isinstance(shell.user_ns.get(word), (Macro, IPyAutocall)):
            return False
        return not shell.automagic or shell.find_magic(word) is None
