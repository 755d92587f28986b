"""Completion by jedi, for code that has not run. Any thread; needs the GIL.

jedi reads code and runs none. It is told where the session's modules and classes
come from, and of what types its objects are, by lines put before the code.
"""

import os
import pickle
import re
import sys
import threading

from _mrmd import members

_one_at_a_time = threading.Lock()
_is_preparing = False
# jedi asks a process of its own about modules in C and can't ask it two things at
# once. The one it has by default is the user's, whose cells may use jedi as well.
_environment = None
_prepared = threading.Event()
# How long a question waits, in seconds, for jedi to be done with another one.
_WAIT = 0.05
# What was found for (known names, code, cursor), the oldest first.
_found = {}
_finished = threading.Condition()
_MOST_KEPT = 20
_PATH = ".mrmd-cell.py"
_LONGEST = 100_000
# Begins the names that types have in the lines before the code.
_TYPE = "_mrmd_type_"
_MOST = 500
_KINDS = {
    "module": "module",
    "class": "class",
    "function": "function",
    "instance": "variable",
    "statement": "variable",
    "param": "variable",
    "keyword": "keyword",
    "property": "property",
}


def prepare():
    """Begin to import jedi, which takes longer than a question may, on the first call."""
    global _is_preparing
    if not _is_preparing:
        _is_preparing = True
        threading.Thread(target=_prepare, name="completion-import", daemon=True).start()


def _prepare():
    global _environment
    try:
        import jedi

        try:
            _environment = jedi.create_environment(sys.executable, safe=False)
        except jedi.InvalidPythonEnvironment:
            _environment = jedi.InterpreterEnvironment()
        _script("''.up").complete()
    except Exception:
        # Without jedi, or with one that fails, live objects have to do.
        return
    finally:
        _prepared.set()


class NotReady(Exception):
    """jedi is being imported or at work: the question can be asked again."""


def find(desk, place, word):
    """Give what jedi proposes at the cursor; nothing when it is not to be had.

    A run that takes longer than the question has goes on, and its outcome is there
    for the question asked again. Raises NotReady while there is none.
    """
    if len(place.code) > _LONGEST:
        return []
    if not _prepared.wait(desk.patience):
        raise NotReady
    header = _known_names(desk.shell.user_ns, place.code)
    key = (*header, place.code, place.cursor)
    if (
        desk.attempt == 0
        and key not in _found
        and _one_at_a_time.acquire(timeout=_WAIT)
    ):
        try:
            _keep(key, _run(header, place, word))
        finally:
            _one_at_a_time.release()
    with _finished:
        patience = desk.patience if desk.attempt else 0
        if not _finished.wait_for(lambda: key in _found, patience):
            raise NotReady
        return _found[key]


def _keep(key, matches):
    with _finished:
        _found[key] = matches
        while len(_found) > _MOST_KEPT:
            del _found[next(iter(_found))]
        _finished.notify_all()


def _run(header, place, word):
    try:
        try:
            return _find(header, place, word)
        except (EOFError, pickle.UnpicklingError):
            # What jedi keeps in ~/.cache was cut short when it was written.
            _forget(on_disk=True)
        except Exception:
            # Of modules read by two threads at once, a cell's and this one, jedi
            # keeps for good what was half done.
            _forget(on_disk=False)
        return _find(header, place, word)
    except Exception:
        # jedi fails on some code; then there is nothing to propose.
        return []


def _forget(on_disk):
    import parso.cache
    from jedi import settings

    if on_disk:
        parso.cache.clear_cache(cache_path=settings.cache_directory)
    else:
        parso.cache.parser_cache.clear()


def _script(code):
    import jedi

    # jedi keeps the tree of the code it read last, by path, to read only what is
    # new. All code without a path is one to it: that tree is the user's.
    return jedi.Script(code, path=os.path.abspath(_PATH), environment=_environment)


def _find(header, place, word):
    from _mrmd.completion import Match

    code = "".join(line + "\n" for line in header) + place.code
    before = place.code[: place.cursor]
    line = before.count("\n") + 1 + len(header)
    column = len(before) - (before.rfind("\n") + 1)
    matches = []
    for found in _script(code).complete(line, column)[:_MOST]:
        name = found.name
        if name.startswith(word) and not name.startswith(_TYPE):
            rank = "9" if name.startswith("__") else "7" if name[0] == "_" else "1"
            kind = _KINDS.get(found.type, "variable")
            matches.append(Match(name, kind, found.type, rank))
    return matches


def _known_names(space, code):
    """Say, a line each, what the session's names in the code are."""
    lines = []
    for name in sorted(set(re.findall(r"[^\W\d]\w*", code)))[:500]:
        value = dict.get(space, name, members.ABSENT)
        if value is members.ABSENT:
            continue
        if members.is_module(value):
            module = members.instance_dict(value).get("__name__")
            if type(module) is str and module in sys.modules:
                lines.append(f"import {module} as {name}")
            continue
        origin = value if members.is_class(value) else type(value)
        module = members.module_of(origin)
        kind = members.type_name(origin)
        if module == "__main__" or not _is_found(module, kind, origin):
            continue
        if members.is_class(value):
            lines.append(f"from {module} import {kind} as {name}")
        else:
            alias = f"{_TYPE}{len(lines)}"
            # As if it was made here: of an annotation jedi would not let go when the
            # code gives the name to something else.
            lines.append(f"from {module} import {kind} as {alias}; {name} = {alias}()")
    return lines


def _is_found(module, kind, origin):
    """Say whether a class is what its module has under its name."""
    module = sys.modules.get(module)
    if module is None or not members.is_module(module) or not kind.isidentifier():
        return False
    return members.instance_dict(module).get(kind) is origin
