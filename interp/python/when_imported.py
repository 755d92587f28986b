"""Does something once a module has been imported, and imports nothing itself.

Main thread or any other that imports; needs the GIL.
"""

import sys

_actions = {}


class Watch:
    """An import hook that sees the modules being loaded that somebody waits for."""

    @staticmethod
    def find_spec(name, path=None, target=None):
        """Find such a module as usual, and follow its loading; None for every other."""
        then = _actions.pop(name, None)
        if then is None:
            return None
        spec = _find_as_usual(name, path, target)
        if spec is None or not hasattr(spec.loader, "exec_module"):
            # It may be installed later.
            _actions[name] = then
            return None
        load = spec.loader.exec_module

        def load_then(module):
            try:
                load(module)
            except BaseException:
                _actions[name] = then
                raise
            then(module)

        spec.loader.exec_module = load_then
        return spec


def _find_as_usual(name, path, target):
    for finder in list(sys.meta_path):
        if finder is not Watch and hasattr(finder, "find_spec"):
            spec = finder.find_spec(name, path, target)
            if spec is not None:
                return spec
    return None


def call(name, then):
    """Call `then` with the module: now when it has been imported, else once it is.

    There is one `then` for each module.
    """
    if name in sys.modules:
        then(sys.modules[name])
        return
    _actions[name] = then
    if Watch not in sys.meta_path:
        sys.meta_path.insert(0, Watch)
