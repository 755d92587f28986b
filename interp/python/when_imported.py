"""Does something once a module has been imported, and imports nothing itself.

Main thread or any other that imports; needs the GIL.
"""

import sys


class Watch:
    """An import hook that sees one module being loaded, once."""

    def __init__(self, name, then):
        """Call `then` with the module called `name` when it has been loaded."""
        self._name, self._then = name, then

    def find_spec(self, name, path=None, target=None):
        """Find the module as usual, and follow its loading; None for every other."""
        if name != self._name:
            return None
        sys.meta_path.remove(self)
        for finder in list(sys.meta_path):
            spec = finder.find_spec(name, path, target)
            if spec is not None:
                break
        else:
            return None
        if hasattr(spec.loader, "exec_module"):
            load = spec.loader.exec_module

            def load_then(module):
                load(module)
                self._then(module)

            spec.loader.exec_module = load_then
        return spec


def call(name, then):
    """Call `then` with the module: now when it has been imported, else once it is."""
    if name in sys.modules:
        then(sys.modules[name])
    else:
        sys.meta_path.insert(0, Watch(name, then))
