"""Cases of which some are tried by default, the others with the long searches."""

from collections.abc import Collection, Iterable
from itertools import product
from typing import Any

import pytest


def seeds(few: int, many: int) -> list[Any]:
    """Return the numbers below `many`, those from `few` on marked as slow."""
    return [*range(few), *(pytest.param(k, marks=pytest.mark.slow) for k in range(few, many))]


def cases(*axes: Iterable[Any], dear: Collection[tuple[Any, ...]] = ()) -> list[Any]:
    """Return the combinations of some axes, those marked as slow that are said to be dear."""
    known = list(product(*axes))
    assert set(dear) <= set(known)
    return [pytest.param(*one, marks=pytest.mark.slow) if one in dear else one for one in known]
