"""A page of a table as JSON: of data frames, series, arrays, lists of dicts, Arrow.

Only the page is read. An order or a filter takes one pass over the columns it is
about; the rows it chose are remembered as long as the table lives and no cell has run
since, so that the pages after the first cost what a page costs. Any thread; needs the
GIL.
"""

import datetime
import decimal
import math
import re
import sys
import threading
import time

from _mrmd import library_values, members, row_filter, table_columns

_LONGEST_CELL = 500
_MOST_COLUMNS = 500
_MOST_REMEMBERED = 16
_FRESH_SECONDS = 60.0


_PLACED = re.compile(r"(?s)(.*)#(\d{1,9})")


class BadView(Exception):
    """The view makes no sense for this object; says why."""


def view(name, value, asked, desk):
    """Answer /variables/{name} with a view."""
    table = _table_of(value)
    if table is None:
        raise BadView(
            f"{name!r} is a {members.type_name(type(value))}, which is no table"
        )
    columns = _chosen_columns(table, asked.get("columns"))
    order = _chosen_rows(table, value, asked, desk)
    count = table.length if order is None else len(order)
    first, last = asked.get("rows") or (0, 100)
    first, last = min(first, count), min(last, count)
    rows = range(first, last) if order is None else order[first:last]
    cells = [table.cells(column, rows) for column in columns]
    write = desk.previewer.line
    return {
        "name": name,
        "type": members.type_name(type(value)),
        "columns": [
            {"name": table.names[column], "dtype": table.dtype(column)}
            for column in columns
        ],
        "rows": [
            [_plain(item, write) for item in row] for row in zip(*cells, strict=False)
        ]
        if columns
        else [[] for _ in rows],
        "index": [_plain(item, write) for item in table.index(rows)],
        "from": first,
        "to": last,
        "rowCount": count,
        "totalRows": table.length,
        "totalColumns": len(table.names),
    }


class _Table:
    """A table by its columns' numbers and its rows' numbers."""

    def __init__(self, names, length, cells, dtype=None, index=None, column=None):
        self.names = [name if type(name) is str else str(name) for name in names]
        self.length = length
        self.cells = cells
        self.dtype = dtype or (lambda number: None)
        self.index = index or (lambda rows: [int(row) for row in rows])
        # A whole column as an array of NumPy or Arrow, or a list of its cells.
        self._column = column or (lambda number: cells(number, range(length)))

    def whole(self, number):
        """Give a column to compute with."""
        return table_columns.of(self._column(number))

    def number(self, name):
        """Give a column's number; raises BadView when there is none."""
        number = self.find(name)
        if number is None:
            raise BadView(f"there is no column {name!r}")
        return number

    def find(self, name):
        """Give a column's number, None when there is none.

        "name#3" is the one at place 3, as /variables names what others are named like.
        """
        if name in self.names:
            return self.names.index(name)
        match = _PLACED.fullmatch(name)
        if match and self.names[int(match[2]) :][:1] == [match[1]]:
            return int(match[2])
        return None


def _table_of(value):
    known = library_values.kind_of(value)
    if known is not None:
        make = _TABLES.get(known)
        return None if make is None else make(value)
    kind = type(value)
    for base in (list, tuple):
        if members.has_base(kind, base):
            return _of_rows(value, base)
    return None


def _of_frame(value):
    return _Table(
        value.columns,
        len(value.index),
        lambda number, rows: value.iloc[_rows(rows), number].tolist(),
        lambda number: str(value.dtypes.iloc[number]),
        lambda rows: value.index[_rows(rows)].tolist(),
        lambda number: _pandas_column(value.iloc[:, number]),
    )


def _pandas_column(series):
    """Give texts as the array they are in, anything else as NumPy's."""
    kind, array = str(series.dtype), series.array
    if hasattr(array, "__arrow_array__") and _has_arrow():
        if kind.endswith("[pyarrow]"):
            return _arrow_column(array.__arrow_array__())
        if kind.startswith("str") or "string" in kind:
            return sys.modules["pyarrow"].array(array, from_pandas=True)
    if kind.startswith("datetime64[") and "," in kind:
        return table_columns.Times(
            array.tz_localize(None).to_numpy(), array.tz_convert(None).to_numpy()
        )
    if kind == "category" and array.ordered:
        return table_columns.Ranks(array.codes.tolist(), array.categories.tolist())
    if kind.startswith("period["):
        try:
            return array.to_timestamp().to_numpy()
        except (ValueError, OverflowError):  # before 1677 or after 2262
            return array.asi8
    return series.to_numpy()


