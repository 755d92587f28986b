"""Where in a text of Python a cursor is, and what stands before it.

Works on text alone, also on text that does not parse, in time that grows with the
text only. Positions count characters (code points). Any thread; needs the GIL.
"""

import keyword
import re

_TOKEN = re.compile(
    r"#|(?<!\w)(?P<prefix>[rRbBuUfFtT]{0,2})(?P<quote>\"\"\"|'''|\"|')|[()\[\]{}]"
)
_STRING_END = {
    quote: re.compile(rf"(?s)(?:[^\\]|\\.)*?{quote}") for quote in ('"""', "'''")
} | {quote: re.compile(rf"(?:[^\\\n]|\\[\s\S])*?[{quote}\n]") for quote in "\"'"}
_CLOSES = {")": "(", "]": "[", "}": "{"}
_NAME = re.compile(r"[^\W\d]\w*")
_WORD = re.compile(r"\w+")
_LINE_MAGIC = re.compile(r"(?m)^[ \t]*(?:\w[\w, ]*=[ \t]*)?(?P<sign>%|!)(?P<rest>.*)\Z")
_MAGIC = re.compile(r"[ \t]*(?:\w[\w, ]*=[ \t]*)?(?P<sign>%%?)(?P<name>\w+)")
_PYTHON_CELL_MAGICS = frozenset(["time", "timeit", "capture", "prun", "memit", "mprun"])


class Place:
    """What surrounds a cursor.

    `kind` is "code", "comment", "string", "shell" (a `!` line) or "other" (a cell
    that is not Python). In a string, `string_start` is where its text begins and
    `quote` and `prefix` are how it is written.
    """

    def __init__(self, code, cursor):
        """Look at the text before the cursor."""
        self.code = code
        self.cursor = cursor
        self.kind = "code"
        self.base = 0
        self.quote = self.prefix = ""
        self.string_start = None
        # Opening brackets that are not closed yet, and where closed ones began.
        self.open = []
        self.begins = {}
        if code.startswith("%%") and not self._enter_cell_magic():
            return
        self._scan(self.base)
        if self.kind == "string" and "f" in self.prefix.lower():
            self._enter_replacement_field()

    def _enter_cell_magic(self):
        line = self.code.partition("\n")[0]
        if self.cursor <= len(line):
            return True
        name = _WORD.match(line, 2)
        if name is None or name[0] not in _PYTHON_CELL_MAGICS:
            self.kind = "other"
            return False
        self.base = len(line) + 1
        return True

    def _scan(self, position):
        code, cursor = self.code, self.cursor
        while True:
            token = _TOKEN.search(code, position, cursor)
            if token is None:
                break
            if token["quote"]:
                position = self._pass_string(token)
                if position is None:
                    return
            elif token[0] == "#":
                position = code.find("\n", token.end(), cursor)
                if position < 0:
                    self.kind = "comment"
                    return
            else:
                self._pass_bracket(token)
                position = token.end()
        line = _LINE_MAGIC.search(code, self.line_start(), cursor)
        if line is not None and line["sign"] == "!" and not self.open:
            self.kind = "shell"

    def _pass_string(self, token):
        end = _STRING_END[token["quote"]].match(self.code, token.end(), self.cursor)
        if end is None:
            self.kind = "string"
            self.prefix, self.quote = token["prefix"], token["quote"]
            self.string_start = token.end()
            return None
        self.begins[end.end()] = token.start()
        return end.end()

    def _pass_bracket(self, token):
        opening = _CLOSES.get(token[0])
        if opening is None:
            self.open.append((token[0], token.start()))
        elif any(bracket == opening for bracket, _ in self.open):
            while True:
                bracket, start = self.open.pop()
                if bracket == opening:
                    self.begins[token.end()] = start
                    return

    def _enter_replacement_field(self):
        fields = []
        text = self.code
        position = self.string_start
        while position < self.cursor:
            if text[position] == "{":
                if not fields and text[position + 1 : position + 2] == "{":
                    position += 1
                else:
                    fields.append(position)
            elif text[position] == "}" and fields:
                fields.pop()
            position += 1
        if fields:
            if self._is_after_field(fields[-1]):
                return
            self.kind, self.base = "code", fields[-1] + 1
            self.open.append(("{", fields[-1]))
            self._scan(self.base)

    def _is_after_field(self, start):
        """Say whether the cursor is in a field's `!r` or its format."""
        depth, position, text = 0, start + 1, self.code
        while position < self.cursor:
            char = text[position]
            if char in "\"'":
                # A string in the field, which ends with the same quote.
                end = text.find(char, position + 1, self.cursor)
                if end < 0:
                    return False
                position = end
            elif char in "([{":
                depth += 1
            elif char in ")]}":
                depth -= 1
            elif (
                not depth and char in ":!" and text[position + 1 : position + 2] != "="
            ):
                return True
            position += 1
        return False

    def line_start(self):
        """Give where the cursor's line begins."""
        return max(self.code.rfind("\n", 0, self.cursor) + 1, self.base)

    def before(self):
        """Give the cursor's line up to the cursor."""
        return self.code[self.line_start() : self.cursor]

    def word_start(self):
        """Give where the name begins that the cursor is at the end of."""
        start = self.cursor
        while start > self.base and (
            self.code[start - 1].isalnum() or self.code[start - 1] == "_"
        ):
            start -= 1
        return start

    def expression_start(self, end):
        """Give where the expression of names, dots, calls and indices begins.

        It ends at `end`; None when there is none.
        """
        code, position = self.code, end
        while True:
            start = self._operand_start(position)
            if start is None:
                return None
            position = start
            if code[start] in "([" and self._operand_start(start) is not None:
                continue
            before = start
            while before > self.base and code[before - 1] in " \t":
                before -= 1
            if before > self.base and code[before - 1] == ".":
                position = before - 1
                while position > self.base and code[position - 1] in " \t\n\\":
                    position -= 1
                continue
            return start

    def _operand_start(self, end):
        if end in self.begins:
            return self.begins[end]
        start = end
        while start > self.base and (
            self.code[start - 1].isalnum() or self.code[start - 1] == "_"
        ):
            start -= 1
        if start == end or keyword.iskeyword(self.code[start:end]):
            return None
        return start

    def call(self):
        """Give (callee's text, given arguments' text) of the call the cursor is in."""
        for bracket, start in reversed(self.open):
            if bracket != "(":
                continue
            first = self.expression_start(start)
            if first is None or self._is_definition(first):
                return None
            return self.code[first:start], self.code[start + 1 : self.cursor]
        return None

    def _is_definition(self, position):
        words = self.code[max(position - 20, 0) : position].split()
        return bool(words) and words[-1] in ("def", "class")


def magic_at(code, cursor):
    """Give (kind, name) of the magic whose name the cursor is on, else None."""
    start = code.rfind("\n", 0, cursor) + 1
    match = _MAGIC.match(code, start)
    if match is None or not match.start("sign") <= cursor <= match.end():
        return None
    place = Place(code, match.start("sign"))
    if place.kind != "code" or place.open:
        return None
    return "cell" if match["sign"] == "%%" else "line", match["name"]


def expression_at(code, cursor):
    """Give the dotted expression at the cursor, up to the end of the name it is on.

    Returns (expression, Place), the expression None when the cursor is on no name.
    """
    end = cursor
    while end < len(code) and (code[end].isalnum() or code[end] == "_"):
        end += 1
    place = Place(code, end)
    start = place.expression_start(end) if place.kind == "code" else None
    if start is None or not _NAME.fullmatch(code, place.word_start(), end):
        return None, place
    return code[start:end], place
