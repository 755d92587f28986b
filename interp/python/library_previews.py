"""Short texts of arrays, tables and tensors, by their first few elements.

Any thread; needs the GIL.
"""

import sys

from _mrmd import array_text, library_values, members, text_table
from _mrmd.text_table import CELL

_ROWS = 5
_COLUMNS = 8
_ELEMENTS = 10


def preview(value, kind, room, write):
    """Give a short text of a value that kind_of knows.

    `write(element, room)` makes the text of an element.
    """
    try:
        return _PREVIEWS[kind](value, room, write)
    except Exception:
        return f"<{members.type_name(type(value))}>"


def line(value, write):
    """Say in one line what a value is, None for what is no library's object."""
    kind = library_values.kind_of(value)
    if kind is None or kind == "scalar":
        return None
    known = library_values.facts(value, kind)
    parts = [members.type_name(type(value))]
    if known.shape is not None:
        parts.append("(" + ", ".join(map(str, known.shape)) + ")")
    if known.dtype is not None:
        parts.append(f"dtype={known.dtype}")
    head = " ".join(parts)
    if known.columns is not None:
        return f"{head}: {', '.join(known.columns[:_COLUMNS])}"
    elements = _first_elements(value, kind)
    if elements is None:
        return head
    texts = [write(element, CELL) for element in elements]
    if known.length is not None and _count(known.shape) > len(texts):
        texts.append("...")
    return f"{head} [{', '.join(texts)}]"


def _count(shape):
    count = 1
    for length in shape or (0,):
        count *= length
    return count


def _first_elements(value, kind):
    try:
        return _ELEMENTS_OF[kind](value) if kind in _ELEMENTS_OF else None
    except Exception:
        return None


def _array_elements(value):
    value = library_values.plain_array(value)
    return list(value.flat[:_ELEMENTS].tolist())


