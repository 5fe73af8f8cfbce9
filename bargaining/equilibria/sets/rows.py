r"""A game of two players as rows: what can be played, or who can leave, in each state.

A row is a profile of a state, or an outcome of leaving there. It has payoffs now and a law of the next state, and gives

.. math:: v = b + D \sum_{s'} P(s')\, w_{s'}, \qquad w_{s'} \in V_{s'}, \qquad v_i \ge f_i,

where :math:`b = (I - D) g` for a profile with payoffs g and the discount factors on the diagonal of D. An outcome of
leaving leads nowhere: P = 0, and b are its payoffs. The threshold :math:`f_i` is what the best deviation of player i
gives if her lowest payoffs follow, or what leaving gives if that is more.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from bargaining._arrays import Floats
from bargaining.equilibria._exact_game import ExactGame, outcomes
from bargaining.games.stochastic import StochasticGame

Indices = NDArray[np.intp]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Rows:
    """The rows of a game in the unit box of its payoffs, in the order of the states."""

    payoffs: Floats  # (R, 2) what a row pays now, or an outcome of leaving for ever
    base: Floats  # (R, 2) what a row adds to discounted continuations
    law: Floats  # (R, S) the chance of each state to be next; zero after leaving
    state: Indices  # (R,)
    # (R, k) the rows to which each player can deviate, her own among them; rows of fewer deviations repeat the last
    deviations: tuple[Indices, Indices]
    outside: Floats  # (S, 2) what a player gets by leaving; minus infinity for one who may not
    leaver: (
        Indices  # (R,) in an outcome of leaving that must be credible, the player who leaves; -1 elsewhere
    )
    origin: Indices  # (R,) the number of a profile among all of the game; outcomes of leaving are numbered after them
    barred: Mask  # (R,) not to be played: a deviation leads to a state without equilibria, or only rounding lets it in
    discounts: Floats  # (2,)
    ease: float  # a threshold missed by less counts as met
    margin: float = 0.0  # by how much all thresholds are lowered

    @property
    def states(self) -> int:
        """The number of states."""
        return len(self.outside)

    @property
    def common(self) -> bool:
        """Whether the players are equally patient."""
        return bool(self.discounts[0] == self.discounts[1])

    @property
    def stays(self) -> Mask:
        """Which rows are profiles, not outcomes of leaving."""
        return np.asarray(self.law.any(axis=1))

    def restricted(self, kept: Mask) -> Rows:
        """Return some of the rows; those that deviations to others would bar cannot be played."""
        place, numbers = np.cumsum(kept) - 1, np.flatnonzero(kept)
        barred, deviations = self.barred[kept], []
        for table in self.deviations:
            rows = table[kept]
            barred = barred | ~kept[rows].all(axis=1)
            deviations.append(place[np.where(kept[rows], rows, numbers[:, None])])
        return replace(
            self,
            payoffs=self.payoffs[kept],
            base=self.base[kept],
            law=self.law[kept],
            state=self.state[kept],
            deviations=(deviations[0], deviations[1]),
            leaver=self.leaver[kept],
            origin=self.origin[kept],
            barred=barred,
        )

    def without(self, empty: Mask) -> Rows:
        """Return the game without states that have no equilibrium, and without the rows that lead there."""
        rest = self.restricted(~empty[self.state] & ~(self.law[:, empty] > 0.0).any(axis=1))
        number = np.cumsum(~empty) - 1
        return replace(rest, law=rest.law[:, ~empty], state=number[rest.state], outside=self.outside[~empty])


EASE = 1e-13
"""Of the unit box: rounding of one application of the operator."""

EASE_UNEQUAL = 1e-12
"""Where patience differs sets have vertices without end, and those closer than about a tenth of this are left out."""

_IMPATIENT = 1e-9, 1e-13
"""A smaller discount factor counts as this one, so that D can be inverted: of one player, and of both."""

_NEAR = 1e-13  # in the unit box: given payoffs that lie nearer are meant
_LOWEST = 1e-12  # in the unit box: a payoff that is less above the threat is the threat


@dataclass(frozen=True, slots=True, eq=False)
class Scaled:
    """The rows of a game in the unit box of all payoffs, and the box."""

    rows: Rows
    low: Floats  # (2,)
    size: Floats  # (2,)
    given: Floats  # (2, R) payoffs of profiles and of leaving as they were given
    units: Floats  # (2, R) and in the box

    @classmethod
    def of(cls, game: StochasticGame) -> Scaled:
        """Map the game to the unit box of its feasible payoffs."""
        leaves = [
            (s, end) for s, exit_ in enumerate(game.exits) if exit_ is not None for end in outcomes(exit_)
        ]
        profiles = [stage.payoffs.reshape(-1, 2) for stage in game.games]
        ends = np.array([end.payoffs for _, end in leaves]).reshape(-1, 2)
        given = np.concatenate([*profiles, ends])
        low = given.min(axis=0)
        size = given.max(axis=0) - low
        size[size == 0.0] = 1.0
        units, own = (given - low) / size, (game.exit_own - low) / size
        if any(part.has_fractions for part in (*game.games, *game.exits) if part is not None):
            # Rounded in the box only: an offset costs no digits.
            data = ExactGame(game)
            exact = [*data.payoffs, *(point for s in range(len(game)) for point, _ in data.ends[s])]
            units = np.array(exact, dtype=float)
            own = np.array([[data.own(s, i) for i in (0, 1)] for s in range(len(game))], dtype=float)
            own = np.where(np.isnan(own), -np.inf, own)
        counts = list(map(len, profiles))
        state = np.concatenate([np.repeat(np.arange(len(counts)), counts), [s for s, _ in leaves]]).astype(
            int
        )
        leaver = [-1 if end.leaver is None else end.leaver for _, end in leaves]
        rows = _rows(game, units, own, state, np.array([-1] * sum(counts) + leaver))
        return cls(rows, low, size, np.ascontiguousarray(given.T), np.ascontiguousarray(units.T))

    def back(self, points: Floats) -> tuple[Floats, Floats]:
        """Return points without the rounding of the lowest, of stage payoffs and of leaving: here, and as payoffs."""
        low = points.min(axis=0, initial=1.0)
        points = np.where(points - low < _LOWEST, low, points)
        units, out = points.copy(), self.low + self.size * points
        for i, values in enumerate(points.T):
            order = self.units[i].argsort()
            k = np.searchsorted(self.units[i], values + _NEAR, sorter=order) - 1  # the last that is not above
            k = order[np.maximum(k, 0)]
            close = np.abs(self.units[i][k] - values) < _NEAR
            units[close, i], out[close, i] = self.units[i][k][close], self.given[i][k][close]
        return units, out


def _rows(game: StochasticGame, payoffs: Floats, own: Floats, state: Indices, leaver: Indices) -> Rows:
    """Return the rows of profiles and of outcomes of leaving, sorted by their states."""
    shapes, tables = [game.shape(s) for s in range(len(game))], list[list[Indices]]([[], []])
    width, first, count = max(map(max, shapes)) if len(shapes) > 1 else 1, 0, len(payoffs)
    for m, n in shapes:
        number = first + np.arange(m * n).reshape(m, n)
        if len(shapes) == 1:  # whatever is done the same follows: only the best reply matters
            x, y = payoffs[: m * n].T.reshape(2, m, n)
            replies = [
                np.tile(number[x.argmax(axis=0), np.arange(n)], m)[:, None],
                np.repeat(number[np.arange(m), y.argmax(axis=1)], n)[:, None],
            ]
        else:
            replies = [np.tile(number.T, (m, 1)), np.repeat(number, n, axis=0)]
        first += m * n
        for table, reply in zip(tables, replies, strict=True):
            table.append(np.pad(reply, ((0, 0), (0, width - reply.shape[1])), mode="edge"))
    gone = np.arange(first, count)
    common = bool(game.discounts[0] == game.discounts[1])
    discounts = np.maximum(game.discounts, _IMPATIENT[int(common)])
    stays = np.arange(count)[:, None] < first
    law = [game.transition(s).reshape(m * n, -1) for s, (m, n) in enumerate(shapes)]
    order = np.argsort(state, kind="stable")
    place = np.argsort(order)
    deviations = [
        place[np.concatenate([*table, np.repeat(gone[:, None], width, axis=1)])[order]] for table in tables
    ]
    return Rows(
        payoffs=payoffs[order],
        base=np.where(stays, (1.0 - discounts) * payoffs, payoffs)[order],
        law=np.concatenate([*law, np.zeros((len(gone), len(shapes)))])[order],
        state=state[order],
        deviations=(deviations[0], deviations[1]),
        outside=own,
        leaver=leaver[order],
        origin=order,
        barred=np.zeros(count, bool),
        discounts=discounts,
        ease=EASE if common else EASE_UNEQUAL,
    )
