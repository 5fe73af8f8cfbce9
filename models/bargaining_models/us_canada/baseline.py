"""The negotiation between Canada and the US, with China as Canada's alternative, on the figures of this package.

Strategies are tariffs: one rate of the US on all Canadian goods and one of Canada on all US goods, added to the base
tariffs (zero between the two). Canada is home and player 0, the US the partner and player 1.
"""

from __future__ import annotations

import datetime

from bargaining.authoring import choice
from bargaining_models.negotiation import Negotiation, Roles
from bargaining_models.parameters import Parameters, load
from bargaining_models.trade import Environment

CANADA, US, CHINA = "CAN", "USA", "CHN"
PLAYERS = (CANADA, US)
FARM = ("AGR", "FOOD")
"""Sectors of farm and sea products, for which China has closed its market."""
SCHEDULES = ("us_2025_26", "canada_2025_26")
"""What is in force while they talk."""
WORDS = {"status_quo": "2025-26 schedule", "meanwhile": "the tariffs of 2025-26"}
ROLES = Roles.among((CANADA, US, CHINA), home=CANADA, partner=US, alternative=CHINA).calling(**WORDS)


class Baseline(Negotiation):
    """The negotiation on a trade model with regions CAN, USA and CHN, and the figures that it came from.

    Examples
    --------
    >>> baseline = Baseline.from_parameters()
    >>> baseline.payoffs(0.25).percent.round(2)
    array([-1.69,  0.02])
    >>> war = baseline.war(r=[0, 0.15])
    >>> war.percent.round(3)
    array([[-0.858, -0.008],
           [-0.466, -0.012]])
    >>> war.rates.round(3)
    array([[0.102, 0.129],
           [0.102, 0.123]])
    >>> bool(war.unique.all())
    True
    >>> baseline.leave().money.round(0), baseline.leave().unit
    (array([-89., -78.]), 'USD bn of 2023')
    """

    __slots__ = ()
    parameters: Parameters

    @classmethod
    def from_parameters(
        cls,
        parameters: Parameters | None = None,
        *,
        elasticities: str = "uniform5",
        tariffs: str | datetime.date | Environment | None = None,
        meaning: str = "capacity",
    ) -> Baseline:
        """Build the trade model from figures, by default those of this package.

        Parameters
        ----------
        parameters : Parameters, optional
        elasticities : str
            The name of a set of the figures.
        tariffs : str, date or Environment, optional
            The tariffs in force on a day, as for any `Negotiation`: those of third countries in every outcome, and
            those of the two on each other while they talk. By default those of the base, and the schedules of 2025-26
            while they talk.
        meaning : str
            Of r, as for any `Negotiation`.

        Raises
        ------
        InvalidInput
            If the figures lack one of the three regions or the elasticities, or the day is before the first.
        """
        figures = load() if parameters is None else parameters
        for region in (CANADA, US, CHINA):
            choice(region, "region", figures.regions)
        listed = tariffs is None and all(name in figures.schedules for name in SCHEDULES)
        found = cls(
            data=figures,
            elasticities=elasticities,
            home=CANADA,
            partner=US,
            alternative=CHINA,
            tariffs=tariffs,
            agreement="base",
            status_quo=SCHEDULES if listed else None,
            meaning=meaning,
        )
        return found if tariffs is not None else found.calling(**WORDS)
