"""Lay out the files of a wheel and pack it.

Run by scripts/build-wheel with a Python that has the package wheel. What a wheel is
made of: packaging.python.org/specifications/binary-distribution-format.
"""

import argparse
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

REPO = pathlib.Path(__file__).resolve().parent.parent
DISTRIBUTION = "mrmd_python"
# What the runtime itself imports; requirements/runtime.txt has the versions, and more
# for the cells of the tests.
NEEDED = ("ipython", "jedi", "black")
# What mrmd_python.create_app imports; every server that speaks ASGI brings it.
NEEDED_BY_APP = ("h11>=0.14",)
# A zip file's times begin in 1980; the same one for every file of every build.
TIME_IN_WHEEL = "315532800"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument(
        "--programs",
        required=True,
        type=pathlib.Path,
        help="a folder with launcher, runtime and maybe libpython",
    )
    parser.add_argument("--tag", required=True, help="the ABI tag, such as cp312")
    parser.add_argument("--platform", required=True)
    parser.add_argument("--python-license", required=True, type=pathlib.Path)
    parser.add_argument("--output", required=True, type=pathlib.Path)
    options = parser.parse_args()
    version = (REPO / "VERSION").read_text().strip()
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder) / "wheel"
        copy_package(root / DISTRIBUTION)
        copy_programs(
            root / f"{DISTRIBUTION}-{version}.data", options.programs, options.tag
        )
        write_metadata(
            root / f"{DISTRIBUTION}-{version}.dist-info",
            version,
            options.tag,
            options.platform,
            options.python_license,
        )
        print(pack(root, options.output))


def copy_package(folder):
    folder.mkdir(parents=True)
    for source in sorted((REPO / "packaging" / DISTRIBUTION).iterdir()):
        if source.suffix in (".py", ".typed"):
            copy(source, folder / source.name)


def copy_programs(folder, programs, tag):
    runtime_folder = folder / "data" / "libexec" / "mrmd-python" / tag
    copy(programs / "launcher", folder / "scripts" / "mrmd-python", 0o755)
    copy(programs / "runtime", runtime_folder / "mrmd-python", 0o755)
    for library in programs.glob("libpython*"):
        copy(library, runtime_folder / library.name)


def copy(source, target, mode=0o644):
    """Copy a file with a mode that does not depend on this machine's umask."""
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
    target.chmod(mode)


def write_metadata(folder, version, tag, platform, python_license):
    licenses = {
        "LICENSE": REPO / "LICENSE",
        "NOTICE": REPO / "NOTICE",
        "LICENSE-Python.txt": python_license,
    }
    for name, source in licenses.items():
        copy(source, folder / "licenses" / name)
    minor = f"3.{tag.removeprefix('cp3')}"
    fields = [
        ("Metadata-Version", "2.4"),
        ("Name", "mrmd-python"),
        ("Version", version),
        ("Summary", "Runs the Python of MRMD notebooks over HTTP"),
        ("License-Expression", "MIT AND PSF-2.0"),
        *[("License-File", name) for name in licenses],
        ("Classifier", "Framework :: IPython"),
        ("Classifier", "Operating System :: POSIX :: Linux"),
        ("Requires-Python", f"=={minor}.*"),
        *[("Requires-Dist", requirement) for requirement in requirements()],
        ("Description-Content-Type", "text/markdown"),
    ]
    lines = [f"{name}: {value}" for name, value in fields]
    write(
        folder / "METADATA",
        "\n".join(lines) + "\n\n" + (REPO / "README.md").read_text(),
    )
    write(
        folder / "WHEEL",
        f"Wheel-Version: 1.0\nGenerator: mrmd-python {version}\n"
        f"Root-Is-Purelib: false\nTag: {tag}-{tag}-{platform}\n",
    )


def requirements():
    """Return what the wheel requires, with the versions that the tests are run with."""
    lines = (REPO / "requirements" / "runtime.txt").read_text().splitlines()
    return [line for line in lines if line.startswith(NEEDED)] + list(NEEDED_BY_APP)


def write(path, text):
    path.write_text(text)
    path.chmod(0o644)


def pack(root, output):
    """Pack the folder with its RECORD; return the path of the wheel."""
    with tempfile.TemporaryDirectory(dir=output) as partial:
        subprocess.run(
            [sys.executable, "-m", "wheel", "pack", root, "--dest-dir", partial],
            check=True,
            stdout=subprocess.DEVNULL,
            env={**os.environ, "SOURCE_DATE_EPOCH": TIME_IN_WHEEL},
        )
        [packed] = pathlib.Path(partial).iterdir()
        # Renamed into place: nobody installs half a wheel.
        return packed.rename(output / packed.name)


if __name__ == "__main__":
    main()
