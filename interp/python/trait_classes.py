"""Makes classes with traits faster while a start makes sixty of them.

traitlets looks at every attribute of a new class twice, by `dir` and `getattr`, and
goes on with those that are descriptors of its own. While Python starts it is given
these alone. Main thread; needs the GIL.
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


@contextmanager
def hastened():
    """Have traitlets make classes faster in the block, in which it may be imported."""
    changed = []

    def change(traitlets):
        finder = Finder(traitlets.BaseDescriptor)
        changed.append((traitlets, traitlets.getmembers))
        traitlets.getmembers, traitlets.dir = finder.members, finder.names

    when_imported.call("traitlets.traitlets", change)
    try:
        yield
    finally:
        for traitlets, getmembers in changed:
            traitlets.getmembers = getmembers
            del traitlets.dir
