"""Link against a libpython that exists only as a static archive.

A linker takes from an archive just the members that something refers to, but the
standard library's extension modules (lib-dynload) refer to more of the C API than
mrmd-python does. Every public symbol is therefore asked for, by a small linker
script beside python3.pc, and -rdynamic exports them all. --whole-archive would do
the same, yet each package that uses cgo repeats the flags, and an archive loaded
whole twice defines everything twice.
"""

import os
import re
import subprocess
import sysconfig
import tempfile

LINKER_SCRIPT = "libpython-static.so"

PROBE = """
extern const char *Py_GetVersion(void);
int main(void) { return Py_GetVersion() == 0; }
"""


class CannotLink(Exception):
    """The archive can't be linked; the message says why and what to do."""


def link_flags(pc_dir):
    """Return the linker flags for the script that prepare() writes into pc_dir."""
    return [os.path.join(pc_dir, LINKER_SCRIPT), "-rdynamic", *system_library_flags()]


def prepare(archive, pc_dir, remedy):
    """Write the linker script for the archive and try a link with it.

    Raises CannotLink with the linker's own words and the remedy.
    """
    script = os.path.join(pc_dir, LINKER_SCRIPT)
    partial = "{}.{}".format(script, os.getpid())
    with open(partial, "w") as out:
        out.write("EXTERN(\n{}\n)\n".format("\n".join(public_symbols(archive, remedy))))
        out.write('GROUP("{}")\n'.format(archive))
    os.rename(partial, script)
    probe_link(archive, pc_dir, remedy)


def public_symbols(archive, remedy):
    listing = run(["nm", "-g", "--defined-only", "-P", archive], archive, remedy)
    names = set()
    for line in listing.splitlines():
        name = line.split(" ", 1)[0]
        if name.startswith(("Py", "_Py")):
            names.add(name)
    if not names:
        raise CannotLink(
            "{} has no symbols that the linker can read (it may hold link-time-optimised "
            "code of another compiler); {}".format(archive, remedy)
        )
    return sorted(names)


def system_library_flags():
    """Return the -l flags that the interpreter itself was linked with."""
    flags = []
    for variable in ("LIBS", "MODLIBS", "SYSLIBS"):
        for flag in (sysconfig.get_config_var(variable) or "").split():
            if flag not in flags and re.match(r"-l[A-Za-z0-9_+.-]+$|-pthread$", flag):
                flags.append(flag)
    return flags


def probe_link(archive, pc_dir, remedy):
    compiler = (os.environ.get("CC") or "gcc").split()
    work = tempfile.mkdtemp(prefix="libpython-probe-")
    source = os.path.join(work, "probe.c")
    program = os.path.join(work, "probe")
    try:
        with open(source, "w") as out:
            out.write(PROBE)
        # As Go links its programs: position-dependent, so that an archive
        # compiled without -fPIC serves too.
        command = [*compiler, "-no-pie", "-o", program, source, *link_flags(pc_dir)]
        run(command, archive, remedy)
    finally:
        for path in (source, program):
            if os.path.exists(path):
                os.remove(path)
        os.rmdir(work)


def run(command, archive, remedy):
    try:
        process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            universal_newlines=True,
        )
    except OSError as error:
        raise CannotLink(
            "{} is needed to link the static {} ({}); install it with: "
            "sudo apt-get install gcc binutils".format(command[0], archive, error)
        ) from None
    output, errors = process.communicate()
    if process.returncode != 0:
        last_lines = "\n  ".join(errors.strip().splitlines()[-5:])
        raise CannotLink(
            "the static {} can't be linked, and there is no shared library "
            "beside it:\n  {}\n{}".format(archive, last_lines, remedy)
        )
    return output
