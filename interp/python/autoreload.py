"""Notes what is needed to reload edited modules; the host tells which were edited.

IPython's autoreload looks at the file of every module before every cell. Here the
host watches the files, and IPython's code runs only when one has changed. Main
thread; the notes of a load are made on any thread.
"""

import importlib
import json
import os
import sys
import tokenize
import types
from importlib.machinery import SourceFileLoader

import _mrmd_host

# The time of modification, in seconds, that each file had when it was loaded.
loaded = {}

# The time that IPython compares a module's file with, by the module's name.
times = {}

# The text of the user's own modules as it was loaded, by the module's name; "" where
# it is not known.
sources = {}

# What the host says has changed, and what did while reloading was switched off.
_changed = set()
_missed = set()

# Modules whose files were noted, and what sys.modules looked like then; files that
# were loaded since, for the first time or again.
_known = set()
_seen = None
_fresh = set()

# The files that symbolic links lead to, with the names the modules have for them.
_targets = {}

_LIBRARY = os.path.dirname(os.__file__) + os.sep
_PACKAGES = (
    f"{os.sep}site-packages{os.sep}",
    f"{os.sep}dist-packages{os.sep}",
)


def install():
    """Note from now on what is loaded. The modules there are belong to the runtime."""
    original = SourceFileLoader.path_stats

    def path_stats(self, path):
        """Look at a file that is about to be loaded."""
        status = original(self, path)
        loaded[path] = status["mtime"]
        _fresh.add(path)
        return status

    SourceFileLoader.path_stats = path_stats
    _known.update(sys.modules)


def end_start():
    """Take note that a start is over, so that the first cell need not look for imports.

    What IPython has loaded meanwhile belongs to the runtime; the rest is the user's.
    """
    global _seen
    new = [name for name in sys.modules if name not in _known]
    ours = [name for name in new if name.partition(".")[0] == "IPython"]
    _known.update(ours)
    _fresh.difference_update(file_of(sys.modules[name]) for name in ours)
    if len(ours) == len(new) and not _fresh:
        _seen = len(sys.modules), next(reversed(sys.modules))


def note_imports():
    """Have the files of modules watched that were imported since the last call."""
    global _seen
    # The newest module is always the last.
    now = len(sys.modules), next(reversed(sys.modules))
    if now == _seen and not _fresh:
        return
    _seen = now
    fresh = set(_fresh)
    _fresh.difference_update(fresh)
    found = []
    for name, module in list(sys.modules.items()):
        path = file_of(module)
        if name in _known and path not in fresh:
            continue
        _known.add(name)
        times.pop(name, None)
        if path is not None and not _is_librarys(path):
            found.append((name, path))
    if found:
        _watch(found)


def _watch(found):
    own = [item for item in found if not _is_packaged(item[1])]
    for _, path in own:
        target = os.path.realpath(path)
        if target != path:
            _targets[target] = path
    files = {path for _, path in found} | _targets.keys()
    _mrmd_host.call(
        "watch_modules",
        json.dumps(
            [{"path": path, "mtime": loaded.get(path, 0.0)} for path in sorted(files)]
        ),
    )
    for name, path in own:
        sources[name] = _text_as_loaded(path)


def _text_as_loaded(path):
    """Give a file's text, "" when it was changed since it was loaded."""
    text = read(path)
    try:
        modified = os.stat(path).st_mtime
    except OSError:
        return ""
    return text if loaded.setdefault(path, modified) == modified else ""


def read(path):
    """Give the text of a Python file, "" when it can't be read."""
    try:
        with tokenize.open(path) as file:
            return file.read()
    except (OSError, SyntaxError, ValueError):
        return ""


def file_of(module):
    """Give the path of a module's source file; None when it has none."""
    if not isinstance(module, types.ModuleType):
        return None
    # What vars() gives of a module that is loaded when it is used would load it.
    path = object.__getattribute__(module, "__dict__").get("__file__")
    return path if isinstance(path, str) and path.endswith(".py") else None


def _is_packaged(path):
    return any(folder in path for folder in _PACKAGES)


def _is_librarys(path):
    return path.startswith(_LIBRARY) and not _is_packaged(path)


def note_changes(paths):
    """Take the paths of changed files, in lines; an empty one stands for any."""
    _changed.update(_targets.get(path, path) for path in paths.split("\n"))


def has_changes():
    """Say whether something changed that no shell has looked at."""
    return bool(_changed)


def keep_for_later(paths):
    """Take note of changes that %autoreload's present mode leaves alone."""
    _missed.update(paths)


def look_again():
    """Take up the changes that were left alone."""
    _changed.update(_missed)
    _missed.clear()


def reload_changed(shell):
    """Reload what changed, as the shell's %autoreload says."""
    reloader = reloader_of(shell)
    paths = set(_changed)
    _changed.clear()
    if not paths.issubset(loaded):
        # A file may be new to a folder that was listed a moment ago.
        importlib.invalidate_caches()
    if not reloader.enabled:
        keep_for_later(paths)
        return
    if "" in paths or any(path in loaded for path in paths):
        reloader.reload(paths)


def magics_of(shell):
    """Give what carries out %autoreload and %aimport in a shell."""
    made = vars(shell).get("_autoreload_magics")
    if made is None:
        from _mrmd.autoreload_magics import AutoreloadMagics

        made = shell._autoreload_magics = AutoreloadMagics(shell)
    return made


def reloader_of(shell):
    """Give what reloads modules for a shell."""
    return magics_of(shell)._reloader
