"""Compiles the C extension while a wheel is built; where that cannot be done, the wheel is of pure Python."""

from __future__ import annotations

import os
import sys
import sysconfig
from pathlib import Path
from shutil import copyfile
from tempfile import TemporaryDirectory
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from setuptools import Distribution, Extension
from setuptools.command.build_ext import build_ext
from setuptools.errors import BaseError, CCompilerError

SOURCES = "bargaining/equilibria/kernel"
MODULE = "bargaining/equilibria/_kernel" + (".pyd" if os.name == "nt" else ".abi3.so")
# The results must have the bits that Python's have: nothing is fused, nothing is reordered. Two builds must have the
# same bytes, so the extension holds neither the folder that it was built in nor the time.
GNU_FLAGS = ["-O2", "-fno-fast-math", "-ffp-contract=off", "-g0"]
MICROSOFT_FLAGS = ["/O2", "/fp:precise", "/Brepro"]
WARNING = """\
WARNING: bargaining is built without its C extension: {}.
Its answers are the same, but repeated games of a few actions, and stochastic ones of a few states, take two to three
times as long.
To have the extension, {}; then install again."""
COMPILER = "install a C compiler and Python's headers (on Debian: apt-get install gcc python3-dev)"
CPYTHON = "use CPython with its global interpreter lock"


class KernelHook(BuildHookInterface[Any]):
    """Puts the extension into the wheel, or into the source tree if the installation is editable."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile, and say where the extension goes; warn and go on if that fails."""
        self.scratch = TemporaryDirectory()
        in_place = Path(self.root, MODULE)
        if version == "editable":
            in_place.unlink(missing_ok=True)  # Better none than one of older sources.
        if sys.implementation.name != "cpython" or sysconfig.get_config_var("Py_GIL_DISABLED"):
            self.app.display_warning(WARNING.format("this Python has no stable ABI for it", CPYTHON))
            return
        try:
            built = compiled(sorted(map(str, Path(self.root, SOURCES).glob("*.c"))), self.scratch.name)
        except (BaseError, CCompilerError, OSError) as error:
            self.app.display_warning(WARNING.format(str(error).rstrip("."), COMPILER))
            return
        if version == "editable":
            copyfile(built, in_place)
            return
        platform = self.build_config.builder.get_best_matching_tag().rpartition("-")[2]
        build_data["force_include"][built] = MODULE
        build_data |= {"pure_python": False, "tag": f"cp311-abi3-{platform}"}

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Remove what was compiled."""
        self.scratch.cleanup()


def compiled(sources: list[str], folder: str) -> str:
    """Compile `sources` into one extension somewhere under `folder`, and return its path."""
    extension = Extension("_kernel", sources, py_limited_api=True)
    command = _Compile(Distribution({"ext_modules": [extension]}))
    command.build_lib = command.build_temp = folder
    command.ensure_finalized()
    command.run()
    return command.get_ext_fullpath(extension.name)


class _Compile(build_ext):
    def build_extension(self, ext: Extension) -> None:
        msvc = self.compiler.compiler_type == "msvc"
        folder = os.path.dirname(ext.sources[0])
        ext.extra_compile_args = MICROSOFT_FLAGS if msvc else [*GNU_FLAGS, f"-ffile-prefix-map={folder}=."]
        ext.extra_link_args = ["/Brepro"] if msvc else []
        super().build_extension(ext)
