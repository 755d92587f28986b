"""Where objects are defined, and their source; of cells too. Needs the GIL."""

import functools
import inspect
import linecache
import sys
import types

from _mrmd import members

_LONGEST = 100_000


def file_and_line(value):
    """Give (file, first line) of where an object is defined, None for the unknown."""
    code = _code_of(value)
    if code is not None:
        return _file_of(code, value), code.co_firstlineno
    if members.is_module(value):
        file = members.instance_dict(value).get("__file__")
        return (file if type(file) is str else None), None
    if members.is_class(value):
        return _of_class(value)
    if members.is_heap_type(type(value)):
        # Of an instance what is written down is its class.
        return _of_class(type(value))
    return None, None


def _file_of(code, value):
    """Give the file of a function's code, also of what Python has frozen into itself."""
    if not code.co_filename.startswith("<frozen "):
        return code.co_filename
    module = sys.modules.get(code.co_filename[len("<frozen ") : -1])
    file = members.instance_dict(module).get("__file__") if module else None
    return file if type(file) is str else code.co_filename


def source(value):
    """Give an object's source, None when it has none."""
    file, line = file_and_line(value)
    if file is None:
        return None
    lines = linecache.getlines(file)
    if members.is_module(value):
        return "".join(lines)[:_LONGEST] or None
    if line is None or not 0 < line <= len(lines):
        return None
    try:
        block = inspect.getblock(lines[line - 1 :])
    except (SyntaxError, IndentationError):
        return None
    return "".join(block)[:_LONGEST].rstrip("\n")


def _code_of(value):
    """Give the code of a function or of what it wraps; None of what isn't Python's.

    What this runtime has put in the place of a C function counts as that function.
    """
    code = _found_code_of(value)
    return None if code is None or code.co_filename.startswith("<mrmd>/") else code


def _found_code_of(value):
    for _ in range(20):
        kind = type(value)
        if kind is types.MethodType or kind is staticmethod or kind is classmethod:
            value = value.__func__
        elif kind is functools.partial:
            value = value.func
        elif kind is property:
            value = value.fget
        elif kind is types.FunctionType:
            wrapped = value.__dict__.get("__wrapped__")
            if wrapped is None or _code_of_plain(wrapped) is None:
                return value.__code__
            value = wrapped
        else:
            wrapped = dict.get(members.instance_dict(value), "__wrapped__")
            if wrapped is None or members.is_class(value):
                return None
            value = wrapped
    return None


def _code_of_plain(value):
    return value.__code__ if type(value) is types.FunctionType else None


def _of_class(kind):
    own = members.class_dict(kind)
    name = members.type_name(kind)
    for item in list(own.values()):
        code = _code_of(item) if not members.is_class(item) else None
        if code is not None:
            line = _class_line(code.co_filename, name, code.co_firstlineno)
            if line is not None:
                return code.co_filename, line
    line = own.get("__firstlineno__")
    module = sys.modules.get(members.module_of(kind))
    file = members.instance_dict(module).get("__file__") if module else None
    if type(file) is str:
        return file, line if type(line) is int else _class_line(file, name, None)
    for cell in reversed([name for name in linecache.cache if "ipython-input" in name]):
        found = _class_line(cell, name, None)
        if found is not None and (line is None or line == found):
            return cell, found
    return None, None


def _class_line(file, name, inside):
    lines = linecache.getlines(file)
    if inside is None:
        starts = range(len(lines), 0, -1)
    else:
        starts = range(min(inside, len(lines)), 0, -1)
    for number in starts:
        text = lines[number - 1].lstrip()
        if text.startswith("class ") and text[6:].lstrip().startswith(name):
            rest = text[6:].lstrip()[len(name) :].lstrip()
            if rest[:1] in (":", "(", "["):
                return _with_decorators(lines, number)
    return None


def _with_decorators(lines, number):
    while number > 1 and lines[number - 2].lstrip().startswith("@"):
        number -= 1
    return number
