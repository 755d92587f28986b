"""Modules that an import statement could name. Any thread; needs the GIL."""

import os
import pkgutil
import re
import sys
import time
from importlib.machinery import all_suffixes

_IMPORT = re.compile(r"import\s+(?:[\w.]+(?:\s+as\s+\w+)?\s*,\s*)*([\w.]*)$")
_FROM = re.compile(r"from\s+([\w.]*)$")
_FROM_IMPORT = re.compile(
    r"from\s+([\w.]+)\s+import\s*(?:\(\s*)?(?:\w+(?:\s+as\s+\w+)?\s*,\s*)*(\w*)$"
)
# Folders are listed again after this many seconds.
_FRESH = 10.0
_listed = {}


def in_import(place):
    """Give (start, names, module) when the cursor is in an import, else None.

    `module` is the loaded module whose attributes can stand there too, or None.
    """
    line = _statement(place)
    match = _FROM_IMPORT.match(line)
    if match is not None:
        package, word = match[1], match[2]
        return place.cursor - len(word), _below(package, word), sys.modules.get(package)
    match = _IMPORT.match(line) or _FROM.match(line)
    if match is None:
        return None
    package, _, word = match[1].rpartition(".")
    names = _below(package, word) if package else _top_level(word)
    return place.cursor - len(word), names, None


def _statement(place):
    """Give the statement up to the cursor, from the "from" of an open bracket on."""
    if place.open and place.open[-1][0] == "(":
        line_start = place.code.rfind("\n", 0, place.open[-1][1]) + 1
        text = _last_statement(place.code[line_start : place.cursor])
        if text.startswith("from "):
            return text
    return _last_statement(place.before())


def _last_statement(text):
    return text.rpartition(";")[2].lstrip()


def loaded_in(package, word):
    """Give the submodules of a loaded package that start so."""
    module = sys.modules.get(package) if type(package) is str else None
    if module is None:
        return []
    return [name for name in _in_folders(module) if name.startswith(word)]


def _below(package, word):
    module = sys.modules.get(package)
    if module is None:
        return [name for name in _unloaded(package) if name.startswith(word)]
    # Some are in no folder, such as os.path.
    start = package + "."
    names = [name[len(start) :] for name in list(sys.modules) if name.startswith(start)]
    direct = [name for name in names if "." not in name and name.startswith(word)]
    return list(dict.fromkeys(loaded_in(package, word) + direct))


def _in_folders(module):
    folders = module.__dict__.get("__path__")
    try:
        return [name for folder in list(folders or ()) for name in _names_in(folder)]
    except Exception:
        return []


def _unloaded(package):
    """List a package that nobody has imported, without importing it."""
    parts = package.split(".")
    names = []
    for folder in list(sys.path):
        path = os.path.join(folder or ".", *parts)
        if os.path.isfile(os.path.join(path, "__init__.py")):
            names += _names_in(path)
    return names


def _top_level(word):
    names = set(sys.builtin_module_names)
    names.update(getattr(sys, "stdlib_module_names", ()))
    names.update(name for name in list(sys.modules) if "." not in name)
    for folder in list(sys.path):
        names.update(_names_in(folder or "."))
    return [name for name in names if name.startswith(word)]


def _names_in(folder):
    if type(folder) is not str:
        return []
    until, names = _listed.get(folder, (0, ()))
    if time.monotonic() < until:
        return names
    if folder.endswith(".zip"):
        names = [found.name for found in pkgutil.iter_modules([folder])]
    else:
        names = _list_folder(folder)
    _listed[folder] = (time.monotonic() + _FRESH, names)
    return names


def _list_folder(folder):
    suffixes = tuple(all_suffixes())
    names = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                name = entry.name.partition(".")[0]
                if not name.isidentifier() or name == "__init__":
                    continue
                if entry.name.endswith(suffixes) or (
                    "." not in entry.name
                    and name != "__pycache__"
                    and entry.is_dir()
                    and _has_module(entry.path)
                ):
                    names.append(name)
    except OSError:
        pass
    return names


def _has_module(path):
    if os.path.isfile(os.path.join(path, "__init__.py")):
        return True
    try:
        return any(name.endswith(".py") for name in os.listdir(path))
    except OSError:
        return False
