"""The magics that do more here than IPython's own. Main thread."""

import os
import sys

from IPython.core import page
from IPython.core.extensions import ExtensionManager
from IPython.core.magic import Magics, line_magic, magics_class

from _mrmd import autoreload, plots


@magics_class
class RuntimeMagics(Magics):
    """Packages, reloading, and the configuration of figures."""

    @line_magic
    def pip(self, line):
        """Install packages into this runtime's venv, with uv or pip: %pip install x."""
        from _mrmd import installing

        installing.pip(line)

    @line_magic
    def add(self, line):
        """Install packages into this runtime's venv: %add x y."""
        from _mrmd import installing

        installing.pip("install " + line)

    @line_magic
    def uv(self, line):
        """Run uv for this runtime's venv: %uv pip tree."""
        from _mrmd import installing

        installing.uv(line)

    @line_magic
    def less(self, line):
        """Show a text file: %less FILE."""
        if not line.strip():
            print("usage: %less FILE", file=sys.stderr)
            return
        with open(os.path.expanduser(line.strip()), errors="replace") as file:
            page.page(file.read())

    more = line_magic("more")(less)

    @line_magic
    def man(self, line):
        """Show a page of the manual: %man ls."""
        self.shell.system("man " + line)

    @line_magic
    def config(self, line):
        """Configure IPython: %config Class.trait = value; %config alone lists them."""
        from IPython.core.magics import ConfigMagics

        if line.startswith("InlineBackend"):
            # IPython knows this class once it is loaded, which needs matplotlib.
            plots.inline_backend(self.shell)
        self.shell.make_configurables()
        return ConfigMagics.config(self, line)

    @line_magic
    def autoreload(self, line):
        """Reload edited modules before a cell: %autoreload 0, 1, 2 (the default) or 3.

        0, off: never; 1, explicit: those imported with %aimport; 2, all; 3, complete:
        all, and new names are added to the namespace; now: at once.
        """
        autoreload.magics_of(self.shell).set_mode(line)

    @line_magic
    def aimport(self, line):
        """Import modules for %autoreload 1: %aimport x, y; or leave one out: %aimport -x."""
        autoreload.magics_of(self.shell).aimport(line)


class Extensions(ExtensionManager):
    """Knows that autoreload is part of this runtime."""

    _built_in = frozenset({"autoreload", "IPython.extensions.autoreload"})

    def load_extension(self, module_str):
        """Load an extension, unless it is built in."""
        if module_str in self._built_in:
            return None
        return super().load_extension(module_str)

    def reload_extension(self, module_str):
        """Load an extension again, unless it is built in."""
        if module_str not in self._built_in:
            super().reload_extension(module_str)

    def unload_extension(self, module_str):
        """Unload an extension; for one that is built in, switch it off."""
        if module_str not in self._built_in:
            return super().unload_extension(module_str)
        autoreload.magics_of(self.shell).set_mode("0")
        return None
