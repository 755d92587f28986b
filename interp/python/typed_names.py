"""Names that code which has not run yet gives to something.

Works on text alone, in time that grows with the text only. Any thread; needs the GIL.
"""

import keyword
import re

_WORD = re.compile(r"[^\W\d]\w*")
_DECLARED = re.compile(
    r"\b(?:def|class|for|as|import)\s+([\w\s,.(*]*)|\blambda\s+([^:]*)"
)
_PARAMETERS = re.compile(r"\bdef\s+\w+\(([^)]*)")
_ASSIGNMENT = re.compile(r"(?<![=!<>+\-*/%&|^@~])=(?!=)")
_ANNOTATED = re.compile(r"\s*([^\W\d]\w*)\s*:(?!=)")
# What stands before an assignment, read backwards.
_TARGETS = re.compile(r"[ \t]*:?([\w \t,*]*)(.?)", re.DOTALL)
# Characters before an assignment in which its targets are looked for, and around
# the cursor in which names are.
_LONGEST_TARGETS = 200
_LONGEST = 100_000


def find(code, cursor, start, beginning):
    """Give the names that begin so, but for the one that begins at `start` alone."""
    first = max(cursor - _LONGEST, 0)
    code, start = code[first : cursor + _LONGEST], start - first
    words = {
        match[0]
        for match in _WORD.finditer(code)
        if match.start() != start
        and code[match.start() - 1 : match.start()] != "."
        and match[0].startswith(beginning)
    }
    return words and words & _given(code)


def _given(code):
    names = set()
    for match in _DECLARED.finditer(code):
        names.update(_WORD.findall(match[1] or match[2] or ""))
    for match in _PARAMETERS.finditer(code):
        names.update(_WORD.findall(match[1]))
    end = 0
    for match in _ASSIGNMENT.finditer(code):
        before = code[max(end, match.start() - _LONGEST_TARGETS) : match.start()]
        names.update(_targets(before))
        end = match.end()
    return names.difference(keyword.kwlist)


def _targets(before):
    """Give the names right before the sign of an assignment."""
    line = before[max(before.rfind("\n"), before.rfind(";")) + 1 :]
    annotated = _ANNOTATED.match(line)
    if annotated is not None and not keyword.iskeyword(annotated[1]):
        return [annotated[1]]
    found = _TARGETS.match(line[::-1])
    if found[2] not in ("", "(", ":", "\n"):
        # The first one is a part of something, as in point.x = 1.
        _, _, rest = found[1][::-1].partition(",")
    else:
        rest = found[1][::-1]
    return [words[-1] for words in map(_WORD.findall, rest.split(",")) if words]
