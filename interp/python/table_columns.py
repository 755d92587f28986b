"""A table's column as a whole, for what is compared, searched and sorted by.

Numbers and times are computed by NumPy, texts by Arrow where pyarrow is loaded.
Anything else is taken item by item, and then only items of plain types count: none of
the user's code is asked whether it is equal to something. Needs the GIL.
"""

import contextlib
import datetime
import decimal
import operator
import re
import sys

from _mrmd import members

_PLAIN = (
    str, int, float, bool, bytes, decimal.Decimal, datetime.date, datetime.datetime,
    datetime.time, datetime.timedelta,
)  # fmt: skip
_PLAIN_IDS = frozenset(map(id, _PLAIN))
# What a column's other types are sorted by, after these.
_WITHOUT_ORDER = 4
_IN_NUMBERS = frozenset("0123456789.-+einfatrulsTF: ")
_ZONED = re.compile(r"(\d{4}-\d\d-\d\d[T ]\d\d:\d\d\S*?) ?(Z|[+-]\d\d:\d\d)")
_DURATION = re.compile(
    r"(?:(-?\d+) days?,?)? ?(?:([+-]?)(\d+):(\d\d)(?::(\d\d(?:\.\d+)?))?)?"
)
_COMPARISONS = {
    "==": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le,
    ">": operator.gt, ">=": operator.ge,
}  # fmt: skip
_ARROW = {
    "==": "equal", "!=": "not_equal", "<": "less", "<=": "less_equal",
    ">": "greater", ">=": "greater_equal",
}  # fmt: skip


class NoOrder(Exception):
    """The column holds values that can't be put in an order."""


class Times:
    """Times with a zone: as they are shown there, and the moments they are."""

    __slots__ = ("moments", "shown")

    def __init__(self, shown, moments):
        """Take NumPy's datetime64 of the clocks on the wall, and of UTC."""
        self.shown, self.moments = shown, moments


class Ranks:
    """What is in one of some categories, the lowest first: their numbers, -1 for none."""

    __slots__ = ("categories", "codes")

    def __init__(self, codes, categories):
        """Take both as lists."""
        self.codes, self.categories = codes, categories


def of(column):
    """Choose how a column is computed with: `column` is a list, or an array."""
    numpy, arrow = sys.modules.get("numpy"), sys.modules.get("pyarrow")
    if type(column) is Times:
        return _Numbers(numpy, column.shown, column.moments)
    if type(column) is Ranks:
        return _Ranked(column)
    if numpy is not None and isinstance(column, numpy.ndarray):
        if column.ndim > 1:
            return _Items(column.tolist())
        if column.dtype.kind in "biufmM":
            return _Numbers(numpy, column)
    if arrow is not None and numpy is not None:
        texts = _as_texts(arrow, column)
        if texts is not None:
            return _Texts(numpy, arrow, texts)
    return _Items(column.tolist() if hasattr(column, "tolist") else list(column))


def _as_texts(arrow, column):
    """Give a column of nothing but texts as an Arrow array, None for any other."""
    if not isinstance(column, (arrow.Array, arrow.ChunkedArray)):
        if not len(column) or not _may_be_texts(column):
            return None
        try:
            column = arrow.array(column, from_pandas=True)
        except (arrow.ArrowException, TypeError, ValueError, OverflowError):
            return None
    kind = column.type
    if not (arrow.types.is_string(kind) or arrow.types.is_large_string(kind)):
        try:
            # Of polars, of a category, of nothing but missing values.
            if not (
                str(kind) == "string_view"
                or arrow.types.is_dictionary(kind)
                or arrow.types.is_null(kind)
            ):
                return None
            column = column.cast(arrow.large_string())
        except arrow.ArrowException:
            return None
    return column


def _may_be_texts(column):
    first = next((item for item in column[:100] if item is not None), None)
    return first is None or type(first) is str or hasattr(column, "__arrow_array__")


