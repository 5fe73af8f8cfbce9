r"""A stochastic game in the unit box; a *row* is one profile of one state, in the order of the states."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from math import inf

import numpy as np
from numpy.typing import NDArray

from bargaining._arrays import Floats
from bargaining.equilibria._plane.kinds import FINE, SLACK, Leave
from bargaining.equilibria._plane.minkowski import Indices, Law
from bargaining.equilibria._plane.polygon import MERGE, Point, Polygon

Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Replies:
    """One player's replies: rows of one group differ in her action alone."""

    group: Indices  # (N,)
    state: Indices  # the state of each group
    order: Indices  # the rows, group by group
    starts: Indices  # where each group begins

    def best(self, worth: Floats) -> Floats:
        """Return the largest worth in each group."""
        best: Floats = np.maximum.reduceat(worth[self.order], self.starts)
        return best

    def argbest(self, worth: Floats) -> Indices:
        """Return the row of the largest worth in each group."""
        rows = np.flatnonzero(worth == self.best(worth)[self.group])[::-1]
        out = np.empty(len(self.starts), dtype=np.intp)
        out[self.group[rows]] = rows
        return out


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """The rows in plain floats: what a call of NumPy costs is more than the work on a few of them."""

    now: list[Point]  # (1 - discount) * payoffs
    state: list[int]
    law: list[int]
    laws: list[Law]
    groups: tuple[
        list[list[int]], list[list[int]]
    ]  # for each player, the rows that differ in her action alone
    replies: tuple[list[list[int]], list[list[int]]]  # for each player, the group of each row
    own: list[Point]  # of each state
    delta: Point

    def best(self, row: int, i: int, threat: list[Point]) -> tuple[int, float]:
        """Return player i's best reply to a row, the first of several, and its worth."""
        delta, found, best = self.delta[i], row, -inf
        for reply in self.replies[i][row]:
            after = 0.0
            for s, share in self.laws[self.law[reply]]:
                after += share * threat[s][i]
            worth = self.now[reply][i] + delta * after if after < inf else inf
            if worth > best:
                found, best = reply, worth
        return found, best

    def needed(self, row: int, i: int, worth: float) -> float:
        """Return the continuation that makes a row worth so much to player i."""
        now, delta = self.now[row][i], self.delta[i]
        if delta > 0.0:
            return (worth - now) / delta
        return inf if worth > now + SLACK else -inf

    def thresholds(self, row: int, threat: list[Point]) -> Point:
        """Return the continuations below which a player would not keep to a row, or would leave."""
        x, y = self.own[self.state[row]]
        x, y = max(x, self.best(row, 0, threat)[1]), max(y, self.best(row, 1, threat)[1])
        return self.needed(row, 0, x), self.needed(row, 1, y)


@dataclass(frozen=True, eq=False)
class Model:
    """A stochastic game in the unit box; N rows, S states, players first."""

    states: list[slice]  # the rows of each state
    state: Indices  # (N,)
    payoffs: Floats  # (2, N)
    now: Floats  # (2, N): (1 - discount) * payoffs
    transitions: Floats  # (N, S)
    laws: Floats  # (U, S): the transitions that differ
    law: Indices  # (N,)
    replies: tuple[Replies, Replies]
    discounts: Floats  # (2, 1)
    own: Floats  # (S, 2): what leaving gives, minus infinity to one who may not
    leaves: list[list[Leave]]
    common: bool
    twins: Indices | None  # (N,): rows with one number give the same payoffs and law; None if all differ

    @cached_property
    def slack(self) -> float:
        """By how much a constraint may be missed: by more where vertices are dropped time after time."""
        return SLACK if self.common else 4 * self.merge / (1.0 - float(self.discounts.max()))

    @cached_property
    def merge(self) -> float:
        """The distance below which vertices are dropped: what that adds up to over time must not matter."""
        if self.common:
            return MERGE
        return max(MERGE, min(1.0, 10 * (1.0 - float(self.discounts.max()))) * FINE)

    @cached_property
    def rows(self) -> Rows:
        """The rows in plain floats."""
        groups, replies = [], []
        for one in self.replies:
            order, bounds = one.order.tolist(), [*one.starts.tolist(), len(one.order)]
            groups.append([order[low:high] for low, high in pairwise(bounds)])
            replies.append([groups[-1][g] for g in one.group.tolist()])
        laws = [[(s, p) for s, p in enumerate(law) if p] for law in self.laws.tolist()]
        x, y = self.discounts[:, 0].tolist()
        return Rows(
            now=list(zip(*self.now.tolist(), strict=True)),
            state=self.state.tolist(),
            law=self.law.tolist(),
            laws=laws,
            groups=(groups[0], groups[1]),
            replies=(replies[0], replies[1]),
            own=[(a, b) for a, b in self.own.tolist()],
            delta=(x, y),
        )

    def values(self, threat: Floats) -> Floats:
        """Return what each row gives with every player's lowest payoffs to follow, shape (2, N)."""
        known = np.logical_and(*np.isfinite(threat).T)
        worth: Floats = (
            self.now + self.discounts * (self.transitions @ np.where(known[:, None], threat, 0.0)).T
        )
        if not known.all():
            worth[:, self.transitions[:, ~known].any(axis=1)] = np.inf
        return worth

    def deviations(self, threat: Floats) -> Floats:
        """Return the best-deviation payoffs D, shape (2, N)."""
        worth = self.values(threat)
        return np.stack([self.replies[i].best(worth[i])[self.replies[i].group] for i in (0, 1)])

    def playable(self, polygons: list[Polygon], alive: Mask) -> Indices:
        """Return the live rows that lead to no state without payoffs."""
        empty = [s for s, polygon in enumerate(polygons) if not polygon]
        return np.flatnonzero(alive & ~self.transitions[:, empty].any(axis=1) if empty else alive)

    def thresholds(self, rows: Indices, deviations: Floats, *, staying: bool) -> Floats:
        """Return the continuations below which a player would not keep to each of the rows, shape (2, R).

        `staying` adds those below which she would leave.
        """
        now, needed = self.now[:, rows], deviations[:, rows]
        if staying:
            needed = np.maximum(needed, self.own[self.state[rows]].T)
        with np.errstate(divide="ignore", invalid="ignore"):
            impatient = np.where(needed > now + SLACK, np.inf, -np.inf)
            return np.where(self.discounts > 0.0, (needed - now) / self.discounts, impatient)
