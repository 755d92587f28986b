"""What stands behind the name of a magic. Any thread; needs the GIL."""

import importlib
import sys

from _mrmd import members


def find(shell, kind, name, imports=False):
    """Give the function of a "line" or "cell" magic, None when it is not known.

    Newer versions of IPython have most of its magics imported when they are first used.
    Until then their module is read only if it `imports` and is IPython's own.
    """
    manager = shell.magics_manager
    found = None if manager is None else manager.magics[kind].get(name)
    if members.type_name(type(found)) != "LazyMagic":
        return found
    spec = members.instance_dict(found).get("spec")
    module, _, owner = spec.partition(":") if type(spec) is str else ("", "", "")
    if imports and module.startswith("IPython."):
        importlib.import_module(module)
    if module not in sys.modules:
        return None
    kinds = members.instance_dict(sys.modules[module]).get(owner)
    if not members.is_class(kinds):
        return None
    names = members.stored(kinds, "magics")
    method = names.get(kind, {}).get(name) if type(names) is dict else None
    stored = members.stored(kinds, method) if type(method) is str else None
    return None if stored is members.ABSENT else stored
