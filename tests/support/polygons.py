"""Convex polygons in the plane, written for the tests alone: floats, and integers over 2^96."""

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from bargaining import Exit


def hausdorff(one: np.ndarray, other: np.ndarray) -> float:
    """The distance between two polygons given by vertices, by point-to-polygon distances."""
    if not len(one) or not len(other):
        return 0.0 if len(one) == len(other) else np.inf
    return max(max(_to_polygon(p, other) for p in one), max(_to_polygon(p, one) for p in other))


def _to_polygon(point: np.ndarray, polygon: np.ndarray) -> float:
    edges = [(polygon[k - 1], polygon[k]) for k in range(len(polygon))]
    if len(polygon) > 2 and min(turn(p, q, point) for p, q in edges) >= 0:
        return 0.0
    best = np.inf
    for p, q in edges:
        d = q - p
        t = 0.0 if not d.any() else np.clip((point - p) @ d / (d @ d), 0, 1)
        best = min(best, float(np.hypot(*(point - p - t * d))))
    return best


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
    return np.array(chain(sorted(set(map(tuple, np.round(points, 12)))), 1e-13)).reshape(-1, 2)


def clip(polygon: np.ndarray, axis: int, bound: float) -> np.ndarray:
    """The part of a polygon at or above a bound."""
    kept = []
    for p, q in zip(polygon, np.roll(polygon, -1, axis=0), strict=True):
        if p[axis] >= bound - 1e-12:
            kept.append(p)
        if (p[axis] - bound) * (q[axis] - bound) < -1e-26:
            kept.append(p + (q - p) * (bound - p[axis]) / (q[axis] - p[axis]))
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


def part_above(polygon: Points, i: int, bound: int) -> Points:
    """The part of a polygon where coordinate i is at or above a bound."""
    out = []
    for k, q in enumerate(polygon):
        p = polygon[k - 1]
        if (p[i] >= bound - NEAR) != (q[i] >= bound - NEAR):
            other = p[1 - i] + (bound - p[i]) * (q[1 - i] - p[1 - i]) // (q[i] - p[i])
            out.append((bound, other) if i == 0 else (other, bound))
        if q[i] >= bound - NEAR:
            out.append(q)
    return out


@dataclass(frozen=True)
class Leaving:
    """Exit as a table: what player i gets if k leaves; both at once give the mean of the rows."""

    table: list[list[Fraction]]
    who: tuple[int, ...]

    @classmethod
    def of(cls, leave: Exit | None) -> "Leaving | None":
        return None if leave is None else cls(leave.exact.tolist(), leave.who)

    def points(self, least: list[int]) -> Points:
        """The outcomes of leaving that are equilibria of the simultaneous choice to leave or stay.

        Staying gives player k `least[k]` or more.
        """
        rows = [[fixed(x) for x in row] for row in self.table]
        credible = [k for k in self.who if least[k] <= rows[k][k] + NEAR]
        if len(self.who) == 1:
            return [(rows[k][0], rows[k][1]) for k in credible]
        both = ((rows[0][0] + rows[1][0]) // 2, (rows[0][1] + rows[1][1]) // 2)
        together = both[0] >= rows[1][0] and both[1] >= rows[0][1]
        alone = [(rows[k][0], rows[k][1]) for k in credible if rows[k][1 - k] >= both[1 - k]]
        return alone + [both] * together
