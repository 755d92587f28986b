"""The magics that do more here than IPython's own. Main thread."""

from IPython.core.magic import Magics, line_magic, magics_class

from _mrmd import plots


@magics_class
class RuntimeMagics(Magics):
    """Packages, and the configuration of figures."""

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
    def config(self, line):
        """Configure IPython: %config Class.trait = value; %config alone lists them."""
        from IPython.core.magics import ConfigMagics

        if line.startswith("InlineBackend"):
            # IPython knows this class once it is loaded, which needs matplotlib.
            plots.inline_backend(self.shell)
        return ConfigMagics.config(self, line)