def _of_series(value):
    return _Table(
        ["value" if value.name is None else value.name],
        len(value.index),
        lambda number, rows: value.iloc[_rows(rows)].tolist(),
        lambda number: str(value.dtype),
        lambda rows: value.index[_rows(rows)].tolist(),
        lambda number: _pandas_column(value),
    )


def _of_index(value):
    return _Table(
        ["value" if value.name is None else value.name],
        len(value),
        lambda number, rows: value[_rows(rows)].tolist(),
        lambda number: str(value.dtype),
        column=lambda number: _pandas_column(value),
    )


def _of_array(value):
    if library_values.is_masked(value):
        return _of_masked(value)
    value = library_values.plain_array(value)
    if value.ndim == 0:
        return None
    if value.dtype.names:
        names = value.dtype.names

        def field(number):
            return value[names[number]]

        return _Table(
            names,
            len(value),
            lambda number, rows: field(number)[_rows(rows)].tolist(),
            lambda number: str(value.dtype[number]),
            column=field,
        )
    if value.ndim == 1:
        return _Table(
            ["value"],
            len(value),
            lambda number, rows: value[_rows(rows)].tolist(),
            lambda number: str(value.dtype),
            column=lambda number: value,
        )
    width = min(value.shape[1], 100_000)
    return _Table(
        range(width),
        len(value),
        lambda number, rows: value[_rows(rows), number].tolist(),
        lambda number: str(value.dtype),
        column=lambda number: value[:, number],
    )


def _of_masked(value):
    """Make a table of a masked array, of which what is masked is missing."""
    if value.ndim == 0 or value.dtype.names:
        return None
    if value.ndim == 1:
        names, cells = ["value"], lambda number, rows: value[_rows(rows)].tolist()
    else:
        names = range(min(value.shape[1], 100_000))
        cells = lambda number, rows: value[_rows(rows), number].tolist()  # noqa: E731
    return _Table(names, len(value), cells, lambda number: str(value.dtype))


def _of_polars_frame(value):
    return _Table(
        value.columns,
        value.height,
        lambda number, rows: value.to_series(number)[_rows(rows)].to_list(),
        lambda number: str(value.dtypes[number]),
        column=lambda number: _polars_column(value.to_series(number)),
    )


def _of_polars_series(value):
    return _Table(
        [value.name or "value"],
        value.len(),
        lambda number, rows: value[_rows(rows)].to_list(),
        lambda number: str(value.dtype),
        column=lambda number: _polars_column(value),
    )


def _polars_column(series):
    """Give texts as Arrow's where it is loaded, anything else as NumPy's."""
    kind = str(series.dtype)
    if kind in ("String", "Utf8", "Categorical") and _has_arrow():
        return series.to_arrow()
    if kind.startswith("Datetime(") and series.dtype.time_zone is not None:
        shown = series.dt.replace_time_zone(None)
        return table_columns.Times(shown.to_numpy(), series.to_numpy())
    return series.to_numpy()


def _has_arrow():
    return "pyarrow" in sys.modules


def _of_arrow_table(value):
    def cells(number, rows):
        column = value.column(number)
        if type(rows) is range:
            return column.slice(rows.start, len(rows)).to_pylist()
        return column.take(_indices(rows)).to_pylist()

    return _Table(
        value.schema.names,
        value.num_rows,
        cells,
        lambda number: str(value.schema.types[number]),
        column=lambda number: _arrow_column(value.column(number)),
    )


def _of_arrow_array(value):
    def cells(number, rows):
        if type(rows) is range:
            return value.slice(rows.start, len(rows)).to_pylist()
        return value.take(_indices(rows)).to_pylist()

    return _Table(
        ["value"],
        len(value),
        cells,
        lambda number: str(value.type),
        column=lambda number: _arrow_column(value),
    )


def _indices(rows):
    arrow = sys.modules["pyarrow"]
    return arrow.array(rows, arrow.int64())


def _arrow_column(column):
    kind = str(column.type)
    if kind in ("string", "large_string", "string_view") or "dictionary" in kind:
        return column
    if kind.startswith("timestamp[") and "tz=" in kind:
        import pyarrow.compute

        shown = pyarrow.compute.local_timestamp(column)
        return table_columns.Times(_arrow_column(shown), _as_numpy(column))
    return _as_numpy(column)


def _as_numpy(column):
    if hasattr(column, "combine_chunks"):
        return column.to_numpy()
    return column.to_numpy(zero_copy_only=False)


