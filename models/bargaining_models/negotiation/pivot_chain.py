r"""The pivot as a Markov chain: the alternative opens at some rate, and may close again.

Timing. The state s, with the redirectable share r_s, follows a Markov process in continuous time with the rates
`moves`, whatever the two countries do: under an agreement, while they talk and after a breakdown of talks. In each
period of length `period`:

1. Both see the state. Each side makes the offer with probability one half.
2. The other accepts, and there is free trade and the agreed transfer for good; or rejects, and may then, with
   `walk_out`, choose the tariff war.
3. Otherwise the status quo is in force for the period, talks break down into the tariff war at the
   rate `breakdown`, and the state moves.

Flows within the period are discounted continuously and exactly, so that `period` matters only where a responder may
walk out. Payoffs are annual flows, as in `pivot`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bargaining import StochasticBargaining
from bargaining.authoring import Floats, Result, Shown, owning, real, scalar, within
from bargaining.errors import InvalidInput, Status, plain
from bargaining_models.negotiation.deal import DISCOUNT_RATE, Deal

MONTH = 1.0 / 12.0  # in years


@owning
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ChainDivision(Result):
    """The terms by state, each side proposing half of the time.

    Attributes
    ----------
    payoffs : ndarray, shape (S, 2)
        Payoffs of home and the partner if they talk in each state, money a year.
    transfer : ndarray, shape (S,)
        Home's payment to the partner a year, for ever, if they agree there; NaN where both have more by the war.
    agree : ndarray of bool, shape (S,)
        Whether they agree at once, whoever proposes.
    residual : float
    status : Status
    """

    payoffs: Floats
    transfer: Floats
    agree: NDArray[np.bool_]
    residual: float
    status: Status


@owning
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PivotChain(Shown):
    """Talks while the alternative opens and closes at random.

    Parameters
    ----------
    deal : Deal
        The outcomes at the share of each state, S of them.
    moves : array_like, shape (S, S)
        Rates per year from row to column; the diagonal is ignored.
    rate : float
        Both countries' discount rate per year.
    period : float
        Years between offers.

    Examples
    --------
    Capacity that opens at the rate 1/5 a year, for good, and one that the alternative closes at .2 and reopens at .5:

    >>> from bargaining_models.negotiation import Negotiation
    >>> from bargaining_models.parameters import load
    >>> schedules = ["us_2025_26", "canada_2025_26"]
    >>> talks = Negotiation(
    ...     data=load(), home="Canada", partner="US", alternative="China", status_quo=schedules
    ... )
    >>> deal = Deal.at(talks, r=[0.0, 0.15, 0.0], route_survives=False)
    >>> for closing in (0.0, 0.2):
    ...     chain = PivotChain(deal=deal, moves=open_and_close(opening=0.2, closing=closing, reopening=0.5))
    ...     print(chain.offers(breakdown=0.5).transfer.round(2))
    [4.09 3.45 3.66]
    [5.08 4.65 4.78]
    """

    deal: Deal
    moves: ArrayLike
    rate: float = DISCOUNT_RATE
    period: float = MONTH

    def __post_init__(self) -> None:
        states = len(self.deal.war.money) if self.deal.war.money.ndim == 2 else 0
        moves = real(self.moves, "moves", ndim=2)
        if moves.shape != (states, states) or not states:
            raise InvalidInput(
                f"`moves` must have one row and column per share of `deal`; got shape {moves.shape} for shares of "
                f"shape {self.deal.war.money.shape[:-1]}."
            )
        within(moves[~np.eye(states, dtype=bool)], "moves", 0.0, np.inf, ends="[)")
        for name in ("rate", "period"):
            if scalar(getattr(self, name), name) <= 0:
                raise InvalidInput(f"`{name}` must be positive; got {plain(getattr(self, name))}.")
        generator = moves - np.diag(np.diag(moves))
        object.__setattr__(self, "moves", generator - np.diag(generator.sum(axis=1)))

    def annuity(self, outcome: str) -> Floats:
        """Return the annuity of an outcome by state: "agreement", "status_quo", "war" or "talks"."""
        return _annuity(np.asarray(self.moves), self.deal.money(outcome), self.rate)

    def offers(
        self, *, breakdown: float = 0.0, in_use: bool = False, walk_out: bool = False
    ) -> ChainDivision:
        """Return the stationary division; the arguments are those of `Pivot.offers`."""
        from scipy.linalg import expm

        within(real(breakdown, "breakdown", ndim=0), "breakdown", 0.0, np.inf, ends="[)")
        count, ends = len(self.deal.war.money), breakdown * np.eye(len(self.deal.war.money))
        talks, moves = self.deal.money("status_quo" if in_use else "talks"), np.asarray(self.moves)
        # States 0 to S - 1: they talk; S to 2S - 1: talks broke down.
        process = np.block([[moves - ends, ends], [np.zeros_like(moves), moves]])
        never = _annuity(process, np.concatenate([talks, self.deal.war.money]), self.rate)[:count]
        agreement, outside = self.annuity("agreement"), np.full((2 * count, 2), -np.inf)
        surplus = np.append((agreement - never).sum(axis=1), np.zeros(count))
        if walk_out:
            outside[:count] = self.annuity("war") - never
            surplus[:count] = np.maximum(surplus[:count], outside[:count].sum(axis=1))  # they leave
        transition = np.clip(expm(process * self.period), 0.0, None)
        transition /= transition.sum(axis=1, keepdims=True)
        found = StochasticBargaining(  # each side proposes with probability one half
            np.repeat(surplus, 2),
            np.kron(transition, np.full((2, 2), 0.5)),
            float(np.exp(-self.rate * self.period)),
            np.tile([0, 1], 2 * count),
            outside=np.repeat(outside, 2, axis=0),
        )()
        payoffs = never + found.payoffs.reshape(2 * count, 2, 2).mean(axis=1)[:count]
        leave = walk_out & self._parted
        return ChainDivision(
            payoffs=payoffs,
            transfer=np.where(leave, np.nan, agreement[:, 0] - payoffs[:, 0]),
            agree=np.all(found.agree.reshape(2 * count, 2), axis=1)[:count] & ~leave,
            residual=float(np.max(found.residual)),
            status=Status(int(np.max(found.status))),
        )

    def nash(self) -> ChainDivision:
        """Return the Nash division by state about the tariff war, in force for good without an agreement."""
        agreement, war = self.annuity("agreement"), self.annuity("war")
        loss, parted = agreement - war, self._parted
        return ChainDivision(
            payoffs=np.where(parted[:, None], war, war + loss.sum(axis=1, keepdims=True) / 2),
            transfer=np.where(parted, np.nan, (loss[:, 0] - loss[:, 1]) / 2),
            agree=~parted,
            residual=0.0,
            status=Status.OK,
        )

    @property
    def _parted(self) -> NDArray[np.bool_]:
        """Where the two together have more by the tariff war than by an agreement."""
        return np.asarray(self.annuity("agreement").sum(axis=1) < self.annuity("war").sum(axis=1))


def open_and_close(*, opening: float, closing: float = 0.0, reopening: float = 0.0) -> Floats:
    """Return the rates between three states: not yet there, open, closed by the alternative."""
    return np.array([[0.0, opening, 0.0], [0.0, 0.0, closing], [0.0, reopening, 0.0]])


def _annuity(process: Floats, flow: Floats, rate: float) -> Floats:
    """Solve rate A = rate f + Q A: the level flow worth as much as `flow` along the process."""
    return np.asarray(np.linalg.solve(np.eye(len(process)) - process / rate, flow))
