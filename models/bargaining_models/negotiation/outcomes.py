"""Payoffs of the outcomes of a negotiation, with residuals. Players are home, 0, and the partner, 1."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bargaining.authoring import Floats, Result, owning
from bargaining.errors import Status
from bargaining_models.trade import TradeEquilibrium
from bargaining_models.trade.equilibrium import by_name, said

ACCURACY = 1e-8  # percent: the regret that a war may have


@owning
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Outcome(Result):
    """The payoffs of home and the partner in an outcome.

    Attributes
    ----------
    percent : (*batch, 2) array
        Change of what each government maximises, percent of real income in the base: home, partner. It is real income,
        unless the model counts some dollars more (`TradeModel.with_objectives`).
    money : (*batch, 2) array
        The same percent of income in the base (or of GDP), in `unit`.
    unit : str
        Unit of `money`, "USD bn of 2023" for instance.
    partner_share : (*batch) array
        Share of the partner in home's goods exports; NaN where home exports nothing.
    residual : (*batch) array
        Largest relative violation of the equilibrium conditions.
    status : Status or int8 array of shape batch
    equilibrium : TradeEquilibrium
        All regions, wages, prices and flows.
    player_names : tuple of str
        Home and the partner.
    tariffs : str
        Which tariffs are in force between others.
    """

    _by_player = ("percent", "money")

    percent: Floats
    money: Floats
    unit: str
    partner_share: Floats
    residual: Floats
    status: Status | NDArray[np.int8]
    equilibrium: TradeEquilibrium
    player_names: tuple[str, ...]
    tariffs: str

    def __repr__(self) -> str:
        names, front = self.player_names, f"{type(self).__name__}("
        end = f"{self.tariffs}; {said(self.status)})"
        if np.ndim(self.status):
            return f"{front}{' and '.join(names)}, a batch of shape {np.shape(self.status)}; {end}"
        own = getattr(self, "rates", None)
        rates = "" if own is None else f"rates: {by_name(own, names)}; "
        money = f"{self.unit}: {by_name(self.money, names, 2)}"
        real = np.array_equal(self.equilibrium.objective, self.equilibrium.welfare, equal_nan=True)
        what = "real income" if real else "objective"
        return f"{front}{rates}{what}, %: {by_name(self.percent, names)}; {money}; {end}"


@owning
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TariffOutcome(Outcome):
    """The outcome of a pair of rates, of which one or both were computed.

    Attributes
    ----------
    rates : (*batch, 2) array
        Home's rate on the partner's goods, the partner's on home's.
    """

    rates: Floats


@owning
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TariffWar(TariffOutcome):
    """The outcome of the Nash equilibrium in tariffs.

    Attributes
    ----------
    marginal : (*batch) array
        Largest absolute marginal welfare of a player in its own rate, percent per unit of the rate.
    regret : (*batch) array
        Largest gain, in percent, of a player from any other rate on a grid from -0.2 to 5; at least 0.
    unique : (*batch) array of bool
        Whether the search leads to these rates from each of its starts.
    """

    marginal: Floats
    regret: Floats
    unique: NDArray[np.bool_]


def patience_needed(breach: Floats, kept: Floats, war: Floats) -> Floats:
    """The least discount factor at which a year of breach and the war ever after are worth no more than what is kept.

    `breach` is the best that a side can have in the year, so at least `kept`, both in percent. Infinite where the war
    is better even than the year of breach; 0 where a breach gains nothing and the war is no better.
    """
    gain, punishment = breach - kept, breach - war
    with np.errstate(divide="ignore", invalid="ignore"):
        needed = np.where(punishment <= 0.0, np.inf, gain / punishment)
    return np.where((gain <= ACCURACY) & (punishment >= -ACCURACY), 0.0, needed)
