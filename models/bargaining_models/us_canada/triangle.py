r"""The triangle: the China route is an agreement too, and China bargains over it.

Two agreements can be made, both with Canada, each with a lump sum a year, in money:

- U, *free trade with the US*; without it the Nash tariff war, at the state of the route;
- C, *the China route*: China opens it for the redirectable share r; without it the route is closed, as at r = 0.

The trade model says what each of the four states, nothing, C, U and both, gives Canada, the US and China. `Deal`
compares U with its absence while C is in force anyway and nothing is paid for it. Here C is bargained over, and the
readings of who bargains when are

1. *at once*: both pairs at the same time, each taking the other agreement for given (Nash-in-Nash);
2. *in order*: one pair after the other, each once; the first foresees the second, and what it agrees stands;
3. *again*: a pair that breaks up leaves the other to bargain again, so that each pair gains alike from its agreement;
4. *together*: the three divide what they have, as their coalitions would (Shapley value, nucleolus).

`clause` asks whether Canada and the US gain by an agreement that rules out C, as Article 32.10 of the USMCA lets a
party threaten: it may end the agreement with a partner who enters a free trade agreement with a non-market country.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bargaining._arrays import Floats, owning, real, within
from bargaining._rich import Shown
from bargaining.errors import InvalidInput
from bargaining_models.negotiation.triangle_coalitions import core_margin, nucleolus, shapley
from bargaining_models.negotiation.triangle_terms import (
    Terms,
    exclusive,
    in_order,
    nash_in_nash,
    renegotiated,
    unpaid,
)
from bargaining_models.us_canada.baseline import CHINA, PLAYERS, Baseline, Share
from bargaining_models.us_canada.deal import Deal
from bargaining_models.us_canada.outcomes import Outcome

COUNTRIES = (*PLAYERS, CHINA)
US_PARTNER, CHINA_PARTNER = 1, 2


@owning
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Triangle(Shown):
    """What two agreements of Canada are worth to Canada, the US and China, at each redirectable share.

    Attributes
    ----------
    baseline : Baseline
    r : mapping or array_like
        The redirectable share that China opens.
    capped : bool
        Whether the capacity caps limit it.
    market_cost : float
        What keeping the route open costs China beyond the trade model, such as politically, in money a year.
    money : (*batch, 2, 2, 3) array
        Agreement with the US or not, with China or not; Canada, US, China. A year, before lump sums, against free
        trade at r = 0.
    unit : str
        Unit of `money`.
    residual : (*batch) array
        Largest relative violation of the equilibrium conditions in the four states.
    status : int8 array of shape batch

    Examples
    --------
    >>> triangle = Triangle.at(r=[0.05, 0.15])
    >>> nash_in_nash(triangle.money).transfers.round(2)  # Canada to the US and to China, USD bn a year
    array([[ 7.37, -0.24],
           [ 6.21, -0.69]])
    """

    baseline: Baseline
    r: Share
    capped: bool
    market_cost: float
    money: Floats
    unit: str
    residual: Floats
    status: NDArray[np.int8]

    @classmethod
    def at(
        cls, baseline: Baseline | None = None, *, r: Share, capped: bool = False, market_cost: float = 0.0
    ) -> Triangle:
        """Compute the four states at redirectable share `r`.

        Parameters
        ----------
        baseline : Baseline, optional
            By default that of this package's figures.
        r, capped
            As for `Deal.at`.
        market_cost : float, default 0
            See the class.

        Raises
        ------
        InvalidInput
            If `r` is outside [0, 1] or names an unknown sector, or `market_cost` is not a finite number.
        """
        base = Baseline.from_parameters() if baseline is None else baseline
        both, china = base.payoffs(r=r, capped=capped), base.war(r=r, capped=capped)
        return cls._of_states(base, both, china, r=r, capped=capped, market_cost=market_cost)

    @classmethod
    def of(cls, deal: Deal) -> Triangle:
        """Return the triangle at the shares of a deal, whose outcomes with the route are not solved again.

        Raises
        ------
        InvalidInput
            If an agreement closes the route.
        """
        if not deal.route_survives:
            raise InvalidInput(
                "`deal` must leave the China route open under an agreement; got route_survives=False. "
                "Give the deal with the route."
            )
        return cls._of_states(deal.baseline, deal.agreement, deal.war, r=deal.r, capped=deal.capped)

    @classmethod
    def _of_states(
        cls,
        base: Baseline,
        both: Outcome,
        china: Outcome,
        *,
        r: Share,
        capped: bool,
        market_cost: float = 0.0,
    ) -> Triangle:
        cost = real(market_cost, "market_cost", ndim=0)
        outcomes = (base.war(), china, base.payoffs(), both)
        batch = both.percent.shape[:-1]
        money = np.stack([np.broadcast_to(_money(base, one), (*batch, 3)) for one in outcomes], axis=-2)
        states = money.reshape(*batch, 2, 2, 3)
        states[..., 1, CHINA_PARTNER] -= cost
        return cls(
            baseline=base,
            r=r,
            capped=capped,
            market_cost=float(cost),
            money=states,
            unit=both.unit,
            residual=_worst(batch, [one.residual for one in outcomes]),
            status=_worst(batch, [np.asarray(one.status) for one in outcomes]).astype(np.int8),
        )

    def elsewhere(self, r: Share) -> Triangle:
        """Return the same triangle at another redirectable share."""
        return Triangle.at(self.baseline, r=r, capped=self.capped, market_cost=self.market_cost)

    @property
    def added(self) -> Floats:
        """What C adds to the money of Canada, the US and China under free trade with the US, (*batch, 3)."""
        added: Floats = self.money[..., 1, 1, :] - self.money[..., 1, 0, :]
        return added

    @property
    def cross(self) -> Floats:
        """How much more C adds to each country's money under free trade than in the war, (*batch, 3)."""
        cross: Floats = self.added - (self.money[..., 0, 1, :] - self.money[..., 0, 0, :])
        return cross

    def route_worth(self) -> Floats:
        """Return what Canada gains from a route that costs it nothing: China trade itself and a smaller transfer."""
        closed = np.stack([self.money[..., :, 0, :]] * 2, axis=-2)
        gain: Floats = unpaid(self.money).payoffs[..., 0] - unpaid(closed).payoffs[..., 0]
        return gain

    def part_of_china(self, terms: Terms) -> Floats:
        """Return what Canada pays China as a part of what the route is worth to Canada; NaN where that is nothing."""
        worth, paid = self.route_worth(), terms.transfers[..., 1]
        nothing = np.abs(worth) < 1e-9
        return np.where(nothing, np.nan, paid / np.where(nothing, 1.0, worth))

    def clause(self, terms: Terms) -> Floats:
        """Return what Canada and the US have more, together, under free trade without C than in `terms`."""
        gain: Floats = self.money[..., 1, 0, :2].sum(axis=-1) - terms.payoffs[..., :2].sum(axis=-1)
        return gain

    def free_up_to(self, weight: float = 0.5) -> Floats:
        """Return the further cost of its market up to which China asks for no payment, both pairs bargaining at once.

        `weight` is Canada's against China, in (0, 1].
        """
        w = within(real(weight, "weight", ndim=0), "weight", 0.0, 1.0, ends="(]")
        return np.asarray(self.added[..., 2] - (1 - w) / w * self.added[..., 0])

    def signed_up_to(self) -> Floats:
        """Return the further cost of its market up to which Canada and China agree on the route under free trade."""
        return np.asarray(self.added[..., 0] + self.added[..., 2])


