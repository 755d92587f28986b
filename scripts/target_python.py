"""Describe the Python that runs this file, and write the python3.pc to link against it.

Run by the target venv's own interpreter (scripts/with-python does it), so that
every answer is that interpreter's. The syntax stays within Python 3.6, for an old
interpreter must reach the refusal below instead of ending in a SyntaxError.

    target_python.py describe
        prints the ABI tag, the version and the interpreter, tab-separated.
    target_python.py pkgconfig OUT_DIR COMPAT_DIR [RUNPATH]
        writes OUT_DIR/KEY/python3.pc and prints OUT_DIR/KEY. RUNPATH is where the
        program is to look for a shared libpython when it runs, by default where it is.
    target_python.py library
        prints the path of the shared libpython, or nothing when there is none.

Exit codes: 0 done; 1 this Python can't be linked, the reason is on stderr; 3 a
Debian package is missing, its name is on stdout and the advice on stderr.
"""

import glob
import hashlib
import os
import platform
import sys
import sysconfig

import static_libpython
import target_files

OLDEST = (3, 10)
NEWEST_TESTED = (3, 14)

EXIT_REFUSED = 1
EXIT_MISSING_PACKAGE = 3

# Go passes -Wl options on only without a comma in their value, a colon separates
# the folders of an rpath, and the others mean something to pkg-config or a shell.
UNLINKABLE_CHARACTERS = set(",:$#\"'\\;&|<>()`*?\n\t")


def main(arguments):
    try:
        if arguments == ["describe"]:
            refuse_unsupported()
            print("\t".join([abi_tag(), version_text(), sys.executable]))
        elif arguments == ["library"]:
            refuse_unsupported()
            print(target_files.find_shared_library() or "")
        elif len(arguments) in (3, 4) and arguments[0] == "pkgconfig":
            refuse_unsupported()
            print(write_pkgconfig(*arguments[1:]))
        else:
            raise target_files.Refused(__doc__.strip())
    except target_files.MissingPackage as missing:
        print(missing.package)
        sys.stderr.write("error: {}\n".format(missing))
        return EXIT_MISSING_PACKAGE
    except (target_files.Refused, static_libpython.CannotLink) as refused:
        sys.stderr.write("error: {}\n".format(refused))
        return EXIT_REFUSED
    return 0


def refuse_unsupported():
    """Raise Refused when no build of mrmd-python can embed this interpreter."""
    implementation = platform.python_implementation()
    if implementation != "CPython":
        raise target_files.Refused(
            "{} is {}, and only CPython has the library that mrmd-python embeds; "
            "make the venv from CPython {} or newer".format(
                sys.executable, implementation, target_files.dotted(OLDEST)
            )
        )
    if sys.version_info[:2] < OLDEST:
        raise target_files.Refused(
            "{} is Python {}; mrmd-python needs {} or newer: older ones install signal "
            "handlers without SA_ONSTACK, which crashes the Go runtime".format(
                sys.executable, version_text(), target_files.dotted(OLDEST)
            )
        )
    abiflags = getattr(sys, "abiflags", "")
    if sysconfig.get_config_var("Py_GIL_DISABLED") or "t" in abiflags:
        raise target_files.Refused(
            "{} is a free-threaded (PEP 703) build of Python {}, which is not supported yet; "
            "make the venv from the default build of this Python".format(
                sys.executable, version_text()
            )
        )
    if sys.version_info[:2] > NEWEST_TESTED:
        sys.stderr.write(
            "warning: Python {} is newer than {}, the newest one that mrmd-python is tested with\n".format(
                version_text(), target_files.dotted(NEWEST_TESTED)
            )
        )


