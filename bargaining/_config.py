"""What the library runs on: versions, the processor, the BLAS library."""

from __future__ import annotations

import platform
from importlib import metadata
from pathlib import Path
from typing import Literal, overload

from bargaining._calls import install
from bargaining._version import version
from bargaining.errors import InvalidInput

REQUIRED = ("numpy", "scipy", "clarabel", "pandas", "xarray", "nashpy", "sympy", "hypothesis", "joblib")
OPTIONAL = {"paper": ("jinja2", "matplotlib", "pylatexenc", "tqdm"), "distributed": ("dask", "distributed")}
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
        With ``mode="dicts"``, the entries under each heading: "bargaining" (the version and the
        folder), "platform" (Python, the system, the processor and the instruction sets that NumPy found, the BLAS
        library), "required" and "optional" (versions of packages; for one that is missing, the command that installs
        it).

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
    platform
      ...
    >>> bargaining.show_config(mode="dicts")["required"]["numpy"]
    '...'
    """
    if not isinstance(mode, str) or mode not in ("stdout", "dicts"):
        raise InvalidInput(f'`mode` must be "stdout" or "dicts"; got {mode!r}.')
    optional = {name: extra for extra, names in reversed(OPTIONAL.items()) for name in names}
    config = {
        "bargaining": {"version": version(), "folder": str(Path(__file__).parent)},
        "platform": _platform(),
        "required": {name: _version(name) or "missing" for name in REQUIRED},
        "optional": {k: _version(k) or f"missing: {install(optional[k])}" for k in sorted(optional)},
    }
    if mode == "dicts":
        return config
    for heading, entries in config.items():
        print(heading, *(f"  {name:<11} {value}" for name, value in entries.items()), sep="\n")
    return None


def _version(name: str) -> str | None:
    """Return a package's version without importing it; None if it is missing."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _platform() -> dict[str, str]:
    """Return the Python, the system, the processor with the instruction sets that NumPy found, and the BLAS library."""
    import numpy as np

    built = np.show_config(mode="dicts")  # type: ignore[call-overload, unused-ignore]
    blas = built.get("Build Dependencies", {}).get("blas", {})
    sets = built.get("SIMD Extensions", {}).get("found", [])
    told = Path("/proc/cpuinfo")  # Linux alone, where Python names the architecture only
    lines = told.read_text(errors="replace").splitlines() if told.is_file() else []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    name = next(names, "") or platform.processor() or "unknown"
    return {
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "system": platform.platform(),
        "processor": f"{name} ({' '.join([platform.machine(), *sets])})",
        "blas": " ".join(str(blas[key]) for key in ("name", "version") if blas.get(key)) or "unknown",
    }
