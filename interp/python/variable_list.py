"""The list of a session's variables: which there are, and an entry for each.

There may be very many, so what plain values need is done here in few steps, and what
was written for a value is kept for the next time. Any thread; needs the GIL.
"""

import itertools
import operator
import re
import types
import weakref
from typing import NamedTuple

from _mrmd import json_text, members, variable_pages

quoted = json_text.quoted

# What /variables lists when the client names no limit.
DEFAULT_LIMIT = 10_000

# Characters of a value that an entry shows.
LONGEST_VALUE = 200
_SMALL = 1 << 64
_FEW = 20
_LONGEST_ITEM = 40

# IPython sets these anew after each cell, and a module has some of its own.
_IPYTHONS = re.compile(
    r"_+|_i+|_i?\d+|_[iod]h|_exit_code"
    r"|__(name|doc|package|loader|spec|file|builtins?|annotations)__"
)

_NO_LENGTH = (
    '"size":null,"expandable":false,"shape":null,"dtype":null,"length":null,'
    '"keys":null,"nbytes":null}'
)


def is_ipythons(name):
    """Say whether IPython has names like this of its own, such as _i12."""
    return name[:1] == "_" and _IPYTHONS.fullmatch(name) is not None


class _Names(NamedTuple):
    """A namespace's keys, those of them that name modules, and what is listed."""

    keys: list
    modules: list
    public: list
    with_private: list


class Memory:
    """What is kept of a session's list from one time to the next.

    Several threads may use it: what belongs together is replaced in one step.
    """

    def __init__(self):
        """Know nothing yet."""
        self._names = _Names([], [], [], [])
        # By name: (value, copy of its items or None, entry as JSON). A copy stands by
        # what can change, and is compared before the entry is used again.
        self.written = {}
        self.pages = variable_pages.Pages()

    def names(self, space, has_private):
        """Give the names of what is no module in order, the same list while it is so.

        Those that begin with "_" are among them when `has_private`.
        """
        keys, known = list(space), self._names
        kinds = map(type, list(space.values()))
        are_modules = map(operator.is_, kinds, itertools.repeat(types.ModuleType))
        modules = [n for n in itertools.compress(keys, are_modules) if type(n) is str]
        # Without asking keys for equality: they may be anything.
        is_known = len(keys) == len(known.keys) and all(
            map(operator.is_, keys, known.keys)
        )
        if not is_known or modules != known.modules:
            left_out = set(modules)
            texts = sorted(key for key in keys if type(key) is str)
            found = [name for name in texts if name not in left_out]
            known = self._names = _Names(
                keys,
                modules,
                [name for name in found if name[:1] != "_"],
                [name for name in found if not _IPYTHONS.fullmatch(name)],
            )
            for name in self.written.keys() - set(found):
                self.written.pop(name, None)
        return known.with_private if has_private else known.public


_memories = weakref.WeakKeyDictionary()


def _memory_of(shell):
    found = _memories.get(shell)
    if found is None:
        found = _memories[shell] = Memory()
    return found


def names(shell, request):
    """Give the names to list, sorted, before any value is looked at."""
    space, hidden = shell.user_ns, shell.user_ns_hidden
    get, absent = space.get, members.ABSENT
    found = _memory_of(shell).names(space, request.get("excludePrivate") is False)
    # What IPython put there, unless the user has put something else in its place.
    left_out = {
        name
        for name, value in list(hidden.items())
        if get(name, absent) is value and value is not absent
    }
    if not left_out.isdisjoint(found):
        found = [name for name in found if name not in left_out]
    wanted = request.get("types")
    if wanted:
        found = _of_types(found, list(map(type, map(get, found))), frozenset(wanted))
    return found


def _of_types(names, kinds, wanted):
    # By id: a type of the user's need not be hashable.
    are_wanted = {}
    for key, kind in dict(zip(map(id, kinds), kinds, strict=True)).items():
        name = members.type_name(kind)
        full = f"{members.module_of(kind)}.{name}"
        are_wanted[key] = name in wanted or full in wanted
    chosen = map(are_wanted.__getitem__, map(id, kinds))
    return list(itertools.compress(names, chosen))


