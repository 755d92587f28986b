"""Acts on modules of the user's venv once they are imported, and never imports one.

Needs the GIL; on the thread that imports.
"""

import sys

_actions = {}


class Watcher:
    """An import hook that calls the actions for modules once they are loaded."""

    @staticmethod
    def find_spec(name, path=None, target=None):
        """Find a module as usual, and have its action called once it is loaded."""
        action = _actions.pop(name, None)
        if action is None:
            return None
        spec = _find_as_usual(name, path, target)
        if spec is None or not hasattr(spec.loader, "exec_module"):
            # It may be installed later.
            _actions[name] = action
            return None
        load = spec.loader.exec_module

        def load_then_act(module):
            try:
                load(module)
            except BaseException:
                _actions[name] = action
                raise
            action(module)

        spec.loader.exec_module = load_then_act
        return spec


def _find_as_usual(name, path, target):
    for finder in sys.meta_path:
        if finder is not Watcher and hasattr(finder, "find_spec"):
            spec = finder.find_spec(name, path, target)
            if spec is not None:
                return spec
    return None


def when_loaded(name, action):
    """Have `action` called with the module of this name when it has been loaded."""
    if name in sys.modules:
        action(sys.modules[name])
        return
    _actions[name] = action
    if Watcher not in sys.meta_path:
        sys.meta_path.insert(0, Watcher)
