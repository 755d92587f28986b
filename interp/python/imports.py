"""What a cell imports. Any thread; needs the GIL."""

import ast


def of(tree):
    """List the top-level modules that code imports, in order of appearance."""
    found = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                found.setdefault(alias.name.partition(".")[0], node)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.setdefault(node.module.partition(".")[0], node)
    return sorted(found, key=lambda name: (found[name].lineno, found[name].col_offset))
