"""What libraries show by means of their own, shown to clients.

Bokeh loads its scripts with one display of a notebook and draws with those after
it; here each display is a page of its own, so the scripts go into it. Pillow would
rather open a window of the desktop. IPython's videos and file links name files, which
a page of its own can't reach. The bars of tqdm.notebook would need widgets.

Needs the GIL. Runs on the thread that imports the library, or shows something.
"""

import os
from collections.abc import Sequence

from _mrmd import when_imported

# In bytes; what is longer would cost more memory than a film is worth.
_LARGEST_EMBEDDED_VIDEO = 64 << 20
_LARGEST_EMBEDDED_FILE = 16 << 20


def install():
    """Have the libraries set up when they are imported. Main thread."""
    when_imported.call("bokeh.io", _show_bokeh_in_pages)
    when_imported.call("PIL.ImageShow", _display_pictures)
    when_imported.call("tqdm.notebook", _draw_bars_as_text)


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


def _draw_bars_as_text(tqdm_notebook):
    """Have tqdm's bars for notebooks, which are widgets, be the terminal's."""
    from tqdm.std import tqdm

    class TextBar(tqdm):
        """A bar of text that takes what the widget takes.

        Its `ncols` is a width in pixels or per cent; the text is as wide as it fits.
        """

        def __init__(self, *arguments, ncols=None, display=True, **keywords):
            super().__init__(*arguments, **keywords)

    def text_range(*arguments, **keywords):
        """Give a bar over a range."""
        return TextBar(range(*arguments), **keywords)

    tqdm_notebook.tqdm = tqdm_notebook.tqdm_notebook = TextBar
    tqdm_notebook.trange = tqdm_notebook.tnrange = text_range


def prepare(formatters):
    """Have a shell's formatters, by mime type, put files that are shown into pages."""
    for_html = formatters["text/html"]
    for_html.for_type_by_name("IPython.core.display", "Video", _video_page)
    for_html.for_type_by_name("IPython.lib.display", "FileLink", _file_link)
    for_html.for_type_by_name("IPython.lib.display", "FileLinks", _file_list)


def _video_page(video):
    """Give a video's HTML, which plays wherever it is shown."""
    name = video.filename if video.url is None else video.url
    if video.embed or name is None or not os.path.isfile(name):
        return video._repr_html_()
    if os.path.getsize(name) > _LARGEST_EMBEDDED_VIDEO:
        return video._repr_html_()
    from IPython.core.display import Video

    whole = Video(
        name,
        embed=True,
        mimetype=video.mimetype,
        width=video.width,
        height=video.height,
        html_attributes=video.html_attributes,
    )
    return whole._repr_html_()


def _file_link(link):
    """Give a link that holds the file, or its path when it is too long for that.

    With a `url_prefix` the link is where its author wants it.
    """
    if link.url_prefix or not os.path.isfile(link.path):
        return link._repr_html_()
    import html

    path = html.escape(link.path)
    if os.path.getsize(link.path) > _LARGEST_EMBEDDED_FILE:
        shown = f"<code>{html.escape(os.path.abspath(link.path))}</code>"
    else:
        import base64
        import mimetypes

        with open(link.path, "rb") as file:
            content = base64.b64encode(file.read()).decode("ascii")
        mime_type = mimetypes.guess_type(link.path)[0] or "application/octet-stream"
        name = html.escape(os.path.basename(link.path))
        source = f"data:{mime_type};base64,{content}"
        shown = f'<a href="{source}" download="{name}">{path}</a>'
    return link.result_html_prefix + shown + link.result_html_suffix


def _file_list(links):
    """Give the paths below a directory; links to them would lead nowhere.

    With a `url_prefix` they are links.
    """
    if links.url_prefix:
        return links._repr_html_()
    import html

    return f"<pre>{html.escape(repr(links))}</pre>"
