"""Print as JSON which Python this is; run by the venv's python and by testdata/linked."""

import glob
import importlib
import json
import os
import sys
import sysconfig


def loaded_libpython():
    with open("/proc/self/maps") as maps:
        paths = {
            line.split(None, 5)[5].strip() for line in maps if "/libpython" in line
        }
    return sorted(path for path in paths if os.path.basename(path) != "libpython3.so")


def importable_extensions():
    """Return the names of the stdlib's extension modules that can be imported."""
    folder = sysconfig.get_config_var("DESTSHARED")
    if not folder or not os.path.isdir(folder):
        folder = os.path.join(os.path.dirname(os.__file__), "lib-dynload")
    imported = []
    for path in glob.glob(os.path.join(glob.escape(folder), "*.so")):
        name = os.path.basename(path).split(".")[0]
        # Test-only modules are no one's API; _tkinter wants a display's libraries.
        if name.startswith(("_test", "_xx", "xx", "_tkinter")):
            continue
        try:
            importlib.import_module(name)
        except ImportError:
            continue
        imported.append(name)
    return sorted(imported)


print(
    json.dumps(
        {
            "version": sys.version,
            "prefix": sys.prefix,
            "basePrefix": sys.base_prefix,
            "libpython": loaded_libpython(),
            "extensions": importable_extensions(),
        }
    )
)
