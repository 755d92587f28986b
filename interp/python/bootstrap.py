"""Makes the embedded `_mrmd` package importable.

The binary carries the package's files; this one is compiled first and serves the
others from memory, with their sources so that tracebacks show their lines.
Needs the GIL; main thread.
"""

import importlib.abc
import importlib.machinery
import sys

PACKAGE = "_mrmd"
FOLDER = "<mrmd>/"


class EmbeddedLoader(importlib.abc.InspectLoader):
    """Loads the package's modules from the sources the binary carries."""

    def __init__(self, sources):
        """Take `sources`, which maps a module's full name to its text."""
        self._sources = sources

    def find_spec(self, name, path=None, target=None):
        """Find a module of the package; None for every other name."""
        if name not in self._sources:
            return None
        return importlib.machinery.ModuleSpec(
            name, self, origin=self._file(name), is_package=name == PACKAGE
        )

    def get_source(self, name):
        """Give a module's text."""
        return self._sources[name]

    def is_package(self, name):
        """Say whether the module is the package itself."""
        return name == PACKAGE

    def get_code(self, name):
        """Compile a module; its file name is what marks its frames as ours."""
        return compile(self._sources[name], self._file(name), "exec", dont_inherit=True)

    @staticmethod
    def _file(name):
        return FOLDER + name.rpartition(".")[2] + ".py"


def install(names, texts):
    """Serve the modules called `names`, whose sources are `texts`."""
    sources = dict(zip(names, texts, strict=True))
    sources.setdefault(PACKAGE, "")
    sys.meta_path.insert(0, EmbeddedLoader(sources))
