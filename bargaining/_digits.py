"""Numbers as text: significant digits, never fixed decimals."""

from __future__ import annotations

import math
from collections.abc import Sequence

_POSITIONAL = (1e-4, 1e7)  # between these a number is written without an exponent, as people read it
_WHOLE = 2**53  # the largest int up to which every one is a float


def significant(value: float, digits: int, *, pad: bool = True) -> str:
    """Write `value` with `digits` significant digits, more only to show a whole part in full.

    Ties are rounded to the even digit, as in IEEE 754. Most decimals that end in 5 are not ties, because no float
    equals them. An int that floats may not hold is written in full. With `pad` trailing zeros are kept, as they say how
    far the number was rounded.

    Examples
    --------
    >>> significant(1 / 3, 4), significant(2.5e-13, 3), significant(123456.78, 4)
    ('0.3333', '2.50e-13', '123457')
    >>> significant(0.125, 2), significant(0.375, 2), significant(2**60 + 1, 3)
    ('0.12', '0.38', '1152921504606846977')
    """
    if isinstance(value, int) and abs(value) > _WHOLE:
        return str(value)
    if math.isinf(value):
        return "∞" if value > 0 else "-∞"
    if value == 0.0:
        return "0"
    text, exponent = f"{value:.{digits - 1}e}".split("e")
    low, high = _POSITIONAL
    positional = low <= abs(value) < high
    if positional:
        text = f"{value:.{max(digits - 1 - int(exponent), 0)}f}"
    return (text if pad else _stripped(text)) + ("" if positional else f"e{int(exponent)}")


def _stripped(text: str) -> str:
    return text.rstrip("0").rstrip(".") if "." in text else text


def rounds(values: Sequence[float], digits: int) -> bool:
    """Whether some number has more than `digits` significant digits, float noise aside.

    A grid of parameters usually has no such number, and is then written without trailing zeros.

    Examples
    --------
    >>> rounds([0.0, 0.1, 0.1 + 0.2], 4), rounds([0.5, 0.53183], 4)
    (False, True)
    """
    finite = (value for value in values if not isinstance(value, int) and math.isfinite(value))
    return any(abs(value - float(f"{value:.{digits}g}")) > 4 * math.ulp(value) for value in finite)


def column(values: Sequence[float], digits: int, *, pad: bool) -> list[str]:
    """Write the numbers of one column alike; a column of int is written in full.

    Examples
    --------
    >>> column([0.0, 0.1], 4, pad=False), column([0.5, 0.53183], 4, pad=True), column([7, 10**6], 2, pad=True)
    (['0', '0.1'], ['0.5000', '0.5318'], ['7', '1000000'])
    """
    if all(isinstance(value, int) for value in values):
        return [str(value) for value in values]
    return [significant(value, digits, pad=pad) for value in values]
