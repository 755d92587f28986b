"""The usual text of a small NumPy array of numbers, without NumPy's long way to it.

What NumPy would round, pad to columns or write with an exponent is left to NumPy.
Any thread; needs the GIL.
"""

import re

# Of an array that is cut the ends are shown.
_EDGE = 3
# NumPy begins a second line where a longer one would have to.
_WIDTH = 70
_FLOAT = re.compile(r"(-?\d+)\.(\d{1,8})")


def of(numpy, value, indent, most):
    """Give "[1, 2]" for a plain array of one or two dimensions; None for others.

    Lines after the first one begin with `indent` spaces. Of more than `most` elements
    only those at the ends are shown, and looked at.
    """
    kind = value.dtype
    is_float = kind == numpy.dtype(float)
    if not (is_float or kind == numpy.dtype(int)) or not _is_usual(numpy):
        return None
    if value.ndim > 2 or not value.size:
        return None
    is_cut = value.size > most
    rows = _items(value if value.ndim == 2 else value[None], is_cut)
    if len(rows[0]) * 2 > _WIDTH:
        return None
    texts = _texts([item for row in rows for item in row], is_float)
    if texts is None:
        return None
    width, count = max(map(len, texts)), len(rows[0])
    lines = []
    for first in range(0, len(texts), count):
        cells = [text.rjust(width) for text in texts[first : first + count]]
        if is_cut and value.shape[-1] > 2 * _EDGE:
            cells.insert(_EDGE, "...")
        lines.append(f"[{', '.join(cells)}]")
    if len(lines[0]) > _WIDTH:
        return None
    if value.ndim == 1:
        return lines[0]
    if is_cut and len(value) > 2 * _EDGE:
        lines.insert(_EDGE, "...")
    return f"[{(',' + chr(10) + ' ' * (indent + 1)).join(lines)}]"


def _items(value, is_cut):
    """Give the rows that are shown: all of them, or the ends of those at the ends."""
    rows, columns = value.shape
    if is_cut and rows > 2 * _EDGE:
        shown = _items(value[:_EDGE], is_cut) + _items(value[-_EDGE:], is_cut)
    elif is_cut and columns > 2 * _EDGE:
        left, right = value[:, :_EDGE].tolist(), value[:, -_EDGE:].tolist()
        shown = [a + b for a, b in zip(left, right, strict=True)]
    else:
        shown = value.tolist() if columns * 2 <= _WIDTH else [[0] * columns]
    return shown


def _texts(items, is_float):
    return _floats(items) if is_float else [str(item) for item in items]


def _floats(items):
    sizes = [abs(item) for item in items if item]
    if sizes and not (max(sizes) < 1e8 and min(sizes) >= 1e-4):
        return None
    if sizes and max(sizes) / min(sizes) > 1000:
        return None
    parts = [_FLOAT.fullmatch(repr(item)) for item in items]
    if None in parts:
        return None
    fractions = [part[2].rstrip("0") for part in parts]
    width = max(map(len, fractions))
    return [
        f"{part[1]}.{fraction.ljust(width)}"
        for part, fraction in zip(parts, fractions, strict=True)
    ]


def _is_usual(numpy):
    options = numpy.get_printoptions()
    return all(options[name] == usual for name, usual in _USUAL)


_USUAL = (
    ("precision", 8),
    ("suppress", False),
    ("floatmode", "maxprec"),
    ("sign", "-"),
    ("formatter", None),
    ("legacy", False),
)
