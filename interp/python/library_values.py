"""What is known of arrays, tables and tensors: shape, type, length and size.

The libraries are never imported here: an object of theirs is there only when somebody
else has. Any thread; needs the GIL.
"""

import sys
from typing import NamedTuple

from _mrmd import members


class Facts(NamedTuple):
    """What a library's object says about itself."""

    # Lists and texts as the wire has them; None where there is nothing to say.
    shape: object = None
    dtype: object = None
    length: object = None
    nbytes: object = None
    size: object = None
    columns: object = None


def kind_of(value):
    """Name the sort of library object a value is, None for any other.

    One of "array", "scalar", "frame", "series", "index", "polars_frame",
    "polars_series", "polars_lazy", "tensor", "arrow_table", "arrow_array".
    """
    for kind in members.mro(type(value)):
        module = members.module_of(kind).partition(".")[0]
        if module in _KINDS and members.is_safe(kind):
            found = _KINDS[module].get(members.type_name(kind))
            if found is not None:
                return found
        if module == "builtins":
            return None
    return None


_KINDS = {
    "numpy": {"ndarray": "array", "generic": "scalar"},
    "pandas": {"DataFrame": "frame", "Series": "series", "Index": "index"},
    "polars": {
        "DataFrame": "polars_frame",
        "Series": "polars_series",
        "LazyFrame": "polars_lazy",
    },
    "torch": {"Tensor": "tensor"},
    "pyarrow": {
        "Table": "arrow_table",
        "RecordBatch": "arrow_table",
        "ChunkedArray": "arrow_array",
        "Array": "arrow_array",
    },
}


def facts(value, kind):
    """Give the Facts of a value that kind_of knows; never raises."""
    try:
        return _FACTS[kind](value)
    except Exception:
        return Facts()


def plain_array(value):
    """Give an array as a plain ndarray, without running a subclass's code."""
    numpy = sys.modules["numpy"]
    return numpy.ndarray.view(value, numpy.ndarray)


def is_masked(value):
    """Say whether an array is NumPy's masked one, and no class of the user's."""
    masked = sys.modules.get("numpy.ma")
    return masked is not None and type(value) is masked.MaskedArray


_dtype_names = {}


def dtype_name(dtype):
    """Name a NumPy type, which takes NumPy some time."""
    if dtype.names:
        return "structured"
    name = _dtype_names.get(dtype)
    if name is None:
        name = str(dtype)
        if len(_dtype_names) < 1000:
            _dtype_names[dtype] = name
    return name


def _array_facts(value):
    value = plain_array(value)
    shape = list(value.shape)
    length = shape[0] if shape else None
    columns = list(value.dtype.names) if value.dtype.names else None
    return Facts(
        shape,
        dtype_name(value.dtype),
        length,
        value.nbytes,
        _bytes_text(value.nbytes),
        columns,
    )


def _scalar_facts(value):
    columns = list(value.dtype.names) if value.dtype.names else None
    return Facts([], dtype_name(value.dtype), nbytes=value.nbytes, columns=columns)


def names_of(labels):
    return [label_of(label) for label in labels[:100]]


def label_of(label):
    return label if type(label) is str else str(label)[:200]


def _table_size(rows, columns):
    return f"{rows} rows \N{MULTIPLICATION SIGN} {columns} cols"


def _frame_facts(value):
    rows, columns = value.shape
    return Facts(
        [rows, columns],
        None,
        rows,
        _frame_bytes(value),
        _table_size(rows, columns),
        names_of(value.columns),
    )


def _frame_bytes(value):
    # Without following references: what a million strings take is not looked up.
    return int(sum(block.values.nbytes for block in value._mgr.blocks))


def _series_facts(value):
    length = len(value.index)
    return Facts(
        [length], str(value.dtype), length, int(value.array.nbytes), f"{length} items"
    )


def _index_facts(value):
    length = len(value)
    return Facts([length], str(value.dtype), length, None, f"{length} items")


def _polars_frame_facts(value):
    rows, columns = value.shape
    size = _table_size(rows, columns)
    return Facts([rows, columns], None, rows, None, size, names_of(value.columns))


def _polars_series_facts(value):
    length = value.len()
    return Facts([length], str(value.dtype), length, None, f"{length} items")


def _nothing(value):
    return Facts()


def tensor_facts(value):
    shape = list(value.shape)
    nbytes = value.element_size() * value.nelement()
    length = shape[0] if shape else None
    return Facts(shape, str(value.dtype), length, nbytes, _bytes_text(nbytes))


def _arrow_table_facts(value):
    rows, columns = value.num_rows, value.num_columns
    size = _table_size(rows, columns)
    names = names_of(value.schema.names)
    return Facts([rows, columns], None, rows, None, size, names)


def _arrow_array_facts(value):
    length = len(value)
    return Facts([length], str(value.type), length, None, f"{length} items")


def _bytes_text(count):
    size, units = float(count), ["bytes", "kB", "MB", "GB", "TB"]
    while size >= 1000 and len(units) > 1:
        size /= 1000
        units.pop(0)
    return f"{size:.3g} {units[0]}"


_FACTS = {
    "array": _array_facts,
    "scalar": _scalar_facts,
    "frame": _frame_facts,
    "series": _series_facts,
    "index": _index_facts,
    "polars_frame": _polars_frame_facts,
    "polars_series": _polars_series_facts,
    "polars_lazy": _nothing,
    "tensor": tensor_facts,
    "arrow_table": _arrow_table_facts,
    "arrow_array": _arrow_array_facts,
}
