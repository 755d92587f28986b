"""The parts of a value: items, columns, attributes; a page of them, and one by name.

A part's name is what a client sends to come to it. Keys that a short text can't name
for certain are named by their position: "text#12". Any thread; needs the GIL.
"""

import ast
import cmath
import collections
import functools
import re
import types
from itertools import islice

from _mrmd import library_values, members

_LONGEST_NAME = 200
_LITERALS = (str, int, float, bool, bytes, type(None), complex)
_NAMES = 500
_INDEX = re.compile(r"-?\d+")
_POSITION = re.compile(r"(?s)(.*)#(\d+)")


class NoSuchPart(Exception):
    """There is nothing under that name."""


def follow(value, path, visit, describer):
    """Give the object at the end of a path; raises NoSuchPart."""
    for number, step in enumerate(path):
        try:
            value = Parts(value, visit, describer).part(step)
        except NoSuchPart:
            where = "".join(f"[{text!r}]" for text in path[:number])
            raise NoSuchPart(
                f"{step!r} is no key, index, column or attribute"
                + (f" at {where}" if where else "")
            ) from None
    return value


class Parts:
    """The parts of one value."""

    def __init__(self, value, visit, describer):
        """Choose how the value's items are reached by its type."""
        self._value = value
        self._visit = visit
        self._describer = describer
        self._is_keyed = False
        self._fetch = self._length = None
        self._choose()

    def _choose(self):
        value = self._value
        kind = type(value)
        known = library_values.kind_of(value)
        if known in _COLUMNS_OF:
            self._choose_columns(*_COLUMNS_OF[known])
        elif known in _ELEMENT_OF:
            self._choose_elements(known)
        elif known == "scalar" and value.dtype.names:
            self._choose_fields(value)
        elif known is not None or members.is_class(value) or members.is_module(value):
            return
        elif members.has_base(kind, dict):
            self._choose_keys(
                lambda start, stop: members.first(
                    members.pairs(value).__iter__, stop, start
                ),
                self._item_of_dict,
                dict.__len__(value),
            )
        elif kind is types.MappingProxyType:
            self._choose_keys(
                lambda start, stop: members.first(value.items().__iter__, stop, start),
                lambda key: self._visit.call(value, _item_of_mapping, value, key),
                len(value),
            )
        elif members.has_base(kind, list) or members.has_base(kind, tuple):
            base = list if members.has_base(kind, list) else tuple
            self._length = base.__len__(value)
            self._fetch = lambda start, stop: base.__getitem__(
                value, slice(start, stop)
            )
        elif kind is range:
            self._length = len(value)
            self._fetch = lambda start, stop: list(value[start:stop])
        else:
            self._choose_iterated(value, kind)

    def _item_of_dict(self, key):
        if self._visit.runs_user_code:
            found = self._visit.call(
                self._value, dict.get, self._value, key, members.ABSENT
            )
            if found is members.ABSENT:
                raise KeyError(key)
            return found
        # A lookup may compare with a key of a type of the user's.
        for other, item in members.pairs(self._value):
            if type(other) is type(key) and other == key:
                return item
        raise KeyError(key)

    def _choose_iterated(self, value, kind):
        for base in (set, frozenset, collections.deque):
            if members.has_base(kind, base):
                self._length = base.__len__(value)
                self._fetch = functools.partial(_iterated, base, value)
                return
        if members.is_one_of(kind, _VIEWS):
            self._length = len(value)
            self._fetch = lambda start, stop: members.first(value.__iter__, stop, start)
        elif members.has_base(kind, collections.abc.Mapping):
            self._choose_keys(
                lambda start, stop: self._visit.call(
                    value, _mapping_items, value, start, stop
                ),
                lambda key: self._visit.call(value, _item_of_mapping, value, key),
                self._describer.length(value),
            )
        elif members.has_base(kind, collections.abc.Sequence):
            self._length = self._describer.length(value)
            self._fetch = lambda start, stop: self._visit.call(
                value, lambda: [value[i] for i in range(start, min(stop, len(value)))]
            )

    def _choose_keys(self, pairs, get, length):
        self._is_keyed, self._length = True, length
        self._pairs, self._get = pairs, get

    def _choose_columns(self, labels, column):
        found = labels(self._value)
        value = self._value
        self._is_keyed, self._length = True, len(found)
        self._pairs = lambda start, stop: [
            (found[number], column(value, number))
            for number in range(start, min(stop, len(found)))
        ]

        def get(key):
            for number in range(len(found)):
                if found[number] == key:
                    return column(value, number)
            raise KeyError(key)

        self._get = get

    def _choose_elements(self, known):
        element = _ELEMENT_OF[known]
        facts = library_values.facts(self._value, known)
        names = facts.columns if known == "array" else None
        if names:
            self._choose_fields(library_values.plain_array(self._value))
        if facts.length is not None:
            fetch = self._fetch_elements(element, facts.length)
            self._row = fetch
            if not names:
                self._fetch, self._length = fetch, facts.length

    def _choose_fields(self, value):
        labels = list(value.dtype.names)
        self._is_keyed, self._length = True, len(labels)
        self._pairs = lambda start, stop: [
            (label, value[label]) for label in labels[start:stop]
        ]
        self._get = lambda key: value[key]

    def _fetch_elements(self, element, length):
        value = self._value
        return lambda start, stop: [
            element(value, number) for number in range(start, min(stop, length))
        ]

    _row = None

    def page(self, start, count):
        """Give ((name, value, extra) of each part, how many parts there are)."""
        try:
            return self._page(start, count)
        except Exception:
            # User code that failed, or a container that changed meanwhile.
            return [], 0

    def _page(self, start, count):
        attributes = self._attributes()
        items = self._length or 0
        page = []
        if self._length and start < items:
            page = self._items(start, min(start + count, items))
        if start + count > items and attributes:
            first = max(start - items, 0)
            more = attributes[first : first + count - len(page)]
            page += [(name, item, {}) for name, item in more]
        return page, items + len(attributes)

    def _items(self, start, stop):
        if not self._is_keyed:
            items = self._fetch(start, stop)
            return [(f"[{start + n}]", item, {}) for n, item in enumerate(items)]
        page, seen = [], set()
        for number, (key, item) in enumerate(self._pairs(start, stop), start):
            name = self._name_of(key, number)
            if name in seen:
                name = f"{name}#{number}"
            seen.add(name)
            page.append((name, item, {}))
        return page

    def _name_of(self, key, number):
        if type(key) is str and len(key) <= _LONGEST_NAME:
            return key
        text = self._describer.key_text(key)
        if not is_literal(key) or len(text) >= _LONGEST_NAME:
            return f"{text}#{number}"
        return f"{text}#{number}" if self._has(text) else text

    def _has(self, key):
        try:
            self._get(key)
        except Exception:
            return False
        return True

    def part(self, step):
        """Give the part a step names; raises NoSuchPart."""
        for find in (self._by_key, self._by_index, self._by_position):
            try:
                found = find(step)
            except Exception:
                continue
            if found is not members.ABSENT:
                return found
        name = step[1:] if step.startswith(".") else step
        found, is_known = members.attribute(self._value, name)
        if found is not members.ABSENT and is_known:
            return found
        # Where asking for it would run code there can be something stored all the same.
        for own, item in self._attributes():
            if own == name:
                return item
        raise NoSuchPart(step)

    def _by_key(self, step):
        if not self._is_keyed:
            return members.ABSENT
        text = step
        while True:
            for key in _readings(text):
                try:
                    return self._get(key)
                except Exception:
                    continue
            if not (text.startswith("[") and text.endswith("]")):
                return members.ABSENT
            text = text[1:-1]

    def _by_index(self, step):
        text = step[1:-1] if step[:1] == "[" and step[-1:] == "]" else step
        fetch = self._fetch or self._row
        if fetch is None or not _INDEX.fullmatch(text):
            return members.ABSENT
        number = int(text)
        if number < 0:
            number += self._length
        if number < 0:
            return members.ABSENT
        found = fetch(number, number + 1)
        return found[0] if found else members.ABSENT

    def _by_position(self, step):
        match = _POSITION.fullmatch(step)
        if match is None or not self._is_keyed:
            return members.ABSENT
        number = int(match[2])
        for key, item in self._pairs(number, number + 1):
            text = key if type(key) is str else self._describer.key_text(key)
            if text == match[1] or self._describer.key_text(key) == match[1]:
                return item
        return members.ABSENT

    def count(self):
        """Say how many parts there are."""
        return (self._length or 0) + len(self._attributes())

    def _attributes(self):
        value = self._value
        if members.is_class(value):
            own = list(members.class_dict(value).items())
        elif members.is_module(value):
            own = [
                (name, item)
                for name, item in list(members.instance_dict(value).items())
                if type(name) is str and name[:1] != "_"
            ]
        elif members.is_safe(type(value)) and not members.instance_dict(value):
            return []
        elif library_values.kind_of(value) is not None:
            return []
        else:
            own = members.own_attributes(value)
            if members.is_safe(type(value)):
                # What a library's object keeps for itself comes and goes.
                own = [(name, item) for name, item in own if name[:1] != "_"]
        return [
            (name, _unwrapped(item))
            for name, item in own
            if type(name) is str and not _is_dunder(name)
        ]

    def names(self):
        """Give the names of the public methods, and of the other attributes."""
        value, kind = self._value, type(self._value)
        if not members.is_safe(kind) or members.is_class(value):
            return _public_names(members.static_members(value))
        # A library's class has hundreds, which seldom change.
        sizes = [len(members.class_dict(base)) for base in members.mro(kind)]
        known = _names_of_types.get(id(kind))
        if known is None or known[0] is not kind or known[1] != sizes:
            found = {}
            for base in reversed(members.mro(kind)):
                found.update(members.class_dict(base))
            known = _names_of_types[id(kind)] = (kind, sizes, _public_names(found))
        methods, attributes = known[2]
        own = _public_names(members.instance_dict(value))[1]
        return methods, sorted({*attributes, *own})[:_NAMES] if own else attributes


