"""The compiled twins of some inner loops, if they were built: each returns None if Python has to do the work."""

from __future__ import annotations

__all__ = ["failure", "kernel"]

failure: str | None = None
"""Why the extension is not in use."""

try:
    from bargaining.equilibria import _kernel as kernel

    if not hasattr(kernel, "winners"):  # as in an editable installation whose sources have changed
        raise ImportError("it was compiled from older sources; install again")
except ImportError as error:  # there was no C compiler, or another one than this Python's
    kernel = None  # type: ignore[assignment]
    failure = str(error)
