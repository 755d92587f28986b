"""Prints where Python keeps its modules, and its version.

On the way it does what matplotlib does at its first import in a home: where that
takes long it says so on stderr, which would end in a reply.
"""

import sysconfig

import matplotlib.font_manager  # noqa: F401

print(sysconfig.get_path("purelib"))
print(sysconfig.get_path("stdlib"))
print(sysconfig.get_python_version())