def write_pkgconfig(out_dir, compat_dir, runpath=None):
    """Write the pkg-config file into a folder named by its key; return that folder."""
    compat_dir = os.path.abspath(compat_dir)
    include_dirs = target_files.find_include_dirs()
    shared = target_files.find_shared_library()
    archive = None if shared else target_files.find_static_archive()
    if not shared and not archive:
        raise target_files.no_library()

    library = shared or archive
    fingerprint = fingerprint_of(library, include_dirs, compat_dir)

    def render(pc_dir):
        link = (
            shared_link_flags(shared, runpath)
            if shared
            else static_libpython.link_flags(pc_dir)
        )
        return pkgconfig_text(compat_dir, include_dirs, link, fingerprint)

    # A static build's file names the folder it lies in, which is named by the
    # key: the key is taken of the text with a placeholder there.
    key = hashlib.sha256(os.fsencode(render("PC_DIR"))).hexdigest()[:16]
    pc_dir = os.path.join(os.path.abspath(out_dir), key)
    pc_file = os.path.join(pc_dir, "python3.pc")
    if os.path.exists(pc_file):
        return pc_dir
    if not os.path.isdir(pc_dir):
        os.makedirs(pc_dir)
    if archive:
        static_libpython.prepare(archive, pc_dir, target_files.enable_shared_hint())
    # Builds may run side by side: a reader never sees half a file.
    partial = "{}.{}".format(pc_file, os.getpid())
    with open(partial, "wb") as out:
        out.write(os.fsencode(render(pc_dir)))
    os.rename(partial, pc_file)
    return pc_dir


def pkgconfig_text(compat_dir, include_dirs, link, fingerprint):
    # The pinned go-python3 wraps functions that newer Pythons deprecate; a page of
    # warnings per build would hide a real one.
    compile_flags = ["-I" + directory for directory in [compat_dir, *include_dirs]]
    compile_flags.append("-Wno-deprecated-declarations")
    return "\n".join(
        [
            "# Generated by scripts/target_python.py for {}".format(sys.base_prefix),
            "# Linked files: {}".format(fingerprint),
            "Name: Python",
            "Description: CPython {} as an embedded library".format(version_text()),
            "Version: {}".format(target_files.dotted(sys.version_info[:2])),
            "Cflags: {}".format(" ".join(quoted(flag) for flag in compile_flags)),
            "Libs: {}".format(" ".join(quoted(flag) for flag in link)),
            "",
        ]
    )


def shared_link_flags(library, runpath):
    directory, name = os.path.split(library)
    # The exact file name: the unversioned link is a development file that a
    # Python may come without.
    return ["-L" + directory, "-l:" + name, "-Wl,-rpath," + (runpath or directory)]


def fingerprint_of(library, include_dirs, compat_dir):
    """Return a text that changes when a linked or included file does.

    A Python that is upgraded in place keeps every path, and Go's build cache
    looks at none of these files.
    """
    digest = hashlib.sha256(sys.version.encode("utf-8"))
    status = os.stat(library)
    digest.update("{} {}".format(status.st_size, status.st_mtime_ns).encode("ascii"))
    headers = [os.path.join(d, "pyconfig.h") for d in include_dirs]
    headers += [os.path.join(d, "patchlevel.h") for d in include_dirs]
    headers += sorted(glob.glob(os.path.join(glob.escape(compat_dir), "*.h")))
    for header in headers:
        if os.path.isfile(header):
            with open(header, "rb") as content:
                digest.update(content.read())
    return digest.hexdigest()


def quoted(flag):
    """Return the flag as a pkg-config file wants it."""
    value = flag.replace("-Wl,-rpath,", "", 1).replace("-l:", "-l", 1)
    unlinkable = sorted(UNLINKABLE_CHARACTERS.intersection(value))
    if unlinkable:
        raise target_files.Refused(
            "the path in {!r} has characters that the linker's options can't carry ({}); "
            "move that folder to a path without them".format(
                flag, " ".join(map(repr, unlinkable))
            )
        )
    return flag.replace(" ", "\\ ")


def abi_tag():
    return "cp{}{}{}".format(
        sys.version_info[0], sys.version_info[1], getattr(sys, "abiflags", "")
    )


def version_text():
    return target_files.dotted(sys.version_info[:3])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
