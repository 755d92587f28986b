"""Lays out a few rows as text."""

# Characters of a cell that are shown.
CELL = 24


def lay_out(names, index, rows, write, gap=2):
    """Lay out cells; `index` has a label for each row, or is None."""
    has_index = index is not None
    table = [[""] * has_index + [_cut(name) for name in names]]
    for number, row in enumerate(rows):
        label = [] if index is None else [_cell(index[number], write)]
        table.append(label + [_cell(item, write) for item in row])
    widths = [max(map(len, column)) for column in zip(*table, strict=False)]
    return "\n".join(
        (" " * gap).join(
            cell.ljust(width) if has_index and not column else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=False))
        )
        for row in table
    )


def _cut(text):
    return text if len(text) <= CELL else text[: CELL - 3] + "..."


def _cell(item, write):
    if type(item) is str:
        return _cut(item.replace("\n", "\\n"))
    return _cut(write(item, CELL).replace("\n", " "))


def with_size(text, rows, columns, most_rows, most_columns):
    """Add how big the whole is, when not all of it is shown."""
    if rows > most_rows or columns > most_columns:
        return f"{text}\n... [{rows} rows x {columns} columns]"
    return text
