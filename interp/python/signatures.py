"""Signatures, documentation and sources of objects, without running the user's code.

`inspect` asks objects for `__signature__`, `__wrapped__` and `__doc__`, which may be
properties or proxies; here everything is found statically first. Any thread; needs
the GIL.
"""

import functools
import inspect
import re
import types

from _mrmd import members

_DEFAULT = 60
LONGEST_DOC = 20_000
_WRAPPINGS = 20
_SELF = re.compile(r"\(\$?(self|module|type|cls)\b,? ?(/, ?|/)?")


def of(value, write):
    """Give a callable's parameters like "(a, b=2)", None when they are not known.

    `write(value, room)` makes the texts of defaults.
    """
    value = _replaced(value)
    signature = _find(value, 0)
    if signature is None:
        text = _text_signature(value)
        return text if text is not None else _from_docstring(value)
    try:
        return _written(signature, write)
    except Exception:
        return None


def parameters(value):
    """Give the inspect.Parameters of a callable, [] when they are not known."""
    value = _replaced(value)
    signature = _find(value, 0)
    if signature is None and members.is_one_of(type(value), _C_CALLABLES):
        try:
            signature = inspect.signature(value)
        except (ValueError, TypeError):
            pass
    return [] if signature is None else list(signature.parameters.values())


def _replaced(value):
    """Give the C function that this runtime has put a function of its own before."""
    if type(value) is types.FunctionType:
        if value.__code__.co_filename.startswith("<mrmd>/"):
            return value.__dict__.get("__wrapped__", value)
    return value


def _find(value, depth):
    if depth > _WRAPPINGS:
        return None
    kind = type(value)
    if kind is types.FunctionType:
        return _of_function(value, depth)
    if kind is types.MethodType:
        return _without_first(_find(value.__func__, depth + 1))
    if kind is functools.partial:
        return _of_partial(value, depth)
    if kind is staticmethod or kind is classmethod:
        return _find(value.__func__, depth + 1)
    if members.is_class(value):
        return _of_class(value, depth)
    if members.is_one_of(kind, _C_CALLABLES):
        return None
    wrapped = dict.get(members.instance_dict(value), "__wrapped__", members.ABSENT)
    if wrapped is not members.ABSENT:
        # functools.lru_cache and other wrappers that are no functions.
        return _find(wrapped, depth + 1)
    call = members.special_method(value, "__call__")
    if type(call) is types.FunctionType:
        return _without_first(_find(call, depth + 1))
    return None


def _of_function(function, depth):
    own = function.__dict__
    given = own.get("__signature__")
    if type(given) is inspect.Signature:
        return given
    wrapped = own.get("__wrapped__", members.ABSENT)
    if wrapped is not members.ABSENT:
        found = _find(wrapped, depth + 1)
        if found is not None:
            return found
        if members.is_one_of(type(wrapped), _C_CALLABLES):
            try:
                return inspect.signature(wrapped)
            except (ValueError, TypeError):
                pass
    try:
        return inspect.Signature.from_callable(function, follow_wrapped=False)
    except (ValueError, TypeError):
        return None


def _of_partial(value, depth):
    found = _find(value.func, depth + 1)
    if found is None:
        return None

    def bare(*arguments, **named):
        raise NotImplementedError

    bare.__signature__ = found
    try:
        return inspect.signature(functools.partial(bare, *value.args, **value.keywords))
    except (ValueError, TypeError):
        return None


def _of_class(kind, depth):
    given = members.class_dict(kind).get("__signature__")
    if type(given) is inspect.Signature:
        return given
    for name in ("__init__", "__new__"):
        method = members.stored(kind, name)
        if type(method) is staticmethod:
            method = method.__func__
        if type(method) is types.FunctionType:
            return _without_first(_find(method, depth + 1))
        if method is not object.__dict__[name]:
            return None
    return inspect.Signature()


def _without_first(signature):
    if signature is None:
        return None
    found = list(signature.parameters.values())
    if found and found[0].kind not in (
        inspect.Parameter.VAR_POSITIONAL,
        inspect.Parameter.KEYWORD_ONLY,
    ):
        found = found[1:]
    return signature.replace(parameters=found)


def _written(signature, write):
    found = []
    for parameter in signature.parameters.values():
        if parameter.default is not inspect.Parameter.empty:
            text = write(parameter.default, _DEFAULT)
            parameter = parameter.replace(default=_Text(text))
        if parameter.annotation is not inspect.Parameter.empty:
            text = _Text(_annotation(parameter.annotation, write))
            parameter = parameter.replace(annotation=text)
        found.append(parameter)
    returned = signature.return_annotation
    if returned is not inspect.Signature.empty:
        returned = _Text(_annotation(returned, write))
    return str(signature.replace(parameters=found, return_annotation=returned))


