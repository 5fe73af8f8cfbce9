"""Interval arithmetic to any precision, for the numbers that are not rational."""

from typing import Any


def intervals(bits: int) -> Any:
    """Return a context of intervals with `bits` binary digits of its own."""
    from mpmath.ctx_iv import MPIntervalContext  # type: ignore[import-untyped]

    context = MPIntervalContext()
    context.prec = bits
    return context
