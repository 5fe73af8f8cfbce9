"""The deal between Canada and the US: that of `negotiation.deal` with the figures and words of this case."""

from __future__ import annotations

from typing import Self, cast

from bargaining_models.negotiation import deal
from bargaining_models.negotiation.deal import DISCOUNT_RATE, HAZARDS, Reading
from bargaining_models.negotiation.negotiation import Negotiation, Share
from bargaining_models.us_canada.baseline import ROLES, Baseline

__all__ = ["CANADA_WEIGHT", "DISCOUNT_RATE", "HAZARDS", "Deal", "Reading", "readings"]

CANADA_WEIGHT = deal.HOME_WEIGHT


class Deal(deal.Deal):
    """The outcomes that Canada and the US compare, at each redirectable share.

    Examples
    --------
    >>> from bargaining import nash
    >>> deal = Deal.at(r=[0.0, 0.15])
    >>> division = nash(deal.problem())
    >>> deal.transfer(division).round(2)  # from Canada to the US, USD bn a year
    array([8.06, 6.24])
    """

    __slots__ = ()

    @classmethod
    def at(
        cls,
        baseline: Negotiation | None = None,
        *,
        r: Share,
        capped: bool = False,
        route_survives: bool = True,
    ) -> Self:
        """Compute the outcomes at redirectable share `r`, by default with the figures of this package."""
        base = Baseline.from_parameters() if baseline is None else baseline
        return super().at(base, r=r, capped=capped, route_survives=route_survives)

    @property
    def baseline(self) -> Baseline:
        """The negotiation."""
        return cast("Baseline", self.negotiation)


def readings(*, rate: float = DISCOUNT_RATE, hazards: tuple[float, ...] = HAZARDS) -> tuple[Reading, ...]:
    """Return the readings of the headline table, in order; see `negotiation.deal.readings`."""
    return deal.readings(ROLES, rate=rate, hazards=hazards, home_weight=CANADA_WEIGHT)
