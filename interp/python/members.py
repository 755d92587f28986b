"""Attributes of objects, found without running any of the user's code.

Nothing here calls a property, `__getattr__`, `__getattribute__` or `__class__`.
Any thread; needs the GIL.
"""

import collections
import sys
import types
from itertools import islice

ABSENT = object()

_mro_of = type.__dict__["__mro__"].__get__
_class_dict_of = type.__dict__["__dict__"].__get__
_name_of = type.__dict__["__name__"].__get__
_module_dict_of = types.ModuleType.__dict__["__dict__"].__get__

# Attributes of the types of these libraries compute a value and change nothing.
_SAFE_LIBRARIES = frozenset(
    {
        "builtins", "numpy", "pandas", "polars", "torch", "pyarrow", "datetime",
        "decimal", "fractions", "pathlib", "_pathlib", "uuid", "types", "functools",
        "array", "re", "collections", "_collections", "range", "ipaddress", "zoneinfo",
    }
)  # fmt: skip

_IN_C = (types.GetSetDescriptorType, types.MemberDescriptorType)
_BOUND_HARMLESSLY = (
    type(collections.namedtuple("Pair", "a").a),
    types.MemberDescriptorType,
    types.MethodDescriptorType,
    types.WrapperDescriptorType,
    types.ClassMethodDescriptorType,
)


def mro(kind):
    """Give a class's method resolution order as it is, whatever its metaclass."""
    return _mro_of(kind)


def type_name(kind):
    """Give a class's name as it is, whatever its metaclass."""
    return _name_of(kind)


def class_dict(kind):
    """Give a class's own attributes."""
    return _class_dict_of(kind)


def module_of(kind):
    """Give the name of the module a class says it is of, "" when it lies."""
    module = _class_dict_of(kind).get("__module__")
    if module is None and not is_heap_type(kind):
        # A static C type: the module is part of its full name, "builtins" if none.
        module = type.__dict__["__module__"].__get__(kind)
    return module if type(module) is str else ""


def is_safe(kind):
    """Say whether reading properties of a type's objects is known to be harmless.

    Only classes the library itself made count: a subclass of the user's may have
    properties of its own.
    """
    module = module_of(kind)
    if module.partition(".")[0] not in _SAFE_LIBRARIES:
        return False
    if not is_heap_type(kind):
        return True
    # A class of the user's may call its module what it likes.
    name = _class_dict_of(type).get("__qualname__").__get__(kind)
    library = sys.modules.get(module)
    found = library and _module_dict_of(library).get(name.partition(".")[0])
    for part in name.split(".")[1:]:
        found = _class_dict_of(found).get(part) if is_class(found) else None
    return found is kind


def is_heap_type(kind):
    """Say whether a class was made at run time, as those written in Python are."""
    return bool(type.__dict__["__flags__"].__get__(kind) & (1 << 9))


def is_one_of(kind, kinds):
    """Say whether a class is one of some, without its metaclass's `__eq__`."""
    for one in kinds:
        if kind is one:
            return True
    return False


def has_base(kind, base):
    """Say whether a class has a base, without its metaclass's `__eq__`."""
    for one in _mro_of(kind):
        if one is base:
            return True
    return False


def first(iterate, stop, start=0):
    """Give items of a container that another thread may change meanwhile.

    `iterate()` gives an iterator. Between that and taking the items another thread
    may run, after which some iterators refuse to go on.
    """
    for _ in range(_TRIES):
        try:
            return list(islice(iterate(), start, stop))
        except RuntimeError:
            continue
    return list(islice(iterate(), start, stop))


_TRIES = 50


def pairs(value):
    """Give the view of a dict's items in its own order, without a subclass's code."""
    if type(value) is collections.OrderedDict:
        return value.items()
    return dict.items(value)


def is_class(value):
    """Say whether a value is a class, without asking it."""
    return has_base(type(value), type)


def is_module(value):
    """Say whether a value is a module, without asking it."""
    return has_base(type(value), types.ModuleType)


def instance_dict(value):
    """Give an object's own attributes; {} when it has none that can be read."""
    if is_module(value):
        return _module_dict_of(value)
    for kind in _mro_of(type(value)):
        descriptor = _class_dict_of(kind).get("__dict__")
        if descriptor is not None:
            if not is_one_of(type(descriptor), _IN_C):
                return {}
            try:
                found = descriptor.__get__(value)
            except (AttributeError, TypeError):
                return {}
            return found if has_base(type(found), dict) else {}
    return {}


