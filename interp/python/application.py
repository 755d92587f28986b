"""The user's IPython profile, from which the sessions' shells are made. Main thread only."""

import logging

from IPython.core.application import BaseIPythonApplication
from IPython.core.shellapp import InteractiveShellApp

from _mrmd import shell


class Application(BaseIPythonApplication, InteractiveShellApp):
    """Loads the user's IPython profile: configuration, extensions, startup files."""

    name = "ipython"

    def initialize(self, argv=None):
        """Make the shell as `ipython` would; nothing is taken from a command line.

        A profile that can't be made, on a full disk for instance, is made in a temporary
        folder, where IPython too has it when the home folder can't be written.
        """
        try:
            super().initialize(argv=[])
        except OSError as error:
            import tempfile

            self.log.warning(
                "%s can't be used, and the history is lost at the end: %s",
                self.ipython_dir,
                error,
            )
            self.ipython_dir = tempfile.mkdtemp(prefix="ipython-")
            super().initialize(argv=[])
        self._fill(shell.Shell.instance(**self._shell_options()))

    def parse_command_line(self, argv=None):
        """Leave the configuration as it is: there is no command line."""

    def _configure_logging(self):
        """Have warnings printed as traitlets would have them printed.

        It does so by logging.config, which loads servers and pickle; that is left to
        a profile that configures the log.
        """
        if self.logging_config:
            super()._configure_logging()
            return
        log = logging.getLogger(type(self).__name__)
        handler = logging.StreamHandler()
        handler.setLevel(self.log_level)
        handler.setFormatter(self._log_formatter_cls(self.log_format, self.log_datefmt))
        log.handlers[:] = [handler]
        log.setLevel(logging.DEBUG)
        self._logging_configured = True

    def make_another_shell(self):
        """Make the shell of one more session, with the user's profile in it."""
        made = shell.Shell(**self._shell_options())
        self._fill(made)
        return made

    def _shell_options(self):
        return {
            "parent": self,
            "profile_dir": self.profile_dir,
            "ipython_dir": self.ipython_dir,
        }

    def _fill(self, made):
        self.shell = made
        made.configurables.append(self)
        self.init_gui_pylab()
        self.init_extensions()
        self.init_code()

    def init_crash_handler(self):
        """Leave sys.excepthook alone: a crash of the profile is only reported."""
