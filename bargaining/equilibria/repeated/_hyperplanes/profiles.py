"""A stochastic game in the unit box, one row a profile of a state; a repeated game has one state."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bargaining._arrays import Floats
from bargaining.equilibria._rows import Indices
from bargaining.errors import NotApplicable
from bargaining.games.repeated import Exit
from bargaining.games.stochastic import StochasticGame

FAR = 10.0  # widths of the unit box: no continuation lies there
_IMPATIENT = 1e-13  # of the unit box: the most by which an impatient player may miss her threshold

Mask = NDArray[np.bool_]


class Thresholds(NamedTuple):
    """The least continuation payoffs at which nobody deviates from a profile, arrays of shape (N, n)."""

    needed: Floats  # cut off where they lie far from the box: every continuation is above, or none
    replies: Indices  # the best deviations
    moves: Mask  # whether a threshold moves with the threats after the best deviation
    gains: Floats  # by which it lies above them, because the deviation brings more now


@dataclass(frozen=True, slots=True, eq=False)
class Profiles:
    """The profiles of all states, one row each in the order of the states: what they pay, and what may be next."""

    payoffs: Floats  # (N, n)
    laws: Floats  # (N, S)
    ahead: Indices  # (N, k) the states that may be next, and perhaps others
    chances: Floats  # (N, k) of these
    state: Indices  # (N,)
    groups: list[Indices]  # of each player, (N,): rows of one group differ only in her action
    discounts: Floats  # (n,)
    outside: Floats  # (S, n) payoffs of leaving; minus infinity where nobody may leave
    low: Floats
    size: Floats
    eased: float = 0.0  # by which thresholds of continuations are lowered
    raised: float = 0.0  # by which `floors` are higher for players who are tempted to deviate

    @classmethod
    def of(cls, game: StochasticGame) -> Profiles:
        """Map the game to the unit box of its feasible payoffs."""
        n, payoffs = game.players, [stage.payoffs.reshape(-1, game.players) for stage in game.games]
        gone = [np.full(n, np.nan) if leave is None else outside_of(leave, n) for leave in game.exits]
        every = np.concatenate([*payoffs, *(point[None] for point in gone if np.isfinite(point).all())])
        low, size = every.min(axis=0), np.ptp(every, axis=0)
        size = np.where(size > 0.0, size, 1.0)
        groups: list[list[Indices]] = [[] for _ in range(n)]
        first = [0] * n
        for s in range(len(game)):
            shape = game.shape(s)
            for i in range(n):
                others = [1 if k == i else m for k, m in enumerate(shape)]
                number = np.arange(int(np.prod(others))).reshape(others)
                groups[i].append(first[i] + np.broadcast_to(number, shape).ravel())
                first[i] += number.size
        laws = np.concatenate([game.transition(s).reshape(len(some), -1) for s, some in enumerate(payoffs)])
        width = int((laws > 0.0).sum(axis=1).max())
        ahead = np.argsort(laws == 0.0, axis=1, kind="stable")[:, :width]
        outside, together = (np.array(gone) - low) / size, np.concatenate(payoffs)
        return cls(
            (together - low) / size,
            laws,
            ahead,
            np.take_along_axis(laws, ahead, axis=1),
            np.repeat(np.arange(len(game)), [len(some) for some in payoffs]),
            [np.concatenate(some) for some in groups],
            game.discounts,
            np.where(np.isfinite(outside), outside, -np.inf),
            low,
            size,
        )

    @property
    def leaves(self) -> Mask:
        """The states in which all may leave."""
        return np.asarray(np.isfinite(self.outside).all(axis=1))

    @property
    def gone(self) -> Floats:
        """The payoffs of leaving, shape (S, n), zero where nobody may leave."""
        return np.where(np.isfinite(self.outside), self.outside, 0.0)

    @property
    def leaving(self) -> Floats | None:
        """The payoffs of leaving in a game of one state, None if nobody may leave."""
        return self.outside[0] if self.leaves[0] else None

    @property
    def now(self) -> Floats:
        """The stage payoffs of each row times one minus the discount factor, shape (N, n)."""
        return np.asarray((1.0 - self.discounts) * self.payoffs)

    def thresholds(self, threat: Floats) -> Thresholds:
        """Return the thresholds for threats of shape (S, n), infinite in a state without payoffs."""
        now, delta, own = self.now, self.discounts, self.outside[self.state]
        follows = self.laws[:, :, None]
        ahead = (follows * np.where(follows > 0.0, threat, 0.0)).sum(axis=1)
        known = np.isfinite(ahead)
        worth = np.where(known, now + delta * np.where(known, ahead, 0.0), np.inf)
        replies = np.empty(worth.shape, np.intp)
        for i, group in enumerate(self.groups):
            order = np.lexsort((worth[:, i], group))
            last = np.append(np.flatnonzero(np.diff(group[order])), len(order) - 1)
            replies[:, i] = order[last][group]
        best = np.take_along_axis(worth, replies, axis=0)
        impatient = np.where(np.maximum(best, own) > now + _IMPATIENT, FAR, -FAR)
        with np.errstate(divide="ignore", invalid="ignore"):
            gains = (1.0 - delta) / delta * (np.take_along_axis(self.payoffs, replies, axis=0) - self.payoffs)
            deterred = np.maximum(np.take_along_axis(ahead, replies, axis=0) + gains, (own - now) / delta)
        needed = np.where(delta > 0.0, deterred, impatient)
        moves = (best >= own) & (np.abs(needed) < FAR) & (delta > 0.0)
        return Thresholds(np.clip(needed - self.eased, -FAR, FAR), replies, moves, gains)

    def tempted(self, least: Thresholds) -> Mask:
        """Return whose best deviation brings more now, changes what is next, or is to leave.

        Any continuation payoff holds the others.
        """
        changes = (self.laws[least.replies] != self.laws[:, None]).any(axis=2)
        return np.asarray(~least.moves | (least.gains > 0.0) | changes)

    def floors(self, least: Thresholds) -> Floats:
        """Return the thresholds, raised for players who are tempted to deviate."""
        return least.needed + self.raised * self.tempted(least) if self.raised else least.needed

    def threat(self, points: Floats, state: Indices) -> Floats:
        """Return the lowest payoffs of each state's points, those of leaving where all may, shape (S, n).

        They are infinite in a state without points.
        """
        low = np.full(self.outside.shape, np.inf)
        np.minimum.at(low, state, points)
        return np.where(self.leaves[:, None], self.gone, low)

    def reach(self, directions: Floats) -> Floats:
        """Return how far feasible payoffs go: the hull of all outcomes, their box if players differ in patience.

        Players who differ in patience trade early payoffs against late ones, and those of leaving come late.
        """
        outcomes = np.vstack([self.payoffs, self.outside[self.leaves]])
        if (self.discounts == self.discounts[0]).all():
            return np.asarray((directions @ outcomes.T).max(axis=1))
        low, high = outcomes.min(axis=0), outcomes.max(axis=0)
        return np.asarray(np.where(directions > 0, directions * high, directions * low).sum(axis=1))


def outside_of(leave: Exit, players: int) -> Floats:
    """Return the payoffs after an exit that is open to all and does not depend on who leaves."""
    if len(leave.who) < players or (leave.payoffs != leave.payoffs[0]).any():
        raise NotApplicable(
            "These bounds need an exit that is open to all with the same payoffs whoever leaves; got "
            f"{leave!r}. For two players see `payoff_set`."
        )
    outside: Floats = leave.payoffs[0]
    return outside
