"""Optional packages: say how to install one that is missing, from where this package came."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path


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
    """Return the command that installs an extra, from where this package was installed."""
    try:
        found = metadata.distribution("bargaining")
    except metadata.PackageNotFoundError:
        return _install(extra, None, [])
    return _install(extra, found.read_text("direct_url.json"), found.requires or [])


def _install(extra: str, record: str | None, requirements: list[str]) -> str:
    """Return the command, given what pip noted of the installation's source, and the package's requirements.

    A wheel or a source folder that is still there is named itself, and so is a repository. Where there is none, the
    packages of the extra are named, which come from the index whatever this package came from.
    """
    source = json.loads(record) if record else {}
    url = source.get("url", "")
    if url.startswith("file:"):
        from urllib.parse import urlsplit
        from urllib.request import url2pathname

        path = url2pathname(urlsplit(url).path)
        if Path(path).exists():
            editable = "--editable " if source.get("dir_info", {}).get("editable") else ""
            return f'pip install {editable}"{path}[{extra}]"'
    elif "vcs_info" in source:
        version = source["vcs_info"]
        return f'pip install "bargaining[{extra}] @ {version["vcs"]}+{url}@{version["commit_id"]}"'
    elif url:
        return f'pip install "bargaining[{extra}] @ {url}"'
    marker = re.compile(rf"extra == ['\"]{extra}['\"]")
    if packages := [line.partition(";")[0].strip() for line in requirements if marker.search(line)]:
        return "pip install " + " ".join(f'"{package}"' for package in packages)
    folder = Path(__file__).parents[1]
    return f'pip install "{folder if (folder / "pyproject.toml").exists() else "."}[{extra}]"'