def paid_to_china(triangle: Triangle) -> Floats:
    """Return what Canada pays China if both pairs bargain at once."""
    return nash_in_nash(triangle.money).transfers[..., 1]


def gain_from_the_clause(triangle: Triangle) -> Floats:
    """Return what Canada and the US gain, together, by ruling out C before Canada turns to China."""
    return triangle.clause(in_order(triangle.money, first=US_PARTNER))


def core_exists(triangle: Triangle) -> Floats:
    """Return the margin by which the core is not empty, if outsiders are expected to stand alone."""
    return core_margin(triangle.money)


def _money(base: Baseline, outcome: Outcome) -> Floats:
    """Return what an outcome is worth to the three countries, (*batch, 3)."""
    figures = base.parameters
    percent = np.stack([outcome.equilibrium.of(country) for country in COUNTRIES], axis=-1)
    gdp = figures.gdp.values[[figures.regions.index(country) for country in COUNTRIES]]
    return np.asarray(percent / 100.0 * gdp)


def _worst(batch: tuple[int, ...], values: list[Floats]) -> Floats:
    return np.asarray(np.max([np.broadcast_to(value, batch) for value in values], axis=0))


@dataclass(frozen=True, slots=True, kw_only=True)
class TriangleReading(Shown):
    """One reading of who bargains when.

    Attributes
    ----------
    name, timing : str
        For tables and their notes.
    divide : callable
        From the money of the four states to `Terms`.
    """

    name: str
    timing: str
    divide: Callable[[Floats], Terms]


def triangle_readings() -> tuple[TriangleReading, ...]:
    """Return the readings of the table, in order; each country of a pair has the same weight."""
    once = "each pair once, foreseeing what follows"
    return (
        TriangleReading(
            name="Route free", timing="the route is open whatever is agreed and costs nothing", divide=unpaid
        ),
        TriangleReading(
            name="At once",
            timing="both pairs at the same time, the other agreement given (Nash-in-Nash)",
            divide=nash_in_nash,
        ),
        TriangleReading(
            name="China first", timing=once, divide=lambda money: in_order(money, first=CHINA_PARTNER)
        ),
        TriangleReading(name="US first", timing=once, divide=lambda money: in_order(money, first=US_PARTNER)),
        TriangleReading(
            name="US first, China ruled out",
            timing="the agreement with the US forbids that with China",
            divide=exclusive,
        ),
        TriangleReading(
            name="Bargaining again",
            timing="a pair that breaks up leaves the other to bargain again",
            divide=renegotiated,
        ),
        TriangleReading(
            name="Shapley value", timing="all together; a country alone expects none to agree", divide=shapley
        ),
        TriangleReading(name="Nucleolus", timing="as the Shapley value", divide=nucleolus),
    )