def _annotation(annotation, write):
    kind = type(annotation)
    if kind is str:
        return annotation[:200]
    if members.is_class(annotation):
        name = members.type_name(annotation)
        module = members.module_of(annotation)
        return name if module in ("builtins", "__main__", "") else f"{module}.{name}"
    if members.module_of(kind) in ("typing", "types"):
        return inspect.formatannotation(annotation)[:200]
    return write(annotation, _DEFAULT)


class _Text:
    """Something whose repr is a given text."""

    def __init__(self, text):
        self._text = text

    def __repr__(self):
        return self._text


def _text_signature(value):
    if members.is_class(value):
        text = type.__dict__["__text_signature__"].__get__(value)
    elif members.is_one_of(type(value), _C_CALLABLES):
        text = value.__text_signature__
    else:
        return None
    if type(text) is not str:
        return None
    return _SELF.sub("(", text) if "$" in text else text


def _from_docstring(value):
    """Take the signature that a C function's documentation begins with."""
    kind = type(value)
    is_in_c = members.is_one_of(kind, _C_CALLABLES) or _is_ufunc(kind)
    if not (members.is_class(value) or is_in_c):
        return None
    doc = docstring(value)
    if members.is_class(value):
        name = members.type_name(value)
    else:
        name = value.__name__
    if doc is None or type(name) is not str:
        return None
    first = doc.lstrip().partition("\n")[0]
    match = re.match(
        rf"(?:[\w.]+\.)?{re.escape(name)}(\(.*?\)(?: ?-> ?.+)?)(?:$|[\s:])", first
    )
    return None if match is None else match[1].rstrip()


def docstring(value):
    """Give an object's documentation, or that of its class; None without any."""
    kind = type(value)
    if kind is types.MethodType:
        return docstring(value.__func__) or _inherited_doc(value)
    if kind is functools.partial:
        return docstring(value.func)
    if kind is property or _is_ufunc(kind):
        text = value.__doc__
    elif members.is_class(value):
        text = members.class_dict(value).get("__doc__")
        if type(text) is types.GetSetDescriptorType or text is None:
            text = _class_doc(value)
    elif kind is types.FunctionType or members.is_one_of(kind, _C_CALLABLES):
        text = value.__doc__
    else:
        text = dict.get(members.instance_dict(value), "__doc__")
        if type(text) is not str:
            text = _class_doc(kind)
    if type(text) is not str or not text.strip():
        return None
    return _cleaned(text[:LONGEST_DOC])


# Of an object's class the same text is wanted with every hover.
_cleaned = functools.lru_cache(maxsize=64)(inspect.cleandoc)


def _class_doc(kind):
    for base in members.mro(kind):
        if base is object and kind is not object:
            return None
        if not members.is_heap_type(base):
            text = type.__dict__["__doc__"].__get__(base)
        else:
            text = members.class_dict(base).get("__doc__")
        if type(text) is str:
            return text
    return None


def _inherited_doc(method):
    name = (
        method.__func__.__name__
        if type(method.__func__) is types.FunctionType
        else None
    )
    owner = method.__self__
    for base in members.mro(owner if members.is_class(owner) else type(owner)):
        found = members.class_dict(base).get(name)
        if type(found) in (staticmethod, classmethod):
            found = found.__func__
        kind = type(found)
        if kind is types.FunctionType or members.is_one_of(kind, _C_CALLABLES):
            if doc := docstring(found):
                return doc
    return None


def first_paragraph(doc):
    """Give the first paragraph of a documentation that says what a thing is."""
    if doc is None:
        return None
    for paragraph in doc.strip().split("\n\n"):
        text = paragraph.strip()
        if text and not re.match(r"[\w.]+\(.*\)( ?-> ?.*)?$", text.partition("\n")[0]):
            return text[:1000]
    return doc.strip().partition("\n\n")[0][:1000]


def is_callable(value):
    """Say whether a value can be called, without asking it."""
    return members.special_method(value, "__call__") is not members.ABSENT


def _is_ufunc(kind):
    """Say whether a type is that of NumPy's functions on whole arrays."""
    return members.type_name(kind) == "ufunc" and members.is_safe(kind)


# A method written in C that is told its class, such as a pattern's `match`.
C_METHOD = type(re.compile("").match)
_C_CALLABLES = (
    C_METHOD, types.BuiltinFunctionType, types.MethodDescriptorType, types.WrapperDescriptorType,
    types.MethodWrapperType, types.ClassMethodDescriptorType,
)  # fmt: skip
