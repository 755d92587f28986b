"""Formats code with black, or with ruff where there is no black.

Lines that IPython understands and Python does not stay as they are. Any thread; needs
the GIL, but not while ruff works.
"""

import ast
import os
import re
import subprocess
import sys

from _mrmd import cursor_context

_PYTHON_CELL_MAGICS = frozenset(["time", "timeit", "capture", "prun", "memit"])
_MAGIC = re.compile(
    r"^([ \t]*)((?:[%!]|\?).*|[^#'\"\n]*?=[ \t]*[%!][\w(].*|[\w.%*]+\?{1,2}[ \t]*)$"
)
_MARK = "__mrmd_line_{}__"
_RUFF_SECONDS = 9
_RUFF_REASON = re.compile(r"^error: Failed to parse cell\.py:")


class NotFormatted(Exception):
    """The code can't be formatted; says why."""


def format(code):
    """Answer /format: {formatted, changed}, and `error` for what stays as it is."""
    try:
        formatted = _format(code)
    except NotFormatted as problem:
        return {"formatted": code, "changed": False, "error": str(problem)}
    return {"formatted": formatted, "changed": formatted != code}


def _format(code):
    if not code.strip():
        return code
    newline = "\r\n" if "\r\n" in code else "\n"
    text = code.replace("\r\n", "\n")
    head = ""
    if text.startswith("%%"):
        first, _, rest = text.partition("\n")
        name = re.match(r"%%(\w*)", first)[1]
        if name not in _PYTHON_CELL_MAGICS or not rest.strip():
            return code
        head, text = first + "\n", rest
    marked, hidden = _hide_magics(text)
    written = _show_magics(_run_formatter(marked), hidden).rstrip("\n")
    if _ends_in_semicolon(marked):
        # In a notebook it keeps the last value from being shown.
        written += ";"
    written = head + written
    if text.endswith("\n"):
        written += "\n"
    return written.replace("\n", newline)


def _ends_in_semicolon(text):
    last = text.rstrip().rpartition("\n")[2]
    if not last.endswith(";") or not _parses(text):
        return False
    place = cursor_context.Place(text, len(text.rstrip()))
    return place.kind == "code" and _parses(text.rstrip()[:-1])


def _hide_magics(text):
    """Put a plain expression in the place of each line that is not Python.

    Returns the text and the lines, which may go on over more than one.
    """
    shown, hidden = [], []
    inside, is_going_on = _lines_inside(text), False
    for number, line in enumerate(text.split("\n")):
        if is_going_on:
            hidden[-1] += "\n" + line
        else:
            match = None if number in inside else _MAGIC.match(line)
            if match is None or _is_python(text, line):
                shown.append(line)
                continue
            shown.append(match[1] + _MARK.format(len(hidden)))
            hidden.append(line)
        is_going_on = line.endswith("\\")
    return "\n".join(shown), hidden


def _is_python(text, line):
    """Say whether a line that looks like a magic is Python, such as `a = b % c`."""
    stripped = line.strip()
    if stripped[:1] in "%!?":
        # Inside brackets a line may begin with an operator.
        return _parses(text)
    return _parses(stripped)


def _parses(text):
    try:
        ast.parse(text)
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return False
    return True


def _lines_inside(text):
    """Give the numbers of the lines that begin inside a string or brackets."""
    place = cursor_context.Place(text, len(text))
    inside = set()
    for end, start in place.begins.items():
        first = text.count("\n", 0, start)
        inside.update(range(first + 1, first + 1 + text.count("\n", start, end)))
    return inside


def _show_magics(text, hidden):
    for number, line in enumerate(hidden):
        mark = _MARK.format(number)
        text, count = re.subn(
            rf"(?m)^([ \t]*){mark}$",
            lambda found, line=line: found[1] + line.lstrip(),
            text,
        )
        if count != 1:
            raise NotFormatted(f"this line could not be kept as it is: {line}")
    return text


def _run_formatter(text):
    try:
        import black
    except ImportError:
        return _run_ruff(text)
    try:
        return black.format_str(text, mode=black.Mode(is_ipynb=False))
    except black.NothingChanged:
        return text
    except Exception as problem:
        raise NotFormatted(str(problem).strip() or type(problem).__name__) from None


def _ruff():
    return os.path.join(os.path.dirname(sys.executable), "ruff")


def _run_ruff(text):
    command = _ruff()
    if not os.path.exists(command):
        raise NotFormatted("neither black nor ruff is in this environment")
    try:
        done = subprocess.run(
            [command, "format", "--stdin-filename", "cell.py", "-"],
            input=text,
            capture_output=True,
            text=True,
            timeout=_RUFF_SECONDS,
        )
    except (OSError, subprocess.SubprocessError) as problem:
        raise NotFormatted(f"ruff: {problem}") from None
    if done.returncode:
        reason = done.stderr.strip() or "ruff can't read the code"
        raise NotFormatted(_RUFF_REASON.sub("cannot parse: ", reason))
    return done.stdout
