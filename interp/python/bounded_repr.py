"""Short texts of values, whose cost does not grow with the value.

Each type is cut short before its text is made. The user's own `__repr__` is called
through visits.Visit and nothing else of the user's is. Any thread; needs the GIL.
"""

import collections
import types

from _mrmd import library_previews, library_values, members, visits

# Digits of an int that are worth making: the time for more grows with their square.
_LONGEST_INT_BITS = 2000
_SMALL = 1 << 64
_DEEPEST = 6
_HOW_MANY = 30

_PLAIN = (float, complex, bool, type(None), type(Ellipsis), type(NotImplemented))


def cut(text, room):
    """Give the first `room` characters and "...", once also where a part ends so."""
    return text[:room].rstrip(".") + "..."


class Previewer:
    """Makes the texts for one visit."""

    def __init__(self, visit):
        """Call the user's code on the time of `visit`."""
        self._visit = visit
        self._inside = []
        # By a type's id, with the type, which keeps the id its own.
        self._chosen = {}

    def text(self, value, limit):
        """Give a text of at most `limit` characters, and "..." when it was cut."""
        try:
            text = self._of(value, limit)
        except Exception:
            # A value that another thread changes meanwhile, or a broken one.
            self._inside.clear()
            return f"<{members.type_name(type(value))}>"
        if len(text) > limit:
            text = cut(text, max(limit, 1))
        return text

    def line(self, value, limit):
        """Give a text on one line."""
        return " ".join(self.text(value, limit).split("\n"))

    def _of(self, value, room):
        kind = type(value)
        if type(kind) is type:
            writer = _WRITERS.get(kind)
            if writer is not None:
                return writer(self, value, room)
        return self._of_other(value, kind, room)

    def _of_other(self, value, kind, room):
        # What is done for a type is found once in a visit: there may be thousands.
        _, write = self._chosen.get(id(kind), (None, None))
        if write is None:
            write = self._choose(value, kind)
            self._chosen[id(kind)] = (kind, write)
        return write(value, room)

    def _choose(self, value, kind):
        if members.is_class(value):
            return self._of_class
        if members.is_module(value):
            return _module
        known = library_values.kind_of(value)
        if known is not None:
            return lambda value, room: library_previews.preview(
                value, known, room, self._inner
            )
        method = members.special_method(value, "__repr__")
        if method is object.__dict__["__repr__"]:
            return lambda value, room: object.__repr__(value)
        for base in members.mro(kind):
            if type(base) is type and base in _WRITERS:
                own = members.class_dict(base).get("__repr__")
                if method is own:
                    return lambda value, room: self._subclass(value, kind, base, room)
                break
        if method is BaseException.__dict__["__repr__"]:
            opening = members.type_name(kind) + "("
            return lambda value, room: self._sequence(value.args, room, opening, ")")
        return lambda value, room: self._of_fields_or_own(value, kind, method, room)

    def _of_fields_or_own(self, value, kind, method, room):
        made = self._of_fields(value, kind, method, room)
        return self._own_repr(value, room) if made is None else made

    def _subclass(self, value, kind, base, room):
        if base in _SHOWN_WITH_NAME:
            return _WRITERS[base](self, value, room, members.type_name(kind))
        return _WRITERS[base](self, value, room)

    def _own_repr(self, value, room):
        try:
            text = self._visit.call(value, _cut_repr, value, room + 1)
        except visits.NotAnswered as problem:
            name = members.type_name(type(value))
            return f"<{name}: its repr {problem.reason}>"
        return text

    def _of_fields(self, value, kind, method, room):
        """Show named tuples and dataclasses, unless they have a repr of their own."""
        file = getattr(getattr(method, "__code__", None), "co_filename", None)
        if type(method) is not types.FunctionType:
            return None
        if members.has_base(kind, tuple):
            fields = members.stored(kind, "_fields")
            if file == _NAMED_TUPLE_FILE and type(fields) is tuple:
                pairs = zip(fields, tuple.__iter__(value), strict=False)
                return self._fields(value, kind, pairs, room)
            return None
        if file in _DATACLASS_FILES:
            fields = members.stored(kind, "__dataclass_fields__")
            if type(fields) is not dict:
                return None
            pairs = []
            for name, field in list(fields.items()):
                item, is_known = members.attribute(value, name)
                if field.repr and not is_known:
                    return None
                if field.repr:
                    pairs.append((name, item))
            return self._fields(value, kind, pairs, room)
        return None

    def _fields(self, value, kind, pairs, room):
        def write(pair, left):
            return f"{pair[0]}={self._inner(pair[1], left)}"

        return self._items(
            value, list(pairs), room, members.type_name(kind) + "(", ")", write
        )

    def _inner(self, value, room):
        kind = type(value)
        if kind is float or kind is bool or (kind is int and -_SMALL < value < _SMALL):
            text = repr(value)
        else:
            text = self._of(value, room)
        return text if len(text) <= room else cut(text, max(room, 1))

    def _items(self, value, items, room, opening, closing, write, length=None):
        """Write items of a container until there is no more room."""
        if any(outer is value for outer in self._inside):
            return opening + "..." + closing
        if len(self._inside) >= _DEEPEST:
            return opening + ("..." if items else "") + closing
        self._inside.append(value)
        try:
            parts, left = [], room - len(opening) - len(closing)
            for item in items:
                if left <= 0:
                    break
                parts.append(write(item, left))
                left -= len(parts[-1]) + 2
            if len(parts) < (len(items) if length is None else length):
                parts.append("...")
            return opening + ", ".join(parts) + closing
        finally:
            self._inside.pop()

    def _sequence(self, items, room, opening, closing, length=None, value=None):
        return self._items(
            items if value is None else value,
            items,
            room,
            opening,
            closing,
            self._inner,
            length,
        )

    def _str(self, value, room):
        # A quote or a backslash takes two characters, a control character four.
        if str.__len__(value) <= room:
            return str.__repr__(value)
        return str.__repr__(str.__getitem__(value, slice(room))) + "..."

    def _bytes(self, value, room):
        kind = bytes if members.has_base(type(value), bytes) else bytearray
        if kind.__len__(value) <= room:
            return kind.__repr__(value)
        return kind.__repr__(kind.__getitem__(value, slice(room))) + "..."

    def _int(self, value, room):
        bits = int.bit_length(value)
        if bits <= _LONGEST_INT_BITS:
            return int.__repr__(value)
        head = int.__rshift__(abs(int(value)), bits - 64)
        sign = "-" if int.__lt__(value, 0) else ""
        return f"{sign}{head:#x}... ({bits} bits)"

    def _plain(self, value, room):
        return repr(value)

    def _range(self, value, room):
        parts = [value.start, value.stop]
        if value.step != 1:
            parts.append(value.step)
        return f"range({', '.join(self._int(part, room) for part in parts)})"

    def _slice(self, value, room):
        return self._sequence(
            (value.start, value.stop, value.step), room, "slice(", ")"
        )

    def _list(self, value, room):
        items = list.__getitem__(value, slice(_HOW_MANY))
        return self._sequence(items, room, "[", "]", list.__len__(value), value)

    def _tuple(self, value, room):
        length = tuple.__len__(value)
        items = tuple.__getitem__(value, slice(_HOW_MANY))
        closing = ",)" if length == 1 else ")"
        return self._sequence(items, room, "(", closing, length, value)

    def _set(self, value, room, name=None):
        kind = set if members.has_base(type(value), set) else frozenset
        length = kind.__len__(value)
        name = name or kind.__name__
        if not length:
            return name + "()"
        items = members.first(lambda: kind.__iter__(value), _HOW_MANY)
        if name == "set":
            return self._sequence(items, room, "{", "}", length, value)
        return self._sequence(items, room, name + "({", "})", length, value)

    def _pair(self, pair, room):
        key = self._inner(pair[0], room)
        return f"{key}: {self._inner(pair[1], max(room - len(key) - 2, 1))}"

    def _dict(self, value, room, name=None):
        pairs = members.first(members.pairs(value).__iter__, _HOW_MANY)
        opening, closing = ("{", "}") if name is None else (name + "({", "})")
        length = dict.__len__(value)
        return self._items(value, pairs, room, opening, closing, self._pair, length)

    def _mapping_proxy(self, value, room):
        # What it stands for may be a mapping of the user's.
        try:
            pairs = self._visit.call(
                value, lambda: members.first(value.items().__iter__, _HOW_MANY)
            )
            length = self._visit.call(value, len, value)
        except visits.NotAnswered:
            return "<mappingproxy>"
        opening = "mappingproxy({"
        return self._items(value, pairs, room, opening, "})", self._pair, length)

    def _named_dict(self, value, room, name=None):
        return self._dict(value, room, name or members.type_name(type(value)))

    def _defaultdict(self, value, room, name="defaultdict"):
        factory = self._inner(
            collections.defaultdict.__dict__["default_factory"].__get__(value), 60
        )
        pairs = members.first(members.pairs(value).__iter__, _HOW_MANY)
        return self._items(
            value,
            pairs,
            room,
            f"{name}({factory}, {{",
            "})",
            self._pair,
            dict.__len__(value),
        )

    def _deque(self, value, room, name="deque"):
        items = members.first(lambda: collections.deque.__iter__(value), _HOW_MANY)
        length = collections.deque.__len__(value)
        return self._sequence(items, room, name + "([", "])", length, value)

    def _view(self, value, room):
        name = members.type_name(type(value))
        items = members.first(value.__iter__, _HOW_MANY)
        return self._sequence(items, room, name + "([", "])", len(value), value)

    def _method(self, value, room):
        name = getattr(value.__func__, "__qualname__", None)
        owner = members.type_name(type(value.__self__))
        if members.is_class(value.__self__):
            owner = "class " + members.type_name(value.__self__)
        return f"<bound method {name if type(name) is str else '?'} of {owner}>"

    def _builtin(self, value, room):
        owner = value.__self__
        if owner is None or members.is_module(owner):
            return f"<built-in function {value.__name__}>"
        return f"<built-in method {value.__name__} of {members.type_name(type(owner))}>"

    def _partial(self, value, room):
        parts = [value.func, *value.args[:_HOW_MANY]]
        named = members.first(value.keywords.items().__iter__, _HOW_MANY)
        texts = [self._inner(part, room) for part in parts]
        texts += [f"{name}={self._inner(item, room)}" for name, item in named]
        return f"functools.partial({', '.join(texts)})"

    def _array(self, value, room):
        return f"array({value.typecode!r}, {self._inner(value[:_HOW_MANY].tolist(), room)})"

    def _of_class(self, value, room):
        if members.special_method(value, "__repr__") is type.__dict__["__repr__"]:
            return type.__repr__(value)
        return self._own_repr(value, room)


