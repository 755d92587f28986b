"""Find the headers and the library of the Python that runs this file.

Used by target_python.py; the syntax stays within Python 3.6 for the same reason.
"""

import glob
import os
import re
import sys
import sysconfig


class Refused(Exception):
    """This Python can't be built for; the message says why and what to do."""


class MissingPackage(Refused):
    """A Debian package would make this Python linkable."""

    def __init__(self, package, message):
        Refused.__init__(self, message)
        self.package = package


def find_include_dirs():
    """Return the folders of Python.h and, where it is apart, of pyconfig.h."""
    versioned = "python" + ld_version()
    candidates = unique(
        [
            os.path.join(sys.base_prefix, "include", versioned),
            sysconfig.get_path("include"),
            sysconfig.get_path("platinclude"),
            sysconfig.get_config_var("INCLUDEPY"),
            sysconfig.get_config_var("CONFINCLUDEPY"),
        ]
    )
    for directory in candidates:
        if headers_match(directory):
            pyconfigs = [os.path.join(d, "pyconfig.h") for d in candidates]
            with_pyconfig = [
                os.path.dirname(path) for path in pyconfigs if os.path.isfile(path)
            ]
            return unique([directory, *with_pyconfig[:1]])
    raise missing_headers(candidates)


def headers_match(directory):
    """Report whether the folder has Python.h of this interpreter's minor version."""
    if not os.path.isfile(os.path.join(directory, "Python.h")):
        return False
    try:
        with open(os.path.join(directory, "patchlevel.h")) as patchlevel:
            text = patchlevel.read()
    except OSError:
        return False
    numbers = dict(re.findall(r"#define\s+PY_(MAJOR|MINOR)_VERSION\s+(\d+)", text))
    found = (int(numbers.get("MAJOR", 0)), int(numbers.get("MINOR", 0)))
    return found == sys.version_info[:2]


def find_shared_library():
    """Return the path of the shared libpython, or None.

    What the running interpreter itself has loaded is the best witness. After
    that a file inside the base's own prefix is preferred to one that sysconfig
    names elsewhere: a relocated Python (python-build-standalone, conda, a copied
    folder) keeps the paths of the machine it was built on in sysconfig.
    """
    library_names = unique(
        name
        for name in (
            sysconfig.get_config_var("INSTSONAME"),
            sysconfig.get_config_var("LDLIBRARY"),
            "libpython{}.so.1.0".format(ld_version()),
            "libpython{}.so".format(ld_version()),
        )
        if name and ".so" in name
    )
    library_dirs = own_library_dirs()
    candidates = [os.path.join(d, name) for d in library_dirs for name in library_names]
    present = [path for path in candidates if os.path.isfile(path)]
    loaded = loaded_libpython()
    if loaded:
        same = [path for path in present if os.path.samefile(path, loaded)]
        return (same or [loaded])[0]
    if present:
        return present[0]
    if find_static_archive():
        return None
    libdir = sysconfig.get_config_var("LIBDIR") or ""
    outside = [os.path.join(libdir, name) for name in library_names if libdir]
    return next((path for path in outside if os.path.isfile(path)), None)


def own_library_dirs():
    """Return the library folders inside the base's prefix, the likeliest first."""
    dirs = []
    for prefix in (sys.base_prefix, sys.base_exec_prefix):
        dirs += [os.path.join(prefix, "lib"), os.path.join(prefix, "lib64")]
        multiarch = sysconfig.get_config_var("MULTIARCH")
        if multiarch:
            dirs.append(os.path.join(prefix, "lib", multiarch))
    libdir = sysconfig.get_config_var("LIBDIR")
    if libdir and libdir.startswith(sys.base_prefix.rstrip(os.sep) + os.sep):
        dirs.append(libdir)
    return unique(dirs)


def loaded_libpython():
    """Return the path of the libpython mapped into this process, or None."""
    wanted = "libpython{}.so".format(ld_version())
    try:
        with open("/proc/self/maps") as maps:
            for line in maps:
                fields = line.rstrip("\n").split(None, 5)
                path = fields[5] if len(fields) == 6 else ""
                if os.path.basename(path).startswith(wanted) and os.path.isfile(path):
                    return path
    except OSError:
        pass
    return None


def find_static_archive():
    """Return the path of libpythonX.Y.a inside the base's prefix, or None."""
    name = "libpython{}.a".format(ld_version())
    stdlib = os.path.join(
        sys.base_prefix, "lib", "python" + dotted(sys.version_info[:2])
    )
    config_dirs = sorted(glob.glob(os.path.join(glob.escape(stdlib), "config-*")))
    for directory in config_dirs + own_library_dirs():
        path = os.path.join(directory, name)
        if os.path.isfile(path):
            return path
    return None


def missing_headers(looked_in):
    places = ", ".join(looked_in)
    if is_debians():
        package = "python{}-dev".format(dotted(sys.version_info[:2]))
        return MissingPackage(
            package,
            "the headers of {} are not installed (looked in {}); install them with: "
            "sudo apt-get install {}".format(sys.executable, places, package),
        )
    return Refused(
        "there is no Python.h of Python {} for {} (looked in {}); {}".format(
            dotted(sys.version_info[:2]), sys.executable, places, reinstall_hint()
        )
    )


def no_library():
    if is_debians():
        package = "python{}-dev".format(dotted(sys.version_info[:2]))
        return MissingPackage(
            package,
            "the library of {} is not installed; install it with: sudo apt-get install {}".format(
                sys.executable, package
            ),
        )
    return Refused(
        "{} has neither a shared nor a static libpython{} under {}; {}".format(
            sys.executable, ld_version(), sys.base_prefix, reinstall_hint()
        )
    )


def is_debians():
    return sys.base_prefix == "/usr" and os.path.exists("/etc/debian_version")


def reinstall_hint():
    """Return how to get headers and a shared library for this kind of Python."""
    minor = dotted(sys.version_info[:2])
    if os.path.isdir(os.path.join(sys.base_prefix, "conda-meta")):
        return "reinstall it with: conda install -p '{}' --force-reinstall python={}".format(
            sys.base_prefix, minor
        )
    if sys.base_prefix == "/usr":
        return (
            "install its development package, python{}-dev or python3-devel, "
            "with the system's package manager".format(minor)
        )
    return enable_shared_hint()


def enable_shared_hint():
    """Return how to get a Python of this version that has a shared library."""
    if (
        "{0}versions{0}".format(os.sep) in sys.base_prefix
        and "pyenv" in sys.base_prefix
    ):
        return (
            "rebuild it with: PYTHON_CONFIGURE_OPTS=--enable-shared "
            "pyenv install --force {}".format(os.path.basename(sys.base_prefix))
        )
    minor = dotted(sys.version_info[:2])
    return (
        "use a Python {0} built with ./configure --enable-shared, for example from: "
        "uv python install {0}".format(minor)
    )


def ld_version():
    """Return the version with its ABI flags as library names carry it: 3.12, 3.12d."""
    return sysconfig.get_config_var("LDVERSION") or dotted(sys.version_info[:2])


def dotted(numbers):
    return ".".join(str(number) for number in numbers)


def unique(items):
    """Return the non-empty items in their order, each once."""
    seen = []
    for item in items:
        if item and item not in seen:
            seen.append(item)
    return seen
