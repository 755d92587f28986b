"""JSON as the wire has it. Any thread; needs the GIL."""

import json

quoted = json.encoder.encode_basestring
encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def clean(text):
    """Replace lone surrogates, which no UTF-8 has."""
    if text.isascii():
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
