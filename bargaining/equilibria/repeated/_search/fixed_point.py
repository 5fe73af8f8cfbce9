"""The largest fixed point of the operator for equally patient players: iterate from outside, solve, prove.

Plain iteration closes in at the rate of the discount factor. Here one application gives a structure, Newton
solves that structure's fixed point, and a proof from outside shows that nothing else was left: two or three
applications are the rule, whatever the discount factor.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import inf, nan

import numpy as np

from bargaining.equilibria._budget import ACCURACY, Budget
from bargaining.equilibria._plane.kinds import FINE, Tag
from bargaining.equilibria._plane.polygon import Point, Polygon, apart, beyond, cut, lowest, off
from bargaining.equilibria.repeated._search.operator import FEW, Block, Image, apply, apply_to_few
from bargaining.equilibria.repeated._search.proof import Verdict, verdict
from bargaining.equilibria.repeated._search.structure import generates, newton

_SAME = 4e-15  # of the unit box: sets that differ by rounding alone
_SOLVED = 1e-13  # of the unit box: how near a fixed point its image must lie
FAST = 0.5
"""Below such a discount factor applications close in so fast that the first solved structure waits for the second."""
_NOTHING = np.zeros(0, dtype=bool)


@dataclass(slots=True)
class Search:
    """A search for the largest fixed point, and what it has found so far."""

    root: Block  # every profile
    block: Block  # the profiles that can still be played
    own: Point  # what each player gets by leaving, minus infinity if she may not
    polygon: Polygon  # outer set, and at the end the answer
    tags: list[Tag] = field(default_factory=list)
    threat: Point = (nan, nan)
    least: Point = (nan, nan)  # a lower bound of the threat
    iterations: int = 0
    solves: int = 0
    stopped: str = ""
    bound: float = inf
    found: Image | None = None  # a set that generates itself
    cut: bool = False  # whether the outer set was cut by a proof
    attained: bool = True  # whether the bound is the distance to payoffs of equilibria
    note: str = ""  # what a user should know of an answer that is right
    tolerance: float = ACCURACY
    budget: Budget = field(default_factory=Budget)

    def run(self, limit: int, *, guess: tuple[Polygon, list[Tag]] | None = None) -> None:
        """Search for at most `limit` applications to the outer set."""
        self.least = self.block.threat_bound(self.own)
        if not self.polygon:
            self.bound, self.stopped = 0.0, "nothing is left"
        elif guess is not None:
            self._solve(*guess, 2)
        while self.iterations < limit and not self.stopped and not self.budget.spent:
            self._step()
        if not self.stopped:
            self.give_up(None if self.found is None else self.found.polygon)

    def give_up(self, inner: Polygon | None) -> None:
        """Stop with a set that holds every payoff, and say how far it reaches beyond one that equilibria attain."""
        self.stopped = (
            "spent its `budget`"
            if self.budget.spent
            else f"stopped after {self.iterations} applications of the operator"
        )
        for normal, least in zip(((-1.0, 0.0), (0.0, -1.0)), self.block.threat_bound(self.own), strict=True):
            if self.polygon and lowest(self.polygon)[normal[0] == 0.0] < least - FINE:
                self.polygon, self.tags = cut(self.polygon, normal, FINE - least), []
        self.bound, self.attained = off(self.polygon, inner), bool(inner)
        self.threat = lowest(self.polygon) if self.polygon else (nan, nan)

    def _step(self) -> None:
        outer = self.polygon
        full, self.cut = self.cut, False
        image = self._apply(outer, full=full)
        self.iterations += 1
        self.budget.spend(len(outer) * len(image.alive))
        died = not image.alive.all()
        if died:
            self.block = self.block.keep(image.alive)
            self.least = self.block.threat_bound(self.own)
        if not image.polygon:
            self._stop(image, 0.0, "nothing is left")
            return
        if not (died or full) and apart(image.polygon, outer) <= _SAME:
            self._stop(image, 0.0, "the operator maps the set to itself")
            return
        self.polygon, self.tags = image.polygon, image.tags
        if self.found is not None:
            if self._judged(self.found).proved:
                return
            if (
                self.tolerance > ACCURACY
                and (gap := beyond(self.polygon, self.found.polygon)) <= self.tolerance
            ):
                self._stop(
                    self.found, gap, "a set that generates itself is close enough to one that holds all"
                )
                return
        delta = self.block.discounts.item(0)
        # Where profiles are out and the operator contracts fast, one more application promises a better structure.
        fewer = self.block.index.size < self.root.index.size
        hasty = fewer and self.iterations == 1 and delta < FAST
        if delta and not (self.cut or full or hasty):
            self._solve(self.polygon, image.tags, min(1 + self.iterations, 12))

    def _apply(self, polygon: Polygon, *, full: bool = False) -> Image:
        low, least = lowest(polygon), self.least
        self.threat = max(least[0], low[0]), max(least[1], low[1])
        if self.block.index.size <= FEW and not full:
            return apply_to_few(self.block, polygon, self.threat)
        return apply(self.block, polygon, self.threat, full=full)

    def _stop(self, image: Image, bound: float, reason: str) -> None:
        self.polygon, self.tags, self.bound, self.stopped = image.polygon, image.tags, bound, reason
        if image.polygon:
            self.threat = lowest(image.polygon)

    def _solve(self, polygon: Polygon, tags: list[Tag], rounds: int) -> None:
        """Alternate Newton on the structure with one application, until a set is a fixed point; judge it."""
        for _ in range(rounds):
            self.solves += 1
            self.budget.spend(len(polygon) * (self.root.index.size + len(polygon)))
            solved = newton(self.root, polygon, tags, self.least)
            if solved is None:
                return
            trial, tags = solved
            if self.found is not None and apart(trial, self.found.polygon) <= _SOLVED:
                return
            if generates(self.root, trial, tags, self.least):
                image = Image(trial, tags, _NOTHING)
                if self._judged(image).fixed:
                    self.found = image
                    return
            image = self._apply(trial)
            if not image.polygon:
                return
            if apart(image.polygon, trial) <= _SOLVED:
                self.found = image
                self._judged(image)
                return
            polygon, tags = image.polygon, image.tags

    def _judged(self, image: Image) -> Verdict:
        """Judge a candidate: stop if it is proved, else take the smaller outer set that the attempt may give."""
        if apart(self.polygon, image.polygon) <= _SOLVED:
            self._stop(image, _SOLVED, "the operator maps the set to itself")
            return Verdict(True, True)
        result = verdict(self.block, image.polygon, self.polygon, self.least, shape=self.iterations > 3)
        if result.proved:
            self._stop(image, result.excess, "the structure's fixed point is proved to be the largest")
        elif result.outer:
            self.polygon, self.cut = result.outer, True
        return result
