"""The tariff war as a repeated game: the agreements that two countries can enforce by themselves.

Timing. Every year both simultaneously set one rate on all goods of the other, from a list; payoffs are the year's real
incomes in the trade model. They see the rates and a public signal, and continue for ever with a common discount factor.
There is no court: an agreement holds if neither gains by breaking it once, given the punishment that follows. With the
right to leave, either may close the goods border for good at the start of any year.

Home's redirectable share r changes every payoff. It reduces home's loss in a war, which makes home harder to punish,
and it may change the partner's gain from breaking an agreement.

*The first years* of a war, when factors stay in their sectors, are solved for by `first_years`. A region whose factors
cannot move is as many small regions, one a sector, that trade with each other at no cost and no tariff: they buy at the
same prices, and spend in the same proportions, so that together they buy what the region buys. The trade model of these
small regions is solved as it stands; a region's payoff is the sum of their real incomes.
"""

from __future__ import annotations

from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bargaining import Division, Game, Method, RepeatedGame, nash, payoff_set, transfer_equilibrium
from bargaining.authoring import Floats, Result, Shown, real, record, scalar
from bargaining.equilibria.repeated.critical_discount import CriticalDiscount, critical_discount
from bargaining.equilibria.repeated.payoff_set import PayoffSet
from bargaining.errors import InvalidInput, NotApplicable, Status
from bargaining.games.repeated import Exit
from bargaining_models.negotiation.deal import patience_needed
from bargaining_models.negotiation.negotiation import Negotiation
from bargaining_models.negotiation.roles import Leave, who_leaves
from bargaining_models.trade.conditions import Economy, Solver

RATES = np.linspace(0.0, 0.48, 25)  # steps of two percent, up to several times the rates of a war


@record
class TariffGame(Shown):
    """The repeated tariff game at one redirectable share.

    Attributes
    ----------
    negotiation : Negotiation
    r : float
        The redirectable share.
    rates : ndarray, shape (m,)
        The rates either side may set, 0 among them.
    stage : Game
        Payoffs in percent of real income; home chooses the row.
    war : ndarray, shape (2,)
        Payoffs of the Nash equilibrium in rates (of the continuous game), percent.
    leaving : Exit
        Payoffs with the border closed, percent.
    gdp : ndarray, shape (2,)
        The value of 100 percent, in money.

    Examples
    --------
    >>> talks = Negotiation(data="wiod2011", home="Canada", partner="US", alternative="China")
    >>> game = TariffGame.at(talks, r=0.15)
    >>> agreement = game.self_enforcing(0.9)
    >>> bool((agreement.payoffs > game.war).all())
    True
    """

    negotiation: Negotiation
    r: float
    rates: Floats
    stage: Game
    war: Floats
    leaving: Exit
    gdp: Floats

    @classmethod
    def at(
        cls, negotiation: Negotiation, *, r: float = 0.0, capped: bool = False, rates: ArrayLike = RATES
    ) -> Self:
        """Build the game at redirectable share `r`.

        Raises
        ------
        InvalidInput
            If `r` is outside [0, 1] or 0 is not among `rates`.
        """
        listed = real(rates, "rates", ndim=1)
        if not (listed == 0).any():
            raise InvalidInput(f"`rates` must hold 0, free trade; got {listed.tolist()}. Add it.")
        payoffs = negotiation.stage_payoffs(listed, listed, r=r, capped=capped)
        return cls(
            negotiation=negotiation,
            r=r,
            rates=listed,
            stage=Game(payoffs[..., 0], payoffs[..., 1], players=negotiation.roles.names[:2]),
            war=negotiation.war(r=r, capped=capped).percent,
            leaving=Exit(negotiation.leave(r=r, capped=capped).percent),
            gdp=negotiation.worth(),
        )

    @property
    def free_trade(self) -> tuple[int, int]:
        """The profile in which neither sets a tariff."""
        zero = int(np.argmax(self.rates == 0))
        return zero, zero

    def payoff_set(self, discounts: ArrayLike, *, leave: Leave = False) -> PayoffSet:
        """Return the enforceable payoffs, in percent of real income, with or without the right to leave.

        `discounts` are discount factors per year, one for both or one each; `leave` is True if either may leave, or
        lists the players who may: 0 for home, 1 for the partner.
        """
        found = payoff_set(RepeatedGame(self.stage, discounts, exit=self._exit(leave)))
        assert isinstance(found, PayoffSet)  # actions are seen
        return found

    def critical_discount(self, *, leave: Leave = False, tolerance: float = 2.0**-40) -> CriticalDiscount:
        """Return the critical discount factor of free trade under the harshest punishments, to a tolerance."""
        return critical_discount(self.stage, self.free_trade, exit=self._exit(leave), tolerance=tolerance)

    def critical_under_war(self) -> Floats:
        """Return each country's critical discount factor if the tariff war follows any breach for ever, shape (2,).

        1 or more if the country prefers the war at any patience, infinite if it prefers the war to the year of breach.
        """
        kept, breach = self.stage.payoffs[self.free_trade], self.stage.deviations()[self.free_trade]
        return patience_needed(breach, kept, self.war)

    def self_enforcing(
        self, discounts: ArrayLike, *, method: Method = nash, leave: Leave = False
    ) -> Division:
        """Return a division of the enforceable payoffs, in percent, without transfers, about the threat."""
        return method(self.payoff_set(discounts, leave=leave).problem())

    def with_transfers(self, discounts: float, *, method: Method = nash, leave: Leave = False) -> Division:
        """Return a division of the enforceable payoffs if money may be paid every year, in money.

        `discounts` is the discount factor per year of both. The disagreement point is the threat: each country's lowest
        enforceable payoff, which the game itself gives.
        """
        money = self.gdp / 100.0
        first, second = np.moveaxis(self.stage.payoffs * money, -1, 0)
        game = Game(first, second, players=self.stage.player_names)
        given = RepeatedGame(game, discounts, exit=self._exit(leave, money))
        return method(transfer_equilibrium(given).problem())

    def _exit(self, leave: Leave, money: Floats | float = 1.0) -> Exit | None:
        who = who_leaves(leave)
        return Exit(self.leaving.own * money, who=who) if who else None

    def transfer(self, division: Division) -> float:
        """Return what home pays the partner a year, in money, relative to free trade at this r."""
        kept = self.stage.payoffs[self.free_trade][0] * self.gdp[0] / 100.0
        return float(kept - division.payoffs[0])


