"""IPython's InteractiveShell as this runtime runs it. Main thread only."""

import bdb
import contextlib
import os
import sys

import _mrmd_host

# The logger would be imported by the first cell, which is not as fast as by a start.
from IPython.core import logger, page  # noqa: F401
from IPython.core.autocall import ExitAutocall
from IPython.core.error import UsageError
from IPython.core.interactiveshell import InteractiveShell
from traitlets import Instance, Type, default, observe
from traitlets.config import Configurable

from _mrmd import (
    commands,
    deferred,
    failures,
    imports,
    loop,
    plain_code,
    plots,
    signals,
)
from _mrmd.cell_code import Compiler
from _mrmd.display import Formatter, Publisher, ResultHook
from _mrmd.late_parts import LateParts, NamedType
from _mrmd.magics import Extensions, RuntimeMagics


class ExitCell(ExitAutocall):
    """`exit` and `quit`: they end the cell, not the runtime."""

    def __call__(self, code=None, *ignored, **options):
        """Raise SystemExit with the code."""
        raise SystemExit(code)


class Shell(LateParts, InteractiveShell):
    """An InteractiveShell that reports instead of printing.

    Exceptions are left on the ExecutionResult for the reply, results and displays
    go to the host, and KeyboardInterrupt is raised in the user's code only. Only the
    cell that was asked for has a reply: of those that it runs in turn (`%%capture`,
    `get_ipython().run_cell()`), exceptions are printed, as IPython does.
    """

    displayhook_class = Type(ResultHook)
    display_pub_class = Type(Publisher)

    compiler_class = Type(Compiler)
    # IPython's own traits would have these classes imported.
    prefilter_manager = Instance(Configurable, allow_none=True)
    inspector_class = NamedType(
        klass="IPython.core.oinspect.Inspector",
        default_value="IPython.core.oinspect.Inspector",
    ).tag(config=True)
    cell_imports = None
    # How many cells the statement that is running is nested in.
    _depth = 0
    _recogniser = None
    _standard_prefilters = None

    @property
    def cell_file(self):
        """Give the name the running cell was compiled under, None before."""
        return self.compile.cell_file

    def begin_cell(self):
        """Forget what is kept about the cell before, and undo what it left behind."""
        self.compile.end_cell()
        self.cell_imports = None
        self.displayhook.result_repr = None
        self._depth = 0
        plots.forget_shown()
        signals.restore_interrupts()
        loop.make_current()

    def transform_cell(self, raw_cell):
        """Turn IPython's syntax into Python's; most cells have none.

        IPython removes leading empty lines, and every line number of an error is then
        too small: they come back as empty as they can be.
        """
        empty_lines, code = plain_code.without_leading_empty_lines(raw_cell)
        if self._recogniser is None:
            self._recogniser = plain_code.Recogniser(self)
        if self._recogniser.is_plain(code):
            return empty_lines + (code if code.endswith("\n") else code + "\n")
        try:
            return empty_lines + super().transform_cell(code)
        except SyntaxError as error:
            if error.lineno:
                error.lineno += len(empty_lines)
            raise

    def should_run_async(self, raw_cell, *, transformed_cell=None, **options):
        """Say whether the cell awaits; only code with these words in it may."""
        code = raw_cell if transformed_cell is None else transformed_cell
        if "await" not in code and "async" not in code:
            return False
        return super().should_run_async(
            raw_cell, transformed_cell=transformed_cell, **options
        )

    def transform_ast(self, node):
        """Note what the cell imports, before the user's transformers see it."""
        if self.cell_imports is None:
            self.cell_imports = imports.of(node) if self.compile.cell_may_import else []
            deferred.load_imported(self.cell_imports)
        return super().transform_ast(node)

    @default("exiter")
    def _exiter_default(self):
        return ExitCell(self)

    def system(self, cmd):
        """Run a `!command` straight on the terminals.

        So stderr stays apart, newlines stay as they are, and an interrupt, which ends
        the command with all it started, ends the cell too.
        """
        status = commands.run(
            self.var_expand(cmd, depth=1),
            shell=True,
            executable=os.environ.get("SHELL"),
        )
        # A shell says by 128 and more that a signal ended what it ran.
        self.user_ns["_exit_code"] = 128 - status if status > 128 else status

    def set_next_input(self, text, replace=False):
        """Show what %load and %recall would put into the next cell."""
        print(text)

    @staticmethod
    def _refuse_to_edit(*arguments, **options):
        raise UsageError("no editor can be opened here: use %%writefile")

    @observe("colors")
    def init_syntax_highlighting(self, changes=None):
        """Have what shows sources and tracebacks take new colours, once it is made."""
        if {"inspector", "pycolorize", "InteractiveTB"} & vars(self).keys():
            super().init_syntax_highlighting(changes)

    @default("prefilter_manager")
    def _prefilter_manager_default(self):
        from IPython.core.prefilter import PrefilterManager

        manager = PrefilterManager(shell=self, parent=self)
        self.configurables.append(manager)
        self._standard_prefilters = list(manager.checkers), list(manager.transformers)
        return manager

    def has_own_prefilters(self):
        """Say whether somebody registered a checker or a transformer of lines."""
        if self._standard_prefilters is None:
            return False
        manager = self.prefilter_manager
        return self._standard_prefilters != (manager.checkers, manager.transformers)

    def init_display_formatter(self):
        """Make what turns objects into mime bundles."""
        self.display_formatter = Formatter(parent=self)
        self.configurables.append(self.display_formatter)

    def init_magics(self):
        """Put this runtime's magics in the place of IPython's."""
        super().init_magics()
        self.register_magics(RuntimeMagics)

    def init_extension_manager(self):
        """Make what loads extensions."""
        self.extension_manager = Extensions(shell=self)
        self.configurables.append(self.extension_manager)

    def enable_gui(self, gui=None):
        """Say that there is no event loop of a window system; inline figures need none.

        pyplot asks for one too, so this is no error.
        """
        if gui is not None:
            print(
                f"this runtime has no window: the {gui!r} event loop can't be used;"
                " figures are shown with %matplotlib inline",
                file=sys.stderr,
            )

    def _tee(self, channel):
        """Leave a stream as it is: IPython 9 keeps all that is printed, for %notebook."""
        return contextlib.nullcontext()

    def init_virtualenv(self):
        """Leave sys.path alone: the venv is the one this process was started for."""

    def init_hooks(self):
        """Show what would go to a pager (`f?`) as output."""
        super().init_hooks()
        self.set_hook("editor", self._refuse_to_edit, 0)
        self.set_hook("show_in_pager", page.as_hook(_show_without_pager), 90)

    async def run_code(self, code_obj, result=None, *, async_=False):
        """Run one compiled statement; returns whether it failed.

        The exception is left on `result`; only here is the user's code running.
        """
        self.compile.note_code(code_obj)
        previous_hook, sys.excepthook = sys.excepthook, self.excepthook
        self.sys_excepthook = previous_hook
        self._depth += 1
        try:
            if async_:
                # The loop runner has opened the way for interrupts already.
                await eval(code_obj, self.user_global_ns, self.user_ns)
            else:
                _mrmd_host.run_interruptible(
                    exec, code_obj, self.user_global_ns, self.user_ns
                )
            return False
        except bdb.BdbQuit as error:
            self._keep_error(result, error)
            self._forget_debugger()
        except self.custom_exceptions as error:
            self._keep_error(result, error)
            self.CustomTB(type(error), error, error.__traceback__)
        except BaseException as error:
            self._keep_error(result, error)
            self._remember_last(error)
            if self._depth > 1:
                self.showtraceback(
                    (type(error), error, sys.last_traceback),
                    tb_offset=0,
                    exception_only=isinstance(error, SystemExit),
                    running_compiled_code=True,
                )
        finally:
            self._depth -= 1
            sys.excepthook = previous_hook
        return True

    @staticmethod
    def _forget_debugger():
        """Have the next breakpoint() make a debugger of its own.

        From 3.14 on it takes the last one, which stops nowhere once it was quit.
        """
        if sys.version_info >= (3, 14) and (pdb := sys.modules.get("pdb")):
            pdb.Pdb._last_pdb_instance = None

    @staticmethod
    def _keep_error(result, error):
        if result is not None:
            result.error_in_exec = error

    @staticmethod
    def _remember_last(error):
        """Do what the interpreter does for `%debug`, `%tb` and pdb.pm()."""
        sys.last_type = type(error)
        sys.last_value = error
        sys.last_traceback = failures.user_traceback(error)
        if sys.version_info >= (3, 12):
            sys.last_exc = error

    def excepthook(self, etype, value, tb):
        """Print an exception for code that asks for it; what is none, as Python does."""
        if isinstance(value, BaseException):
            super().showtraceback((etype, value, tb), tb_offset=0)
        else:
            sys.__excepthook__(etype, value, tb)

    def showsyntaxerror(self, filename=None, running_compiled_code=False):
        """Print nothing for a cell: the reply carries the error."""
        if running_compiled_code or self._depth:
            super().showsyntaxerror(filename, running_compiled_code)
        else:
            self._remember_last(sys.exc_info()[1])

    def showtraceback(self, exc_tuple=None, *arguments, **options):
        """Print a traceback, unless it is of the cell that is about to be replied."""
        error = exc_tuple[1] if exc_tuple else sys.exc_info()[1]
        if self.display_formatter.depth or self._depth:
            # What fails is a _repr_html_ or the like, or a cell within the cell.
            super().showtraceback(exc_tuple, *arguments, **options)
            return
        if exc_tuple or options.get("running_compiled_code"):
            self._remember_last(error)
            return
        if isinstance(error, UsageError):
            print(f"UsageError: {error}", file=sys.stderr)
            return
        super().showtraceback(exc_tuple, *arguments, **options)

    def _showtraceback(self, etype, evalue, stb):
        print(self.InteractiveTB.stb2text(stb), file=sys.stderr)

    def _format_exception_for_storage(self, exception, *arguments, **options):
        """Give the history what the reply says, at the cost of a plain traceback."""
        kind, message, lines, _, _ = failures.describe(self, exception, self.cell_file)
        return {"ename": kind, "evalue": message, "traceback": lines}

    @default("loop_runner")
    def _loop_runner_default(self):
        return self._run_in_loop

    def _run_in_loop(self, coroutine):
        import asyncio

        kept = loop.shared()
        task = kept.create_task(coroutine)
        interrupt = KeyboardInterrupt()
        with loop.Interrupts(task) as interrupts:
            try:
                try:
                    outcome = _mrmd_host.run_interruptible(
                        kept.run_until_complete, task
                    )
                except (KeyboardInterrupt, SystemExit) as error:
                    if task.done():
                        raise
                    # It hit another task or a callback. The cell has to be told, so that
                    # its finally clauses run.
                    interrupt = type(error)(*error.args)
                    task.cancel()
                    interrupts.has_cancelled = True
                    outcome = _mrmd_host.run_interruptible(
                        kept.run_until_complete, task
                    )
            except asyncio.CancelledError:
                # It had not begun.
                raise interrupt from None
        if interrupts.has_cancelled and isinstance(
            outcome.error_in_exec, asyncio.CancelledError
        ):
            outcome.error_in_exec = interrupt
        return outcome


def _show_without_pager(text, start=0, screen_lines=0, pager_cmd=None):
    if isinstance(text, dict):
        text = text.get("text/plain", "")
    sys.stdout.write(text if text.endswith("\n") else text + "\n")