def count(shell):
    """Say how many variables /variables lists when it is asked for no other."""
    return len(names(shell, {}))


def listing(shell, request, describer):
    """Answer /variables, as JSON: `names` are those to list when the host has chosen."""
    chosen = request.get("names")
    found = names(shell, request) if chosen is None else chosen
    start = request.get("offset") or 0
    limit = request.get("limit")
    limit = DEFAULT_LIMIT if limit is None else limit
    shown = found[start : start + limit]
    memory = _memory_of(shell)

    def write(names):
        return _entries(names, shell.user_ns, memory.written, describer)

    page = memory.pages.texts(shown, shell.user_ns, memory.written, write) or [""]
    is_cut = "true" if start + len(shown) < len(found) else "false"
    # Joined at once: each copy of a long text costs as much as the entries in it.
    page[0] = '{"variables":[' + page[0]
    page[-1] += f'],"count":{len(found)},"truncated":{is_cut}}}'
    return ",".join(page)


def _entries(shown, space, written, describer):
    """Give the entries of those of the names that are there, as JSON."""
    get, known, absent = space.get, written.get, members.ABSENT
    page = []
    add = page.append
    for name in shown:
        value = get(name, absent)
        if value is absent:
            continue
        entry = known(name)
        if entry is not None and entry[0] is value:
            if entry[1] is None or _is_unchanged(value, entry[1]):
                add(entry[2])
                continue
        entry = _write(name, value)
        if entry is None:
            written.pop(name, None)
            add(json_text.encode(describer.entry(name, value)))
        else:
            written[name] = entry
            add(entry[2])
    return page


def _is_unchanged(value, copy):
    """Say whether a container still has the very items it was written with."""
    same = operator.is_
    try:
        if len(value) != len(copy) or not all(map(same, value, copy)):
            return False
        return type(copy) is not dict or all(map(same, value.values(), copy.values()))
    except RuntimeError:
        # Another thread is changing it.
        return False


def _write(name, value):
    """Give what Memory.written keeps for a plain value, None for any other."""
    kind = type(value)
    if (
        (kind is int and -_SMALL < value < _SMALL)
        or kind is float
        or kind is bool
        or value is None
    ):
        return (
            value,
            None,
            f'{{"name":{quoted(name)},"type":"{kind.__name__}","value":"{value!r}",{_NO_LENGTH}',
        )
    if kind is str:
        if len(value) > LONGEST_VALUE:
            return None
        return (
            value,
            None,
            f'{{"name":{quoted(name)},"type":"str","value":{quoted(repr(value))},'
            f'"size":null,"expandable":false,"shape":null,"dtype":null,'
            f'"length":{len(value)},"keys":null,"nbytes":null}}',
        )
    copy = _small_copy(value, kind)
    text = None if copy is None else _text(copy, kind)
    if text is None:
        return None
    kept = None if kind is tuple else tuple(value) if kind is set else copy
    return value, kept, _container(name, copy, kind, text)


def _small_copy(value, kind):
    """Copy a container of a few items, None for others: threads may change it."""
    if kind is list or kind is dict or kind is set:
        return value.copy() if len(value) <= _FEW else None
    return value if kind is tuple and len(value) <= _FEW else None


def _text(copy, kind):
    """Give the repr of a container of plain values, None for any other."""
    for item in (*copy, *copy.values()) if kind is dict else copy:
        of = type(item)
        if of is int:
            if not -_SMALL < item < _SMALL:
                return None
        elif of is str:
            if len(item) > _LONGEST_ITEM:
                return None
        elif not (of is float or of is bool or item is None):
            return None
    text = repr(copy)
    return text if len(text) <= LONGEST_VALUE else None


def _container(name, value, kind, text):
    keys = "null"
    if kind is dict:
        texts = [quoted(k if type(k) is str else repr(k)) for k in value]
        keys = f"[{','.join(texts)}]"
    length = len(value)
    return (
        f'{{"name":{quoted(name)},"type":"{kind.__name__}",'
        f'"value":{quoted(text)},"size":"{length} items",'
        f'"expandable":{"true" if length else "false"},"shape":null,"dtype":null,'
        f'"length":{length},"keys":{keys},"nbytes":null}}'
    )
