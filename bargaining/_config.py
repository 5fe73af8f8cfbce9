"""What the library runs on: versions, the processor, and whether its extension in C is in use."""

from __future__ import annotations

from importlib import metadata, util
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from typing import Literal, overload

from bargaining._optional import install
from bargaining._platform import describe_platform
from bargaining._version import __version__
from bargaining.equilibria import _compiled
from bargaining.errors import InvalidInput

REQUIRED = ("numpy", "scipy", "pandas", "xarray", "nashpy", "sympy", "hypothesis")
OPTIONAL = {
    "paper": ("jinja2", "joblib", "matplotlib", "pylatexenc", "tqdm"),
    "distributed": ("dask", "distributed", "joblib"),
}
"""The packages of each extra."""

Config = dict[str, dict[str, str]]


@overload
def show_config(*, mode: Literal["stdout"] = "stdout") -> None: ...
@overload
def show_config(*, mode: Literal["dicts"]) -> Config: ...
def show_config(*, mode: Literal["stdout", "dicts"] = "stdout") -> Config | None:
    """Print versions, platform and installation, as a bug report needs them.

    Parameters
    ----------
    mode : {"stdout", "dicts"}
        Print, or return what would be printed, as `numpy.show_config` does.

    Returns
    -------
    dict or None
        With ``mode="dicts"``, the entries under each heading: "bargaining" (the version, the folder, and
        whether the extension in C is in use, or why it is not), "platform" (Python, the system, the processor and the
        instruction sets that NumPy found, the BLAS library), "required" and "optional"
        (versions of packages; for one that is missing, the command that installs it).

    Raises
    ------
    InvalidInput
        If the mode is another one.

    Examples
    --------
    >>> import bargaining
    >>> bargaining.show_config()
    bargaining
      version     ...
      folder      ...
      extension   ...
    platform
      ...
    >>> bargaining.show_config(mode="dicts")["required"]["numpy"]
    '...'
    """
    if not isinstance(mode, str) or mode not in ("stdout", "dicts"):
        raise InvalidInput(f'`mode` must be "stdout" or "dicts"; got {mode!r}.')
    config = _config()
    if mode == "dicts":
        return config
    for heading, entries in config.items():
        print(heading)
        for name, value in entries.items():
            print(f"  {name:<11} {value}")
    return None


def _config() -> Config:
    optional = {name: extra for extra, names in reversed(OPTIONAL.items()) for name in names}
    versions = {name: _version(name) or f"missing: {install(extra)}" for name, extra in optional.items()}
    return {
        "bargaining": {
            "version": __version__,
            "folder": str(Path(__file__).parent),
            "extension": _extension(),
        },
        "platform": describe_platform(),
        "required": {name: _version(name) or "missing" for name in REQUIRED},
        "optional": {name: versions[name] for name in sorted(versions)},
    }


def _extension() -> str:
    """Say whether the compiled loops are in use, or why they are not."""
    if _compiled.kernel is not None:
        return f"in use: {_compiled.kernel.__file__}"
    if util.find_spec("bargaining.equilibria._kernel") is not None:
        return f"not in use: {_compiled.failure}"
    folder = Path(_compiled.__file__).parent
    if files := [*folder.glob("_kernel.*.so"), *folder.glob("_kernel*.pyd")]:
        kinds = ", ".join(EXTENSION_SUFFIXES)
        return (
            f"not in use: {files[0]} is for another kind of Python; this one loads files that end in {kinds}"
        )
    return (
        "not in use: this installation has none, since its wheel is of pure Python or there was no C compiler"
    )


def _version(name: str) -> str | None:
    """Return a package's version without importing it; None if it is missing."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None
