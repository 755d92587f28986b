"""What the name at a cursor is: /hover and /inspect. Any thread; needs the GIL."""

import types

from _mrmd import (
    cursor_context,
    drilldown,
    expressions,
    library_previews,
    members,
    signatures,
    source_lines,
)

_LINE = 200

_NOTHING_TO_HOVER = {
    "found": False,
    "name": None,
    "type": None,
    "value": None,
    "signature": None,
    "docstring": None,
    "documentation": None,
}
_NOTHING_TO_INSPECT = {
    "found": False,
    "source": "runtime",
    "name": None,
    "kind": None,
    "type": None,
    "signature": None,
    "docstring": None,
    "sourceCode": None,
    "file": None,
    "line": None,
    "value": None,
    "children": None,
}


class Narrator:
    """Answers for one visit."""

    def __init__(self, resolver, previewer, visit, describer):
        """Look names up with `resolver`; texts come from `previewer`."""
        self._resolver = resolver
        self._previewer = previewer
        self._visit = visit
        self._describer = describer

    def hover(self, code, cursor):
        """Say in a few words what the expression at the cursor is now."""
        try:
            name, value, is_known = self._at(code, cursor)
        except expressions.NotKnown:
            return _NOTHING_TO_HOVER
        doc = signatures.docstring(value)
        return {
            "found": True,
            "name": name,
            "type": members.type_name(type(value)),
            "value": self.line(value) if is_known else "<not evaluated>",
            "signature": self.signature(name, value),
            "docstring": doc,
            "documentation": doc,
        }

    def _at(self, code, cursor, or_call=False):
        """Give (name, value, is known) of what is at the cursor; raises NotKnown.

        With `or_call` it may also be the call that the cursor is in.
        """
        name, place = cursor_context.expression_at(code, cursor)
        magic = cursor_context.magic_at(code, cursor) if "%" in code else None
        if magic is not None:
            kind, word = magic
            value = self._resolver.magic(kind, word)
            return ("%" if kind == "line" else "%%") + word, value, True
        if name is None and or_call and place.kind != "comment":
            call = place.call()
            name = call and call[0]
        if name is None:
            raise expressions.NotKnown("")
        return name, *self._resolver.resolve(name)

    def line(self, value):
        """Say in one line what a value is now."""
        described = library_previews.line(value, self._previewer.line)
        if described is None:
            described = self._previewer.line(value, _LINE)
        return described

    def signature(self, name, value):
        """Give "name(parameters)" of what can be called, else None."""
        if name.startswith("%") or not signatures.is_callable(value):
            return None
        found = signatures.of(value, self._previewer.line)
        return None if found is None else name + found

    def inspect(self, code, cursor, detail):
        """Describe the expression at the cursor, or the call that it is in."""
        try:
            name, value, is_known = self._at(code, cursor, or_call=True)
        except expressions.NotKnown:
            return _NOTHING_TO_INSPECT
        file, line = source_lines.file_and_line(value)
        parts = drilldown.Parts(value, self._visit, self._describer)
        return {
            "found": True,
            "source": "runtime",
            "name": name,
            "kind": kind_of(value),
            "type": members.type_name(type(value)),
            "signature": self.signature(name, value),
            "docstring": signatures.docstring(value) if detail > 0 else None,
            "sourceCode": source_lines.source(value) if detail > 1 else None,
            "file": file,
            "line": line,
            "value": self.line(value) if is_known else None,
            "children": parts.count(),
        }


def kind_of(value):
    """Name the kind of a value as the protocol's kinds do."""
    kind = type(value)
    if members.is_module(value):
        return "module"
    if members.is_class(value):
        return "class"
    if kind is types.MethodType or members.is_one_of(kind, _METHODS):
        return "method"
    if kind is types.BuiltinFunctionType or kind is signatures.C_METHOD:
        bound = value.__self__
        is_method = bound is not None and not members.is_module(bound)
        return "method" if is_method else "function"
    if kind is types.FunctionType or _wraps_function(value):
        return "function"
    if kind is property or members.is_one_of(kind, _PROPERTIES):
        return "property"
    return "variable"


def _wraps_function(value):
    kind = type(value)
    if members.module_of(kind).partition(".")[0] not in ("functools", "numpy"):
        return False
    return signatures.is_callable(value)


_METHODS = (
    types.MethodDescriptorType, types.WrapperDescriptorType, types.MethodWrapperType,
    types.ClassMethodDescriptorType, classmethod,
)  # fmt: skip
_PROPERTIES = (types.GetSetDescriptorType, types.MemberDescriptorType)
