"""Run scripts/target_python.py as if this interpreter were another one.

pretend.py SCRIPTS_DIR '{"version": [3, 9, 18], "implementation": "PyPy"}' ARGUMENTS…
"""

import json
import platform
import sys

scripts_dir, pretence, *arguments = sys.argv[1:]
pretence = json.loads(pretence)
sys.path.insert(0, scripts_dir)

import target_python  # noqa: E402

if "version" in pretence:
    sys.version_info = tuple(pretence["version"])
if "implementation" in pretence:
    platform.python_implementation = lambda: pretence["implementation"]
if "base_prefix" in pretence:
    sys.base_prefix = sys.base_exec_prefix = pretence["base_prefix"]
    include = pretence["base_prefix"] + "/include/pretended"
    paths = dict(
        target_python.sysconfig.get_paths(), include=include, platinclude=include
    )
    target_python.sysconfig.get_config_vars()
    target_python.sysconfig.get_path = paths.get
sys.exit(target_python.main(arguments))
