r"""The pivot as an investment: the effect of a project on the terms of the deal, per dollar of cost.

Timing.

1. Home commits the cost K of a project, which is sunk and seen by the partner. Its capacity opens after the lead time.
2. *Talk at once*: talks begin at date 0 and both know when it opens, as in `pivot`. *Build first*: talks begin when it
   opens, under the status quo until then.

The value of a project is home's gain in the deal, less the yearly charge :math:`\rho K`. The gain has two parts:
*leverage*, a smaller transfer, and *trade with the alternative itself*, which home would have without a negotiation.
Under an agreement that closes the route there is only leverage, and the capacity is built but not used.

How much of a project would be built for leverage alone is a hold-up problem: maximise :math:`T(0) - T(k) - \rho K k`
over the part k in [0, 1] that is built, where the project is in use when talks begin.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.polynomial import chebyshev

from bargaining.authoring import Floats, Shown
from bargaining.protocols.hold_up import HoldUp
from bargaining_models.negotiation.deal import DISCOUNT_RATE, Deal, Reading
from bargaining_models.negotiation.growth import Growth
from bargaining_models.negotiation.negotiation import Negotiation
from bargaining_models.negotiation.pivot import Pivot
from bargaining_models.negotiation.projects import Project

_PARTS = (1 + chebyshev.chebpts2(6)) / 2


@dataclass(frozen=True, kw_only=True, eq=False)
class Investment(Shown):
    """A project and the deal.

    Attributes
    ----------
    project : Project
    deal : Deal
        The outcomes at the parts 0 to 1 of the project, by Chebyshev's points.
    rate : float
        Both countries' discount rate per year.

    Examples
    --------
    >>> from bargaining_models.negotiation.pivot import path_readings
    >>> from bargaining_models.parameters import load
    >>> talks = Negotiation(data=load(), home="Canada", partner="US", alternative="China")
    >>> pumps = Project(name="pumping stations", lead_time=5.0, cost=2.56, share={"MIN": 0.075})
    >>> investment = Investment.solve(talks, pumps)
    >>> nash_along = path_readings(talks.roles)[0]
    >>> round(investment.leverage(nash_along), 3), round(investment.charge, 3)
    (0.207, 0.128)
    """

    project: Project
    deal: Deal
    rate: float = DISCOUNT_RATE

    @classmethod
    def solve(cls, negotiation: Negotiation, project: Project) -> Investment:
        """Solve the outcomes at some parts of the project, the route open under an agreement."""
        share = {sector: _PARTS * r for sector, r in project.share.items()}
        return cls(project=project, deal=Deal.at(negotiation, r=share))

    def without_route(self) -> Investment:
        """Return the same project if an agreement closes the route."""
        return replace(self, deal=self.deal.without_route())

    @property
    def charge(self) -> float:
        """What the capital costs a year, in money."""
        return self.rate * self.project.cost

    @cached_property
    def pivot(self) -> Pivot:
        """The talks while the project is being built."""
        growth = Growth.in_steps(self.deal, [self.project.lead_time], stages=(0, -1))
        return Pivot(growth=growth, rate=self.rate)

    @cached_property
    def without(self) -> Pivot:
        """The talks if the project is never built."""
        return Pivot(growth=Growth.in_steps(self.deal, [], stages=(0,)), rate=self.rate)

    def leverage(self, reading: Reading) -> float:
        """Return by how much the transfer agreed today is smaller, money a year."""
        without, built = (reading.divide(talks) for talks in (self.without, self.pivot))
        return float(without.transfer - built.transfer)

    def route_trade(self) -> float:
        """Return what the project adds to home's income under free trade, money a year from today."""
        return float((self.pivot.value("agreement")(0.0) - self.without.value("agreement")(0.0))[0])

    def gain(self, reading: Reading, *, start: float = 0.0) -> float:
        """Return what home gains by the project if talks begin at `start`, net of its charge, money a year."""
        without, built = (reading.divide(talks) for talks in (self.without, self.pivot))
        return float((built.payoffs + built.waiting(start) - without.payoffs)[0]) - self.charge

    def part_built(self, reading: Reading) -> float:
        """Return the part of the project that leverage alone would pay for in a static deal, in [0, 1]."""
        transfer = self.deal.transfer(reading.divide(self.deal).raise_if_failed())
        gain = transfer[0] - transfer
        unit = max(float(np.abs(gain).max()), self.charge)
        curve = chebyshev.chebfit(2 * _PARTS - 1, gain / unit, len(_PARTS) - 1)

        def rule(part: Floats) -> Floats:
            return np.asarray(chebyshev.chebval(2 * part - 1, curve))

        choice = HoldUp(lambda k: k, rule, 1.0, cost=lambda k: self.charge / unit * k)()
        return float(choice.raise_if_failed().investment)
