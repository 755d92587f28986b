"""Assemble a Python installation of another layout from the interpreter that runs this.

    assemble.py DEST --executable shared|static --library shared|static|garbage|none
                     [--built-in PREFIX] [--set NAME=VALUE]…

DEST gets the standard library (without its tests), the headers, a bin/python that is
linked as asked for, and a sysconfig that claims to be built in PREFIX, with the
variables given set. Files are hard links where that can be done.
"""

import argparse
import json
import os
import pathlib
import shutil
import subprocess
import sys
import sysconfig

UNNEEDED = {
    "__pycache__",
    "ensurepip",
    "dist-packages",
    "idlelib",
    "lib2to3",
    "site-packages",
    "test",
    "tests",
    "tkinter",
    "turtledemo",
}
MINOR = "{}.{}".format(*sys.version_info[:2])
MAIN = """
extern int Py_BytesMain(int, char **);
int main(int argc, char **argv) { return Py_BytesMain(argc, argv); }
"""


def main():
    options = parsed_options()
    dest = pathlib.Path(options.dest).resolve()
    stdlib = dest / "lib" / f"python{MINOR}"
    shutil.copytree(
        sysconfig.get_path("stdlib"),
        stdlib,
        symlinks=True,
        ignore=lambda _, names: [
            n for n in names if n in UNNEEDED or n.startswith("config-")
        ],
        copy_function=link,
    )
    shutil.copytree(
        sysconfig.get_config_var("INCLUDEPY"),
        dest / "include" / f"python{MINOR}",
        copy_function=link,
    )
    shared = pathlib.Path(
        sysconfig.get_config_var("LIBDIR"), sysconfig.get_config_var("INSTSONAME")
    )
    archive = pathlib.Path(sysconfig.get_config_var("LIBPL"), f"libpython{MINOR}.a")
    config_dir = stdlib / pathlib.Path(sysconfig.get_config_var("LIBPL")).name
    config_dir.mkdir()
    if options.library == "shared":
        link(shared, dest / "lib" / shared.name)
    elif options.library == "static":
        link(archive, config_dir / archive.name)
    elif options.library == "garbage":
        (config_dir / archive.name).write_bytes(b"not an archive")

    (dest / "bin").mkdir()
    executable = dest / "bin" / f"python{MINOR}"
    if options.executable == "shared":
        compile_main(
            executable,
            [f"-L{shared.parent}", f"-l:{shared.name}", "-Wl,-rpath,$ORIGIN/../lib"],
        )
    else:
        whole = ["-Wl,--whole-archive", str(archive), "-Wl,--no-whole-archive"]
        names = ("LIBS", "MODLIBS", "SYSLIBS")
        libraries = " ".join(
            sysconfig.get_config_var(name) or "" for name in names
        ).split()
        # Debian's 3.14 has line continuations among them.
        libraries = [flag for flag in libraries if flag != "\\"]
        compile_main(executable, ["-no-pie", "-rdynamic", *whole, *libraries])
    for name in ("python3", "python"):
        (dest / "bin" / name).symlink_to(executable.name)
    rewrite_sysconfig(stdlib, options)


def parsed_options():
    parser = argparse.ArgumentParser()
    parser.add_argument("dest")
    parser.add_argument("--executable", choices=["shared", "static"], required=True)
    parser.add_argument(
        "--library", choices=["shared", "static", "garbage", "none"], required=True
    )
    parser.add_argument("--built-in", default=None)
    parser.add_argument("--set", action="append", default=[])
    return parser.parse_args()


def link(source, target):
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def compile_main(executable, flags):
    command = ["gcc", "-x", "c", "-", "-x", "none", "-o", str(executable), *flags]
    subprocess.run(command, input=MAIN, text=True, check=True)


def rewrite_sysconfig(stdlib, options):
    name = sysconfig._get_sysconfigdata_name()
    original = __import__(name).build_time_vars
    built_in = options.built_in or options.dest
    rewritten = {
        key: value.replace(sys.base_prefix, built_in)
        if isinstance(value, str)
        else value
        for key, value in original.items()
    }
    for assignment in options.set:
        key, value = assignment.split("=", 1)
        rewritten[key] = json.loads(value) if value.isdigit() else value
    for path in stdlib.glob("_sysconfigdata*.py"):
        path.unlink()
    (stdlib / f"{name}.py").write_text(f"build_time_vars = {rewritten!r}\n")


main()
