"""A stochastic game in rationals, in the unit box of its payoffs, and sums of polygons of continuations.

A proof in rationals has a budget of `Work`, counted in units that do not depend on the machine. Beyond it the proof
raises `Spent`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import cache, cached_property, cmp_to_key
from typing import NamedTuple

from bargaining._rational import fractions
from bargaining.equilibria._plane.kinds import outcomes
from bargaining.equilibria._plane.lottery import Lottery, Pair, convex_lottery
from bargaining.games.stochastic import StochasticGame

DEFAULT = 30_000_000
"""Units that are spent at most unless another number is given: about half a minute."""


class Spent(Exception):
    """The work of a proof has reached its bound."""


class Work:
    """Counts units of work: one vertex met, or one bound of a profile and a face, each a microsecond or a few."""

    def __init__(self, limit: int | None = None) -> None:
        self.left = DEFAULT if limit is None else limit

    def spend(self, units: int) -> None:
        """Count some work; raise Spent if it exceeds the rest of the budget."""
        self.left -= units
        if self.left < 0:
            raise Spent


Law = dict[int, Fraction]
"""Probabilities of the next states, without those of probability zero."""


class Rationals:
    """A two-player game in the box of its payoffs. A *row* is one profile of one state, in the order of the states.

    Another box may be given, as its lowest corner and its size.
    """

    def __init__(self, game: StochasticGame, box: tuple[Pair, Pair] | None = None) -> None:
        self.game = game
        self.discounts: Pair = tuple(game.exact_discounts.tolist())
        shapes = [game.shape(s) for s in range(len(game))]
        self.first = [0]
        for rows, columns in shapes:
            self.first.append(self.first[-1] + rows * columns)
        self.state = [s for s, (m, n) in enumerate(shapes) for _ in range(m * n)]
        self.exits: list[list[list[Fraction]]] = [
            [] if leave is None else leave.exact.tolist() for leave in game.exits
        ]
        self.low, self.size = self._box() if box is None else box
        self.law: Callable[[int], Law] = cache(self._law)
        self._tables = cache(self.game.exact_transition)

    def __reduce__(self) -> tuple[type[Rationals], tuple[StochasticGame, tuple[Pair, Pair]]]:
        return type(self), (self.game, (self.low, self.size))  # what is remembered cannot be pickled

    @cached_property
    def given(self) -> list[Pair]:
        """The payoffs of the rows as they were given."""
        return [pair for stage in self.game.games for pair in fractions(stage.exact.reshape(-1, 2)).tolist()]

    def _box(self) -> tuple[Pair, Pair]:
        """Return the lowest corner and the size of the box of all payoffs."""
        every = [*self.given, *(point for s in range(len(self.game)) for point, _ in self._leaving(s))]
        low = min(x for x, _ in every), min(y for _, y in every)
        x, y = (max(pair[i] for pair in every) - low[i] or Fraction(1) for i in (0, 1))
        return low, (x, y)

    @cached_property
    def payoffs(self) -> list[Pair]:
        """The payoffs of the rows."""
        return [self.scaled(pair) for pair in self.given]

    @cached_property
    def _now(self) -> list[Pair]:
        first, second = (1 - delta for delta in self.discounts)
        return [(first * x, second * y) for x, y in self.payoffs]

    def scaled(self, pair: Sequence[Fraction]) -> Pair:
        """Return a payoff pair in the box."""
        return (pair[0] - self.low[0]) / self.size[0], (pair[1] - self.low[1]) / self.size[1]

    def back(self, pair: Pair) -> Pair:
        """Return a pair of the box in the unit of the payoffs."""
        return self.low[0] + self.size[0] * pair[0], self.low[1] + self.size[1] * pair[1]

    def actions(self, row: int) -> tuple[int, int]:
        """Return the actions of a row."""
        s = self.state[row]
        return divmod(row - self.first[s], self.game.shape(s)[1])

    def rows(self, state: int) -> range:
        """Return the rows of a state."""
        return range(self.first[state], self.first[state + 1])

    def replies(self, row: int, i: int) -> range:
        """Return the rows that player i can reach from this one by changing her action, including itself."""
        s = self.state[row]
        a, b = self.actions(row)
        m, n = self.game.shape(s)
        start = self.first[s]
        return range(start + b, start + m * n, n) if i == 0 else range(start + a * n, start + (a + 1) * n)

    def now(self, i: int, row: int) -> Fraction:
        """Return (1 - discount) * payoff."""
        return self._now[row][i]

    def _law(self, row: int) -> Law:
        s = self.state[row]
        return {k: p for k, p in enumerate(self._tables(s)[self.actions(row)].tolist()) if p}

    def worth(self, i: int, row: int, threat: Sequence[Fraction | None]) -> Fraction | None:
        """Return what a row gives player i with her lowest payoffs to follow, None if a state has none."""
        law, total = self.law(row), self.now(i, row)
        for k, p in law.items():
            low = threat[k]
            if low is None:
                return None
            total += self.discounts[i] * p * low
        return total

    def best(self, i: int, row: int, threat: Sequence[Fraction | None]) -> Fraction | None:
        """Return player i's payoff from her best deviation, None if she can reach a state without equilibrium."""
        worth = [self.worth(i, reply, threat) for reply in self.replies(row, i)]
        known = [value for value in worth if value is not None]
        return max(known) if len(known) == len(worth) else None

    def own(self, state: int, i: int) -> Fraction | None:
        """Return player i's payoff from leaving, None if she may not."""
        leave = self.game.exits[state]
        if leave is None or i not in leave.who:
            return None
        return (self.exits[state][i][i] - self.low[i]) / self.size[i]

    def leaves(self, state: int) -> list[tuple[Pair, int | None]]:
        """Return the numbers of the outcomes of leaving that can be equilibria, each with the player who threatens."""
        return [(self.scaled(point), leaver) for point, leaver in self._leaving(state)]

    def _leaving(self, state: int) -> list[tuple[Pair, int | None]]:
        leave, table = self.game.exits[state], self.exits[state]
        out = []
        for found in [] if leave is None else outcomes(leave):
            rows = table if found.leaver is None else [table[found.leaver]]
            x, y = (sum((row[i] for row in rows), Fraction(0)) / len(rows) for i in (0, 1))
            out.append(((x, y), found.leaver))
        return out


