"""Keys that could stand in the brackets after an object: d[", df["."""

from itertools import islice

from _mrmd import drilldown, expressions, library_values, members, visits

_MOST = 2000
_TABLES = ("frame", "polars_frame", "arrow_table")


def in_string(desk, place):
    """Complete a key that is being typed as a string; None when it is no key."""
    if "f" in place.prefix.lower():
        return None
    opening = place.string_start - len(place.quote) - len(place.prefix)
    found = _keys_before(desk, place, opening) or _keys_for_call(desk, place)
    if found is None:
        return None
    if "b" in place.prefix.lower():
        return place.cursor, []
    from _mrmd.completion import Match

    typed = place.code[place.string_start : place.cursor]
    closing = place.quote
    if place.code.startswith(closing, place.cursor):
        closing = ""
    matches = []
    for key, kind in found:
        if type(key) is not str:
            continue
        text = _inside_quotes(key, place.quote, place.prefix)
        if text is not None and text.startswith(typed):
            matches.append(Match(text, kind, "key", "1", insert=text + closing))
    return place.string_start, matches


def unquoted(desk, place):
    """Complete a key of any type right after the bracket; None when it is no key."""
    start = place.cursor
    while start > place.base and place.code[start - 1] not in "[, \t\n(":
        start -= 1
    found = _keys_before(desk, place, start)
    if not found:
        return None
    from _mrmd.completion import Match

    typed = place.code[start : place.cursor]
    matches = []
    for key, kind in found:
        if not drilldown.is_literal(key):
            continue
        text = desk.previewer.line(key, 200)
        if text.startswith(typed) and not text.endswith("..."):
            matches.append(Match(text, kind, "key", "1"))
    if not matches:
        return None
    return start, matches


def _keys_before(desk, place, position):
    """Give the keys, with their kind, of what stands before the open bracket."""
    if not place.open or place.open[-1][0] != "[":
        return None
    bracket = place.open[-1][1]
    between = place.code[bracket + 1 : position].strip()
    # A list of columns, df[["a", "b"]], has the table before the bracket outside.
    start = place.expression_start(bracket)
    if start is None:
        outside = place.open[:-1]
        if not outside or outside[-1][0] != "[" or bracket != outside[-1][1] + 1:
            return None
        bracket = outside[-1][1]
        start = place.expression_start(bracket)
    elif between:
        return None
    if start is None:
        return None
    try:
        owner = desk.resolver.value(place.code[start:bracket])
        return _keys_of(desk, owner)
    except (expressions.NotKnown, visits.NotAnswered):
        return None


# Methods whose texts are keys or columns of what they are called on.
_TAKE_KEYS = frozenset(["get", "pop", "setdefault"])
_TAKE_COLUMNS = frozenset(
    [
        "agg", "drop", "drop_duplicates", "dropna", "explode", "filter", "get", "group_by",
        "groupby", "melt", "nlargest", "nsmallest", "pivot", "pivot_table", "pop", "select",
        "set_index", "sort", "sort_values", "value_counts",
    ]
)  # fmt: skip


def _keys_for_call(desk, place):
    """Give the keys for d.get("..., df.sort_values("..., df.loc[:, "..."""
    if not place.open:
        return None
    bracket = place.open[-1][1]
    if place.open[-1][0] == "[" and len(place.open) > 1:
        # A list of columns among the arguments.
        outer = place.open[-2]
        if outer[0] == "(" and place.expression_start(bracket) is None:
            bracket = outer[1]
    start = place.expression_start(bracket)
    if start is None:
        return None
    text, _, name = place.code[start:bracket].rpartition(".")
    if not text:
        return None
    try:
        owner = desk.resolver.value(text)
        known = library_values.kind_of(owner)
        is_table = known in _TABLES
        if place.code[bracket] == "[":
            takes = (is_table or known == "series") and name in ("loc", "at")
        elif is_table:
            takes = name in _TAKE_COLUMNS
        else:
            takes = name in _TAKE_KEYS
        return _keys_of(desk, owner) if takes else None
    except (expressions.NotKnown, visits.NotAnswered):
        return None


def _keys_of(desk, owner):
    kind = type(owner)
    if members.has_base(kind, dict):
        keys = members.first(dict.keys(owner).__iter__, _MOST)
        return [(key, "value") for key in keys]
    known = library_values.kind_of(owner)
    if known in _TABLES:
        names = owner.schema.names if known == "arrow_table" else owner.columns
        names = list(names[:_MOST])
        # Of labels in levels the first ones can stand alone.
        first = [name[0] for name in names if type(name) is tuple and name]
        return [(name, "field") for name in dict.fromkeys(first + names)]
    if known == "array" and library_values.facts(owner, known).columns:
        return [(name, "field") for name in owner.dtype.names]
    if known == "series":
        return [(label, "value") for label in owner.index[:_MOST].tolist()]
    if members.stored(owner, "keys") is members.ABSENT or known is not None:
        return None
    if members.special_method(owner, "__getitem__") is members.ABSENT:
        return None
    keys = desk.visit.call(owner, lambda: list(islice(owner.keys(), _MOST)))
    return [(key, "value") for key in keys]


def _inside_quotes(key, quote, prefix):
    """Write a key as it stands between the quotes that are there already."""
    if "r" in prefix.lower():
        return None if quote in key or "\\" in key or "\n" in key else key
    written = repr(key)
    inside = written[1:-1]
    if written[0] == quote[0]:
        return inside
    return inside.replace("\\" + written[0], written[0]).replace(
        quote[0], "\\" + quote[0]
    )
