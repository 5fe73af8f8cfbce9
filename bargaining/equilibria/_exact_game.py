"""A game in rationals, in the unit box of its payoffs or in their own unit.

A proof in rationals has a budget of `Work`, counted in units that do not depend on the machine. Beyond it the proof
raises `Spent`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from itertools import accumulate
from math import prod
from typing import Any

from bargaining.games.repeated import Exit, RepeatedGame
from bargaining.games.stochastic import StochasticGame


@dataclass(frozen=True, slots=True)
class Leave:
    """An outcome of leaving: the payoffs, whose threat to leave must be credible (None: nobody's), and its number."""

    payoffs: tuple[float, ...]
    leaver: int | None = None
    number: int = 0

    def exact(self, leaving: Exit) -> tuple[Fraction, ...]:
        """Return the payoffs in rationals: the mean if several leave at once."""
        rows = [leaving.exact[k] for k in (leaving.who if self.leaver is None else (self.leaver,))]
        return tuple(sum(column, Fraction(0)) / len(rows) for column in zip(*rows, strict=True))


def outcomes(leaving: Exit) -> list[Leave]:
    """Return the outcomes of leaving that can be equilibria, each with the player whose threat must be credible.

    A player leaves alone only if staying would not give her more. If two may leave, both leave if neither prefers to
    stay behind, and only one leaves if the other prefers to stay behind. Three or more get the same whoever leaves.
    """
    rows = [tuple(row) for row in leaving.payoffs.tolist()]
    if len(leaving.who) == 1 < len(rows):
        return [Leave(rows[leaving.who[0]], leaving.who[0])]
    first, second = rows[0], rows[-1]
    if len(rows) != 2 or first == second:
        return [Leave(first)]
    out = []
    if first[0] >= second[0] and second[1] >= first[1]:
        out.append(Leave(((first[0] + second[0]) / 2, (first[1] + second[1]) / 2)))
    if first[1] >= second[1]:
        out.append(Leave(first, 0, len(out)))
    if second[0] >= first[0]:
        out.append(Leave(second, 1, len(out)))
    return out


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

Point = Any
"""A tuple of Fractions, one for each player."""


class ExactGame:
    """A game in the box of its payoffs, from `low`, of `size`. A *row* is one profile of one state, in their order.

    A repeated game is one with signals. `state` is that of each row; `ends` are, for each state, the outcomes of
    leaving that can be equilibria, each with the player who threatens, or None.
    """

    def __init__(self, game: StochasticGame | RepeatedGame, *, box: bool = True) -> None:
        self.game: Any = game
        self.discounts: Point = tuple(game.exact_discounts.tolist())
        self.stages, self.exits = (
            ((game.game,), (game.exit,)) if isinstance(game, RepeatedGame) else (game.games, game.exits)
        )
        self.first = [0, *accumulate(prod(stage.shape) for stage in self.stages)]
        self.state = [s for s, stage in enumerate(self.stages) for _ in range(prod(stage.shape))]
        self._tables: dict[int, list[list[Fraction]]] = {}
        self._laws: dict[int, Law] = {}
        ends = [
            [] if leave is None else [(end.exact(leave), end.leaver) for end in outcomes(leave)]
            for leave in self.exits
        ]
        self.low: Point = (Fraction(0),) * game.players
        self.size: Point = (Fraction(1),) * game.players
        if box:
            columns = list(zip(*self.given, *(point for some in ends for point, _ in some), strict=True))
            self.low = tuple(map(min, columns))
            self.size = tuple(max(x) - low or Fraction(1) for x, low in zip(columns, self.low, strict=True))
        self.ends = [[(self.scaled(point), leaver) for point, leaver in some] for some in ends]

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the states."""
        return self.game.states if isinstance(self.game, StochasticGame) else ("",)

    @cached_property
    def given(self) -> list[Point]:
        """The payoffs of the rows as they were given."""
        n = self.game.players
        return [tuple(row) for stage in self.stages for row in stage.exact.reshape(-1, n).tolist()]

    @cached_property
    def payoffs(self) -> list[Point]:
        """The payoffs of the rows."""
        return [self.scaled(row) for row in self.given]

    @cached_property
    def now(self) -> list[Point]:
        """(1 - discount) * payoff."""
        return [tuple((1 - d) * x for d, x in zip(self.discounts, row, strict=True)) for row in self.payoffs]

    def scaled(self, point: Sequence[Fraction]) -> Point:
        """Return payoffs in the box."""
        return tuple((x - low) / size for x, low, size in zip(point, self.low, self.size, strict=True))

    def back(self, point: Sequence[Fraction]) -> Point:
        """Return a point of the box in the unit of the payoffs."""
        return tuple(low + size * x for x, low, size in zip(point, self.low, self.size, strict=True))

    def actions(self, row: int) -> tuple[int, ...]:
        """Return the actions of a row."""
        s, out = self.state[row], list[int]()
        row -= self.first[s]
        for size in reversed(self.stages[s].shape):
            row, action = divmod(row, size)
            out.append(action)
        return tuple(reversed(out))

    def row(self, state: int, actions: Sequence[int]) -> int:
        """Return the row of a profile of a state."""
        place = 0
        for action, size in zip(actions, self.stages[state].shape, strict=True):
            place = place * size + action
        return self.first[state] + place

    def rows(self, state: int) -> range:
        """Return the rows of a state."""
        return range(self.first[state], self.first[state + 1])

    def replies(self, row: int, i: int) -> range:
        """Return the rows that player i can reach from this one by changing her action, including itself."""
        s = self.state[row]
        shape = self.stages[s].shape
        step = prod(shape[i + 1 :])
        start = row - (row - self.first[s]) // step % shape[i] * step
        return range(start, start + shape[i] * step, step)

    def chances(self, row: int) -> list[Fraction]:
        """Return the chances of the outcomes: signals, or next states."""
        s, game = self.state[row], self.game
        if s not in self._tables:
            if isinstance(game, RepeatedGame):
                assert game.monitoring is not None
                table = game.monitoring.exact
            else:
                table = game.exact_transition(s)
            self._tables[s] = table.reshape(-1, table.shape[-1]).tolist()
        return self._tables[s][row - self.first[s]]

    def law(self, row: int) -> Law:
        """Return the chances of the next states."""
        if row not in self._laws:
            seen = isinstance(self.game, StochasticGame)
            self._laws[row] = (
                {k: p for k, p in enumerate(self.chances(row)) if p} if seen else {0: Fraction(1)}
            )
        return self._laws[row]

    def worth(self, i: int, row: int, threat: Sequence[Fraction | None]) -> Fraction | None:
        """Return what a row gives player i with her lowest payoffs to follow, None if a state has none."""
        total: Fraction = self.now[row][i]
        for k, p in self.law(row).items():
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

    def leavers(self, state: int) -> tuple[int, ...]:
        """Return who may leave."""
        leave = self.exits[state]
        return () if leave is None else leave.who

    def own(self, state: int, i: int) -> Fraction | None:
        """Return player i's payoff from leaving, None if she may not."""
        leave = self.exits[state]
        if leave is None or i not in self.leavers(state):
            return None
        worth: Fraction = self.scaled(leave.exact[i].tolist())[i]
        return worth