def _array_preview(value, room, write):
    numpy = sys.modules["numpy"]
    name = members.type_name(type(value))
    masked = _masked(numpy, value)
    value = library_values.plain_array(value)
    if masked is not None or value.dtype.hasobject or value.ndim == 0:
        texts = [write(element, CELL) for element in _array_elements(value)]
        if masked is not None:
            texts = [
                "--" if is_masked else text
                for text, is_masked in zip(texts, masked, strict=True)
            ]
        if value.size > len(texts):
            texts.append("...")
        inside = ", ".join(texts)
        if value.ndim == 0:
            return f"{_array_name(name)}({inside})"
        return f"{_array_name(name)}([{inside}], dtype={_dtype_text(value.dtype)})"
    if value.dtype.itemsize > 1000:
        return f"<{name} of {value.dtype.itemsize}-byte items>"
    # Several elements more than there is room for would be made and thrown away.
    most = min(max(room // 4, 10), 200)
    text = array_text.of(numpy, value, len(_array_name(name)) + 1, most)
    if text is not None:
        return f"{_array_name(name)}({text})"
    text = numpy.array2string(
        value,
        max_line_width=80,
        separator=", ",
        threshold=most,
        edgeitems=3,
        prefix=_array_name(name) + "(",
    )
    usual = value.dtype.kind in "bc" or value.dtype in (
        numpy.dtype(int),
        numpy.dtype(float),
    )
    if usual and value.size:
        return f"{_array_name(name)}({text})"
    return f"{_array_name(name)}({text}, dtype={_dtype_text(value.dtype)})"


def _masked(numpy, value):
    """Say of the first elements which are masked, None for a plain array."""
    masked = getattr(sys.modules.get("numpy.ma"), "MaskedArray", None)
    if masked is None or not members.has_base(type(value), masked):
        return None
    mask = masked.mask.__get__(value)
    return numpy.broadcast_to(mask, value.shape).flat[:_ELEMENTS].tolist()


def _dtype_text(dtype):
    """Write a type as an array's repr does, as far as that is short."""
    if dtype.names:
        return str(dtype)[: CELL * 4]
    return repr(str(dtype)) if dtype.kind in "SU" else dtype.name


def _array_name(name):
    return "array" if name == "ndarray" else name


def _scalar_preview(value, room, write):
    numpy = sys.modules["numpy"]
    if isinstance(value, numpy.void):
        return write(value.item(), room)
    if isinstance(value, (numpy.str_, numpy.bytes_)):
        return f"np.{type(value).__name__}({write(value.item(), room)})"
    return repr(value)


def _series_elements(value):
    return _first_items(value, _ELEMENTS)


def _index_elements(value):
    return value[:_ELEMENTS].tolist()


def _frame_preview(value, room, write):
    rows, columns = value.shape
    if not columns:
        return f"Empty DataFrame ({rows} rows)"
    count = min(columns, _COLUMNS)
    cells = [_first_cells(value, number) for number in range(count)]
    names = library_values.names_of(value.columns[:count].tolist())
    index = value.index[:_ROWS].tolist()
    table = text_table.lay_out(
        names, index, list(zip(*cells, strict=False)), _pandas_cell(write)
    )
    return text_table.with_size(table, rows, columns, _ROWS, _COLUMNS)


def _pandas_cell(write):
    """Write what is missing as pandas does."""
    return lambda item, room: (
        "NaN" if type(item) is float and item != item else write(item, room)
    )


def _first_cells(frame, number):
    try:
        # What iloc comes to after many steps.
        return frame._mgr.iget_values(number)[:_ROWS].tolist()
    except AttributeError:
        return frame.iloc[:_ROWS, number].tolist()


def _first_items(series, count):
    try:
        return series._values[:count].tolist()
    except AttributeError:
        return series.iloc[:count].tolist()


def _series_preview(value, room, write):
    length = len(value.index)
    rows = [[item] for item in _first_items(value, _ROWS)]
    index = value.index[:_ROWS].tolist()
    table = text_table.lay_out([""], index, rows, _pandas_cell(write), gap=4)
    name = (
        "" if value.name is None else f"Name: {library_values.label_of(value.name)}, "
    )
    more = f"\n... [{length} rows]" if length > _ROWS else ""
    return f"{table.partition(chr(10))[2]}{more}\n{name}dtype: {value.dtype}"


def _index_preview(value, room, write):
    name = members.type_name(type(value))
    if name == "RangeIndex":
        return f"RangeIndex(start={value.start}, stop={value.stop}, step={value.step})"
    texts = [write(item, CELL) for item in _index_elements(value)]
    length = ""
    if len(value) > len(texts):
        texts.append("...")
        length = f", length={len(value)}"
    return f"{name}([{', '.join(texts)}], dtype='{value.dtype}'{length})"


def _polars_frame_preview(value, room, write):
    rows, columns = value.shape
    head = value[:_ROWS, :_COLUMNS]
    if not columns:
        return "DataFrame (0 rows)"
    table = text_table.lay_out(
        library_values.names_of(head.columns), None, head.rows(), write
    )
    return text_table.with_size(table, rows, columns, _ROWS, _COLUMNS)


def _polars_elements(value):
    return value[:_ELEMENTS].to_list()


def _polars_series_preview(value, room, write):
    texts = [write(item, CELL) for item in _polars_elements(value)]
    if value.len() > len(texts):
        texts.append("...")
    return f"Series({value.name!r}, [{', '.join(texts)}], dtype={value.dtype})"


def _type_only(value, room, write):
    return f"<{members.type_name(type(value))}>"


def _tensor_elements(value):
    # Reading from a GPU would wait for what it is computing.
    if value.device.type != "cpu" or value.layout is not _strided():
        return None
    corner = value.detach()
    while corner.dim() > 1:
        corner = corner[0] if len(corner) else corner.flatten()
    return corner[:_ELEMENTS].tolist() if corner.dim() else [corner.item()]


def _strided():
    return sys.modules["torch"].strided


def _tensor_preview(value, room, write):
    known = library_values.tensor_facts(value)
    elements = _first_elements(value, "tensor")
    where = "" if value.device.type == "cpu" else f", device='{value.device}'"
    described = f"shape={tuple(known.shape)}, dtype={known.dtype}{where}"
    if elements is None:
        return f"tensor({described})"
    texts = [write(element, CELL) for element in elements]
    if _count(known.shape or [1]) > len(texts):
        texts.append("...")
    return f"tensor([{', '.join(texts)}], {described})"


def _arrow_table_preview(value, room, write):
    rows, columns = value.num_rows, value.num_columns
    if not columns:
        return f"{members.type_name(type(value))} ({rows} rows)"
    names = value.schema.names[:_COLUMNS]
    cells = [
        value.column(number).slice(0, _ROWS).to_pylist() for number in range(len(names))
    ]
    table = text_table.lay_out(
        library_values.names_of(names), None, list(zip(*cells, strict=False)), write
    )
    return text_table.with_size(table, rows, columns, _ROWS, _COLUMNS)


def _arrow_elements(value):
    return value.slice(0, _ELEMENTS).to_pylist()


def _arrow_array_preview(value, room, write):
    texts = [write(item, CELL) for item in _arrow_elements(value)]
    if len(value) > len(texts):
        texts.append("...")
    return f"{members.type_name(type(value))}([{', '.join(texts)}], type={value.type})"


_PREVIEWS = {
    "array": _array_preview,
    "scalar": _scalar_preview,
    "frame": _frame_preview,
    "series": _series_preview,
    "index": _index_preview,
    "polars_frame": _polars_frame_preview,
    "polars_series": _polars_series_preview,
    "polars_lazy": _type_only,
    "tensor": _tensor_preview,
    "arrow_table": _arrow_table_preview,
    "arrow_array": _arrow_array_preview,
}

_ELEMENTS_OF = {
    "array": _array_elements,
    "series": _series_elements,
    "index": _index_elements,
    "polars_series": _polars_elements,
    "tensor": _tensor_elements,
    "arrow_array": _arrow_elements,
}
