"""The largest fixed point of the operator: iterate from outside, solve the structure, prove it.

Plain iteration closes in at the rate of the discount factor. Here one application gives a structure, Newton
solves that structure's fixed point, and a proof from outside shows that nothing else was left: two or three
applications are the rule, whatever the discount factor.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import inf, nan

from bargaining.equilibria._operator import VERTEX, Block, Image, Tag, apply
from bargaining.equilibria._outer import verdict
from bargaining.equilibria._polygon import Point, Polygon, apart, beyond, hull, lowest
from bargaining.equilibria._structure import newton

_SAME = 4e-15
_SOLVED = 1e-13
_CLOSE = 1e-10


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
    leaves: list[int] = field(default_factory=list)  # the exits that are credible in the outer set

    def run(self, limit: int, *, guess: tuple[Polygon, list[Tag]] | None = None) -> None:
        """Search for at most `limit` applications to the outer set."""
        if guess is not None and self._settled(self._candidate(*guess, 3), shape=False):
            return
        while self.iterations < limit and not self.stopped:
            self._step()
        if not self.stopped:
            self.stopped = f"stopped after {limit} applications of the operator"

    def _step(self) -> None:
        outer = self.polygon
        bound = self.block.threat_bound(self.own)
        full, self.cut = self.cut, False
        image = self._apply(outer, bound, full=full)
        self.iterations += 1
        self.leaves = image.leaves
        died = not image.alive.all()
        if died:
            self.block = self.block.keep(image.alive)
        if not image.polygon:
            self._stop(image, 0.0, "nothing is left")
        elif not died and apart(image.polygon, outer) <= _SAME:
            self._stop(image, 0.0, "the operator maps the set to itself")
        else:
            self.polygon, self.tags = image.polygon, image.tags
            if not self.block.common:
                self.tags = _renumbered(image, outer)
            if full:
                self._settled(self.found, shape=True)
            elif not self._settled(self.found, shape=self.iterations > 3) and not self.cut and self._due():
                found = self._candidate(self.polygon, self.tags, min(1 + self.iterations, 12))
                if found is not None and (
                    self.found is None or apart(found.polygon, self.found.polygon) > _SOLVED
                ):
                    self.found = found
                    self._settled(found, shape=self.iterations > 3)

    def _due(self) -> bool:
        """Whether to solve the structure: always if it is small, else at steps 4, 8, 16, ..."""
        return self.block.common or (self.iterations > 3 and self.iterations & (self.iterations - 1) == 0)

    def _apply(self, polygon: Polygon, bound: Point, *, full: bool = False) -> Image:
        low = lowest(polygon)
        self.threat = max(bound[0], low[0]), max(bound[1], low[1])
        return apply(self.block, polygon, self.threat, full=full)

    def _stop(self, image: Image, bound: float, reason: str) -> None:
        self.polygon, self.tags, self.bound, self.stopped = image.polygon, image.tags, bound, reason
        if image.polygon:
            self.threat = lowest(image.polygon)

    def _candidate(self, polygon: Polygon, tags: list[Tag], rounds: int) -> Image | None:
        """Alternate Newton on the structure with one application, until a set generates itself."""
        bound = self.block.threat_bound(self.own)
        for _ in range(rounds):
            self.solves += 1
            solved = newton(self.root, polygon, tags, bound)
            if solved is None:
                return None
            trial = [solved[k] for k in hull(solved)]
            image = self._apply(trial, bound)
            if not image.polygon:
                return None
            if not self.block.common:
                image = image._replace(tags=_renumbered(image, trial))
            if self._same(image.polygon, trial):
                return image
            polygon, tags = image.polygon, image.tags
        return None

    def _same(self, polygon: Polygon, other: Polygon) -> bool:
        if self.block.common:
            return apart(polygon, other) <= _SOLVED
        return max(beyond(polygon, other), beyond(other, polygon)) <= _CLOSE

    def _settled(self, image: Image | None, *, shape: bool) -> bool:
        """Prove a candidate; failing that, take the smaller outer set that the attempt may give."""
        if image is None or image.leaves != self.leaves:
            return False
        if self._same(self.polygon, image.polygon):
            self._stop(image, _SOLVED if self.block.common else _CLOSE, "the operator maps the set to itself")
            return True
        if not self.block.common:
            return False
        bound = self.block.threat_bound(self.own)
        result = verdict(self.block, image.polygon, self.polygon, bound, shape=shape)
        if result.proved:
            self._stop(image, result.excess, "the structure's fixed point is proved to be the largest")
        elif result.outer:
            self.polygon, self.cut = result.outer, True
        return result.proved


def _renumbered(image: Image, source: Polygon) -> list[Tag]:
    """Return the tags with the vertices of the continuation set replaced by those nearest to them in the image."""

    def nearest(k: int) -> int:
        x, y = source[k]
        return min(
            range(len(image.polygon)),
            key=lambda n: abs(image.polygon[n][0] - x) + abs(image.polygon[n][1] - y),
        )

    return [(tag[0], tag[1], nearest(tag[2])) if tag[0] == VERTEX else tag for tag in image.tags]
