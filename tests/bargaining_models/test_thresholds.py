"""Thresholds: on curves with a known crossing, and on the deal."""

from dataclasses import dataclass
from typing import cast

import numpy as np
import pytest

from bargaining._arrays import Floats
from bargaining_models.negotiation.deal import Deal
from bargaining_models.negotiation.headline import GRID, first_crossing


@dataclass(frozen=True)
class Curve:
    """Stands for a deal: its margin is a function of r alone."""

    r: Floats

    def elsewhere(self, r: Floats) -> "Curve":
        return Curve(r=r)


@pytest.mark.parametrize(
    ("margin", "expected"),
    [
        (lambda r: r**2 - 0.2, np.sqrt(0.2)),
        (lambda r: np.cos(7 * r) - 1.5, None),
        (lambda r: 1.0 - r, 0.0),
        (lambda r: (r - 0.3) * (0.9 - r), 0.3),
        (lambda r: np.where(r < 0.42, np.nan, r), 0.42),
    ],
    ids=["crosses", "never", "at once", "twice", "from where there is a deal"],
)
def test_first_crossing(margin, expected: float | None) -> None:  # type: ignore[no-untyped-def]
    found = first_crossing(cast("Deal", Curve(r=GRID)), lambda curve: margin(curve.r))
    if expected is None:
        assert found.value is None
    else:
        assert found.value == pytest.approx(expected, abs=1e-6)
    assert found.margin == pytest.approx(float(margin(0.0)), nan_ok=True)
