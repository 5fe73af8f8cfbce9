"""The triangle of Canada, the US and China: that of `negotiation.triangle` with the figures of this case."""

from __future__ import annotations

from typing import Self, cast

from bargaining_models.negotiation import triangle
from bargaining_models.negotiation.negotiation import Negotiation, Share
from bargaining_models.negotiation.triangle import TriangleReading
from bargaining_models.us_canada.baseline import ROLES, Baseline

__all__ = ["COUNTRIES", "Triangle", "TriangleReading", "triangle_readings"]

COUNTRIES = ROLES.countries


class Triangle(triangle.Triangle):
    """What two agreements of Canada are worth to Canada, the US and China, at each redirectable share.

    Examples
    --------
    >>> from bargaining_models.negotiation.triangle_terms import nash_in_nash
    >>> triangle = Triangle.at(r=[0.05, 0.15])
    >>> nash_in_nash(triangle.money).transfers.round(2)  # Canada to the US and to China, USD bn a year
    array([[ 7.41, -0.33],
           [ 6.24, -0.94]])
    """

    __slots__ = ()

    @classmethod
    def at(
        cls, baseline: Negotiation | None = None, *, r: Share, capped: bool = False, market_cost: float = 0.0
    ) -> Self:
        """Compute the four states at redirectable share `r`, by default with the figures of this package."""
        base = Baseline.from_parameters() if baseline is None else baseline
        return super().at(base, r=r, capped=capped, market_cost=market_cost)

    @property
    def baseline(self) -> Baseline:
        """The negotiation."""
        return cast("Baseline", self.negotiation)


def triangle_readings() -> tuple[TriangleReading, ...]:
    """Return the readings of the table, in order; see `negotiation.triangle.triangle_readings`."""
    return triangle.triangle_readings(ROLES)
