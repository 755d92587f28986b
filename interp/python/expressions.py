"""What an expression of names, attributes and constant indices stands for now.

Nothing is evaluated: names are looked up, attributes found statically, items taken
from containers of known types. Any thread; needs the GIL.
"""

import ast
import builtins

from _mrmd import drilldown, library_values, magic_functions, members

_LONGEST = 2000


class NotKnown(Exception):
    """The expression can't be followed without running code."""


def look_up(shell, name):
    """Give what a name stands for in a session; raises NotKnown."""
    found = dict.get(shell.user_ns, name, members.ABSENT)
    if found is members.ABSENT:
        found = dict.get(builtins.__dict__, name, members.ABSENT)
    if found is members.ABSENT:
        raise NotKnown(name)
    return found


class Resolver:
    """Follows expressions in one session."""

    def __init__(self, shell, visit, describer):
        """Items of the user's mappings are read on the time of `visit`."""
        self._shell = shell
        self._visit = visit
        self._describer = describer

    def magic(self, kind, name):
        """Give the function of a "line" or "cell" magic; raises NotKnown."""
        found = magic_functions.find(self._shell, kind, name, imports=True)
        if found is None:
            raise NotKnown(name)
        return found

    def resolve(self, text):
        """Give (value, is known): a property comes as itself with False."""
        if len(text) > _LONGEST:
            raise NotKnown(text)
        if text.isascii() and text.isidentifier():
            return look_up(self._shell, text), True
        try:
            tree = ast.parse(text.strip(), mode="eval").body
        except (SyntaxError, ValueError, MemoryError, RecursionError):
            raise NotKnown(text) from None
        try:
            return self._follow(tree)
        except RecursionError:
            raise NotKnown(text) from None

    def value(self, text):
        """Give the value of an expression; raises NotKnown when it takes running."""
        found, is_known = self.resolve(text)
        if not is_known:
            raise NotKnown(text)
        return found

    def _follow(self, node):
        if isinstance(node, ast.Name):
            return look_up(self._shell, node.id), True
        if isinstance(node, ast.Constant):
            return node.value, True
        if isinstance(node, ast.JoinedStr):
            return "", True
        if isinstance(node, (ast.List, ast.ListComp)):
            return [], True
        if isinstance(node, (ast.Dict, ast.DictComp)):
            return {}, True
        if isinstance(node, (ast.Set, ast.SetComp)):
            return set(), True
        if isinstance(node, ast.Tuple):
            return (), True
        if isinstance(node, ast.Attribute):
            found, is_known = members.attribute(self._known(node.value), node.attr)
            if found is members.ABSENT:
                raise NotKnown(node.attr)
            return found, is_known
        if isinstance(node, ast.Subscript):
            return self._item(self._known(node.value), self._index(node.slice)), True
        raise NotKnown("")

    def _known(self, node):
        found, is_known = self._follow(node)
        if not is_known:
            raise NotKnown("")
        return found

    def _index(self, node):
        if isinstance(node, ast.Name):
            found = look_up(self._shell, node.id)
        else:
            try:
                found = ast.literal_eval(node)
            except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
                raise NotKnown("") from None
        if not drilldown.is_literal(found):
            raise NotKnown("")
        return found

    def _item(self, value, index):
        kind = type(value)
        try:
            if members.has_base(kind, dict):
                # Not by __getitem__, which has a defaultdict make what is missing.
                found = self._visit.call(value, dict.get, value, index, members.ABSENT)
                if found is members.ABSENT:
                    raise KeyError(index)
                return found
            for base in (list, tuple, str, bytes):
                if members.has_base(kind, base) and type(index) is int:
                    return base.__getitem__(value, index)
            if library_values.kind_of(value) in drilldown.ITEMS_BY_LABEL:
                return value[index]
        except Exception:
            raise NotKnown("") from None
        raise NotKnown("")