class Sum(NamedTuple):
    """A weighted sum of polygons: its vertices, and which vertex of each state's polygon they stand on."""

    vertices: tuple[Pair, ...]
    at: list[dict[int, int]]

    def lottery(self, point: Pair) -> dict[int, Lottery] | None:
        """Return, for each next state, a lottery over its vertices; None if the point lies outside."""
        found = convex_lottery(self.vertices, point)
        if found is None:
            return None
        out: dict[int, Lottery] = {}
        for s in self.at[0] if self.at else ():
            shares: dict[int, Fraction] = {}
            for k, share in found:
                vertex = self.at[k][s]
                shares[vertex] = shares.get(vertex, Fraction(0)) + share
            out[s] = tuple((vertex, share) for vertex, share in shares.items() if share)
        return out


class Sums:
    """Weighted sums of convex polygons given counter-clockwise: their edges are sorted by angle once."""

    def __init__(self, polygons: Sequence[tuple[Pair, ...]]) -> None:
        self.polygons = polygons
        self.start = [_lowest(polygon) for polygon in polygons]
        edges: list[tuple[Pair, int, int]] = [
            ((polygon[k][0] - polygon[k - 1][0], polygon[k][1] - polygon[k - 1][1]), s, k)
            for s, polygon in enumerate(polygons)
            for k in range(len(polygon))
            if len(polygon) > 1
        ]
        by_angle = cmp_to_key(_turn)
        self.edges = sorted(edges, key=lambda edge: by_angle(edge[0]))

    def of(self, law: Law) -> Sum:
        """Return the sum weighted by a law; no vertex of it if a state that may follow has none."""
        if any(not self.polygons[s] for s in law):
            return Sum((), [])
        stand = {s: self.start[s] for s in law}
        x, y = (sum((p * self.polygons[s][stand[s]][i] for s, p in law.items()), Fraction(0)) for i in (0, 1))
        vertices, at = [(x, y)], [dict(stand)]
        last: Pair | None = None
        for direction, s, k in self.edges:
            if s not in law:
                continue
            x, y = x + law[s] * direction[0], y + law[s] * direction[1]
            stand[s] = k
            if last is not None and not _turn(last, direction):
                vertices[-1], at[-1] = (x, y), dict(stand)
            else:
                vertices.append((x, y))
                at.append(dict(stand))
            last = direction
        if len(vertices) > 1:  # the last step returns to the first vertex
            vertices.pop()
            at.pop()
        return Sum(tuple(vertices), at)


def _lowest(polygon: tuple[Pair, ...]) -> int:
    """Return the leftmost of the lowest vertices."""
    return min(range(len(polygon)), key=lambda k: (polygon[k][1], polygon[k][0]), default=-1)


def _turn(d: Pair, e: Pair) -> int:
    """Compare two directions by their angle from 0 to 360 degrees."""
    halves = _lower(d) - _lower(e)
    if halves:
        return halves
    cross = e[0] * d[1] - e[1] * d[0]
    return (cross > 0) - (cross < 0)


def _lower(d: Pair) -> int:
    return 0 if d[1] > 0 or (d[1] == 0 and d[0] > 0) else 1
