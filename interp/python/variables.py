"""What a session's namespace holds: the list, and one value with its parts.

Any thread; needs the GIL.
"""

import collections
import re
import types
from itertools import islice

from _mrmd import drilldown, json_text, library_values, members, visits

_VALUE = 200
_KEYS = 100
_KEY = 200
_SMALL = 1 << 64
_FEW = 20

# What /variables lists when the client names no limit.
DEFAULT_LIMIT = 10_000

_SIZED = (
    str, bytes, bytearray, list, tuple, set, frozenset, dict, range, collections.deque,
)  # fmt: skip
_ATOMS = (
    int, float, complex, bool, type(None), str, bytes, type(Ellipsis),
    type(NotImplemented), types.BuiltinFunctionType, range, bytearray,
)  # fmt: skip


# IPython sets these anew after each cell, and a module has some of its own.
_IPYTHONS = re.compile(
    r"_+|_i+|_i?\d+|_[iod]h|_exit_code"
    r"|__(name|doc|package|loader|spec|file|builtins?|annotations)__"
)


def names(shell, request):
    """Give the names to list, sorted, before any value is looked at."""
    wanted = request.get("types")
    hidden, absent, module = shell.user_ns_hidden, members.ABSENT, types.ModuleType
    # One pass, with nothing called for most names: there may be very many.
    found = [
        name
        for name, value in list(dict.items(shell.user_ns))
        if type(name) is str
        and name[:1] != "_"
        and type(value) is not module
        and (name not in hidden or hidden.get(name, absent) is not value)
    ]
    if request.get("excludePrivate") is False:
        found += [
            name
            for name, value in list(dict.items(shell.user_ns))
            if type(name) is str
            and name[:1] == "_"
            and type(value) is not module
            and hidden.get(name, absent) is not value
            and not _IPYTHONS.fullmatch(name)
        ]
    if wanted:
        space = shell.user_ns
        found = [name for name in found if _is_wanted(type(space.get(name)), wanted)]
    found.sort()
    return found


def _is_wanted(kind, wanted):
    name = members.type_name(kind)
    return name in wanted or f"{members.module_of(kind)}.{name}" in wanted


def listing(shell, request, describe):
    """Answer /variables: `names` are those to list when the host has chosen."""
    chosen = request.get("names")
    found = names(shell, request) if chosen is None else chosen
    start = request.get("offset") or 0
    limit = request.get("limit")
    limit = DEFAULT_LIMIT if limit is None else limit
    space, absent, entry_json = shell.user_ns, members.ABSENT, describe.entry_json
    page = [
        entry_json(name, value)
        for name in found[start : start + limit]
        if (value := space.get(name, absent)) is not absent
    ]
    is_cut = "true" if start + len(page) < len(found) else "false"
    return json_text.Written(
        f'{{"variables":[{",".join(page)}],"count":{len(found)},"truncated":{is_cut}}}'
    )