STEP = 1e-4  # of a rate: the error of a central difference is far below what a payoff shows
DEVIATIONS = np.expm1(np.linspace(np.log(0.8), np.log(3.0), 12))
ACCURACY = 1e-6  # of income in the base


@record
class FirstYears(Result):
    """The tariff war and free trade where factors stay in their sectors. Players are home, 0, and the partner, 1.

    Attributes
    ----------
    rates : (2,) array
        Home's rate in the war on the partner's goods, the partner's on home's.
    war, agreement : (2,) array
        Changes of real income against the base, in money a year, as in `Outcome`.
    residual : float
        The largest of: what a player gains by another rate on a grid from -20 to 200 percent; the slope of its payoff
        in its own rate; a relative violation of the conditions of equilibrium. As a share of income in the base.
    status : Status
        OK if the residual is at most 1e-6, or else INACCURATE, also (with NaN) where another rate has no equilibrium;
        FAILED where these rates have none.
    player_names : tuple of str
    """

    _by_player = ("rates", "war", "agreement")

    rates: Floats
    war: Floats
    agreement: Floats
    residual: float
    status: Status
    player_names: tuple[str, ...]

    @property
    def gains(self) -> Floats:
        """What each gains by free trade over the war, (2,)."""
        return np.asarray(self.agreement - self.war)


