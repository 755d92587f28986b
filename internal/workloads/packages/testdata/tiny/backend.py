"""Builds this package without any other package, so that no network is needed."""

import os
import zipfile

_NAME = "tiny_package-1.0"


def build_wheel(directory, config_settings=None, metadata_directory=None):
    """Make a wheel with the package in it."""
    with open("tiny_package.py") as source:
        return _build(directory, "tiny_package.py", source.read())


def build_editable(directory, config_settings=None, metadata_directory=None):
    """Make a wheel that leads to this folder."""
    return _build(directory, "__editable__.tiny_package.pth", os.getcwd() + "\n")


def _build(directory, name, content):
    information = f"{_NAME}.dist-info/"
    files = {
        name: content,
        information + "METADATA": "Metadata-Version: 2.1\nName: tiny-package\n"
        "Version: 1.0\n",
        information + "WHEEL": "Wheel-Version: 1.0\nGenerator: test\n"
        "Root-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = information + "RECORD"
    files[record] = "".join(f"{file},,\n" for file in [*files, record])
    wheel = f"{_NAME}-py3-none-any.whl"
    with zipfile.ZipFile(os.path.join(directory, wheel), "w") as archive:
        for file, text in files.items():
            archive.writestr(file, text)
    return wheel
