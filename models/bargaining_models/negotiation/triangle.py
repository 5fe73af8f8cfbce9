r"""The triangle: the route to the alternative is an agreement too, and the alternative bargains over it.

Two agreements can be made, both with home, each with a lump sum a year, in money:

- U, *free trade with the partner*; without it the Nash tariff war, at the state of the route;
- C, *the route to the alternative*, which opens it for the redirectable share r; without it the route is closed, as at
  r = 0.

The trade model gives the payoffs of the three in each of the four states: nothing, C, U and both. `Deal` compares U
with its absence while C is always in force and nothing is paid for it. Here C is bargained over, and there are four
readings of who bargains when:

1. *at once*: both pairs at the same time, each taking the other agreement as given (Nash-in-Nash);
2. *in order*: one pair after the other, each once; the first foresees the second, and its agreement is final;
3. *again*: if a pair breaks up, the other bargains again, so that both members of each pair gain equally;
4. *together*: the three divide the total by a value of the coalitional game (Shapley value, nucleolus).

`clause` asks whether home and the partner gain by an agreement that rules out C. Treaties have such clauses: Article
32.10 of the USMCA lets a party end the agreement with one that enters a free trade agreement with a non-market country.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from bargaining.authoring import Floats, Result, owning
from bargaining.errors import InvalidInput
from bargaining_models.negotiation.deal import Deal, Reading
from bargaining_models.negotiation.negotiation import Negotiation, Share
from bargaining_models.negotiation.roles import Roles
from bargaining_models.negotiation.triangle_terms import (
    Terms,
    exclusive,
    in_order,
    nash_in_nash,
    nucleolus,
    renegotiated,
    shapley,
    unpaid,
)

PARTNER, ALTERNATIVE = 1, 2
"""The two that home can agree with, by their numbers."""


@owning
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Triangle(Result):
    """Payoffs of home, the partner and the alternative from two agreements of home, at each redirectable share.

    Attributes
    ----------
    negotiation : Negotiation
    money : (*batch, 2, 2, 3) array
        Agreement with the partner or not, with the alternative or not; home, partner, alternative. A year, before lump
        sums, against free trade at r = 0.
    unit : str
        Unit of `money`.
    residual : (*batch) array
        Largest relative violation of the equilibrium conditions in the four states.
    status : int8 array of shape batch

    Examples
    --------
    >>> from bargaining_models.parameters import load
    >>> talks = Negotiation(data=load(), home="Canada", partner="US", alternative="China")
    >>> triangle = Triangle.at(talks, r=[0.05, 0.15])
    >>> nash_in_nash(triangle.money).transfers.round(2)  # Canada to the US and to China, USD bn a year
    array([[ 7.41, -0.33],
           [ 6.24, -0.94]])
    """

    negotiation: Negotiation
    money: Floats
    unit: str
    residual: Floats
    status: NDArray[np.int8]

    @classmethod
    def at(cls, negotiation: Negotiation, *, r: Share, capped: bool = False) -> Self:
        """Compute the four states at redirectable share `r`; the arguments are those of `Deal.at`.

        Raises
        ------
        InvalidInput
            If there is no alternative, or `r` is outside [0, 1] or names an unknown sector.
        """
        return cls.of(Deal.at(negotiation, r=r, capped=capped))

    @classmethod
    def of(cls, deal: Deal) -> Self:
        """Return the triangle at the shares of a deal, whose outcomes with the route are reused.

        Raises
        ------
        InvalidInput
            If there is no alternative, or an agreement closes the route.
        """
        talks = deal.negotiation
        talks.roles.need_alternative()
        if not deal.route_survives:
            raise InvalidInput(
                f"`deal` must leave the route to {talks.roles.said[2]} open under an agreement; got "
                f"route_survives=False. Give the deal with the route."
            )
        outcomes = (talks.war(), deal.war, talks.payoffs(), deal.agreement)
        batch, countries = deal.war.percent.shape[:-1], talks.roles.countries
        percent = [
            np.stack([one.equilibrium.of(country) for country in countries], axis=-1) for one in outcomes
        ]
        states = [np.broadcast_to(one / 100.0 * talks.worth(*countries), (*batch, 3)) for one in percent]
        worst = {
            name: np.max([np.broadcast_to(np.asarray(getattr(one, name)), batch) for one in outcomes], axis=0)
            for name in ("residual", "status")
        }
        return cls(
            negotiation=talks,
            money=np.stack(states, axis=-2).reshape(*batch, 2, 2, 3),
            unit=deal.agreement.unit,
            residual=np.asarray(worst["residual"]),
            status=np.asarray(worst["status"], dtype=np.int8),
        )

    @property
    def added(self) -> Floats:
        """The change of the three countries' money by C under free trade with the partner, (*batch, 3)."""
        return np.asarray(self.money[..., 1, 1, :] - self.money[..., 1, 0, :])

    def route_worth(self) -> Floats:
        """Return home's gain from a free route: more trade itself and a smaller transfer."""
        closed = np.stack([self.money[..., :, 0, :]] * 2, axis=-2)
        return np.asarray(unpaid(self.money).payoffs[..., 0] - unpaid(closed).payoffs[..., 0])

    def part_of_alternative(self, terms: Terms) -> Floats:
        """Return home's payment for the route as a share of its value to home; NaN where the value is zero."""
        worth, paid = self.route_worth(), terms.transfers[..., 1]
        nothing = np.abs(worth) < 1e-9
        return np.where(nothing, np.nan, paid / np.where(nothing, 1.0, worth))

    def clause(self, terms: Terms) -> Floats:
        """Return the joint gain of home and the partner from free trade without C over `terms`."""
        return np.asarray(self.money[..., 1, 0, :2].sum(axis=-1) - terms.payoffs[..., :2].sum(axis=-1))


def triangle_readings(roles: Roles) -> tuple[Reading, ...]:
    """Return the readings of who bargains when, each country of a pair with the same weight.

    They go from the money of the four states to `Terms`.
    """
    roles.need_alternative()
    (_, partner, other), (_, the_partner, the_other) = roles.names, roles.said
    once, forbids = (
        "each pair once, foreseeing what follows",
        f"the agreement with {the_partner} forbids that with",
    )
    listed: tuple[tuple[str, str, Callable[[Any], Terms]], ...] = (
        ("Route free", "the route is open whatever is agreed and costs nothing", unpaid),
        ("At once", "both pairs at the same time, the other agreement given (Nash-in-Nash)", nash_in_nash),
        (f"{other} first", once, lambda money: in_order(money, first=ALTERNATIVE)),
        (f"{partner} first", once, lambda money: in_order(money, first=PARTNER)),
        (f"{partner} first, {other} ruled out", f"{forbids} {the_other}", exclusive),
        ("Bargaining again", "a pair that breaks up leaves the other to bargain again", renegotiated),
        ("Shapley value", "all together; a country alone expects none to agree", shapley),
        ("Nucleolus", "as the Shapley value", nucleolus),
    )
    return tuple(Reading(name=name, timing=timing, divide=divide) for name, timing, divide in listed)
