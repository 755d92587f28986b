"""What is remembered of the code of cells. Main thread only, but for what is said."""

import collections
import linecache
import types
import weakref

from IPython.core.compilerop import CachingCompiler

try:
    # hashlib's own loads OpenSSL, which takes longer than any cell's name.
    from _sha1 import sha1
except ImportError:  # a Python that was built without it
    from hashlib import sha1

# Of how many cells the lines are kept, for tracebacks, that nothing can run again.
_PASSING_CELLS = 1000


class _Watched(weakref.ref):
    """A code object that a cell has defined, and the cell's name."""

    __slots__ = ("cell",)


class Compiler(CachingCompiler):
    """Remembers the name that the running cell was compiled under.

    It forgets the lines of cells that have run, which IPython keeps for ever, when no
    code that they have defined is there any more.
    """

    cell_file = None
    cell_may_import = False
    _is_forgettable = False

    def __init__(self):
        """Know no cell."""
        super().__init__()
        # The names of cells whose code is gone, in the order they have run.
        self._passing = {}
        # By id, so that no code object is asked for its hash.
        self._watched = {}
        self._living = collections.Counter()
        self._gone = collections.deque()

    def get_code_name(self, raw_code, transformed_code, number):
        """Name a cell as IPython does."""
        digest = sha1(transformed_code.encode(), usedforsecurity=False).hexdigest()
        return f"<ipython-input-{number}-{digest[:12]}>"

    def cache(self, transformed_code, *arguments, **options):
        """Name a cell; cells that the running cell runs in turn are not it."""
        name = super().cache(transformed_code, *arguments, **options)
        if self.cell_file is None:
            self.cell_file = name
            self.cell_may_import = "import" in transformed_code
            # What a magic compiles is its own affair.
            self._is_forgettable = "get_ipython()" not in transformed_code
        return name

    def note_code(self, code):
        """Watch what is defined by code that the cell is about to run."""
        if self.cell_file is None or not self._is_forgettable:
            return
        if type(code) is not types.CodeType:
            self._is_forgettable = False
            return
        for inner in code.co_consts:
            if type(inner) is types.CodeType:
                # It is called at any moment, and an interrupt that hits a function of
                # Python's there is lost.
                watched = _Watched(inner, self._gone.append)
                watched.cell = self.cell_file
                self._watched[id(watched)] = watched
                self._living[self.cell_file] += 1
                self.note_code(inner)

    def end_cell(self):
        """Let the cell be one that has run."""
        name, self.cell_file = self.cell_file, None
        if name is not None and self._is_forgettable and name not in self._living:
            self._let_pass(name)
        while self._gone:
            watched = self._gone.popleft()
            del self._watched[id(watched)]
            self._living[watched.cell] -= 1
            if not self._living[watched.cell]:
                del self._living[watched.cell]
                self._let_pass(watched.cell)

    def _let_pass(self, name):
        passing = self._passing
        # The same code under the same number has the same name.
        passing.pop(name, None)
        passing[name] = None
        if len(passing) > _PASSING_CELLS:
            self._forget(next(iter(passing)))

    def _forget(self, name):
        del self._passing[name]
        if name not in self._living:
            linecache.cache.pop(name, None)
            self._filename_map.pop(name, None)

    def close(self):
        """Forget the cells of a session that has ended."""
        self.end_cell()
        for name in list(self._passing):
            self._forget(name)
