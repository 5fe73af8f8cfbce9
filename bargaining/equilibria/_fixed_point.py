"""The largest fixed point of the operator: iterate from outside, solve the structure, prove it.

Plain iteration closes in at the rate of the discount factor. Here one application gives a structure, Newton
solves that structure's fixed point, and a proof from outside shows that nothing else was left: two or three
applications are the rule, whatever the discount factor.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import inf, nan

import numpy as np

from bargaining.equilibria._operator import VERTEX, Block, Image, Tag, apply
from bargaining.equilibria._outer import Verdict, verdict
from bargaining.equilibria._polygon import Point, Polygon, apart, beyond, lowest
from bargaining.equilibria._scalar import FEW, apply_to_few
from bargaining.equilibria._structure import generates, newton

_SAME = 4e-15
_SOLVED = 1e-13
_CLOSE = 1e-10
_STILL = 1e-11
_FAST = 0.5
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
    iterations: int = 0
    solves: int = 0
    stopped: str = ""
    bound: float = inf
    found: Image | None = None  # a set that generates itself
    cut: bool = False  # whether the outer set was cut by a proof

    def run(self, limit: int, *, guess: tuple[Polygon, list[Tag]] | None = None) -> None:
        """Search for at most `limit` applications to the outer set."""
        if not self.polygon:
            self.bound, self.stopped = 0.0, "nothing is left"
        elif guess is not None:
            self._solve(*guess, 2)
        while self.iterations < limit and not self.stopped:
            self._step()
        if not self.stopped:
            self.stopped = f"stopped after {limit} applications of the operator"
            if self.found is not None and not self.block.common:
                self.bound = beyond(self.polygon, self.found.polygon)

    def _step(self) -> None:
        outer = self.polygon
        bound = self.block.threat_bound(self.own)
        full, self.cut = self.cut, False
        image = self._apply(outer, bound, full=full)
        self.iterations += 1
        died = not image.alive.all()
        if died:
            self.block = self.block.keep(image.alive)
        if not image.polygon:
            self._stop(image, 0.0, "nothing is left")
            return
        if not died and apart(image.polygon, outer) <= _SAME:
            self._stop(
                image._replace(tags=_renumbered(image, outer)), 0.0, "the operator maps the set to itself"
            )
            return
        self.polygon, self.tags = image.polygon, image.tags
        if self.found is not None and (self._judged(self.found).proved or self._rests(self.found, outer)):
            return
        if not self.cut and not full and not (died and self._hasty()) and self._due():
            tags = image.tags if self.block.common else _renumbered(image, outer)
            self._solve(self.polygon, tags, min(1 + self.iterations, 12))

    def _hasty(self) -> bool:
        """Whether one more application promises a better structure: profiles died, and the operator contracts fast."""
        return self.iterations == 1 and self.block.common and self.block.discounts.item(0) < _FAST

    def _due(self) -> bool:
        """Whether to solve the structure: always if it is small, else at steps 4, 8, 16, ..."""
        if self.block.common:
            return bool(self.block.discounts.item(0))
        return self.iterations > 3 and self.iterations & (self.iterations - 1) == 0

    def _apply(self, polygon: Polygon, bound: Point, *, full: bool = False) -> Image:
        low = lowest(polygon)
        self.threat = max(bound[0], low[0]), max(bound[1], low[1])
        if self.block.index.size <= FEW and self.block.common and not full:
            return apply_to_few(self.block, polygon, self.threat)
        return apply(self.block, polygon, self.threat, full=full)

    def _stop(self, image: Image, bound: float, reason: str) -> None:
        self.polygon, self.tags, self.bound, self.stopped = image.polygon, image.tags, bound, reason
        if image.polygon:
            self.threat = lowest(image.polygon)

    def _solve(self, polygon: Polygon, tags: list[Tag], rounds: int) -> None:
        """Alternate Newton on the structure with one application, until a set is a fixed point; judge it."""
        bound = self.block.threat_bound(self.own)
        for _ in range(rounds):
            self.solves += 1
            solved = newton(self.root, polygon, tags, bound)
            if solved is None:
                return
            trial, tags = solved
            if self.found is not None and self._same(trial, self.found.polygon):
                return
            if self.block.common and generates(self.root, trial, tags, bound):
                image = Image(trial, tags, _NOTHING)
                if self._judged(image).fixed:
                    self.found = image
                    return
            image = self._apply(trial, bound)
            if not image.polygon:
                return
            if not self.block.common:
                image = image._replace(tags=_renumbered(image, trial))
            if self._same(image.polygon, trial):
                self.found = image
                self._judged(image)
                return
            polygon, tags = image.polygon, image.tags

    def _same(self, polygon: Polygon, other: Polygon) -> bool:
        if self.block.common:
            return apart(polygon, other) <= _SOLVED
        if _differ(polygon, other) > _CLOSE:
            return False
        return max(beyond(polygon, other), beyond(other, polygon)) <= _CLOSE

    def _rests(self, image: Image, before: Polygon) -> bool:
        """Stop if the outer set moves by dropped vertices alone, next to a candidate that is a fixed point."""
        if self.block.common or self.iterations % 8 or _differ(before, self.polygon) > _STILL:
            return False
        distance = max(beyond(self.polygon, image.polygon), beyond(image.polygon, self.polygon))
        if distance > 10 * _CLOSE or beyond(before, self.polygon) > _STILL:
            return False
        self._stop(image, distance, "the operator no longer moves a set around one that generates itself")
        return True

    def _judged(self, image: Image) -> Verdict:
        """Judge a candidate: stop if it is proved, else take the smaller outer set that the attempt may give."""
        if self._same(self.polygon, image.polygon):
            self._stop(image, _SOLVED if self.block.common else _CLOSE, "the operator maps the set to itself")
            return Verdict(True, True)
        if not self.block.common:
            return Verdict(True, False)
        bound = self.block.threat_bound(self.own)
        leaves = [leave.payoffs for leave in self.block.leaves]
        result = verdict(
            self.block, image.polygon, self.polygon, bound, leaves=leaves, shape=self.iterations > 3
        )
        if result.proved:
            self._stop(image, result.excess, "the structure's fixed point is proved to be the largest")
        elif result.outer:
            self.polygon, self.cut = result.outer, True
        return result


def _differ(polygon: Polygon, other: Polygon) -> float:
    """Return by how much two polygons differ along the axes and one diagonal: a lower bound of their distance."""
    first, second = (
        (min(xs), min(ys), max(xs), max(ys), min(sums) / 2, max(sums) / 2)
        for xs, ys, sums in (
            ([x for x, _ in points], [y for _, y in points], [x + y for x, y in points])
            for points in (polygon, other)
        )
    )
    return max(abs(a - b) for a, b in zip(first, second, strict=True))


def _renumbered(image: Image, source: Polygon) -> list[Tag]:
    """Return the tags with the vertices of the continuation set replaced by those nearest to them in the image."""

    sources = sorted({n for kind, _, n in image.tags if kind == VERTEX})
    if not sources:
        return image.tags
    distance = np.abs(np.array(source)[sources, None] - np.array(image.polygon)).sum(axis=2)
    nearest = dict(zip(sources, distance.argmin(axis=1).tolist(), strict=True))
    return [(kind, k, nearest[n]) if kind == VERTEX else (kind, k, n) for kind, k, n in image.tags]
