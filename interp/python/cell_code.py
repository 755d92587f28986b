"""What is remembered of the code of cells. Main thread only."""

import linecache
import types

from IPython.core.compilerop import CachingCompiler

# Of how many cells that defined nothing the lines are kept, for tracebacks.
_PASSING_CELLS = 1000


class Compiler(CachingCompiler):
    """Remembers the name that the running cell was compiled under.

    It forgets the lines of cells that have run: IPython keeps every cell's for ever.
    Those that have defined something are kept, as their code may run again.
    """

    cell_file = None
    cell_may_import = False
    # Whether code of the running cell can outlive it.
    cell_defines = False

    def __init__(self):
        """Know no cell."""
        super().__init__()
        # By name, in the order they have run.
        self._passing = {}

    def cache(self, transformed_code, *arguments, **options):
        """Name a cell; cells that the running cell runs in turn are not it."""
        name = super().cache(transformed_code, *arguments, **options)
        if self.cell_file is None:
            self.cell_file = name
            self.cell_may_import = "import" in transformed_code
            # What a magic compiles is its own affair.
            self.cell_defines = "get_ipython()" in transformed_code
        return name

    def note_code(self, code):
        """Look for definitions in code that the cell is about to run."""
        if type(code) is not types.CodeType or any(
            type(constant) is types.CodeType for constant in code.co_consts
        ):
            self.cell_defines = True

    def end_cell(self):
        """Let the cell be one that has run."""
        name, self.cell_file = self.cell_file, None
        if name is None or self.cell_defines:
            return
        passing = self._passing
        # The same code under the same number has the same name.
        passing.pop(name, None)
        passing[name] = None
        if len(passing) > _PASSING_CELLS:
            oldest = next(iter(passing))
            del passing[oldest]
            linecache.cache.pop(oldest, None)
            self._filename_map.pop(oldest, None)
