"""The parts of a shell that plain cells need not: they are made when they are asked for.

Together they take a fifth of the time that a shell is made in.
"""

import _thread
import sys

from IPython.core.interactiveshell import InteractiveShell
from traitlets import Type

from _mrmd import history

_making = _thread.RLock()


class Part:
    """An attribute that a shell lacks until somebody asks for it. Any thread."""

    def __init__(self, make):
        """Take the name of the shell's method that sets it, and others perhaps."""
        self._make = make

    def __set_name__(self, owner, name):
        """Learn which attribute it is."""
        self._name = name

    def __get__(self, shell, kind=None):
        """Make it, unless this thread is at it: then the shell lacks it still."""
        if shell is None:
            return self
        own = vars(shell)
        with _making:
            if self._name not in own:
                if own.get("_is_making_part"):
                    raise AttributeError(self._name)
                shell._is_making_part = True
                try:
                    getattr(shell, self._make)()
                finally:
                    shell._is_making_part = False
        return own[self._name]


class NamedType(Type):
    """A trait whose class is imported when it is asked for, not with the first shell."""

    def instance_init(self, obj):
        """Leave the class alone."""

    def get(self, obj, cls=None):
        """Give the class."""
        self._resolve_classes()
        return super().get(obj, cls)

    def validate(self, obj, value):
        """Check a class that is set, or import it by its name."""
        self._resolve_classes()
        return super().validate(obj, value)


class LateParts:
    """Goes before InteractiveShell among a shell's bases. Main thread."""

    # What prints tracebacks, with a theme that is a file.
    InteractiveTB = Part("_make_traceback_printers")
    SyntaxTB = Part("_make_traceback_printers")
    # What shows objects and sources.
    inspector = Part("_make_highlighters")
    pycolorize = Part("_make_highlighters")

    _completer = None

    def init_history(self):
        """Make what keeps the history; its database is opened later."""
        self.history_manager = history.UnopenedHistory(shell=self, parent=self)
        self.configurables.append(self.history_manager)

    def init_traceback_handlers(self, custom_exceptions):
        """Note which exceptions have a handler of their own."""
        self.sys_excepthook = sys.excepthook
        self.set_custom_exc(*custom_exceptions)

    def _make_traceback_printers(self):
        kept = self.sys_excepthook, self.custom_exceptions, self.CustomTB
        super().init_traceback_handlers(((), None))
        self.sys_excepthook, self.custom_exceptions, self.CustomTB = kept

    def init_pdb(self):
        """Tell what prints tracebacks whether to start the debugger, if it is to."""
        if self.pdb:
            super().init_pdb()
        else:
            self._call_pdb = self.pdb

    def _make_highlighters(self):
        # The shell's own does nothing before there is something to highlight.
        InteractiveShell.init_syntax_highlighting.__get__(self)()

    def init_prefilter(self):
        """Leave the prefilter manager to be made."""

    def prefilter(self, *arguments, **options):
        """Prefilter lines, under the name IPython keeps for old extensions."""
        return self.prefilter_manager.prefilter_lines(*arguments, **options)

    def init_completer(self):
        """Leave IPython's completer to be made.

        Its module takes longer to import than any other of IPython's.
        """

    @property
    def Completer(self):
        """Give IPython's completer, which clients' questions go past."""
        if self._completer is None:
            super().init_completer()
        return self._completer

    @Completer.setter
    def Completer(self, made):
        self._completer = made

    def make_configurables(self):
        """Make what waits to be asked for, so that %config knows it."""
        opened = getattr(self.history_manager, "db", None)
        return self.Completer, self.prefilter_manager, opened

    def set_hook(self, name, *arguments, **options):
        """Register a hook; those for completion come after IPython's own."""
        if name == "complete_command":
            self.Completer  # noqa: B018, for what making it registers
        super().set_hook(name, *arguments, **options)
