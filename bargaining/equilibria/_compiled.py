"""The compiled twins of some inner loops, if they were built: each returns None where Python has to decide."""

from __future__ import annotations

__all__ = ["kernel"]

try:
    from bargaining.equilibria import _kernel as kernel
except ImportError:  # there was no C compiler
    kernel = None  # type: ignore[assignment]
