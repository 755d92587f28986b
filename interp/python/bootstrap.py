"""Makes the embedded `_mrmd` package importable.

The binary carries the package's files; this one is compiled first and serves the
others from memory, with their sources so that tracebacks show their lines.
Needs the GIL; main thread.
"""

import _imp
import marshal
import os
import sys

# What importlib has these from: to import it now would be to find and read its files.
from _frozen_importlib import ModuleSpec
from _frozen_importlib_external import SourceFileLoader

PACKAGE = "_mrmd"
FOLDER = "<mrmd>/"
# Built into Python elsewhere; ntpath, which pathlib imports, tries them seven times.
_OF_WINDOWS = frozenset(("nt", "_winapi"))


class EmbeddedLoader:
    """Loads the package's modules from the sources the binary carries."""

    def __init__(self, sources, codes):
        """Take `sources` and `codes`, which map a module's full name to its text and,
        as far as it is known, to a view of its marshalled code."""
        self._sources, self._codes = sources, codes

    def find_spec(self, name, path=None, target=None):
        """Find a module of the package; None for every other name."""
        if name not in self._sources:
            return None
        return ModuleSpec(
            name, self, origin=self._file(name), is_package=name == PACKAGE
        )

    def create_module(self, spec):
        """Leave it to Python to make the module."""

    def exec_module(self, module):
        """Run a module's code in it."""
        exec(self.get_code(module.__name__), module.__dict__)

    def get_source(self, name):
        """Give a module's text."""
        return self._sources[name]

    def is_package(self, name):
        """Say whether the module is the package itself."""
        return name == PACKAGE

    def get_code(self, name):
        """Compile a module; its file name is what marks its frames as ours."""
        code = self._codes.pop(name, None)
        if code is not None:
            return marshal.loads(code)
        return compile(self._sources[name], self._file(name), "exec", dont_inherit=True)

    def copy_codes(self):
        """Keep the codes that nothing has asked for yet, in memory of Python's own."""
        for name, code in self._codes.items():
            self._codes[name] = bytes(code)

    def compiled(self, name):
        """Give the code, marshalled, of a module of the package or of a file."""
        loader = self if name in self._sources else sys.modules[name].__spec__.loader
        return marshal.dumps(loader.get_code(name))

    @staticmethod
    def _file(name):
        return FOLDER + name.rpartition(".")[2] + ".py"


class RememberedLoader(SourceFileLoader):
    """Loads a module of a file from code that was compiled before."""

    def __init__(self, name, path, code):
        """Take the code in marshalled form; it is used once."""
        super().__init__(name, path)
        self._code = code

    def get_code(self, name):
        """Give the code, or go to the file when the module is loaded anew."""
        code, self._code = self._code, None
        if code is None:
            return super().get_code(name)
        code = marshal.loads(code)
        _imp._fix_co_filename(code, self.path)
        return code


class RememberedFinder:
    """Finds the modules that starting imports, without a look at the folders."""

    def __init__(self, modules):
        """Take (origin, compiled file, is it a package, view of its code) by name."""
        self._modules = modules
        self._deferred = None
        self._views = [code for _, _, _, code in modules.values()]

    def find_spec(self, name, path=None, target=None):
        """Find one of the modules, once; None for every other name."""
        if name in _OF_WINDOWS:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        if name not in self._modules:
            return None
        origin, compiled, is_package, code = self._modules.pop(name)
        if self._deferred is not None and name in self._deferred.NAMES_TAKEN:
            loader = self._deferred.Loader(RememberedLoader(name, origin, bytes(code)))
        else:
            loader = RememberedLoader(name, origin, code)
        spec = ModuleSpec(
            name,
            loader,
            origin=origin,
            is_package=is_package,
        )
        spec.has_location = True
        spec.cached = compiled
        if is_package:
            spec.submodule_search_locations.append(os.path.dirname(origin))
        return spec

    def allow_deferring(self):
        """Have modules loaded later that starts import and do not use."""
        from _mrmd import deferred

        self._deferred = deferred

    def forget(self):
        """Find nothing any more."""
        sys.meta_path.remove(self)
        self._modules.clear()
        for view in self._views:
            view.release()

    @staticmethod
    def imported():
        """Give what was imported from sources so far.

        A list of texts, four for each module: its name, its source's path, the path
        of the file that is compiled to, and "package" or "".
        """
        found = []
        for name, module in list(sys.modules.items()):
            if not isinstance(module, type(sys)):
                continue
            # Past what would load a module that is loaded when it is used.
            spec = object.__getattribute__(module, "__dict__").get("__spec__")
            loader = getattr(spec, "loader", None)
            if (
                isinstance(loader, SourceFileLoader)
                and spec.cached
                and spec.name == name
            ):
                is_package = spec.submodule_search_locations is not None
                found += [name, spec.origin, spec.cached, "package" * is_package]
        return found


def install(names, texts, codes, remembered):
    """Serve the modules called `names`, whose sources are `texts`.

    `codes` maps names to views of marshalled code as far as that is known, and
    `remembered` names of modules from files to what RememberedFinder takes. Returns a
    function that gives a module's marshalled code, and one to call after the start with
    whether all it imported was known, which gives the rest otherwise: the memory that is
    viewed may go then.
    """
    sources = dict(zip(names, texts, strict=True))
    sources.setdefault(PACKAGE, "")
    loader, finder = EmbeddedLoader(sources, codes), RememberedFinder(remembered)
    sys.meta_path[:0] = [loader, finder]
    finder.allow_deferring()

    def finish(all_was_known):
        loader.copy_codes()
        finder.forget()
        return [] if all_was_known else finder.imported()

    return loader.compiled, finish
