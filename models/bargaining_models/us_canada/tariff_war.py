"""The repeated tariff game of Canada and the US: that of `negotiation.tariff_war` with the figures of this case."""

from __future__ import annotations

from typing import Self

from numpy.typing import ArrayLike

from bargaining_models.negotiation import tariff_war
from bargaining_models.negotiation.negotiation import Negotiation
from bargaining_models.negotiation.tariff_war import RATES
from bargaining_models.us_canada.baseline import Baseline

__all__ = ["RATES", "TariffGame"]


class TariffGame(tariff_war.TariffGame):
    """The repeated tariff game at one redirectable share.

    Examples
    --------
    >>> game = TariffGame.at(r=0.15)
    >>> agreement = game.self_enforcing(0.9)
    >>> bool((agreement.payoffs > game.war).all())
    True
    """

    __slots__ = ()

    @classmethod
    def at(
        cls,
        baseline: Negotiation | None = None,
        *,
        r: float = 0.0,
        capped: bool = False,
        rates: ArrayLike = RATES,
    ) -> Self:
        """Build the game at redirectable share `r`, by default with the figures of this package."""
        base = Baseline.from_parameters() if baseline is None else baseline
        return super().at(base, r=r, capped=capped, rates=rates)