class _Numbers:
    """Numbers, bools or times in a NumPy array."""

    def __init__(self, numpy, column, keys=None):
        self._numpy, self._column = numpy, column
        self._keys = column if keys is None else keys

    def __len__(self):
        return len(self._column)

    def compare(self, sign, constant):
        """Give for each row whether the comparison with a constant holds."""
        numpy, column = self._numpy, self._column
        if constant is None:
            return _against_none(sign, self._missing(column))
        is_number = type(constant) in (int, float, bool)
        if column.dtype.kind in "mM":
            if type(constant) is str and column.dtype.kind == "M":
                zoned = _ZONED.fullmatch(constant)
                if zoned and self._keys is not column:
                    return _Numbers(numpy, self._keys).compare(sign, _in_utc(zoned))
                constant = None if zoned else constant
            elif type(constant) is str:
                constant = _as_duration(constant)
            if is_number or constant is None:
                return numpy.full(len(column), sign == "!=")
            try:
                constant = numpy.array(constant, dtype=column.dtype)
            except (ValueError, TypeError, OverflowError):
                return numpy.full(len(column), sign == "!=")
        elif not is_number:
            return numpy.full(len(column), sign == "!=")
        return _COMPARISONS[sign](column, constant)

    def compare_rows(self, sign, other):
        """Compare with another column, row by row."""
        if isinstance(other, _Numbers):
            return _COMPARISONS[sign](self._column, other._column)
        return _Items(self.items()).compare_rows(sign, other)

    def is_in(self, constants):
        """Say of each row whether it is one of some constants; None is what is missing."""
        found = self._numpy.zeros(len(self._column), bool)
        for constant in constants:
            found |= self.compare("==", constant)
        return found

    def contains(self, text):
        """Say of each row whether it is a text with this one in it."""
        return self._numpy.zeros(len(self._column), bool)

    def mentions(self, text):
        """Say of each row whether its text has this one in it, in any case."""
        numpy, column = self._numpy, self._column
        if not set(text) <= _IN_NUMBERS:
            return numpy.zeros(len(column), bool)
        arrow = sys.modules.get("pyarrow")
        if arrow is not None and column.dtype.kind != "m":
            texts = arrow.array(column, from_pandas=True).cast(arrow.string())
            return _Texts(numpy, arrow, texts).mentions(text)
        if column.dtype.kind == "M":
            texts = numpy.datetime_as_string(column)
            return numpy.char.find(numpy.char.replace(texts, "T", " "), text) >= 0
        return _Items(column.tolist()).mentions(text)

    def items(self):
        """Give the rows as Python objects."""
        return self._column.tolist()

    def order(self, numbers, descending):
        """Sort rows, the missing ones last; equal ones stay in their order."""
        numpy = self._numpy
        numbers = numpy.asarray(numbers, numpy.intp)
        chosen = self._keys[numbers]
        missing = self._missing(chosen)
        there, rest = numbers[~missing], numbers[missing]
        keys = chosen[~missing]
        if descending:
            # Reversed twice, so that equal rows stay in their order.
            order = numpy.argsort(keys[::-1], kind="stable")[::-1]
            order = len(keys) - 1 - order
        else:
            order = numpy.argsort(keys, kind="stable")
        return numpy.concatenate([there[order], rest])

    def _missing(self, column):
        if column.dtype.kind in "mM":
            return self._numpy.isnat(column)
        if column.dtype.kind == "f":
            return self._numpy.isnan(column)
        return self._numpy.zeros(len(column), bool)