# By a type's id: (type, sizes of the dicts its names come from, names).
_names_of_types = {}


def _public_names(stored):
    methods, attributes = [], []
    for name, item in list(stored.items()):
        if type(name) is not str or name.startswith("_"):
            continue
        if members.is_one_of(type(item), _METHODS):
            methods.append(name)
        else:
            attributes.append(name)
    return sorted(methods)[:_NAMES], sorted(attributes)[:_NAMES]


def _iterated(base, value, start, stop):
    return members.first(lambda: base.__iter__(value), stop, start)


def _item_of_mapping(value, key):
    # Some make what is missing when they are asked for it.
    if key not in value:
        raise KeyError(key)
    return value[key]


def _mapping_items(value, start, stop):
    return [(key, value[key]) for key in islice(iter(value), start, stop)]


def _is_dunder(name):
    return name.startswith("__") and name.endswith("__")


def _unwrapped(item):
    kind = type(item)
    return item.__func__ if kind is staticmethod or kind is classmethod else item


def is_literal(key):
    """Say whether a key is of types that can be written down and compared safely."""
    if type(key) is tuple:
        return all(is_literal(item) for item in key)
    if type(key) is float or type(key) is complex:
        return cmath.isfinite(key)
    return members.is_one_of(type(key), _LITERALS)


