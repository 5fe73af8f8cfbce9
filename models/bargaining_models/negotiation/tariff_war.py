"""The tariff war as a repeated game: the agreements that two countries can enforce by themselves.

Timing. Every year both simultaneously set one rate on all goods of the other, from a list; payoffs are the year's real
incomes in the trade model. They see the rates and a public signal, and continue for ever with a common discount factor.
There is no court: an agreement holds if neither gains by breaking it once, given the punishment that follows. With the
right to leave, either may close the goods border for good at the start of any year.

Home's redirectable share r changes every payoff. It reduces home's loss in a war, which makes home harder to
punish, and it may change the partner's gain from breaking an agreement.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import ArrayLike

from bargaining import (
    Division,
    Game,
    Method,
    RepeatedGame,
    nash,
    payoff_set,
    transfer_equilibrium,
)
from bargaining.authoring import Floats, Shown, owning, real
from bargaining.equilibria.repeated.critical_discount import CriticalDiscount, critical_discount
from bargaining.equilibria.repeated.payoff_set import PayoffSet
from bargaining.errors import InvalidInput
from bargaining.games.repeated import Exit
from bargaining_models.negotiation.negotiation import Negotiation
from bargaining_models.negotiation.outcomes import patience_needed
from bargaining_models.negotiation.roles import Leave, who_leaves

RATES = np.linspace(0.0, 0.48, 25)  # steps of two percent, up to several times the rates of a war


@owning
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
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
    >>> from bargaining_models.parameters import load
    >>> talks = Negotiation(data=load(), home="Canada", partner="US", alternative="China")
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
        cls,
        negotiation: Negotiation,
        *,
        r: float = 0.0,
        capped: bool = False,
        rates: ArrayLike = RATES,
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
