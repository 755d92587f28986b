"""What one value is: its entry in a list, and the value with its parts.

Any thread; needs the GIL.
"""

import collections
import types
from typing import NamedTuple

from _mrmd import bounded_repr, drilldown, library_values, members, visits
from _mrmd.variable_list import LONGEST_VALUE

_KEYS = 100
_KEY = 200

_SIZED = (
    str, bytes, bytearray, list, tuple, set, frozenset, dict, range, collections.deque,
)  # fmt: skip
_ATOMS = (
    int, float, complex, bool, type(None), str, bytes, type(Ellipsis),
    type(NotImplemented), types.BuiltinFunctionType, range, bytearray,
)  # fmt: skip


class _Type(NamedTuple):
    """What is the same for all values of a type."""

    kind: object
    name: str
    is_atom: bool
    library: object
    is_dict: bool
    # Gives a value's length; None when values of the type have none.
    measure: object


class Describer:
    """Describes values for one visit."""

    def __init__(self, visit, previewer):
        """Use the time of `visit`; texts come from `previewer`."""
        self._visit = visit
        self._previewer = previewer
        # By a type's id, with the type, which keeps the id its own.
        self._types = {}

    def entry(self, name, value, text=None):
        """Describe a value as the wire has it, under a name; never raises.

        `text` is the value's text where it is known already.
        """
        try:
            return self._entry(name, value, text)
        except Exception:
            # A value that another thread changes meanwhile, or a broken one.
            kind = members.type_name(type(value))
            return {**_NOTHING, "name": name, "type": kind, "value": f"<{kind}>"}

    def _entry(self, name, value, text):
        kind = type(value)
        of = self._type(value)
        entry = {
            "name": name,
            "type": of.name,
            "value": text or self._previewer.text(value, LONGEST_VALUE),
            "size": None,
            "expandable": False,
            "shape": None,
            "dtype": None,
            "length": None,
            "keys": None,
            "nbytes": None,
        }
        if of.is_atom and of.measure is None:
            return entry
        if of.library is not None:
            self._add_library_facts(entry, value, of.library)
            return entry
        length = None if of.measure is None else of.measure(value)
        if length is not None:
            entry["length"] = length
            if not members.is_one_of(kind, _TEXTS):
                entry["size"] = f"{length} items"
        if members.is_one_of(kind, (bytes, bytearray, memoryview)):
            entry["nbytes"] = length
            if kind is memoryview:
                entry["nbytes"], entry["shape"] = value.nbytes, list(value.shape)
        if of.is_dict:
            keys = members.first(dict.keys(value).__iter__, _KEYS)
            entry["keys"] = [self.key_text(key) for key in keys]
        entry["expandable"] = not of.is_atom and self._has_parts(value, length)
        return entry

    def _shortened(self, value, full, longest):
        """Give the text of an entry by a longer one, None where it would differ."""
        if longest < LONGEST_VALUE:
            return None
        if len(full) <= LONGEST_VALUE:
            return full
        if self._type(value).library is not None:
            return bounded_repr.cut(full, LONGEST_VALUE)
        return None

    def _type(self, value):
        """Give what is known of a value's type, found once in a visit."""
        kind = type(value)
        found = self._types.get(id(kind))
        if found is None:
            found = self._types[id(kind)] = _Type(
                kind,
                members.type_name(kind),
                members.is_one_of(kind, _ATOMS),
                library_values.kind_of(value),
                members.has_base(kind, dict),
                self._measure_of(value),
            )
        return found

    def _add_library_facts(self, entry, value, known):
        facts = library_values.facts(value, known)
        entry["shape"], entry["dtype"] = facts.shape, facts.dtype
        entry["length"], entry["nbytes"] = facts.length, facts.nbytes
        entry["size"], entry["keys"] = facts.size, facts.columns
        entry["expandable"] = known != "scalar" or facts.columns is not None

    @staticmethod
    def _has_parts(value, length):
        if length is not None and not members.instance_dict(value):
            return length > 0
        return not members.is_one_of(type(value), _WITHOUT_PARTS)

    def length(self, value):
        """Give how many items a value says it has; None when it does not say."""
        measure = self._type(value).measure
        return None if measure is None else measure(value)

    def _measure_of(self, value):
        """Give what counts the items of values of a type, None when nothing does."""
        for kind in members.mro(type(value)):
            if type(kind) is type and kind in _SIZED_SET:
                return kind.__len__
        if members.is_class(value):
            return None
        if members.special_method(value, "__len__") is members.ABSENT:
            return None
        return self._ask_length

    def _ask_length(self, value):
        try:
            return self._visit.call(value, len, value)
        except visits.NotAnswered:
            return None

    def key_text(self, key):
        """Give a mapping's key as a text: a str as it is, others as their repr."""
        if type(key) is str:
            return key if len(key) <= _KEY else key[:_KEY] + "..."
        if type(key) is int and key.bit_length() < _KEY:
            return repr(key)
        return self._previewer.line(key, _KEY)

    def detail(self, name, value, request):
        """Answer /variables/{name} for the value that the path leads to."""
        most = request.get("maxChildren")
        most = 100 if most is None else most
        longest = request.get("maxValueLength")
        longest = 1000 if longest is None else longest
        full = self._previewer.text(value, longest)
        entry = self.entry(name, value, text=self._shortened(value, full, longest))
        entry["fullValue"] = full
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
_SIZED_SET = frozenset(_SIZED)
_WITHOUT_PARTS = (
    types.GeneratorType, types.CoroutineType, types.AsyncGeneratorType,
    types.MethodDescriptorType, types.WrapperDescriptorType, type(len), slice, memoryview,
)  # fmt: skip