class _Texts:
    """Texts in an Arrow array."""

    def __init__(self, numpy, arrow, column):
        import pyarrow.compute

        self._numpy, self._arrow, self._column = numpy, arrow, column
        self._compute = pyarrow.compute

    def __len__(self):
        return len(self._column)

    def _mask(self, found, missing=False):
        found = self._compute.fill_null(found, missing)
        if isinstance(found, self._arrow.ChunkedArray):
            found = found.combine_chunks()
        return found.to_numpy(zero_copy_only=False).astype(bool)

    def compare(self, sign, constant):
        """Give for each row whether the comparison with a constant holds."""
        if constant is None:
            return _against_none(sign, self._mask(self._compute.is_null(self._column)))
        if type(constant) is not str:
            return self._numpy.full(len(self), sign == "!=")
        made = getattr(self._compute, _ARROW[sign])(self._column, constant)
        return self._mask(made, missing=sign == "!=")

    def compare_rows(self, sign, other):
        """Compare with another column, row by row."""
        return _Items(self.items()).compare_rows(sign, other)

    def is_in(self, constants):
        """Say of each row whether it is one of some constants; None is what is missing."""
        texts = [constant for constant in constants if type(constant) is str]
        wanted = self._arrow.array(texts, self._column.type)
        found = self._mask(self._compute.is_in(self._column, value_set=wanted))
        return found | self.compare("==", None) if None in constants else found

    def contains(self, text):
        """Say of each row whether it is a text with this one in it."""
        return self._mask(self._compute.match_substring(self._column, text))

    def mentions(self, text):
        """Say of each row whether its text has this one in it, in any case."""
        lower = self._compute.utf8_lower(self._column)
        return self._mask(self._compute.match_substring(lower, text))

    def items(self):
        """Give the rows as Python objects."""
        return self._column.to_pylist()

    def order(self, numbers, descending):
        """Sort rows, the missing ones last; equal ones stay in their order."""
        numpy = self._numpy
        numbers = numpy.asarray(numbers, numpy.intp)
        ranks = self._ranks(numbers)
        missing = ranks < 0
        there, rest, ranks = numbers[~missing], numbers[missing], ranks[~missing]
        # A stable order of the opposite ranks leaves equal rows in theirs.
        order = numpy.argsort(-ranks if descending else ranks, kind="stable")
        return numpy.concatenate([there[order], rest])

    def _ranks(self, numbers):
        """Give each of some rows the place of its text among all, -1 for none."""
        numpy, column = self._numpy, self._column
        is_some = len(numbers) < len(column)
        if is_some:
            column = column.take(self._arrow.array(numbers))
        if isinstance(column, self._arrow.ChunkedArray):
            column = column.combine_chunks()
        if isinstance(column, self._arrow.ChunkedArray):
            column = self._arrow.concat_arrays(column.chunks)
        encoded = column.dictionary_encode()
        places = self._compute.array_sort_indices(encoded.dictionary).to_numpy()
        ranks = numpy.empty(len(places) + 1, numpy.int64)
        ranks[places] = numpy.arange(len(places))
        ranks[-1] = -1
        codes = self._compute.fill_null(encoded.indices, len(places))
        ranks = ranks[codes.to_numpy(zero_copy_only=False)]
        return ranks if is_some else ranks[numbers]


class _Items:
    """Anything, item by item."""

    def __init__(self, items):
        self._items = items

    def __len__(self):
        return len(self._items)

    def items(self):
        """Give the rows as Python objects."""
        return self._items

    def compare(self, sign, constant):
        """Give for each row whether the comparison with a constant holds."""
        if constant is None:
            return _against_none(
                sign, _array([_is_missing(item) for item in self._items])
            )
        holds = _COMPARISONS[sign]
        if type(constant) is not str:
            return _array([_holds(holds, item, constant) for item in self._items])
        read = _as_times(constant)
        return _array(
            [
                _holds(holds, _on_the_wall(item), read.get(type(item), constant))
                for item in self._items
            ]
        )

    def compare_rows(self, sign, other):
        """Compare with another column, row by row."""
        holds = _COMPARISONS[sign]
        rows = zip(self._items, other.items(), strict=False)
        return _array([_holds(holds, item, constant) for item, constant in rows])

    def is_in(self, constants):
        """Say of each row whether it is one of some constants; None is what is missing."""
        found = [self.compare("==", constant) for constant in constants]
        return _array(
            [any(row) for row in zip(*found, strict=True)]
            if found
            else [False] * len(self)
        )

    def contains(self, text):
        """Say of each row whether it is a text with this one in it."""
        return _array([type(item) is str and text in item for item in self._items])

    def mentions(self, text):
        """Say of each row whether its text has this one in it, in any case."""
        return _array(
            [
                id(type(item)) in _PLAIN_IDS and text in str(item).lower()
                for item in self._items
            ]
        )

    def order(self, numbers, descending):
        """Sort rows, the missing ones last; equal ones stay in their order."""
        items = self._items
        cells = [(_sort_key(items[number]), number) for number in numbers]
        missing = [number for key, number in cells if key is None]
        there = [cell for cell in cells if cell[0] is not None]
        if there and all(key[0] == _WITHOUT_ORDER for key, _ in there):
            raise NoOrder
        try:
            there.sort(key=lambda cell: cell[0], reverse=descending)
        except TypeError:
            raise NoOrder from None
        return [number for _, number in there] + missing