def _of_rows(value, base):
    """Make a table of a list: of dicts, of sequences, or of single values."""
    length = base.__len__(value)
    names, is_dicts, width = {}, False, 0
    for row in base.__getitem__(value, slice(100)):
        kind = type(row)
        if members.has_base(kind, dict):
            is_dicts = True
            names.update(
                (key, None) for key in list(dict.keys(row)) if type(key) is str
            )
        else:
            width = max(width, _width(row) or 0)

    def rows_of(rows):
        if type(rows) is range:
            return base.__getitem__(value, slice(rows.start, rows.stop))
        return [base.__getitem__(value, int(row)) for row in rows]

    if is_dicts:
        keys = list(names)

        def cells(number, rows):
            key = keys[number]
            return [
                dict.get(row, key) if members.has_base(type(row), dict) else None
                for row in rows_of(rows)
            ]

        return _Table(keys, length, cells)
    if width:

        def items(number, rows):
            return [_item(row, number) for row in rows_of(rows)]

        return _Table(range(width), length, items)
    return _Table(["value"], length, lambda number, rows: list(rows_of(rows)))


def _width(row):
    """Say how many cells a sequence fills; None when it is a cell itself."""
    for base in (list, tuple):
        if members.has_base(type(row), base):
            return base.__len__(row)
    return None


def _item(row, number):
    width = _width(row)
    if width is None:
        return row if number == 0 else None
    base = list if members.has_base(type(row), list) else tuple
    return base.__getitem__(row, number) if number < width else None


_TABLES = {
    "frame": _of_frame,
    "series": _of_series,
    "index": _of_index,
    "array": _of_array,
    "polars_frame": _of_polars_frame,
    "polars_series": _of_polars_series,
    "arrow_table": _of_arrow_table,
    "arrow_array": _of_arrow_array,
}


def _rows(rows):
    if type(rows) is range:
        return slice(rows.start, rows.stop)
    return rows


def _chosen_columns(table, names):
    if names is None:
        return range(min(len(table.names), _MOST_COLUMNS))
    return [table.number(name) for name in names]


# Rows that an order or a filter chose: the newest last.
_remembered = []
_choosing = threading.Lock()


def _chosen_rows(table, value, asked, desk):
    """Give the numbers of the rows in their order; None for all as they are."""
    keys, text = asked.get("sort") or [], asked.get("filter") or ""
    if not keys and not text.strip():
        return None
    wanted = ([(key["column"], key["descending"]) for key in keys], text)
    state = getattr(desk.shell, "execution_count", None)
    state = (state, table.length)
    # Who asks meanwhile for the same must not have it computed twice.
    with _choosing:
        forget()
        for entry in _remembered:
            if entry[0] is value and entry[1] == wanted and entry[2] == state:
                return entry[4]
        order = _choose(table, keys, text)
        _remembered.append((value, wanted, state, time.monotonic(), order))
        del _remembered[:-_MOST_REMEMBERED]
    return order


def forget():
    """Drop remembered rows, and with them what keeps their tables alive."""
    now = time.monotonic()
    _remembered[:] = [entry for entry in _remembered if now - entry[3] < _FRESH_SECONDS]


def _choose(table, keys, text):
    columns = [(table.number(key["column"]), key["descending"]) for key in keys]
    numbers = None
    if text.strip():
        try:
            numbers = row_filter.rows(table, text)
        except row_filter.BadFilter as problem:
            raise BadView(str(problem)) from None
    if not columns:
        return numbers
    if numbers is None:
        numpy = sys.modules.get("numpy")
        numbers = range(table.length) if numpy is None else numpy.arange(table.length)
    for number, descending in reversed(columns):
        try:
            numbers = table.whole(number).order(numbers, descending)
        except table_columns.NoOrder:
            problem = (
                f"the column {table.names[number]!r} holds values without an order"
            )
            raise BadView(problem) from None
    return numbers


_DATES = (datetime.date, datetime.time, datetime.timedelta)
_PANDAS_TIMES = ("Timestamp", "Timedelta", "Period", "Interval")


def _plain(item, write):
    """Give a cell as JSON has it."""
    kind = type(item)
    if item is None or kind is bool:
        return item
    if kind is int:
        # Readers of JSON take numbers as doubles.
        return item if abs(item) < 1 << 53 else write(item, _LONGEST_CELL)
    if kind is float:
        return item if math.isfinite(item) else None if item != item else str(item)
    if kind is str:
        return item if len(item) <= _LONGEST_CELL else item[:_LONGEST_CELL] + "..."
    if members.type_name(kind) in ("NaTType", "NAType"):
        return None
    if members.is_one_of(kind, (*_DATES, datetime.datetime, decimal.Decimal)):
        return str(item)
    if members.type_name(kind) in _PANDAS_TIMES and members.is_safe(kind):
        return str(item)
    return write(item, _LONGEST_CELL)
