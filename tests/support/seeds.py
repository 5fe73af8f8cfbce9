"""Seeds of drawn cases: a few by default, the others with the long searches."""

from typing import Any

import pytest


def seeds(few: int, many: int) -> list[Any]:
    """Return the numbers below `many`, those from `few` on marked as slow."""
    return [*range(few), *(pytest.param(k, marks=pytest.mark.slow) for k in range(few, many))]
