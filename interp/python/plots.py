"""Matplotlib figures as displays, through the matplotlib-inline package.

Nothing of matplotlib is imported before the user's code does. Main thread.
"""

import importlib.machinery
import importlib.util
import os
import sys

BACKEND = "module://matplotlib_inline.backend_inline"

# What mrmd-python 0.4.2 saves figures with.
SAVE_OPTIONS = {"bbox_inches": "tight", "dpi": 150, "facecolor": "white"}


class BackendChooser:
    """An import hook that sees matplotlib being imported, once."""

    def __init__(self, application):
        """Choose the backend for figures that the application's shell shows."""
        self._application = application

    def find_spec(self, name, path=None, target=None):
        """Find matplotlib as usual, and have the backend chosen once it is loaded."""
        if name != "matplotlib":
            return None
        sys.meta_path.remove(self)
        spec = importlib.machinery.PathFinder.find_spec(name, path, target)
        if spec is not None and hasattr(spec.loader, "exec_module"):
            load = spec.loader.exec_module

            def load_then_choose(module):
                load(module)
                self._choose(module)

            spec.loader.exec_module = load_then_choose
        return spec

    def _choose(self, matplotlib):
        """Leave a backend alone that the user chose by environment or matplotlibrc."""
        automatic = matplotlib.rcsetup._auto_backend_sentinel
        if "MPLBACKEND" in os.environ:
            return
        if dict.__getitem__(matplotlib.rcParams, "backend") is not automatic:
            return
        if importlib.util.find_spec("matplotlib_inline") is None:
            return
        show_figures_without_pyplot(self._application.shell)
        # matplotlib-inline reads it when pyplot loads the backend, not before: the
        # import of that package alone would cost more than matplotlib's own.
        self._application.shell.config.InlineBackend.setdefault(
            "print_figure_kwargs", SAVE_OPTIONS
        )
        matplotlib.rcParams["backend"] = BACKEND


def show_figures_without_pyplot(shell):
    """Let a Figure be shown that was made without pyplot, which sets this up itself."""

    def to_png(figure):
        from IPython.core.pylabtools import print_figure

        section = shell.config.InlineBackend
        return print_figure(figure, "png", **section["print_figure_kwargs"])

    formatter = shell.display_formatter.formatters["image/png"]
    formatter.for_type_by_name("matplotlib.figure", "Figure", to_png)


def forget_if_shown(result):
    """Close a figure that was shown as a cell's result: it is not to come twice."""
    figures = sys.modules.get("matplotlib.figure")
    if figures is None or not isinstance(result, figures.Figure):
        return
    config = sys.modules.get("matplotlib_inline.config")
    if config is None:
        return
    from matplotlib._pylab_helpers import Gcf

    InlineBackend = config.InlineBackend
    if InlineBackend.initialized() and InlineBackend.instance().close_figures:
        Gcf.destroy_fig(result)


def follow(shell):
    """Have figures shown by the shell of the session that is entered."""
    backend = sys.modules.get("matplotlib_inline.backend_inline")
    if backend is None:
        return
    import matplotlib

    chosen = dict.__getitem__(matplotlib.rcParams, "backend")
    callbacks = shell.events.callbacks["post_execute"]
    if chosen == BACKEND and backend.flush_figures not in callbacks:
        # It configures a shell only when the backend is new to it.
        backend.configure_inline_support.current_backend = "another session's"
        backend.configure_inline_support(shell, BACKEND)


def install(application):
    """Watch for the import of matplotlib."""
    sys.meta_path.insert(0, BackendChooser(application))
