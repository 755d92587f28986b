"""Makes traitlets faster while a start makes sixty classes and thirty objects with it.

It looks at every attribute of a new class twice, by `dir` and `getattr`, and goes on
with those that are descriptors of its own: it is given these alone. For each new object
it looks through the configuration, which hardly anybody has. Main thread; needs the GIL.
"""

from contextlib import contextmanager

from _mrmd import when_imported


class Finder:
    """Finds the descriptors of classes in the dictionaries of their bases."""

    def __init__(self, descriptor_type):
        """Find the instances of a type."""
        self._type = descriptor_type
        self._of_base = {}

    def _own(self, kind):
        return {
            name: value
            for name, value in vars(kind).items()
            if isinstance(value, self._type)
        }

    def names(self, kind):
        """Do what `dir` does, for these descriptors."""
        return sorted(self._find(kind))

    def members(self, kind):
        """Do what `inspect.getmembers` does, for these descriptors."""
        return sorted(self._find(kind).items())

    def _find(self, kind):
        found = {}
        for base in reversed(kind.__mro__):
            if base is kind:
                own = self._own(kind)
            else:
                own = self._of_base.get(base)
                if own is None:
                    own = self._of_base[base] = self._own(base)
            for name in found.keys() & vars(base).keys():
                del found[name]
            found.update(own)
        return found


def _find_descriptors_fast(traitlets):
    finder, getmembers = Finder(traitlets.BaseDescriptor), traitlets.getmembers
    traitlets.getmembers, traitlets.dir = finder.members, finder.names

    def undo():
        traitlets.getmembers = getmembers
        del traitlets.dir

    return undo


def _find_no_configuration_fast(module):
    kind = module.Configurable
    find = kind._find_my_config

    def find_if_any(self, configuration):
        # Sections that somebody looked for are there, and empty.
        if any(configuration.values()):
            return find(self, configuration)
        return module.Config()

    kind._find_my_config = find_if_any

    def undo():
        kind._find_my_config = find

    return undo


@contextmanager
def hastened():
    """Have traitlets be faster in the block, in which it may be imported."""
    undos = []
    for name, change in (
        ("traitlets.traitlets", _find_descriptors_fast),
        ("traitlets.config.configurable", _find_no_configuration_fast),
    ):
        when_imported.call(name, lambda module, to=change: undos.append(to(module)))
    try:
        yield
    finally:
        for undo in undos:
            undo()
