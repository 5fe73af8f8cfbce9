"""The platform: the last bits of numbers may depend on the processor and on the library for linear algebra."""

from __future__ import annotations

import platform
from functools import cache
from pathlib import Path


@cache
def describe_platform() -> dict[str, str]:
    """Return the Python, the system, the processor with the instruction sets that NumPy found, and the BLAS library."""
    import numpy as np

    built = np.show_config(mode="dicts")  # type: ignore[call-overload, unused-ignore]
    blas = built.get("Build Dependencies", {}).get("blas", {})
    sets = built.get("SIMD Extensions", {}).get("found", [])
    return {
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "system": platform.platform(),
        "processor": f"{_model()} ({' '.join([platform.machine(), *sets])})",
        "blas": " ".join(str(blas[key]) for key in ("name", "version") if blas.get(key)) or "unknown",
    }


def made_on() -> str:
    """Return what of the platform the last bits of numbers may depend on."""
    about = describe_platform()
    return f"{about['processor']} with BLAS {about['blas']} on {platform.system()}"


def _model() -> str:
    """Return the name of the processor, as far as the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(errors="replace").splitlines()
    except OSError:
        lines = []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, "") or platform.processor() or "unknown"
