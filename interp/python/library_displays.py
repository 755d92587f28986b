"""What libraries show by means of their own, shown to clients.

Bokeh loads its scripts with one display of a notebook and draws with those after
it; here each display is a page of its own, so the scripts go into it. Pillow would
rather open a window of the desktop. IPython's videos are links to files, which a
page of its own can't follow.

Needs the GIL. Runs on the thread that imports the library, or shows something.
"""

import os
from collections.abc import Sequence

from IPython.core.display import Video

from _mrmd import when_imported

# In bytes; what is longer would cost more memory than a film is worth.
_LARGEST_EMBEDDED_VIDEO = 64 << 20


def install():
    """Have the libraries set up when they are imported. Main thread."""
    when_imported.call("bokeh.io", _show_bokeh_in_pages)
    when_imported.call("PIL.ImageShow", _display_pictures)


def _show_bokeh_in_pages(bokeh_io):
    """Have bokeh's `show` display a plot, also before `output_notebook` was called.

    After `output_file` it writes the file as well. An application is shown by
    bokeh's own server, as in any notebook.
    """
    from bokeh.io.notebook import show_app
    from bokeh.io.state import curstate

    bokeh_io.install_notebook_hook(
        "jupyter", _load_nothing, _show_bokeh, show_app, overwrite=True
    )
    curstate().output_notebook()


def _load_nothing(resources, verbose, hide_banner, load_timeout):
    """Stand in for the loading of scripts, which each page has."""


def _show_bokeh(shown, state, notebook_handle=None):
    """Display what `show` was given: a plot, a layout, or a sequence of them."""
    from bokeh.embed import file_html
    from bokeh.layouts import column
    from bokeh.resources import INLINE
    from IPython.display import display

    plot = column(*shown) if isinstance(shown, Sequence) else shown
    # As bokeh's own hook does: a plot has one document, in which later layouts may
    # have it too.
    if plot not in state.document.roots:
        state.document.add_root(plot)
    page = file_html(plot, INLINE, title="Bokeh plot", theme=state.document.theme)
    display({"text/html": page, "text/plain": repr(shown)}, raw=True)


def _display_pictures(image_show):
    """Have Pillow's `show` display a picture, before it tries the desktop's viewers."""
    image_show.register(image_show.IPythonViewer, order=0)


def prepare(formatter):
    """Have a shell's DisplayFormatter put videos that are files into their pages."""
    formatter.formatters["text/html"].for_type(Video, _video_page)


def _video_page(video):
    """Give a video's HTML, which plays wherever it is shown."""
    name = video.filename if video.url is None else video.url
    if video.embed or name is None or not os.path.isfile(name):
        return video._repr_html_()
    if os.path.getsize(name) > _LARGEST_EMBEDDED_VIDEO:
        return video._repr_html_()
    whole = Video(
        name,
        embed=True,
        mimetype=video.mimetype,
        width=video.width,
        height=video.height,
        html_attributes=video.html_attributes,
    )
    return whole._repr_html_()
