"""Display data: from objects to mime bundles on their way to the host.

All on the thread that displays; needs the GIL, which the host call releases.
"""

import json

import _mrmd_host
from IPython.core.displayhook import DisplayHook
from IPython.core.displaypub import DisplayPublisher
from IPython.core.formatters import DisplayFormatter, PlainTextFormatter
from IPython.lib.pretty import _repr_pprint, _type_pprinters
from traitlets import default

from _mrmd import library_displays, plots


def to_json(value):
    """Encode as JSON; bytes become base64 text, what has no JSON becomes its repr."""
    try:
        return json.dumps(value, default=_plain, allow_nan=False, ensure_ascii=False)
    except (ValueError, TypeError):
        return json.dumps(_cleaned(value), default=_plain, ensure_ascii=False)


def _plain(value):
    if isinstance(value, (bytes, bytearray, memoryview)):
        import base64

        return base64.b64encode(value).decode("ascii")
    if isinstance(value, (set, frozenset)):
        return list(value)
    item = getattr(value, "item", None)
    if callable(item) and getattr(value, "shape", None) == ():
        return item()
    return repr(value)


def _cleaned(value):
    if isinstance(value, dict):
        return {str(key): _cleaned(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_cleaned(item) for item in value]
    if isinstance(value, float) and not -_INFINITY < value < _INFINITY:
        return None
    return value


# Rather than math.isfinite: math is a library that a start would load for it.
_INFINITY = float("inf")

_WIDGET = "application/vnd.jupyter.widget-view+json"
_WIDGET_HINT = "\n(a Jupyter widget: it can't be used here, only its text is shown)"


def publish(kind, data, metadata, transient):
    """Send a mime bundle; kind is "display" or "update_display"."""
    if _mrmd_host.is_forked_child():
        print(data.get("text/plain", ""))
        return
    plots.note_shown(data)
    if _WIDGET in data:
        data = {**data, "text/plain": data.get("text/plain", "") + _WIDGET_HINT}
    bundle = {"data": data, "metadata": metadata or {}}
    if transient:
        bundle["transient"] = transient
    _mrmd_host.call(kind, to_json(bundle))


class Publisher(DisplayPublisher):
    """What `display()` and its kin publish to."""

    def publish(
        self,
        data,
        metadata=None,
        source=None,
        *,
        transient=None,
        update=False,
        **ignored,
    ):
        """Send a new bundle, or with `update` the new state of one shown before."""
        renderers = getattr(self.shell, "mime_renderers", None) or {}
        for mime_type, render in renderers.items():
            if mime_type in data:
                render(data[mime_type], (metadata or {}).get(mime_type))
                return
        publish("update_display" if update else "display", data, metadata, transient)

    def clear_output(self, wait=False):
        """Remove what is shown so far, with `wait` when the next thing is shown."""
        if not _mrmd_host.is_forked_child():
            plots.forget_shown()
            _mrmd_host.call("clear_output", "true" if wait else "false")


class TextFormatter(PlainTextFormatter):
    """Makes the text of objects, except of the one whose text is made elsewhere."""

    left_out = None

    def __call__(self, obj):
        """Give the text; None for the object that is left out."""
        if obj is self.left_out and obj is not None:
            return None
        return super().__call__(obj)


_MADE_LATE = {"formatters", "ipython_display_formatter", "mimebundle_formatter"}


class Formatter(DisplayFormatter):
    """Makes the mime bundles of objects."""

    # How many bundles are being made, one inside the other.
    depth = 0

    @default("formatters")
    def _formatters_default(self):
        formatters = super()._formatters_default()
        formatters["text/plain"] = TextFormatter(parent=self)
        library_displays.prepare(formatters)
        return formatters

    def are_plain(self):
        """Say whether the formatters are IPython's own, of which none is made yet.

        Making the dozen takes longer than a small cell.
        """
        return not (_MADE_LATE & self._trait_values.keys() or any(self.config.values()))

    def format(self, obj, include=None, exclude=None):
        """Give the bundle and its metadata."""
        self.depth += 1
        try:
            if not plots.is_figure(obj):
                plots.forget_rendered()
                return super().format(obj, include, exclude)
            with plots.rendering(self.parent, obj):
                return super().format(obj, include, exclude)
        finally:
            self.depth -= 1

    def format_but_text(self, obj):
        """Give the bundle and its metadata, with text only if the object gives both."""
        text_formatter = self.formatters["text/plain"]
        if not isinstance(text_formatter, TextFormatter):
            return self.format(obj, exclude={"text/plain"})
        kept, text_formatter.left_out = text_formatter.left_out, obj
        try:
            return self.format(obj)
        finally:
            text_formatter.left_out = kept


class ResultHook(DisplayHook):
    """Called with the value of a cell's last expression."""

    def __init__(self, *arguments, **keywords):
        """Begin without a result."""
        super().__init__(*arguments, **keywords)
        self.result_repr = None

    def quiet(self):
        """Say whether the cell ends in a semicolon; without one it can't."""
        parsed = self.shell.history_manager.input_hist_parsed
        return bool(parsed) and ";" in parsed[-1] and super().quiet()

    def __call__(self, result=None):
        """Keep the result's repr for the reply, and show what is richer than text."""
        if result is not None:
            # The user's code called this hook; only her reprs may be interrupted.
            _mrmd_host.run_uninterruptible(self._take, result)

    def _take(self, result):
        self.check_for_underscore()
        if self.quiet():
            return
        self.start_displayhook()
        try:
            self._show(result)
        finally:
            self._is_active = False

    def _show(self, result):
        formatter = self.shell.display_formatter
        if plots.is_figure(result):
            plots.show_earlier_figures(result)
        text, bundle, metadata = _mrmd_host.run_interruptible(
            _represent, formatter, result
        )
        if plots.is_on_screen(result, bundle):
            bundle = {}
        self.update_user_ns(result)
        self.fill_exec_result(result)
        self.result_repr = text
        if bundle:
            publish("display", bundle, metadata, None)
            self.log_output(bundle)
        elif text is not None:
            self.log_output({"text/plain": text})


# Their instances can have no _repr_html_ and the like: unless somebody registered
# a formatter for the type, asking the dozen formatters there are finds nothing.
_PLAIN_TYPES = frozenset(
    {
        bool,
        bytes,
        complex,
        dict,
        float,
        frozenset,
        int,
        list,
        range,
        set,
        str,
        tuple,
    }
)


def _printers(formatter):
    """Give a formatter's printers by type, by object and by the type's name.

    They are taken from where traitlets keeps them: to ask for a trait takes four times
    as long, and there are three for each of a dozen formatters.
    """
    kept = formatter._trait_values
    try:
        return (
            kept["type_printers"],
            kept["singleton_printers"],
            kept["deferred_printers"],
        )
    except KeyError:
        # One that nobody has asked for yet is made when it is.
        return (
            formatter.type_printers,
            formatter.singleton_printers,
            formatter.deferred_printers,
        )


def _is_registered(formatter, result):
    """Say whether any formatter but that of text was registered for a builtin."""
    kind = type(result)
    formatters = formatter.formatters
    text_formatter = formatters.get("text/plain")
    for one in (
        formatter.ipython_display_formatter,
        formatter.mimebundle_formatter,
        *formatters.values(),
    ):
        by_type, by_object, by_name = _printers(one)
        if not (by_type or by_object or by_name) or one is text_formatter:
            continue
        if (
            kind in by_type
            or object in by_type
            or id(result) in by_object
            or ("builtins", kind.__name__) in by_name
        ):
            return True
    return False


def _represent(formatter, result):
    """Give an object's text, and the mime bundle when it has more than text."""
    is_plain = type(result) in _PLAIN_TYPES
    if is_plain and isinstance(formatter, Formatter) and formatter.are_plain():
        return repr(result), {}, {}
    text_formatter = formatter.formatters["text/plain"]
    if _has_custom_text(text_formatter, result):
        bundle, metadata = formatter.format(result)
        return bundle.get("text/plain"), bundle if len(bundle) > 1 else {}, metadata
    text = repr(result)
    if is_plain and not _is_registered(formatter, result):
        return text, {}, {}
    bundle, metadata = formatter.format_but_text(result)
    if bundle and "text/plain" not in bundle:
        bundle["text/plain"] = (
            text if _prints_its_repr(type(result)) else text_formatter(result) or text
        )
    return text, bundle, metadata


def _prints_its_repr(kind):
    """Say whether IPython's pretty printer would show just repr() for the type."""
    printer = _type_pprinters.get(kind, _repr_pprint)
    return printer is _repr_pprint and not hasattr(kind, "_repr_pretty_")


def _has_custom_text(formatter, result):
    """Say whether the user registered a text formatter, for the type or for all."""
    if not isinstance(formatter, TextFormatter):
        return True
    kind = type(result)
    for base in kind.__mro__:
        printer = formatter.type_printers.get(base)
        if printer is not None:
            return printer is not _type_pprinters.get(base)
    if not formatter.deferred_printers:
        return False
    return (kind.__module__, kind.__qualname__) in formatter.deferred_printers and (
        kind.__module__,
        kind.__qualname__,
    ) not in _default_deferred()


def _default_deferred():
    from IPython.lib.pretty import _deferred_type_pprinters

    return _deferred_type_pprinters
