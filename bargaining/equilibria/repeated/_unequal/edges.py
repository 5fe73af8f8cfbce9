r"""Exact payoffs of profiles that are incentive compatible only if the continuation gives a player her largest payoff.

Let M be an upper bound of player i's payoffs. The payoffs that give her M lie on a line. Only profiles with
:math:`g_i(a) = M` generate them, with continuations on this line: the result is an interval with rational ends. A
profile whose continuation must give her M has its continuations in this interval.

For players who differ in patience a slack must not replace this computation. Vertices may accumulate at an end of the
line, in steps of one player's discount factor along it and of the other's across it: a slack of s in player i's
constraint admits vertices at a distance of up to :math:`s^{\log \delta_j / \log \delta_i}` from the end.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from bargaining.equilibria._plane.kinds import BOTTOM, CORNER, LEAVE, LEFT, RIGHT, STATIC, TOP, Leave, Tag
from bargaining.equilibria._plane.polygon import Polygon, lowest
from bargaining.equilibria.repeated._search.operator import Block

if TYPE_CHECKING:
    from bargaining.equilibria._plane.lottery import Pair
    from bargaining.equilibria._plane.rationals import Rationals

_HIGHEST, _LOWEST = (TOP, RIGHT), (BOTTOM, LEFT)  # for the other player, by the player whose constraint binds
_ROUNDING = 4e-15  # of a continuation, in the unit box


class Outcome(NamedTuple):
    """Payoffs of a profile and the continuation after it; the tag says how they are generated."""

    payoffs: Pair
    promise: Pair
    tag: Tag


@dataclass(frozen=True, slots=True, eq=False)
class Edges:
    """Exact payoffs: `block` takes these outcomes as given, instead of profiles that require the largest payoff."""

    whole: Block
    block: Block
    outcomes: list[Outcome]

    @classmethod
    def of(cls, data: Rationals, block: Block) -> Edges | None:
        """Find the profiles of a block of playable ones that require the largest payoff; None if there are none."""
        lines = [_Line(data, block, i) for i in (0, 1)] if all(data.discounts) else []
        asking = {k for line in lines for k in line.asking}
        if not asking:
            return None
        found = [outcome for line in lines if line.asking for outcome in line.outcomes()]
        outcomes = list({outcome.payoffs: outcome for outcome in found}.values())
        leaves = [Leave((float(x), float(y)), number=-1 - n) for n, ((x, y), _, _) in enumerate(outcomes)]
        rest = block.keep(~np.isin(block.index, [*asking]))
        return cls(block, rest.left(rest.floor, (*block.leaves, *leaves)), outcomes)

    def tagged(self, tags: list[Tag]) -> list[Tag]:
        """Return how vertices are generated, with the tags of the given outcomes."""
        return [
            self.outcomes[-1 - source].tag if kind == LEAVE and source < 0 else (kind, k, source)
            for kind, k, source in tags
        ]

    def hold(self, polygon: Polygon) -> bool:
        """Whether the continuations deter deviations, with the lowest payoffs in a set as punishments."""
        if not self.outcomes:
            return True
        b, place = self.whole.thresholds(lowest(polygon)), self.whole.index.tolist().index
        return all(
            float(promise[i]) >= b.item(i, place(k)) - _ROUNDING
            for _, promise, (_, k, _) in self.outcomes
            for i in (0, 1)
        )


class _Line:
    """The payoffs that give player i her largest payoff."""

    def __init__(self, data: Rationals, block: Block, i: int) -> None:
        self.data, self.i, self.live = data, i, block.index.tolist()
        self.leaves = [(data.leaves(0)[leave.number][0], (LEAVE, -1, leave.number)) for leave in block.leaves]
        payoffs = [data.payoffs[k][i] for k in self.live] + [w[i] for w, _ in self.leaves]
        self.most = max(payoffs, default=Fraction(0))
        self.threats = [self._threat(0), self._threat(1)]
        self.asking = [k for k in self.live if self._needs(i, k) == self.most > self.threats[i]]

    def _threat(self, i: int) -> Fraction:
        """Return a lower bound of a player's threat."""
        low = min((self.data.best_reply(i, k) for k in self.live), default=self.most)
        own = self.data.own(0, i)
        if own is not None:
            low = max(low, own)
        return min([low, *(w[i] for w, _ in self.leaves)])

    def _needs(self, i: int, profile: int) -> Fraction:
        """Return the lowest continuation that keeps a player to a profile."""
        data, delta, own = self.data, self.data.discounts[i], self.data.own(0, i)
        gain = data.best_reply(i, profile) - data.payoffs[profile][i]
        least = self.threats[i] + (1 - delta) / delta * gain
        return least if own is None else max(least, (own - data.now(i, profile)) / delta)

    def outcomes(self) -> Iterator[Outcome]:
        """Yield the ends of the line, and the ends of the payoffs that each profile in question gives with it."""
        ends, j = self._ends(), 1 - self.i
        yield from (end for end in ends if end.tag[0] != LEAVE)
        for k in self.asking if ends else ():
            low, high = (end.payoffs[j] for end in ends)
            least = self._needs(j, k)
            if least <= high:
                corner = CORNER if least >= low else _LOWEST[self.i]
                yield from (self._played(k, max(low, least), corner), self._played(k, high, _HIGHEST[self.i]))

    def _ends(self) -> list[Outcome]:
        """Return the other player's lowest and highest payoff on the line; nothing if the line is empty.

        The highest is that of a profile played for ever, or of leaving; so is the lowest, or it is the lowest that
        keeps the other player to a profile.
        """
        i, j = self.i, 1 - self.i
        given = [Outcome(w, w, tag) for w, tag in self.leaves if w[i] == self.most]
        profiles = [k for k in self.live if self.data.payoffs[k][i] == self.most >= self._needs(i, k)]
        while given or profiles:
            still = [self._still(k) for k in profiles]
            high = max([*given, *still], key=lambda end: end.payoffs[j])
            kept = [k for k in profiles if self._needs(j, k) <= high.payoffs[j]]
            if len(kept) == len(profiles):
                low = [
                    end
                    if end.payoffs[j] >= self._needs(j, k)
                    else self._played(k, self._needs(j, k), _HIGHEST[j])
                    for k, end in zip(profiles, still, strict=True)
                ]
                return [min([*given, *low], key=lambda end: end.payoffs[j]), high]
            profiles = kept
        return []

    def _still(self, k: int) -> Outcome:
        """Return the outcome if a profile is played for ever."""
        payoffs = self.data.payoffs[k]
        return Outcome(payoffs, payoffs, (STATIC, k, -1))

    def _played(self, k: int, promise: Fraction, kind: int) -> Outcome:
        """Return the outcome of a profile whose continuation, on the line, gives the other player this payoff."""
        ahead = (self.most, promise) if self.i == 0 else (promise, self.most)
        x, y = (self.data.now(i, k) + self.data.discounts[i] * ahead[i] for i in (0, 1))
        return Outcome((x, y), ahead, (kind, k, -1))