class Describer:
    """Describes values for one visit."""

    def __init__(self, visit, previewer, written):
        """Use the time of `visit`; texts come from `previewer`.

        `written` remembers entries from one visit to the next.
        """
        self._visit = visit
        self._previewer = previewer
        # name: (value, entry) of plain values, which need no second look.
        self._written = written

    def entry_json(self, name, value):
        """Give an entry as JSON; plain values, the most of any namespace, fast."""
        known = self._written.get(name)
        if known is not None and known[0] is value:
            return known[1]
        kind = type(value)
        text = _plain_json(name, value, kind)
        if text is not None:
            if len(self._written) > 2 * DEFAULT_LIMIT:
                self._written.clear()
            self._written[name] = (value, text)
            return text
        if kind is list or kind is tuple or kind is dict:
            text = _small_text(value, kind)
            if text is not None:
                return _container_json(name, value, kind, text)
        return json_text.encode(self.entry(name, value))

    def entry(self, name, value, limit=_VALUE):
        """Describe a value as the wire has it, under a name; never raises."""
        try:
            return self._entry(name, value, limit)
        except Exception:
            # A value that another thread changes meanwhile, or a broken one.
            kind = members.type_name(type(value))
            return {**_NOTHING, "name": name, "type": kind, "value": f"<{kind}>"}

    def _entry(self, name, value, limit):
        kind = type(value)
        entry = {
            "name": name,
            "type": members.type_name(kind),
            "value": self._previewer.text(value, limit),
            "size": None,
            "expandable": False,
            "shape": None,
            "dtype": None,
            "length": None,
            "keys": None,
            "nbytes": None,
        }
        if type(kind) is type and kind in _ATOMS_SET and kind not in _SIZED_SET:
            return entry
        known = library_values.kind_of(value)
        if known is not None:
            self._add_library_facts(entry, value, known)
            return entry
        length = self.length(value)
        if length is not None:
            entry["length"] = length
            if not members.is_one_of(kind, _TEXTS):
                entry["size"] = f"{length} items"
        if members.is_one_of(kind, (bytes, bytearray, memoryview)):
            entry["nbytes"] = length
            if kind is memoryview:
                entry["nbytes"] = value.nbytes
        if members.has_base(kind, dict):
            entry["keys"] = [
                self.key_text(key) for key in list(islice(dict.keys(value), _KEYS))
            ]
        entry["expandable"] = self._has_parts(value, length)
        return entry

    def _add_library_facts(self, entry, value, known):
        facts = library_values.facts(value, known)
        entry["shape"], entry["dtype"] = facts.shape, facts.dtype
        entry["length"], entry["nbytes"] = facts.length, facts.nbytes
        entry["size"], entry["keys"] = facts.size, facts.columns
        entry["expandable"] = known != "scalar"

    def _has_parts(self, value, length):
        if members.is_one_of(type(value), _ATOMS):
            return False
        if length is not None and not members.instance_dict(value):
            return length > 0
        return not members.is_one_of(type(value), _WITHOUT_PARTS)

    def length(self, value):
        """Give how many items a value says it has; None when it does not say."""
        for kind in members.mro(type(value)):
            if type(kind) is type and kind in _SIZED_SET:
                return kind.__len__(value)
        if members.is_class(value):
            return None
        if members.special_method(value, "__len__") is members.ABSENT:
            return None
        try:
            return self._visit.call(value, len, value)
        except visits.NotAnswered:
            return None

    def key_text(self, key):
        """Give a mapping's key as a text: a str as it is, others as their repr."""
        if type(key) is str:
            return key if len(key) <= _KEY else key[:_KEY] + "..."
        return self._previewer.line(key, _KEY)

    def detail(self, name, value, request):
        """Answer /variables/{name} for the value that the path leads to."""
        most = request.get("maxChildren")
        most = 100 if most is None else most
        longest = request.get("maxValueLength")
        longest = 1000 if longest is None else longest
        entry = self.entry(name, value)
        entry["fullValue"] = self._previewer.text(value, longest)
        parts = drilldown.Parts(value, self._visit, self)
        children, count = parts.page(request.get("offset") or 0, most)
        entry["children"] = [
            {**self.entry(child, item), **extra} for child, item, extra in children
        ]
        entry["childCount"] = count
        entry["methods"], entry["attributes"] = parts.names()
        entry["truncated"] = (
            count is None or (request.get("offset") or 0) + len(children) < count
        )
        return entry


def _plain_json(name, value, kind):
    """Give the entry of an unchangeable value of a plain type, None for others."""
    if kind is str:
        if len(value) > _VALUE:
            return None
        return (
            f'{{"name":{json_text.quoted(name)},"type":"str",'
            f'"value":{json_text.quoted(repr(value))},"size":null,'
            f'"expandable":false,"shape":null,"dtype":null,"length":{len(value)},'
            '"keys":null,"nbytes":null}'
        )
    if not (
        kind is float
        or value is None
        or kind is bool
        or (kind is int and -_SMALL < value < _SMALL)
    ):
        return None
    return (
        f'{{"name":{json_text.quoted(name)},"type":"{kind.__name__}","value":"{value!r}",'
        '"size":null,"expandable":false,"shape":null,"dtype":null,"length":null,'
        '"keys":null,"nbytes":null}'
    )


def _small_text(value, kind):
    """Give the repr of a container of a few plain values, None for any other."""
    if len(value) > _FEW:
        return None
    items = (*value, *value.values()) if kind is dict else value
    for item in items:
        of = type(item)
        if of is str:
            if len(item) > 40:
                return None
        elif of is int:
            if not -_SMALL < item < _SMALL:
                return None
        elif not (of is float or of is bool or item is None):
            return None
    text = repr(value)
    return text if len(text) <= _VALUE else None


def _container_json(name, value, kind, text):
    keys = "null"
    if kind is dict:
        keys = json_text.encode([k if type(k) is str else repr(k) for k in value])
    length = len(value)
    return (
        f'{{"name":{json_text.quoted(name)},"type":"{kind.__name__}",'
        f'"value":{json_text.quoted(text)},"size":"{length} items",'
        f'"expandable":{"true" if length else "false"},"shape":null,"dtype":null,'
        f'"length":{length},"keys":{keys},"nbytes":null}}'
    )


_NOTHING = dict.fromkeys(
    [
        "name",
        "type",
        "value",
        "size",
        "expandable",
        "shape",
        "dtype",
        "length",
        "keys",
        "nbytes",
    ]
) | {"expandable": False}
_TEXTS = (str, bytes, bytearray)
_ATOMS_SET, _SIZED_SET = frozenset(_ATOMS), frozenset(_SIZED)
_WITHOUT_PARTS = (
    types.GeneratorType, types.CoroutineType, types.AsyncGeneratorType,
    types.MethodDescriptorType, types.WrapperDescriptorType, type(len), slice, memoryview,
)  # fmt: skip
