"""Filters of tables: a condition on columns, or a text to look for.

A condition is written as in Python, `price > 10 and name == "x"`, with columns for
names (`backquoted` where they are not identifiers), `in`, `and`, `or`, `not` and
constants. It is read and never evaluated. Anything else is a text that a row has to
contain. Needs the GIL.
"""

import ast
import re
import sys

_SIGNS = {
    ast.Eq: "==", ast.NotEq: "!=", ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">",
    ast.GtE: ">=",
}  # fmt: skip
_MIRRORED = {"<": ">", ">": "<", "<=": ">=", ">=": "<=", "==": "==", "!=": "!="}
_QUOTED = re.compile(r"`([^`]*)`")


class BadFilter(Exception):
    """The condition can't be applied; says why."""


def rows(table, text):
    """Give the numbers of the rows that a filter keeps."""
    condition, names = _parse(text)
    if condition is None:
        return _containing(table, text.strip())
    return _numbers(_Condition(table, names).apply(condition))


def _numbers(kept):
    if type(kept) is list:
        return [number for number, keep in enumerate(kept) if keep]
    return sys.modules["numpy"].flatnonzero(kept)


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
            return _opposite(self.apply(node.operand))
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
        if type(op) not in _SIGNS:
            raise BadFilter("a filter knows ==, !=, <, <=, >, >=, in and not in")
        sign = _SIGNS[type(op)]
        if not isinstance(left, ast.Name):
            left, right, sign = right, left, _MIRRORED[sign]
        column = self._column(left)
        if isinstance(right, ast.Name):
            return column.compare_rows(sign, self._column(right))
        return column.compare(sign, _constant(right))

    def _contained(self, left, op, right):
        if isinstance(right, ast.Name):
            text = _constant(left)
            if type(text) is not str:
                raise BadFilter("what is looked for in a column is a text")
            found = self._column(right).contains(text)
        else:
            wanted = _constant(right)
            if not isinstance(wanted, (list, tuple, set)):
                raise BadFilter("what follows `in` is a column or a list of constants")
            found = self._column(left).is_in(list(wanted))
        return found if isinstance(op, ast.In) else _opposite(found)

    def _column(self, node):
        if not isinstance(node, ast.Name):
            raise BadFilter("a filter compares columns with constants")
        name = self._names.get(node.id, node.id)
        number = self._table.find(name)
        if number is None:
            raise BadFilter(f"there is no column {name!r}")
        return self._table.whole(number)


def _opposite(kept):
    return [not keep for keep in kept] if type(kept) is list else ~kept


def _constant(node):
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        raise BadFilter("a filter compares columns with constants") from None


def _containing(table, text):
    found = None
    for number in range(len(table.names)):
        kept = table.whole(number).mentions(text.lower())
        if found is None:
            found = kept
        elif type(found) is list:
            found = [one or other for one, other in zip(found, kept, strict=True)]
        else:
            found = found | kept
    return _numbers([] if found is None else found)
