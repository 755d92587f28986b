"""IPython's autoreload, fed with what was noted. Main thread.

Imported when a module was edited for the first time, or %autoreload is used.
"""

import ast
import importlib.util
import logging
import os
import sys

from IPython.extensions import autoreload as extension

from _mrmd import autoreload

if hasattr(extension, "DeduperReloader"):

    class Deduper(extension.DeduperReloader):
        """Compares modules with the text they were loaded from."""

        def __init__(self):
            """Begin with what was noted when the modules were loaded."""
            super().__init__()
            self.source_by_modname = autoreload.sources
            self._replaced = set()

        def update_sources(self):
            """Leave reading to the import: by now a file may be a newer one."""

        def maybe_reload_module(self, module):
            """Change a module's functions in place; say whether that could be done.

            Once a module was run again, names that were imported from it stand for
            functions that are no longer the module's: only running it again, by
            which IPython finds them, goes on changing them.
            """
            name = module.__name__
            if name in self._replaced:
                return False
            if super().maybe_reload_module(module):
                return True
            if _can_be_compiled(autoreload.file_of(module)):
                self._replaced.add(name)
            return False

    # The reloader makes its own; there is no other way to give it another.
    extension.DeduperReloader = Deduper


def _can_be_compiled(path):
    try:
        ast.parse(autoreload.read(path))
    except (SyntaxError, ValueError):
        return False
    return True


# What the reloaders of all sessions know: modules are shared, and so is this.
_failures = {}
_objects = {}


class Reloader(extension.ModuleReloader):
    """Reloads what changed."""

    def __init__(self, shell):
        """Begin with `%autoreload 2`."""
        super().__init__(shell)
        self.modules_mtimes = autoreload.times
        self.failed = _failures
        self.old_objects = _objects
        self.enabled = self.check_all = True

    def check(self, check_all=False, do_reload=True, **options):
        """Look at the modules' files; what they were loaded with is known."""
        if not do_reload:
            return
        for name, module in list(sys.modules.items()):
            path = autoreload.file_of(module)
            if name not in self.modules_mtimes and path in autoreload.loaded:
                self.modules_mtimes[name] = autoreload.loaded[path]
        super().check(check_all, do_reload, **options)

    def reload(self, paths):
        """Reload the modules of these files; failures are said on stderr."""
        edited = {
            name: path
            for name, module in list(sys.modules.items())
            if (path := autoreload.file_of(module)) in paths
        }
        texts = {name: autoreload.read(path) for name, path in edited.items()}
        for name, path in edited.items():
            _forget_bytecode(path)
            before = autoreload.sources.get(name)
            if before and before != texts[name] and self._is_loaded(name, path):
                self.modules_mtimes[name] = 0
        try:
            self.check()
        except Exception:
            logging.getLogger("autoreload").exception("looking for edited modules")
        if not self.check_all:
            autoreload.keep_for_later(paths)
        for name, path in edited.items():
            if name in autoreload.sources and self._is_loaded(name, path):
                autoreload.sources[name] = texts[name]

    def _is_loaded(self, name, path):
        """Say whether a module was loaded from its file as it is, going by the time."""
        known = self.modules_mtimes.get(name, autoreload.loaded.get(path))
        try:
            return known == os.stat(path).st_mtime and path not in self.failed
        except OSError:
            return False


def _forget_bytecode(path):
    """Remove a file's bytecode: Python takes it for that of any version of the file
    that is as long and as many whole seconds old.
    """
    try:
        os.remove(importlib.util.cache_from_source(path))
    except (OSError, NotImplementedError):
        pass


class AutoreloadMagics(extension.AutoreloadMagics):
    """%autoreload and %aimport, without IPython's work around every cell."""

    _follows_cells = False

    def __init__(self, shell):
        """Begin with `%autoreload 2`."""
        super(extension.AutoreloadMagics, self).__init__(shell)
        self._reloader = Reloader(shell)
        self.loaded_modules = set(sys.modules)

    def set_mode(self, line):
        """Do what %autoreload says."""
        self.autoreload(line)
        autoreload.look_again()
        if self._reloader.autoload_obj and not self._follows_cells:
            self._follows_cells = True
            self.shell.events.register("pre_run_cell", self.pre_run_cell)
            self.shell.events.register("post_execute", self.post_execute_hook)

    def pre_run_cell(self, info):
        """Keep what is about to run, for what is imported by it."""
        self._last_execution_info = info