def first_years(negotiation: Negotiation, r: float = 0.0) -> FirstYears:
    """Return the tariff war of a negotiation, and free trade, where factors cannot leave their sectors.

    Both choose one rate on all goods of the other at once, knowing `r`, as in `Negotiation.war`. The base is the same:
    there wages are equal across sectors. The time that it takes grows with the fourth power of the number of regions
    times sectors: a second for 44.

    Raises
    ------
    NotApplicable
        If governments count some dollars more than others, or deficits stay in proportion to value added.

    Examples
    --------
    >>> from bargaining_models.negotiation import Negotiation
    >>> talks = Negotiation(data="wiod2011", home="Canada", partner="US", alternative="China")
    >>> found = first_years(talks)
    >>> found.rates.round(3), found.gains.round(1)
    (array([0.102, 0.152]), array([24.2, -1. ]))
    >>> round(float(found.gains[0] - found.gains[1]) / 2, 1)  # what Canada pays in the Nash solution, USD bn a year
    12.6
    """
    from scipy.optimize import root

    economy, places, costs = negotiation.model.economy, negotiation.places, negotiation.route(scalar(r, "r"))
    if economy.revenue_weights is not None or economy.closure != "fixed":
        raise NotApplicable(
            "The first years are for governments that maximise real income and deficits that are balanced or fixed."
        )
    small, homes = by_sector(economy)
    solver, links = Solver(small), (..., homes[:, None], homes, slice(None))
    members = (homes[:, None] == np.arange(len(economy.factor))).astype(float)
    violations: list[float] = []

    def payoffs(rates: Floats) -> Floats:
        """Real incomes of home and the partner over those in the base, (B, 2); NaN without an equilibrium."""
        tariffs = negotiation.tariffs_at(rates)[links]
        at = solver.solve(solver.system.cells(tariffs, np.broadcast_to(costs[links], tariffs.shape)))
        violations[:] = at.violations()
        prices = np.exp((at.system.final * at.log_prices).sum(axis=1))[:, np.searchsorted(homes, places)]
        income = (at.income @ members / economy.income)[:, places] / prices
        return np.where(np.array(violations)[:, None] <= ACCURACY, income, np.nan)

    def slopes(rates: Floats) -> Floats:
        up, down = np.split(payoffs(rates + STEP * np.vstack([np.eye(2), -np.eye(2)])), 2)
        return np.diag(up - down) / (2.0 * STEP)

    with np.errstate(all="ignore"):
        found = root(slopes, negotiation.war(r=r).rates, tol=1e-9)
        own = np.repeat([0, 1], len(DEVIATIONS))
        tried = np.where(own[:, None] == [0, 1], np.tile(DEVIATIONS, 2)[:, None], found.x)
        deviating = payoffs(tried)[np.arange(len(own)), own]
        war, agreement = payoffs(np.vstack([found.x, np.zeros(2)]))
    residual = float(np.max([np.abs(found.fun).max(), (deviating - war[own]).max(), *violations]))
    status = Status.OK if residual <= ACCURACY else Status.INACCURATE
    return FirstYears(
        rates=found.x,
        war=(war - 1.0) * negotiation.worth(),
        agreement=(agreement - 1.0) * negotiation.worth(),
        residual=residual,
        status=status if np.isfinite([war, agreement]).all() else Status.FAILED,
        player_names=negotiation.roles.names[:2],
    )


def by_sector(economy: Economy) -> tuple[Economy, NDArray[np.intp]]:
    """Return the economy of small regions, each with the factors of one sector of a region, and whose they are.

    Revenue is spread like value added; what one of them spends beyond its income is a deficit within the region.
    """
    output = economy.flows.sum(axis=0)
    homes, own = np.nonzero(economy.added * output > 0.0)
    factor = (economy.added * output)[homes, own]
    income = factor * (economy.income / economy.factor)[homes]
    tariffs = economy.tariffs[homes[:, None], homes]
    shares = economy.shares[homes[:, None], homes] * (own[:, None] == np.arange(output.shape[1]))
    used = economy.inputs[homes, own] * output[homes, own, None]
    spending = used + income[:, None] * economy.final[homes]
    revenue = (spending * (1.0 - (shares / (1.0 + tariffs)).sum(axis=1))).sum(axis=1)
    small = Economy(
        shares=shares,
        tariffs=tariffs,
        inputs=economy.inputs[homes],
        added=economy.added[homes],
        final=economy.final[homes],
        elasticities=economy.elasticities,
        factor=factor,
        deficits=income - factor - revenue,
        expenditures=spending,
    )
    return small, homes
