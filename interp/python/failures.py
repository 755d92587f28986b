"""Exceptions of user code as clients see them.

Frames of IPython and of this runtime are left out, in chained exceptions and
groups too. Any thread; needs the GIL.
"""

import linecache
import os
import re
import traceback
import types

import IPython

from _mrmd.bootstrap import FOLDER

_MACHINERY = (os.path.dirname(IPython.__file__) + os.sep, FOLDER)
# What the tokenizer calls the code it is given, up to Python 3.11 and from 3.12 on.
_TOKENIZED = ("<tokenize>", "<string>")
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")


def describe(shell, error, cell_file):
    """Describe an exception as (type, message, traceback lines, line, column).

    Line and column, from 1, are of the code in `cell_file`, the name the cell was
    compiled under; None when the exception has no frame there.
    """
    kind = type(error).__name__
    message = _message(error)
    if _is_cells_syntax(error, cell_file):
        # Nothing of the user's has run, and who compiled it is no matter.
        error.__traceback__ = None
        if error.text is None and error.lineno:
            error.text = linecache.getline(error.filename, error.lineno) or None
    error.__traceback__ = _with_lines(error.__traceback__)
    line, column = _position(error, cell_file)
    return kind, message, lines(shell, error), line, column


def lines(shell, error):
    """Format an exception: as Python does, unless the user chose an %xmode."""
    if shell.InteractiveTB.mode != "Context":
        return _in_chosen_mode(shell, error)
    try:
        report = traceback.TracebackException(
            type(error), error, error.__traceback__, compact=True
        )
        _leave_machinery_out(report, set())
        return list(report.format())
    except Exception as problem:
        kind = type(error).__name__
        return [f"{kind}: (its traceback can't be shown: {problem!r})\n"]


def is_machinery(filename):
    """Say whether a frame's file belongs to IPython or to this runtime."""
    return filename.startswith(_MACHINERY)


def _in_chosen_mode(shell, error):
    try:
        text = shell.InteractiveTB.structured_traceback(
            type(error), error, user_traceback(error)
        )
        return [_COLOURS.sub("", line).rstrip("\n") + "\n" for line in text]
    except Exception:
        return traceback.format_exception_only(type(error), error)


def user_traceback(error):
    """Give the exception's traceback from its first frame of user code on."""
    trace = error.__traceback__
    while trace is not None and is_machinery(trace.tb_frame.f_code.co_filename):
        trace = trace.tb_next
    return trace


def _leave_machinery_out(report, seen):
    if report is None or id(report) in seen:
        return
    seen.add(id(report))
    report.stack[:] = [
        frame for frame in report.stack if not is_machinery(frame.filename)
    ]
    _leave_machinery_out(report.__cause__, seen)
    _leave_machinery_out(report.__context__, seen)
    for member in getattr(report, "exceptions", None) or ():
        _leave_machinery_out(member, seen)


def _message(error):
    try:
        return str(error)
    except Exception as problem:
        return f"(its message can't be shown: {type(problem).__name__})"


def _with_lines(trace):
    """Give the traceback with a line for each frame.

    An interrupt may hit an instruction that belongs to no line, or to line 0.
    """
    entries = []
    while trace is not None:
        entries.append(trace)
        trace = trace.tb_next
    if all(entry.tb_lineno for entry in entries):
        return entries[0] if entries else None
    rebuilt = None
    for entry in reversed(entries):
        instruction, line = entry.tb_lasti, entry.tb_lineno
        if not line:
            instruction, line = _nearest_line(entry)
        rebuilt = types.TracebackType(rebuilt, entry.tb_frame, instruction, line)
    return rebuilt


def _nearest_line(entry):
    """Give the instruction before the entry's that has a line, else the first one."""
    code = entry.tb_frame.f_code
    places = [(start, line) for start, _, line in code.co_lines() if line]
    before = [place for place in places if place[0] <= entry.tb_lasti]
    if before:
        return before[-1]
    return places[0] if places else (entry.tb_lasti, code.co_firstlineno)


def _is_cells_syntax(error, cell_file):
    """Say whether the cell was no Python, or not even tokens for IPython to look at."""
    if not isinstance(error, SyntaxError):
        return False
    if cell_file is None:
        return error.filename in _TOKENIZED
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == cell_file:
            return False
        trace = trace.tb_next
    return error.filename == cell_file


def _position(error, cell_file):
    of_tokens = cell_file is None and _is_cells_syntax(error, cell_file)
    if isinstance(error, SyntaxError) and (error.filename == cell_file or of_tokens):
        column = error.offset
        return error.lineno, column if column and column > 0 else None
    deepest = None
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == cell_file:
            deepest = trace
        trace = trace.tb_next
    if deepest is None:
        return None, None
    return deepest.tb_lineno, _column(deepest)


def _column(trace):
    positions = getattr(trace.tb_frame.f_code, "co_positions", None)
    if positions is None or trace.tb_lasti < 0:
        return None
    for index, position in enumerate(positions()):
        if index == trace.tb_lasti // 2:
            offset = position[2]
            return None if offset is None else offset + 1
    return None