def own_attributes(value):
    """List an object's own attributes: (name, value) of its dict and its slots."""
    found = list(dict.items(instance_dict(value)))
    for kind in _mro_of(type(value)):
        if not is_heap_type(kind):
            # A type written in C: its members are not a class's __slots__.
            continue
        for name, descriptor in list(_class_dict_of(kind).items()):
            if type(descriptor) is types.MemberDescriptorType:
                try:
                    found.append((name, descriptor.__get__(value)))
                except AttributeError:
                    continue
    return [(name, item) for name, item in found if type(name) is str]


def static_members(value):
    """Map the names of all attributes to what is stored under them."""
    found = {}
    if is_class(value):
        for kind in reversed(_mro_of(value)):
            found.update(_class_dict_of(kind))
        for kind in reversed(_mro_of(type(value))[:-1]):
            if kind is not type:
                for name, item in list(_class_dict_of(kind).items()):
                    found.setdefault(name, item)
        return found
    for kind in reversed(_mro_of(type(value))):
        found.update(_class_dict_of(kind))
    found.update(
        (name, item)
        for name, item in list(dict.items(instance_dict(value)))
        if type(name) is str
    )
    return found


def stored(value, name):
    """Give what is stored under an attribute's name, ABSENT when nothing is.

    A descriptor comes as it is, a property as the property.
    """
    kinds = _mro_of(type(value))
    if is_class(value):
        for kind in _mro_of(value):
            found = _class_dict_of(kind).get(name, ABSENT)
            if found is not ABSENT:
                return found
    else:
        own = dict.get(instance_dict(value), name, ABSENT)
        if own is not ABSENT:
            for kind in kinds:
                shadow = _class_dict_of(kind).get(name, ABSENT)
                if shadow is not ABSENT and is_data_descriptor(shadow):
                    return shadow
            return own
    for kind in kinds:
        found = _class_dict_of(kind).get(name, ABSENT)
        if found is not ABSENT:
            return found
    return ABSENT


def attribute(value, name):
    """Give an attribute's value as far as it is known without running code.

    Returns (value, is_known): a property that may not be called comes as the
    property itself with False; (ABSENT, False) when there is no such attribute.
    """
    found = stored(value, name)
    if found is ABSENT:
        if is_module(value):
            # A submodule that a lazy package only gives out when asked.
            package = _module_dict_of(value).get("__name__")
            loaded = sys.modules.get(f"{package}.{name}", ABSENT)
            return loaded, loaded is not ABSENT
        if name == "__class__":
            return type(value), True
        return _column(value, name)
    if is_module(value) or dict.get(instance_dict(value), name, ABSENT) is found:
        return found, True
    return bind(value, found, name)


def bind(value, found, name, runs_properties=True):
    """Do what a descriptor's `__get__` would, where that is harmless."""
    kind = type(found)
    if is_class(value):
        if kind is staticmethod:
            return found.__func__, True
        if kind is classmethod:
            return _bound_to_class(found, value)
        if kind is types.GetSetDescriptorType and module_of(type(value)) == "builtins":
            return _call_descriptor(found, value)
        return found, True
    if kind is types.FunctionType:
        return types.MethodType(found, value), True
    if kind is staticmethod:
        return found.__func__, True
    if kind is classmethod:
        return _bound_to_class(found, type(value))
    if is_one_of(kind, _BOUND_HARMLESSLY):
        return _call_descriptor(found, value)
    if runs_properties and is_safe(type(value)):
        return _call_descriptor(found, value, name)
    if has_get(found):
        return found, False
    return found, True


def _bound_to_class(found, kind):
    """Bind a class method, unless it wraps what is no method: a property, say."""
    if type(found.__func__) is types.FunctionType:
        return types.MethodType(found.__func__, kind), True
    return found, False


def _call_descriptor(found, value, name=None):
    try:
        if name is not None and has_get(found):
            return object.__getattribute__(value, name), True
        if has_get(found):
            return found.__get__(value, type(value)), True
    except Exception:
        return ABSENT, False
    return found, True


def _column(value, name):
    """Give the column of a table that can be read as an attribute."""
    kind = type(value)
    if module_of(kind).partition(".")[0] == "pandas" and type_name(kind) == "DataFrame":
        try:
            if name in value.columns:
                return value[name], True
        except Exception:
            return ABSENT, False
    return ABSENT, False


def has_get(found):
    """Say whether something is a descriptor."""
    return any("__get__" in _class_dict_of(kind) for kind in _mro_of(type(found)))


def is_data_descriptor(found):
    """Say whether something is a descriptor that wins over an object's own dict."""
    return any(
        "__set__" in _class_dict_of(kind) or "__delete__" in _class_dict_of(kind)
        for kind in _mro_of(type(found))
    )


def special_method(value, name):
    """Give what a type has stored for a method such as `__repr__`."""
    for kind in _mro_of(type(value)):
        found = _class_dict_of(kind).get(name, ABSENT)
        if found is not ABSENT:
            return found
    return ABSENT
