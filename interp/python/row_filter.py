"""Filters of tables: a condition on columns, or a text to look for.

A condition is written as in Python, `price > 10 and name == "x"`, with columns for
names (`backquoted` where they are not identifiers), `in`, `and`, `or`, `not` and
constants. It is read and never evaluated. Anything else is a text that a row has to
contain. Needs the GIL.
"""

import ast
import operator
import re
import sys

_COMPARISONS = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
_MIRRORED = {
    ast.Lt: ast.Gt,
    ast.Gt: ast.Lt,
    ast.LtE: ast.GtE,
    ast.GtE: ast.LtE,
    ast.Eq: ast.Eq,
    ast.NotEq: ast.NotEq,
}
_QUOTED = re.compile(r"`([^`]*)`")


class BadFilter(Exception):
    """The condition can't be applied; says why."""


def rows(table, text):
    """Give the numbers of the rows that a filter keeps."""
    condition, names = _parse(text)
    if condition is None:
        return _containing(table, text.strip())
    kept = _Condition(table, names).apply(condition)
    return (
        [number for number, keep in enumerate(kept) if keep]
        if (type(kept) is list)
        else sys.modules["numpy"].flatnonzero(kept)
    )


def _parse(text):
    names = {}

    def stand_in(match):
        name = f"__column_{len(names)}__"
        names[name] = match[1]
        return name

    try:
        tree = ast.parse(_QUOTED.sub(stand_in, text).strip(), mode="eval").body
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return None, names
    is_condition = isinstance(tree, (ast.Compare, ast.BoolOp)) or (
        isinstance(tree, ast.UnaryOp) and isinstance(tree.op, ast.Not)
    )
    return (tree if is_condition else None), names


class _Condition:
    """Applies a condition to whole columns; rows come as a list or array of bools."""

    def __init__(self, table, names):
        self._table = table
        self._names = names

    def apply(self, node):
        """Give for each row whether the condition holds."""
        if isinstance(node, ast.BoolOp):
            parts = [self.apply(part) for part in node.values]
            combine = all if isinstance(node.op, ast.And) else any
            return self._combined(parts, combine)
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            kept = self.apply(node.operand)
            return [not keep for keep in kept] if type(kept) is list else ~kept
        if isinstance(node, ast.Compare):
            sides = [node.left, *node.comparators]
            parts = [
                self._compare(left, op, right)
                for left, op, right in zip(sides, node.ops, sides[1:], strict=False)
            ]
            return self._combined(parts, all)
        raise BadFilter("a filter compares columns with constants")

    @staticmethod
    def _combined(parts, combine):
        if len(parts) == 1:
            return parts[0]
        if any(type(part) is list for part in parts):
            return [combine(row) for row in zip(*parts, strict=False)]
        numpy = sys.modules["numpy"]
        every = numpy.logical_and if combine is all else numpy.logical_or
        return every.reduce(parts)

    def _compare(self, left, op, right):
        if isinstance(op, (ast.In, ast.NotIn)):
            return self._contained(left, op, right)
        if type(op) not in _COMPARISONS:
            raise BadFilter("a filter knows ==, !=, <, <=, >, >=, in and not in")
        if not isinstance(left, ast.Name):
            left, right, kind = right, left, _MIRRORED[type(op)]
        else:
            kind = type(op)
        column, compare = self._column(left), _COMPARISONS[kind]
        if isinstance(right, ast.Name):
            other = self._column(right)
            return [_holds(compare, a, b) for a, b in zip(column, other, strict=False)]
        constant = _constant(right)
        numpy = sys.modules.get("numpy")
        if (
            numpy is not None
            and isinstance(column, numpy.ndarray)
            and column.dtype.kind in "biuf"
            and type(constant) in (int, float, bool)
        ):
            return compare(column, constant)
        if hasattr(column, "dtype") and column.dtype.kind in "mM":
            return compare(column, numpy.array(constant, dtype=column.dtype))
        return [_holds(compare, item, constant) for item in column]

    def _contained(self, left, op, right):
        is_in = isinstance(op, ast.In)
        if isinstance(right, ast.Name):
            text = _constant(left)
            return [
                (isinstance(item, str) and str(text) in item) == is_in
                for item in self._column(right)
            ]
        wanted = _constant(right)
        if not isinstance(wanted, (list, tuple, set)):
            raise BadFilter("what follows `in` is a column or a list of constants")
        return [_is_among(item, wanted) == is_in for item in self._column(left)]

    def _column(self, node):
        if not isinstance(node, ast.Name):
            raise BadFilter("a filter compares columns with constants")
        name = self._names.get(node.id, node.id)
        if name not in self._table.names:
            raise BadFilter(f"there is no column {name!r}")
        return self._table.column(self._table.names.index(name))


def _constant(node):
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        raise BadFilter("a filter compares columns with constants") from None


def _holds(compare, item, constant):
    try:
        return bool(compare(item, constant))
    except Exception:
        return False


def _is_among(item, wanted):
    try:
        return item in wanted
    except Exception:
        return False


def _containing(table, text):
    text, found = text.lower(), set()
    for number in range(len(table.names)):
        for row, item in enumerate(table.column(number)):
            if row not in found and _contains(item, text):
                found.add(row)
    return sorted(found)


def _contains(item, text):
    if isinstance(item, str):
        return text in item.lower()
    if isinstance(item, (int, float, bool)) or hasattr(item, "dtype"):
        return text in str(item).lower()
    return False