def _array(rows):
    numpy = sys.modules.get("numpy")
    return rows if numpy is None else numpy.array(rows, dtype=bool)


def _holds(compare, item, constant):
    if id(type(item)) not in _PLAIN_IDS or id(type(constant)) not in _PLAIN_IDS:
        return item is constant if compare is operator.eq else compare is operator.ne
    try:
        return bool(compare(item, constant))
    except TypeError:
        return False


class _Ranked(_Items):
    """Categories that are in an order."""

    def __init__(self, ranks):
        names = [*ranks.categories, None]
        super().__init__([names[code] for code in ranks.codes])
        self._codes, self._names = ranks.codes, ranks.categories

    def compare(self, sign, constant):
        """Give for each row whether the comparison with a constant holds."""
        places = [
            place
            for place, name in enumerate(self._names)
            if type(name) is type(constant) and _holds(operator.eq, name, constant)
        ]
        if constant is None or not places:
            return super().compare(sign, constant)
        holds = _COMPARISONS[sign]
        return _array(
            [
                holds(code, places[0]) if code >= 0 else sign == "!="
                for code in self._codes
            ]
        )

    def order(self, numbers, descending):
        """Sort rows, the missing ones last; equal ones stay in their order."""
        codes = self._codes
        there = [number for number in numbers if codes[number] >= 0]
        missing = [number for number in numbers if codes[number] < 0]
        there.sort(key=lambda number: codes[number], reverse=descending)
        return there + missing


def _in_utc(zoned):
    """Give the text of a time in UTC, None when it is none."""
    try:
        zone = "+00:00" if zoned[2] == "Z" else zoned[2]
        moment = datetime.datetime.fromisoformat(zoned[1] + zone)
    except ValueError:
        return None
    return moment.astimezone(datetime.timezone.utc).replace(tzinfo=None).isoformat()


def _as_duration(text):
    """Read "1 days 02:03:04.5", "02:03" or "3 days"; None when it is none of them."""
    match = _DURATION.fullmatch(text.strip())
    if match is None or not text.strip():
        return None
    days, sign, hours, minutes, seconds = match.groups()
    try:
        time = datetime.timedelta(
            hours=int(hours or 0),
            minutes=int(minutes or 0),
            seconds=float(seconds or 0),
        )
        return datetime.timedelta(days=int(days or 0)) + (
            -time if sign == "-" else time
        )
    except OverflowError:
        return None


def _against_none(sign, missing):
    if sign == "==":
        return missing
    if type(missing) is list:
        return [sign == "!=" and not row for row in missing]
    return ~missing if sign == "!=" else missing & False


def _is_missing(item):
    kind = type(item)
    if item is None:
        return True
    if kind is float:
        return item != item
    if kind is decimal.Decimal:
        return item.is_nan()
    return members.type_name(kind) in ("NaTType", "NAType")


def _as_times(text):
    """Give what a text says as a date, a time of day or both, by their types."""
    read = {}
    for kind in (datetime.date, datetime.datetime, datetime.time):
        with contextlib.suppress(ValueError):
            read[kind] = kind.fromisoformat(text)
    return read


def _on_the_wall(item):
    """Give a time without its zone, which may be the user's own code."""
    kind = type(item)
    if (kind is datetime.datetime or kind is datetime.time) and item.tzinfo is not None:
        return item.replace(tzinfo=None)
    return item


def _sort_key(item):
    """Give what to sort a cell by, None for a missing one."""
    kind = type(item)
    if _is_missing(item):
        return None
    if kind is bool or kind is int or kind is float:
        return (0, item)
    if kind is str:
        return (1, item)
    if kind is decimal.Decimal:
        return (0, item)
    if kind is bytes:
        return (2, item)
    return (3, item) if id(kind) in _PLAIN_IDS else (_WITHOUT_ORDER, kind.__name__)
