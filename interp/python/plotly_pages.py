"""Plotly figures as pages that need neither a network nor another page. Main thread."""

import os
import types

from _mrmd import when_imported

_DEFAULT = "plotly_mimetype+notebook"


def install():
    """Have plotly's renderers set up when they are imported."""
    when_imported.call("plotly.io._renderers", _set_up)


def _set_up(module):
    """Replace the renderers that count on a page whose scripts all outputs share."""

    class PageRenderer(module.MimetypeRenderer):
        """Makes an HTML page of a figure, with plotly.js in it or linked."""

        def __init__(self, include_plotlyjs, config=None):
            self.include_plotlyjs = include_plotlyjs
            self.config = config
            self.auto_play = False

        def to_mimebundle(self, fig_dict):
            """Give the page as a mime bundle."""
            from plotly.io import to_html

            page = to_html(
                fig_dict,
                config=self.config,
                auto_play=self.auto_play,
                include_plotlyjs=self.include_plotlyjs,
                default_height=525,
                validate=False,
            )
            traces = len(fig_dict.get("data", ()))
            text = f"<plotly figure, {traces} trace{'s' if traces != 1 else ''}>"
            return {"text/html": page, "text/plain": text}

    for name in list(module.renderers):
        kept = module.renderers[name]
        if getattr(kept, "global_init", False):
            linked = "cdn" if kept.connected else True
            module.renderers[name] = PageRenderer(linked, kept.config)
    if "PLOTLY_RENDERER" not in os.environ:
        module.renderers.default = _DEFAULT
    if module.nbformat is None:
        # fig.show() refuses to work without this package, and only reads its version.
        module.nbformat = types.SimpleNamespace(__version__="5.0.0")