def _cut_repr(value, room):
    text = repr(value)
    return str.__getitem__(text, slice(room))


def _module(value, room):
    own = members.instance_dict(value)
    name, file = own.get("__name__"), own.get("__file__")
    name = str.__repr__(name) if type(name) is str else "?"
    if type(file) is str:
        return f"<module {name} from {file!r}>"
    return f"<module {name}>"


_KEYS, _VALUES, _ITEMS = type({}.keys()), type({}.values()), type({}.items())
_NAMED_TUPLE_FILE = collections.namedtuple.__code__.co_filename


def _dataclass_files():
    import dataclasses
    import reprlib

    # The method itself is compiled from a text; 3.12 and before wrap it in one of
    # dataclasses' own, later ones in one of reprlib's.
    return {
        dataclasses.field.__code__.co_filename,
        reprlib.recursive_repr.__code__.co_filename,
    }


_DATACLASS_FILES = _dataclass_files()


def _writers():
    import array
    import functools

    table = dict.fromkeys(_PLAIN, Previewer._plain)
    table.update(
        {
            str: Previewer._str,
            bytes: Previewer._bytes,
            bytearray: Previewer._bytes,
            int: Previewer._int,
            range: Previewer._range,
            slice: Previewer._slice,
            list: Previewer._list,
            tuple: Previewer._tuple,
            set: Previewer._set,
            frozenset: Previewer._set,
            dict: Previewer._dict,
            types.MappingProxyType: Previewer._mapping_proxy,
            collections.OrderedDict: Previewer._named_dict,
            collections.Counter: Previewer._named_dict,
            collections.defaultdict: Previewer._defaultdict,
            collections.deque: Previewer._deque,
            _KEYS: Previewer._view,
            _VALUES: Previewer._view,
            _ITEMS: Previewer._view,
            types.MethodType: Previewer._method,
            types.BuiltinFunctionType: Previewer._builtin,
            types.FunctionType: Previewer._plain,
            types.GeneratorType: Previewer._plain,
            types.CoroutineType: Previewer._plain,
            functools.partial: Previewer._partial,
            array.array: Previewer._array,
        }
    )
    return table


_WRITERS = _writers()
_SHOWN_WITH_NAME = (
    set,
    frozenset,
    collections.OrderedDict,
    collections.Counter,
    collections.defaultdict,
    collections.deque,
)
