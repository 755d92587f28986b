"""Finds cells that a session has run, newest first, a page at a time.

Looks at what the session keeps in memory, never at the database: nothing here waits
for what writes it. Any thread; needs the GIL.
"""

import fnmatch
import re

DEFAULT_COUNT = 20


def search(shell, request):
    """Answer /history: {entries, oldest first, hasMore}.

    A historyIndex is the n of the cell's In[n]. A pattern with `*` or `?` has to
    match the whole cell, another one has to be in it.
    """
    manager = shell.history_manager
    cells = [] if manager is None else manager.input_hist_raw
    count = request.get("n")
    count = DEFAULT_COUNT if count is None else count
    before = request.get("before")
    end = len(cells) if before is None else max(min(before, len(cells)), 0)
    matches = _matcher(request.get("pattern"))
    found = []
    for index in range(end - 1, 0, -1):
        code = cells[index]
        if code and matches(code):
            if len(found) == count:
                found.reverse()
                return {"entries": found, "hasMore": True}
            found.append({"historyIndex": index, "code": code})
    found.reverse()
    return {"entries": found, "hasMore": False}


def _matcher(pattern):
    if not pattern:
        return lambda code: True
    if "*" in pattern or "?" in pattern:
        # Only these two are special here; fnmatch's own form can't backtrack badly.
        return re.compile(fnmatch.translate(pattern.replace("[", "[[]"))).match
    return lambda code: pattern in code
