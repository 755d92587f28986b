"""What could stand at a cursor: /complete. Any thread; needs the GIL.

Live objects first; jedi is asked only about code that has not run.
"""

import ast
import builtins
import keyword
import re
import time

from _mrmd import (
    cursor_context,
    descriptions,
    expressions,
    library_previews,
    library_values,
    magic_functions,
    members,
    module_names,
    path_names,
    signatures,
    static_completion,
    subscript_keys,
    typed_names,
    variable_list,
    visits,
)

# More than anybody reads, and as many as can be described in a few milliseconds.
_MOST = 2000
_DESCRIBING_SECONDS = 0.01
_PREVIEW = 60
_FILE_MAGICS = frozenset(
    ["cd", "run", "load", "writefile", "loadpy", "pycat", "pushd", "edit", "ls", "cat"]
)


class Match:
    """One thing that could stand there."""

    __slots__ = ("insert", "kind", "label", "rank", "type", "value")

    def __init__(self, label, kind, type_, rank, value=members.ABSENT, insert=None):
        """Take a label; `value` is the live object that it names, if known."""
        self.label, self.kind, self.type, self.rank = label, kind, type_, rank
        self.value, self.insert = value, insert


class Completer:
    """Answers for one visit."""

    def __init__(self, desk):
        """Take what the visit shares: see intelligence.Desk."""
        self._desk = desk
        self._space = desk.shell.user_ns

    def complete(self, code, cursor):
        """Answer /complete."""
        static_completion.prepare()
        place = cursor_context.Place(code, cursor)
        start, matches, is_static = self._find(place)
        unique = {}
        for match in matches:
            unique.setdefault(match.label, match)
        found = sorted(unique.values(), key=_order)[:_MOST]
        until = time.monotonic() + _DESCRIBING_SECONDS
        return {
            "matches": [self._entry(match, until) for match in found],
            "cursorStart": start if found else cursor,
            "cursorEnd": cursor,
            "source": "static" if is_static else "runtime",
        }

    def _find(self, place):
        """Give (where the replaced text starts, matches, whether they are static)."""
        cursor = place.cursor
        if place.kind in ("comment", "other"):
            return cursor, [], False
        if place.kind == "string":
            return (*self._in_string(place), False)
        if place.kind == "shell":
            return (*path_names.in_shell_line(place), False)
        for find in (self._magics, self._modules, self._keys):
            found = find(place)
            if found is not None:
                return (*found, False)
        start = place.word_start()
        word = place.code[start:cursor]
        if not word and place.before().endswith("?"):
            return cursor, [], False
        before = place.code[:start].rstrip(" \t\n\\")
        if before.endswith(".") and before[-2:-1] != ".":
            return start, *self._attributes(place, len(before) - 1, word)
        if word[:1].isdigit():
            return cursor, [], False
        matches = self._arguments(place, word) + self._names(place, word, start)
        if not matches and self._desk.attempt < 2 and word:
            matches = static_completion.find(self._desk, place, word)
            return start, matches, bool(matches)
        return start, matches, False

    def _attributes(self, place, end, word):
        begin = place.expression_start(_rstrip(place.code, end))
        if begin is None:
            return [], False
        text = place.code[begin:end]
        if text.strip().isdigit():
            return [], False
        try:
            owner = self._desk.resolver.value(text)
        except expressions.NotKnown:
            if self._desk.attempt < 2:
                matches = static_completion.find(self._desk, place, word)
                return matches, bool(matches)
            return [], False
        return self._attributes_of(owner, word), False

    def _attributes_of(self, owner, word):
        stored = members.static_members(owner)
        own = members.instance_dict(owner)
        is_module, is_class = members.is_module(owner), members.is_class(owner)
        default = None if is_module else "method" if is_class else "field"
        matches = []
        for name, item in list(stored.items()):
            if type(name) is not str or not name.startswith(word):
                continue
            if not is_module and name not in own:
                item, is_known = members.bind(owner, item, name, runs_properties=False)
                if not is_known or item is members.ABSENT:
                    matches.append(Match(name, "property", "property", _rank(name)))
                    continue
            matches.append(self._live(name, item, _rank(name), default))
        if library_values.kind_of(owner) == "frame":
            matches += self._columns(owner, word)
        if is_module:
            package = own.get("__name__")
            for name in module_names.loaded_in(package, word):
                matches.append(Match(name, "module", "module", _rank(name)))
        return matches + self._dir(owner, stored, word)

    def _columns(self, frame, word):
        return [
            Match(label, "field", "column", "1")
            for label in list(frame.columns[:_MOST])
            if type(label) is str and label.isidentifier() and label.startswith(word)
        ]

    def _dir(self, owner, stored, word):
        """Give what the user's own `__dir__` adds."""
        method = members.special_method(owner, "__dir__")
        is_plain = method is object.__dict__["__dir__"] or not hasattr(
            method, "__code__"
        )
        if members.is_module(owner) or members.is_class(owner) or is_plain:
            return []
        if members.is_safe(type(owner)):
            return []
        try:
            names = self._desk.visit.call(owner, lambda: list(dir(owner))[:_MOST])
        except visits.NotAnswered:
            return []
        return [
            Match(name, "property", "attribute", _rank(name))
            for name in names
            if type(name) is str and name.startswith(word) and name not in stored
        ]

    def _live(self, name, value, rank, default=None):
        """Match a live object; `default` says it is a "field", or of a class."""
        kind = descriptions.kind_of(value)
        if kind == "variable":
            kind = "field" if default else "variable"
            if name.isupper() and len(name) > 1:
                kind = "constant"
        elif kind == "function" and default == "method":
            kind = "method"
        return Match(name, kind, members.type_name(type(value)), rank, value)

    def _names(self, place, word, start):
        matches = []
        hidden = self._desk.shell.user_ns_hidden
        for name, value in list(dict.items(self._space)):
            if type(name) is not str or not name.startswith(word):
                continue
            if not word and variable_list.is_ipythons(name):
                continue
            rank = _rank(name, "1")
            if hidden.get(name, members.ABSENT) is value and rank < "3":
                rank = "3"
            matches.append(self._live(name, value, rank))
        seen = {match.label for match in matches}
        matches += [
            Match(name, "variable", "name", _rank(name, "2"))
            for name in typed_names.find(place.code, place.cursor, start, word)
            if name not in seen
        ]
        for name, value in list(builtins.__dict__.items()):
            if name.startswith(word) and not keyword.iskeyword(name):
                matches.append(self._live(name, value, _rank(name, "4")))
        for name in keyword.kwlist + getattr(keyword, "softkwlist", []):
            if name.startswith(word) and name != "_":
                matches.append(Match(name, "keyword", "keyword", "5"))
        return matches

    def _arguments(self, place, word):
        """Give the keyword arguments of the call the cursor is in."""
        call = place.call()
        if call is None:
            return []
        try:
            function = self._desk.resolver.value(call[0])
        except expressions.NotKnown:
            return []
        last = re.split(r"[,(\[{]", call[1])[-1]
        if "=" in last.replace("==", ""):
            return []
        given = set(re.findall(r"\b(\w+)\s*=(?!=)", call[1]))
        positional = _positional_count(call[1])
        matches = []
        parameters = signatures.parameters(function)
        if not parameters:
            # What a C function documents of itself: "print(value, ..., sep=' ')".
            text = signatures.of(function, self._desk.previewer.line) or ""
            for name in re.findall(r"[(,\s](\w+)=", text):
                if name.startswith(word) and name not in given:
                    matches.append(Match(name + "=", "variable", "param", "0"))
        for number, parameter in enumerate(parameters):
            name = parameter.name
            if number < positional and parameter.kind != parameter.KEYWORD_ONLY:
                continue
            is_named = parameter.kind in (
                parameter.KEYWORD_ONLY,
                parameter.POSITIONAL_OR_KEYWORD,
            )
            if is_named and name.startswith(word) and name not in given:
                label = Match(name + "=", "variable", "param", "0")
                if parameter.default is not parameter.empty:
                    label.value = parameter.default
                matches.append(label)
        return matches

    def _in_string(self, place):
        found = subscript_keys.in_string(self._desk, place)
        if found is not None:
            return found
        if "f" in place.prefix.lower() and "{" in place.code[place.string_start :]:
            return place.cursor, []
        if place.open and place.open[-1][0] == "[":
            # A key of something that is not known, and no path; a list may have paths.
            if place.expression_start(place.open[-1][1]) is not None:
                return place.cursor, []
        return path_names.in_string(place)

    def _keys(self, place):
        return subscript_keys.unquoted(self._desk, place)

    def _modules(self, place):
        found = module_names.in_import(place)
        if found is None:
            return None
        start, names, package = found
        matches = [Match(name, "module", "module", _rank(name)) for name in names]
        if package is not None:
            word = place.code[start : place.cursor]
            matches = self._attributes_of(package, word) + matches
        return start, matches

    def _magics(self, place):
        line = place.before()
        match = re.match(r"(?:[ \t]*|.*?=[ \t]*)(%{1,2})([\w.]*)$", line)
        if match is None or place.open or (match[1] == "%%" and place.line_start()):
            return self._magic_argument(place, line)
        manager = self._desk.shell.magics_manager
        if manager is None:
            return place.cursor, []
        if match[1] == "%%":
            kinds = ("cell",)
        else:
            # Only the first line of a cell can say what the whole cell is.
            is_first = place.cursor == len(match[1]) + len(match[2])
            kinds = ("line", "cell") if is_first else ("line",)
        matches = []
        for kind in kinds:
            sign = "%" if kind == "line" else "%%"
            for name in list(manager.magics[kind]):
                if name.startswith(match[2]):
                    rank = "1" if len(sign) == len(match[1]) else "2"
                    found = Match(sign + name, "function", "magic", rank)
                    function = magic_functions.find(self._desk.shell, kind, name)
                    found.value = members.ABSENT if function is None else function
                    matches.append(found)
        start = place.cursor - len(match[1]) - len(match[2])
        return start, matches

    @staticmethod
    def _magic_argument(place, line):
        match = re.match(r"[ \t]*%{1,2}(\w+)[ \t]+", line)
        if match is None or match[1] not in _FILE_MAGICS:
            return None
        return path_names.in_shell_line(place)

    def _entry(self, match, until):
        value, detail, preview, doc = match.value, None, None, None
        if value is not members.ABSENT and time.monotonic() < until:
            write = self._desk.previewer.line
            if match.type == "param":
                detail = preview = write(value, _PREVIEW)
            elif match.type == "magic":
                # Its line is not written as a call.
                detail = None
            elif signatures.is_callable(value) and match.kind != "variable":
                detail = signatures.of(value, write)
                detail = None if detail is None else match.label + detail
            elif match.kind != "module":
                line = library_previews.line(value, write)
                detail = preview = write(value, _PREVIEW) if line is None else line
            if match.type != "param" and (
                match.kind not in ("variable", "field", "constant") or _is_object(value)
            ):
                doc = signatures.first_paragraph(signatures.docstring(value))
        return {
            "label": match.label,
            "insertText": match.insert,
            "kind": match.kind,
            "detail": detail,
            "documentation": doc,
            "valuePreview": preview,
            "type": match.type,
            "sortText": match.rank + match.label,
        }


def _positional_count(given):
    """Say how many arguments stand before the one that is being typed."""
    try:
        call = ast.parse(f"f({given.rpartition(',')[0]})", mode="eval").body
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return 0
    return len(call.args)


def _is_object(value):
    return members.module_of(type(value)) != "builtins"


def _rank(name, public="1"):
    if name.startswith("__") and name.endswith("__"):
        return "9"
    return "7" if name.startswith("_") else public


def _order(match):
    return match.rank, match.label.lower(), match.label


def _rstrip(code, end):
    while end > 0 and code[end - 1] in " \t\n\\":
        end -= 1
    return end
