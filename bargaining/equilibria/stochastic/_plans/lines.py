r"""The reasons to keep to a plan as functions of what one player gets when the game is left, in rationals.

Let leaving pay her x in some states. A plan is worth an amount affine in x, as the states in which the players part
are; so is what a deviation gets her if a plan punishes it. Every constraint then reads :math:`a + b x \ge 0`, and
those of the other players do not depend on x.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

import numpy as np

from bargaining._rational import Rationals, solve
from bargaining.equilibria.stochastic._plans.plan import Plan, PlanConstraint
from bargaining.games.stochastic import StochasticGame


class Line(NamedTuple):
    """The number `level + slope * x`."""

    level: Fraction
    slope: Fraction = Fraction(0)

    def less(self, other: Line, share: Fraction = Fraction(1)) -> Line:
        """Return this minus a multiple of the other."""
        return Line(self.level - share * other.level, self.slope - share * other.slope)


class Reason(NamedTuple):
    """A constraint and its slack."""

    constraint: PlanConstraint
    slack: Line


@dataclass(frozen=True, slots=True)
class Varied:
    """A game in some of whose states leaving, by anybody, pays one player x."""

    game: StochasticGame
    player: int
    states: frozenset[int]

    def leaving(self, s: int, leaver: int, i: int) -> Line:
        """Return what player i gets if one player leaves."""
        leave = self.game.exits[s]
        assert leave is not None
        if i == self.player and s in self.states:
            return Line(Fraction(0), Fraction(1))
        return Line(leave.exact[leaver, i])

    def left(self, s: int, i: int, leavers: list[int]) -> Line:
        """Return what player i gets if each of several players is equally likely to be the one who leaves."""
        lines = [self.leaving(s, k, i) for k in leavers]
        return Line(
            sum((line.level for line in lines), Fraction(0)) / len(lines),
            sum((line.slope for line in lines), Fraction(0)) / len(lines),
        )

    def whoever_leaves(self) -> bool:
        """Whether all may leave everywhere, two at least, for payoffs that do not depend on who does."""
        players = range(self.game.players)
        return len(players) > 1 and all(
            leave is not None
            and len(leave.who) == len(players)
            and all(len({self.leaving(s, k, i) for k in players}) == 1 for i in players)
            for s, leave in enumerate(self.game.exits)
        )

    def values(self, plan: Plan, i: int) -> list[Line]:
        """Return what a plan is worth to player i from each state on."""
        count, delta = len(self.game), self.game.exact_discounts[i]
        matrix, level, slope = _zeros(count, count), _zeros(count), _zeros(count)
        for s, profile in enumerate(plan.profiles):
            if profile is None:
                level[s], slope[s] = self.left(s, i, self._leavers(s))
            else:
                level[s] = (1 - delta) * self.game.games[s].exact[profile][i]
                matrix[s] = -delta * self.game.exact_transition(s)[profile]
            matrix[s, s] += 1
        levels, slopes = solve(matrix, level), solve(matrix, slope)
        assert levels is not None
        assert slopes is not None
        return [Line(a, b) for a, b in zip(levels, slopes, strict=True)]

    def reasons(self, plan: Plan, threats: list[list[Line]]) -> Iterator[Reason]:
        """Return the constraints of a plan in the states that matter, `threats[i][s]` following deviations."""
        for i in range(self.game.players):
            values = self.values(plan, i)
            for s in plan.checked:
                if plan.profiles[s] is None:
                    yield from self._staying(plan, s, i)
                else:
                    yield from self._leaving(plan, s, i, values[s])
                    yield from self._deviating(plan, s, i, values[s], threats[i])

    def _leavers(self, s: int) -> list[int]:
        leave = self.game.exits[s]
        return [] if leave is None else list(leave.who)

    def _staying(self, plan: Plan, s: int, i: int) -> Iterator[Reason]:
        leavers = self._leavers(s)
        if i in leavers:
            rest = self.left(s, i, [k for k in leavers if k != i])
            slack = self.left(s, i, leavers).less(rest)
            yield Reason(plan.constraint(i, s, "stay", None, 0.0), slack)

    def _leaving(self, plan: Plan, s: int, i: int, value: Line) -> Iterator[Reason]:
        if i in self._leavers(s):
            yield Reason(plan.constraint(i, s, "leave", None, 0.0), value.less(self.leaving(s, i, i)))

    def _deviating(self, plan: Plan, s: int, i: int, value: Line, threats: list[Line]) -> Iterator[Reason]:
        profile, delta = plan.profiles[s], self.game.exact_discounts[i]
        assert profile is not None
        payoffs, law = self.game.games[s].exact, self.game.exact_transition(s)
        for action in range(self.game.shape(s)[i]):
            other = (*profile[:i], action, *profile[i + 1 :])
            if action == profile[i]:
                continue
            slack = value.less(Line((1 - delta) * payoffs[other][i]))
            for p, threat in zip(law[other], threats, strict=True):
                slack = slack.less(threat, delta * p)
            yield Reason(plan.constraint(i, s, "deviate", action, 0.0), slack)


def _zeros(*shape: int) -> Rationals:
    return np.full(shape, Fraction(0), dtype=object)
