"""Installs packages into the venv this runtime was started for. Main thread."""

import importlib.util
import os
import shlex
import shutil
import site
import subprocess
import sys
import sysconfig

from IPython.core.error import UsageError

from _mrmd import commands

# What `uv pip` can do of what pip can; the rest is left to pip.
_UV_COMMANDS = frozenset(
    (
        *("check", "compile", "freeze", "install", "list"),
        *("show", "sync", "tree", "uninstall"),
    )
)

# What pip would ask about; nobody can answer it.
_ASKING_COMMAND = "uninstall"


def pip(line):
    """Do what the line says with `uv pip`, or with pip where there is no uv."""
    arguments = split(line)
    command = next((one for one in arguments if not one.startswith("-")), None)
    uv = find_uv()
    if uv is not None and command in _UV_COMMANDS:
        place = arguments.index(command) + 1
        target = ["--python", sys.executable]
        run([uv, "pip", *arguments[:place], *target, *arguments[place:]])
    elif importlib.util.find_spec("pip") is not None:
        if command == _ASKING_COMMAND and not {"-y", "--yes"} & set(arguments):
            arguments.insert(arguments.index(command) + 1, "--yes")
        run([sys.executable, "-m", "pip", *arguments])
    else:
        raise UsageError(
            f"neither uv nor pip can be found for {sys.prefix}: install uv"
            " (https://docs.astral.sh/uv/), or pip with:"
            f" !{shlex.quote(sys.executable)} -m ensurepip"
        )


def uv(line):
    """Do what the line says with uv, for the venv."""
    found = find_uv()
    if found is None:
        raise UsageError(
            "uv can't be found: install it (https://docs.astral.sh/uv/), or use %pip"
        )
    environment = {**os.environ, "VIRTUAL_ENV": sys.prefix}
    run([found, *split(line)], environment)


def split(line):
    """Give the words of a line, with what a shell would make of `~` and `$NAME`."""
    words = []
    for word in shlex.split(line):
        if word.startswith("#"):
            break
        words.append(os.path.expanduser(os.path.expandvars(word)))
    return words


def find_uv():
    """Give the path of uv: the venv's own, or the first on PATH; None without one."""
    scripts = sysconfig.get_path("scripts")
    search = os.pathsep.join([scripts, os.environ.get("PATH", os.defpath)])
    return shutil.which("uv", path=search)


def run(command, environment=None):
    """Run an installer on the terminals, and make what it installed importable.

    Raises CalledProcessError when it fails.
    """
    before = _path_files()
    try:
        status = commands.run(command, env=environment)
    finally:
        make_importable(before)
    if status != 0:
        raise subprocess.CalledProcessError(status, command)


def _path_files():
    """Give the .pth files of the venv with what tells a changed one."""
    found = {}
    for folder in {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}:
        try:
            entries = list(os.scandir(folder))
        except OSError:
            continue
        for entry in entries:
            if entry.name.endswith(".pth"):
                status = entry.stat()
                found[entry.path] = (status.st_mtime_ns, status.st_size)
    return found


def make_importable(path_files_before):
    """Let this process find what is new in the venv, editable installs too."""
    importlib.invalidate_caches()
    for path, state in _path_files().items():
        if path_files_before.get(path) != state:
            folder, name = os.path.split(path)
            site.addpackage(folder, name, None)