def _readings(text):
    """Give the keys a text can stand for, the text itself first."""
    yield text
    if len(text) <= _LONGEST_NAME:
        try:
            key = ast.literal_eval(text)
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            return
        if is_literal(key):
            yield key


def _frame_column(value, number):
    return value.iloc[:, number]


def _array_item(value, number):
    if not library_values.is_masked(value):
        value = library_values.plain_array(value)
    return value[number]


# How the columns of a table are named and reached.
_COLUMNS_OF = {
    "frame": (lambda value: value.columns, _frame_column),
    "polars_frame": (lambda value: value.columns, lambda v, n: v.to_series(n)),
    "arrow_table": (lambda value: value.schema.names, lambda v, n: v.column(n)),
}

# How the elements of what is indexed by number are reached.
_ELEMENT_OF = {
    "array": lambda value, number: _array_item(value, number),
    "series": lambda value, number: value.iloc[number],
    "index": lambda value, number: value[number],
    "polars_series": lambda value, number: value[number],
    "tensor": lambda value, number: value[number],
    "arrow_array": lambda value, number: value[number],
}

# What gives an item or a column for a label without computing anything of the user's.
ITEMS_BY_LABEL = frozenset(
    ["frame", "series", "array", "polars_frame", "polars_series", "arrow_table"]
)

_VIEWS = (type({}.keys()), type({}.values()), type({}.items()))
_METHODS = (
    types.FunctionType, types.BuiltinFunctionType, types.MethodDescriptorType,
    types.ClassMethodDescriptorType, staticmethod, classmethod, types.MethodType,
)  # fmt: skip
