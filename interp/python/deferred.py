"""Modules that a start imports and does not use: they are loaded when somebody does.

Each is in sys.modules as its importers expect it, and loads when somebody asks it for an
attribute, or sets one. Needs the GIL; any thread.
"""

import sys

# The locks by which Python imports: it knows when two threads wait for each other.
from _frozen_importlib import _DeadlockError, _ModuleLockManager

# For each module, which of its names its importers take and use in no start: where the
# same object is to be had without loading the module, or None where something else
# stands for it until it is used. Loading such a module does nothing that others can see.
NAMES_TAKEN = {
    "IPython.core.prefilter": {"PrefilterManager": None},
    "IPython.core.tips": {"pick_tip": None},
    "IPython.core.ultratb": {},
    "IPython.display": {"display": "IPython.core.display_functions"},
    "IPython.utils.PyColorize": {},
    "bdb": {},
    "ipaddress": {},
    "json": {},
    "logging.config": {"dictConfig": None},
    "logging.handlers": {},
    "pprint": {"pformat": None},
    "queue": {},
    "shlex": {},
    "tempfile": {},
    "traceback": {},
    "urllib.parse": {"quote_from_bytes": None},
}

# What is known of a module before it is loaded, and asked for by who looks for modules.
_KNOWN = frozenset(
    "__cached__ __class__ __file__ __loader__ __name__ __package__ __spec__".split()
)

_Module = type(sys)
# By a module's name: the module, and what its importers take from it.
_waiting = {}
_being_loaded = set()


class StandIn:
    """Stands for a function or class of a module that is loaded when it is used."""

    def __init__(self, module, name):
        """Stand for what the module has under the name."""
        self._module, self._name = module, name

    def _meant(self):
        _load(self._module)
        return vars(self._module)[self._name]

    def __call__(self, *arguments, **options):
        """Call it."""
        return self._meant()(*arguments, **options)

    def __getattr__(self, name):
        """Give an attribute of it."""
        return getattr(self._meant(), name)

    def __instancecheck__(self, value):
        """Say whether the value is an instance of it."""
        return isinstance(value, self._meant())

    def __mro_entries__(self, bases):
        """Have a class derived from it."""
        return (self._meant(),)


class DeferredModule(_Module):
    """A module that is not loaded yet."""

    def __getattribute__(self, name):
        """Load the module, unless the attribute is there all the same."""
        if name not in _KNOWN:
            own = _Module.__getattribute__(self, "__dict__")
            # Python asks for the path of whatever names are imported from.
            is_missing_path = name == "__path__" and name not in own
            _, taken = _waiting.get(own["__name__"], (None, ()))
            if not is_missing_path and name not in taken:
                _load(self)
        return _Module.__getattribute__(self, name)

    def __setattr__(self, name, value):
        """Load the module first, which would overwrite what is set."""
        _load(self)
        _Module.__setattr__(self, name, value)

    def __delattr__(self, name):
        """Load the module first."""
        _load(self)
        _Module.__delattr__(self, name)


# What users see of it is what they would see of any module.
DeferredModule.__module__ = _Module.__module__
DeferredModule.__name__ = DeferredModule.__qualname__ = _Module.__name__


class Loader:
    """Puts a module in place that another loader loads later."""

    def __init__(self, loader):
        """Defer what the loader does."""
        self._loader = loader

    def create_module(self, spec):
        """Leave it to Python to make the module."""

    def exec_module(self, module):
        """Have the module wait, with the names in it that its importers take."""
        name, names = module.__name__, vars(module)
        module.__spec__.loader = module.__loader__ = self._loader
        taken = {
            key: StandIn(module, key) if home is None else getattr(_import(home), key)
            for key, home in NAMES_TAKEN[name].items()
        }
        names.update(taken)
        _waiting[name] = module, taken
        module.__class__ = DeferredModule


def _import(name):
    __import__(name)
    return sys.modules[name]


def _load(module):
    """Load a module in place; raises what that raises, as often as it is tried.

    Two threads whose modules need each other see one half loaded, as with any import.
    """
    lock = _ModuleLockManager(module.__name__)
    try:
        lock.__enter__()
    except _DeadlockError:
        return
    try:
        taken = _load_once(module)
    finally:
        lock.__exit__()
    stand_ins = {key: item for key, item in taken.items() if type(item) is StandIn}
    if stand_ins:
        _replace({id(item): vars(module)[key] for key, item in stand_ins.items()})


def _load_once(module):
    """Load a module that waits, and give what its importers have taken."""
    name = module.__name__
    if name not in _waiting or name in _being_loaded:
        return {}
    _being_loaded.add(name)
    try:
        module.__spec__.loader.exec_module(module)
        _Module.__setattr__(module, "__class__", _Module)
    finally:
        _being_loaded.discard(name)
    _, taken = _waiting.pop(name)
    return taken


def _replace(meant):
    """Put what was meant where modules have taken what stood for it."""
    for importer in list(sys.modules.values()):
        if not isinstance(importer, _Module):
            continue
        names = object.__getattribute__(importer, "__dict__")
        for name, value in list(names.items()):
            if type(value) is StandIn and id(value) in meant:
                names[name] = meant[id(value)]


def load_imported(names):
    """Load the modules that code is about to import, of top-level names or in them."""
    if not _waiting:
        return
    for name, (module, _) in list(_waiting.items()):
        if name.partition(".")[0] in names:
            _load(module)


def settle():
    """Load the modules of which names have been taken. Any thread."""
    for module, taken in list(_waiting.values()):
        if taken:
            _load(module)
