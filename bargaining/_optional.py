"""Optional packages: say how to install one that is missing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import metadata


@contextmanager
def needs(extra: str) -> Iterator[None]:
    """Import optional packages inside this block; if one is missing, the error says how to install its extra.

    Raises
    ------
    ImportError
        If an import inside the block fails.

    Examples
    --------
    >>> with needs("paper"):
    ...     import no_such_package
    Traceback (most recent call last):
    ImportError: no_such_package is not installed; run `pip install ...`.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        message = f"{error.name} is not installed; run `{install(extra)}`."
        raise ImportError(message, name=error.name) from None


def install(extra: str) -> str:
    """Return the command that installs the packages of an extra, wherever this package came from."""
    try:
        required = metadata.requires("bargaining") or []
    except metadata.PackageNotFoundError:
        required = []
    marker = re.compile(rf"extra == ['\"]{extra}['\"]")
    packages = [line.partition(";")[0].strip() for line in required if marker.search(line)]
    return "pip install " + (" ".join(f'"{package}"' for package in packages) or f'".[{extra}]"')
