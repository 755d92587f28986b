"""Matplotlib figures as displays, through the matplotlib-inline package.

Nothing of matplotlib is imported before the user's code does. Main thread.
"""

import contextlib
import importlib.util
import os
import re
import sys

from IPython.core.getipython import get_ipython

from _mrmd import when_imported

BACKEND = "module://matplotlib_inline.backend_inline"

# What mrmd-python 0.4.2 saves figures with.
_DOTS_PER_INCH = 150


class DefaultResolution(float):
    """Matplotlib's own figure.dpi, told apart from the same number set by the user."""

    def __reduce__(self):
        """Be a plain number in a pickled figure, which is read where we are not."""
        return float, (float(self),)

    def __copy__(self):
        """Stay the default when a figure's settings are copied."""
        return self

    def __deepcopy__(self, memo):
        """Stay the default when a figure's settings are copied."""
        return self


def _choose_backend(matplotlib):
    """Leave a backend alone that the user chose by environment or matplotlibrc."""
    parameters = matplotlib.rcParams
    unset = dict.__getitem__(matplotlib.rcParamsDefault, "figure.dpi")
    check = parameters.validate["figure.dpi"]
    # `plt.rcdefaults()` and styles bring the default back through the check.
    parameters.validate["figure.dpi"] = lambda given: (
        given if isinstance(given, DefaultResolution) else check(given)
    )
    if dict.__getitem__(parameters, "figure.dpi") == unset:
        for one in (parameters, matplotlib.rcParamsDefault):
            dict.__setitem__(one, "figure.dpi", DefaultResolution(unset))
    if "MPLBACKEND" in os.environ:
        return
    automatic = matplotlib.rcsetup._auto_backend_sentinel
    if dict.__getitem__(parameters, "backend") is not automatic:
        return
    if importlib.util.find_spec("matplotlib_inline") is not None:
        # matplotlib-inline is loaded with pyplot, not before: the import of that
        # package alone would cost more than matplotlib's own.
        parameters["backend"] = BACKEND


# The figures this cell has shown and that are still to be seen, each with its
# picture, and the figure that was rendered last, until its bundle is published.
_shown = []
_rendered = []


def forget_shown():
    """Take note that a cell begins, or that the screen was cleared."""
    _shown.clear()
    _rendered.clear()


def forget_rendered():
    """Take note that something else will be published next."""
    _rendered.clear()


def is_figure(value):
    """Say whether the value is a figure, without importing matplotlib for it."""
    figures = sys.modules.get("matplotlib.figure")
    # While the module is being imported it has no Figure yet.
    return figures is not None and isinstance(value, getattr(figures, "Figure", ()))


def is_on_screen(figure, bundle):
    """Say whether the cell has shown this figure and it looked as in the bundle."""
    return any(figure is one and picture == _picture(bundle) for one, picture in _shown)


def note_shown(data):
    """Take note that a bundle was published; it may be that of a rendered figure."""
    if _rendered and len(data) > 1:
        figure = _rendered.pop()
        _shown[:] = [item for item in _shown if item[0] is not figure]
        _shown.append((figure, _picture(data)))


_IMAGE_TYPES = ("image/png", "image/svg+xml", "image/jpeg", "application/pdf")

# What differs between two drawings of the same.
_DATES = re.compile(r"<dc:date>.*?</dc:date>|/CreationDate \([^)]*\)")


def _picture(bundle):
    """Give an image of the bundle in a form to be compared."""
    for kind in _IMAGE_TYPES:
        if kind in bundle:
            image = bundle[kind]
            if isinstance(image, bytes):
                image = image.decode("latin-1")
            return _DATES.sub("", image)
    return None


@contextlib.contextmanager
def rendering(shell, figure):
    """Let the shell's formatters render the figure, in the size the user wants.

    matplotlib-inline renders with the figure's own resolution and colour. What the
    user set for files wins over them, as in `plt.savefig`; where nothing was set,
    the resolution is that of mrmd-python 0.4.2.
    """
    import matplotlib

    _prepare_formatters(shell)
    parameters = matplotlib.rcParams
    kept = figure.dpi, figure.get_facecolor(), parameters["svg.hashsalt"]
    resolution, colour = parameters["savefig.dpi"], parameters["savefig.facecolor"]
    if resolution == "figure":
        resolution = figure.dpi
        if isinstance(resolution, DefaultResolution):
            resolution = _DOTS_PER_INCH
    try:
        figure.dpi = resolution
        if colour != "auto":
            figure.set_facecolor(colour)
        if kept[2] is None:
            # The names in an SVG are random: one figure's are to stay the same.
            parameters["svg.hashsalt"] = str(id(figure))
        yield
    finally:
        figure.dpi = kept[0]
        figure.set_facecolor(kept[1])
        parameters["svg.hashsalt"] = kept[2]
    _rendered[:] = [figure]


def _prepare_formatters(shell):
    """Let figures be rendered also where pyplot has not set the formatters up."""
    from matplotlib.figure import Figure

    formatters = shell.display_formatter.formatters
    if any(Figure in formatters[kind].type_printers for kind in _IMAGE_TYPES):
        return
    from IPython.core.pylabtools import select_figure_formats

    config = inline_backend(shell)
    select_figure_formats(shell, config.figure_formats, **config.print_figure_kwargs)


def inline_backend(shell):
    """Give matplotlib-inline's configuration; it imports matplotlib."""
    from matplotlib_inline.config import InlineBackend

    config = InlineBackend.instance(parent=shell)
    config.shell = shell
    if config not in shell.configurables:
        shell.configurables.append(config)
    return config


def _show_once(backend):
    """Have the backend leave out a figure that is on the screen as it is now."""
    display = backend.display

    def display_unless_shown(figure, **options):
        if any(figure is one for one, _ in _shown):
            bundle, _ = get_ipython().display_formatter.format(figure)
            if is_on_screen(figure, bundle):
                return
        display(figure, **options)

    backend.display = display_unless_shown


def show_earlier_figures(result):
    """Show the open figures that were drawn before the one that is the result."""
    backend = sys.modules.get("matplotlib_inline.backend_inline")
    if backend is None or not backend.show._draw_called:
        return
    from matplotlib._pylab_helpers import Gcf

    managers = [manager.canvas.figure for manager in Gcf.get_all_fig_managers()]
    waiting = backend.show._to_draw
    for figure in managers[: managers.index(result) if result in managers else 0]:
        if figure in waiting:
            backend.display(figure, metadata=backend._fetch_figure_metadata(figure))


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


def install():
    """Have matplotlib and its inline backend set up when they are imported."""
    when_imported.call("matplotlib", _choose_backend)
    when_imported.call("matplotlib_inline.backend_inline", _show_once)
