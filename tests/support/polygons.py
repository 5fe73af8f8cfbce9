"""Convex polygons in the plane, written for the tests alone: floats, and integers over 2^96."""

from dataclasses import dataclass, replace
from fractions import Fraction
from operator import floordiv
from typing import Any

import numpy as np

from bargaining import Exit


def hausdorff(one: np.ndarray, other: np.ndarray) -> float:
    """The distance between two polygons given by vertices, by point-to-polygon distances."""
    return max(beyond(one, other), beyond(other, one))


def beyond(one: np.ndarray, other: np.ndarray) -> float:
    """How far a polygon reaches beyond another."""
    return max((_to_polygon(p, other) for p in one), default=0.0) if len(other) or not len(one) else np.inf


def _to_polygon(point: np.ndarray, polygon: np.ndarray) -> float:
    edges, away = np.roll(polygon, -1, axis=0) - polygon, point - polygon
    if len(polygon) > 2 and (edges[:, 0] * away[:, 1] - edges[:, 1] * away[:, 0]).min() >= 0:
        return 0.0
    squares = (edges**2).sum(axis=1)
    along = np.clip((edges * away).sum(axis=1) / np.where(squares > 0, squares, 1), 0, 1)
    return float(np.hypot(*(away - along[:, None] * edges).T).min())


def turn(o, a, b):
    """Positive where b lies to the left of the way from o to a."""
    return (a[0] - o[0]) * (b[1] - o[1]) - (a[1] - o[1]) * (b[0] - o[0])


def chain(points, least):
    """The vertices of the convex hull of sorted points, counter-clockwise; turns up to `least` are straight."""
    if len(points) < 3:
        return points
    sides = []
    for order in (points, points[::-1]):
        side = []
        for p in order:
            while len(side) > 1 and turn(side[-2], side[-1], p) <= least:
                side.pop()
            side.append(p)
        sides += side[:-1]
    return sides


# -- floats ----------------------------------------------------------------------------------------------


def hull(points: np.ndarray) -> np.ndarray:
    """The convex hull of points rounded to 12 digits, ends of thin sets kept."""
    return np.array(chain(sorted(set(map(tuple, np.round(points, 12).tolist()))), 1e-13)).reshape(-1, 2)


def clip(polygon: np.ndarray, axis: int, bound: float) -> np.ndarray:
    """The part of a polygon at or above a bound."""
    kept = []
    corners = polygon.tolist()
    for p, q in zip(corners, corners[1:] + corners[:1], strict=True):
        if p[axis] >= bound - 1e-12:
            kept.append(p)
        if (p[axis] - bound) * (q[axis] - bound) < -1e-26:
            kept.append(
                [x + (y - x) * (bound - p[axis]) / (q[axis] - p[axis]) for x, y in zip(p, q, strict=True)]
            )
    return np.array(kept).reshape(-1, 2)


# -- integers over 2^96 ----------------------------------------------------------------------------------

ONE = 1 << 96
NEAR = 1 << 48  # an inequality missed by less counts as met
Points = list[tuple[int, int]]


def fixed(x: object) -> int:
    return round(Fraction(x) * ONE)  # type: ignore[arg-type]


def floats(polygon: Points) -> np.ndarray:
    return np.array([(x / ONE, y / ONE) for x, y in polygon]).reshape(-1, 2)


def convex(points: Points) -> Points:
    return chain(sorted(set(points)), 0)


def part_above(polygon, i, bound, *, near=NEAR, over=floordiv):
    """The part of a polygon where coordinate i is at or above a bound; for fractions divide by `truediv`."""
    out = []
    for k, q in enumerate(polygon):
        p = polygon[k - 1]
        if (p[i] >= bound - near) != (q[i] >= bound - near):
            other = p[1 - i] + over((bound - p[i]) * (q[1 - i] - p[1 - i]), q[i] - p[i])
            out.append((bound, other) if i == 0 else (other, bound))
        if q[i] >= bound - near:
            out.append(q)
    return out


@dataclass(frozen=True)
class Leaving:
    """Exit as a table: what both get if player 0 leaves, if player 1 does, and if they leave together."""

    table: list[tuple[Any, Any]]
    who: tuple[int, ...]

    @classmethod
    def of(cls, leave: Exit | None) -> "Leaving | None":
        if leave is None:
            return None
        first, second = (tuple(row) for row in leave.exact.tolist())
        return cls([first, second, tuple((x + y) / 2 for x, y in zip(first, second, strict=True))], leave.who)

    def equilibria(self, least: list[Any]) -> list[tuple[Any, Any]]:
        """The outcomes of leaving that are equilibria of the simultaneous choice to leave or stay.

        Staying gives player k `least[k]` or more.
        """
        credible = [k for k in self.who if least[k] <= self.table[k][k]]
        if len(self.who) == 1:
            return [self.table[k] for k in credible]
        first, second, both = self.table
        together = both[0] >= second[0] and both[1] >= first[1]
        return [self.table[k] for k in credible if self.table[k][1 - k] >= both[1 - k]] + [both] * together

    def points(self, least: list[int]) -> Points:
        """The same in integers over 2^96."""
        rows = [(fixed(x), fixed(y)) for x, y in self.table]
        return replace(self, table=rows).equilibria([x - NEAR for x in least])
