"""The version: of a checkout what git says, of a release or another build what it was built as."""

from __future__ import annotations

import os
import re
from functools import cache
from hashlib import sha256
from pathlib import Path

RELEASE = "0.1.0"
"""The release that commits lead to until one has a tag such as v0.1.0."""

_HERE = Path(__file__).parent


@cache
def version() -> str:
    """Return ``0.1.0`` at the tag v0.1.0, ``0.1.1.dev7+g1a2b3c4`` seven commits later, ``0+unknown`` of bare sources.

    Changes that are not committed add a hash of the difference, so that no two states have one version. Git is asked
    once, and only where the sources are its checkout.
    """
    return _of_checkout() or _of_build() or "0+unknown"


def version_to_build() -> str:
    """Return the version that a build gets; bare sources are told theirs by the variable BARGAINING_VERSION."""
    found = os.environ.get("BARGAINING_VERSION") or version()
    if found == "0+unknown":
        raise RuntimeError(
            "bargaining cannot tell its version: these sources are neither a source distribution nor a checkout "
            "that git can read. Clone the repository and install git, or set the environment variable "
            f"BARGAINING_VERSION, as in BARGAINING_VERSION={RELEASE}."
        )
    return found


def _of_checkout() -> str | None:
    if not (_HERE.parent / ".git").exists():
        return None
    described = _git("describe", "--tags", "--match", "v[0-9]*", "--long", "--always", "--dirty")
    if described is None:
        return None
    parts = re.fullmatch(r"(?:v([\d.]+)-(\d+)-g)?([0-9a-f]+)(-dirty)?", described)
    if parts is None:
        return None
    release, commits, commit, dirty = parts.groups()
    if release and commits == "0" and not dirty:
        return release
    if release:
        first, _, last = release.rpartition(".")
        following = f"{first}.{int(last) + 1}"
    else:
        following, commits = RELEASE, _git("rev-list", "--count", "HEAD")
    changed = f".d{sha256((_git('diff', 'HEAD') or '').encode()).hexdigest()[:7]}" if dirty else ""
    return f"{following}.dev{commits}+g{commit[:8]}{changed}"


def _git(*command: str) -> str | None:
    import subprocess

    try:
        done = subprocess.run(["git", *command], cwd=_HERE, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()


def _of_build() -> str | None:
    """Return what the build wrote beside this module."""
    try:
        return (_HERE / "_built_version.txt").read_text(encoding="utf-8").strip()
    except OSError:
        return None
