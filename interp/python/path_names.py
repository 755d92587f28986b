"""Names of files and folders that a string or a shell line could go on with."""

import os
import re

_MOST = 500
_ENDS_WORD = re.compile(r"""[\s'"=;|&<>()]""")


def in_string(place):
    """Complete the path that a string's text is; (where it starts, matches)."""
    text = place.code[place.string_start : place.cursor]
    if not _looks_like_path(text):
        return place.cursor, []
    return _complete(place, text)


def in_shell_line(place):
    """Complete the last word of a line for the shell, or of a magic's argument."""
    return _complete(place, _ENDS_WORD.split(place.before())[-1])


def _looks_like_path(text):
    # A text that is not clearly a path gets names only when there is one to match.
    return "\n" not in text and len(text) < 1000 and "://" not in text


def _complete(place, text):
    from _mrmd.completion import Match

    folder, _, name = text.rpartition("/")
    start = place.cursor - len(text)
    before = text[: len(text) - len(name)]
    where = os.path.expanduser(folder + "/" if "/" in text else ".")
    if name and not text.strip():
        return place.cursor, []
    matches = []
    try:
        with os.scandir(where) as entries:
            for entry in entries:
                if not entry.name.startswith(name) or (
                    entry.name[0] == "." and not name
                ):
                    continue
                label = before + entry.name + ("/" if entry.is_dir() else "")
                matches.append(Match(label, "value", "path", "1"))
                if len(matches) == _MOST:
                    break
    except (OSError, ValueError):
        return place.cursor, []
    return (start if matches else place.cursor), matches
