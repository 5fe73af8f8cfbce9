r"""Points that generate themselves in given ways, solved for at once: a sparse system, by Newton's method.

Point k is :math:`(I - D^m) g + D^m w_k`, where the continuation :math:`w_k` is a fixed mixture of two of the points, or
lies on an edge between two points where the constraint of a player binds, or where both do. Constraints move with the
lowest points. Points whose continuations meet all constraints, and lie between points, generate themselves.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from bargaining._arrays import Floats
from bargaining.equilibria._plane.kinds import BOTTOM, CORNER, LEAVE, LEFT, RIGHT, SLACK, STATIC, TOP, VERTEX
from bargaining.equilibria._plane.polygon import Chains, Point, hull, piece
from bargaining.equilibria.repeated._search.operator import Block
from bargaining.equilibria.repeated._unequal.halfplanes import farthest, outward
from bargaining.equilibria.repeated._unequal.ways import Image, Index, needed, pairs

_STEPS = 8  # of Newton's method, which doubles the digits in each
_STILL = 1e-15  # rounding of a point, in the unit box
_FAR = 1e3  # boxes: a step so long leads nowhere
_FLAT = 1e-15  # an edge that is shorter than this across a constraint meets it in its first end
_OFF = 1e-12  # on an edge, in shares of it
_NEAR = 1e-12  # a point that is a vertex up to rounding

Key = tuple[int, int, int, int]
Entries = tuple[Floats, Index, Index]
"""Weights of a sparse matrix with their rows and columns."""


@dataclass(frozen=True, slots=True, eq=False)
class Recipes:
    """The corners of a polygon, and how each is generated from them."""

    block: Block
    bound: Point  # below every threat
    points: Floats  # (n, 2) counter-clockwise
    keys: list[Key | None]  # kind, profile, source, periods; None for what follows no single corner
    holds: bool  # whether they generate themselves


def solved(
    before: Floats,
    keys: list[Key | None] | None,
    image: Image,
    block: Block,
    bound: Point,
    *,
    near: float,
    inset: float = 0.0,
) -> Recipes | None:
    """Return the points that generate themselves as an image is generated; None if there are none.

    What follows in the image is a vertex of the set `before`. It stands for the point that is generated as that was,
    as `keys` say; else for the point next to it on the boundary of the image, up to a distance. With an inset every
    continuation is moved inward by that much, off the constraints that bind and off the edge that it lies on.
    """
    system = _System(block, bound, image, *_followed(before, keys, image, near), inset)
    points = system.solve()
    if points is None:
        return None
    ring = hull(pairs(points), merge=_STILL)
    place = np.full(len(points), -1)
    place[ring] = np.arange(len(ring))
    new: list[Key | None] = []
    for k in ring:
        kind, source = image.kinds.item(k), image.sources.item(k)
        if kind == VERTEX:
            source = place.item(system.source.item(k))
        known = kind != VERTEX or (source >= 0 and system.share.item(k) == 0.0)
        new.append((kind, image.profiles.item(k), source, image.periods.item(k)) if known else None)
    return Recipes(block, bound, points[ring], new, system.holds(points, np.array(ring)))


def _followed(
    before: Floats, keys: list[Key | None] | None, image: Image, near: float
) -> tuple[Index, Index, Floats]:
    count = len(image)
    source, other, share = np.arange(count), np.arange(count), np.zeros(count)
    played = np.flatnonzero(image.kinds == VERTEX)
    wanted, back = np.unique(image.sources[played], return_inverse=True)
    top = farthest(image.points, outward(before))[wanted]
    at = before[wanted]
    best = np.hypot(*(at - image.points[top]).T)
    moving = True
    while moving:  # where edges are nearly in line the farthest vertex need not be the nearest
        moving = False
        for step in (-1, 1):
            end = (top + step) % count
            away = np.hypot(*(at - image.points[end]).T)
            nearer = away < best
            best, top, moving = (
                np.where(nearer, away, best),
                np.where(nearer, end, top),
                moving or nearer.any(),
            )
    first, second, part = top.copy(), top.copy(), np.zeros(len(wanted))
    # the nearer of the two edges at that vertex
    exact = best <= _NEAR
    for step in (-1, 1):
        end = (top + step) % count
        edge = image.points[end] - image.points[top]
        square = (edge**2).sum(axis=1)
        t = np.clip(
            ((at - image.points[top]) * edge).sum(axis=1) / np.where(square > 0.0, square, 1.0), 0.0, 1.0
        )
        away = np.hypot(*(at - image.points[top] - t[:, None] * edge).T)
        closer = (away < best) & (away <= near) & ~exact
        best = np.where(closer, away, best)
        second, part = np.where(closer, end, second), np.where(closer, t, part)
    if keys is not None:
        rows = zip(
            image.kinds.tolist(),
            image.profiles.tolist(),
            image.sources.tolist(),
            image.periods.tolist(),
            strict=True,
        )
        where = {row: k for k, row in enumerate(rows)}
        for n, s in enumerate(wanted.tolist()):
            key = keys[s]
            k = where.get(key) if key is not None else None
            if k is not None:
                first[n] = second[n] = k
                part[n] = 0.0
    source[played], other[played], share[played] = first[back], second[back], part[back]
    return source, other, share


class _System:
    def __init__(
        self,
        block: Block,
        bound: Point,
        image: Image,
        source: Index,
        other: Index,
        share: Floats,
        inset: float,
    ) -> None:
        self.block, self.bound, self.image, self.inset = block, bound, image, inset
        self.source, self.other, self.share = source, other, share
        points, kinds, profiles = image.points, image.kinds, image.profiles
        self.delta = block.discounts.ravel()
        self.power = self.delta[None] ** image.periods[:, None]
        fixed = (kinds == STATIC) | (kinds == LEAVE)
        self.now = np.where(fixed[:, None], points, (1.0 - self.power) * block.payoffs.T[profiles])
        self.low = points.argmin(axis=0)
        least = points.min(axis=0)
        self.known = [bound[i] >= least[i] - (_NEAR if inset else _STILL) for i in (0, 1)]
        start = [bound[i] if self.known[i] else least.item(i) for i in (0, 1)]
        self.gain = block.gain.T[profiles]
        self.b = self.gain + start
        self.floor = np.zeros((len(points), 2), dtype=bool)
        if block.floor is not None:
            floors = block.floor.T[profiles]
            self.floor = floors >= self.b
            self.b = np.maximum(self.b, floors)
        chains = Chains(pairs(points))
        along = {TOP: chains.top, BOTTOM: chains.bottom, RIGHT: chains.right, LEFT: chains.left}
        self.edges = np.zeros((len(points), 2), dtype=np.intp)
        for k in np.flatnonzero(kinds <= LEFT).tolist():
            self.edges[k] = piece(
                along[kinds.item(k)], self.b.item(k, 0 if kinds.item(k) in (TOP, BOTTOM) else 1)
            )
        self.mixed = np.flatnonzero(kinds == VERTEX)
        self.corner = np.flatnonzero(kinds == CORNER)
        self.cut = [np.flatnonzero((kinds == a) | (kinds == b)) for a, b in ((TOP, BOTTOM), (RIGHT, LEFT))]

    def solve(self) -> Floats | None:
        """Return the points that generate themselves, by Newton's method; None if there are none near."""
        from scipy.sparse import csc_matrix, identity
        from scipy.sparse.linalg import splu

        points, size = self.image.points, 2 * len(self.image)
        for step in range(_STEPS):
            value, entries = self.generated(points)
            left = (points - value).ravel()
            if step and np.abs(left).max() <= 2e-16:
                break
            parts = (
                zip(*entries, strict=True)
                if entries
                else ([np.empty(0)], [np.empty(0, int)], [np.empty(0, int)])
            )
            weights, rows, columns = (np.concatenate(each) for each in parts)
            matrix = csc_matrix((weights, (rows, columns)), shape=(size, size))
            try:
                move = splu(csc_matrix(identity(size, format="csc") - matrix)).solve(left)
            except RuntimeError:
                return None
            if not np.abs(move).max() < _FAR:
                return None
            points = points - move.reshape(-1, 2)
            if np.abs(move).max() <= _STILL:
                break
        return points

    def thresholds(self, points: Floats) -> Floats:
        """Return the continuations at which the constraints bind, given where the threats are now."""
        threat = [self.bound[i] if self.known[i] else points.item(self.low.item(i), i) for i in (0, 1)]
        return np.where(self.floor, self.b, self.gain + threat) + self.inset

    def generated(self, points: Floats) -> tuple[Floats, list[Entries]]:
        """Return what the points generate, and how that moves with them: weights, rows and columns."""
        out = self.now.copy()
        entries: list[Entries] = []
        b, mixed, share = self.thresholds(points), self.mixed, self.share[self.mixed]
        p, q = self.source[mixed], self.other[mixed]

        def on(rows: Index, i: int, columns: Index, weights: Floats) -> None:
            entries.append((weights, 2 * rows + i, columns))

        for i in (0, 1):
            weight = self.power[mixed, i] * (1.0 - self.inset)
            out[mixed, i] += weight * ((1.0 - share) * points[p, i] + share * points[q, i])
            out[mixed, i] += self.power[mixed, i] * self.inset * self.image.points[:, i].mean()
            on(mixed, i, 2 * p + i, weight * (1.0 - share))
            on(mixed, i, 2 * q + i, weight * share)
        for i in (0, 1):
            k, o = np.concatenate([self.corner, self.cut[i]]), 1 - i
            out[k, i] += self.delta[i] * b[k, i]
            self._threat(on, k, i, i, np.full(k.size, self.delta[i]))
            k = self.cut[i]
            (p, q), (along, _, width) = self.edges[k].T, self.across(points, i, b)
            slope = np.where(
                width == 0.0, 0.0, (points[q, o] - points[p, o]) / np.where(width == 0.0, 1.0, width)
            )
            inward = np.where(np.isin(self.image.kinds[k], (TOP, RIGHT)), -self.inset, self.inset)
            out[k, o] += self.delta[o] * (points[p, o] + along * (points[q, o] - points[p, o]) + inward)
            d = self.delta[o]
            for end, weight in ((p, 1.0 - along), (q, along)):
                on(k, o, 2 * end + o, d * weight)
                on(k, o, 2 * end + i, -d * weight * slope)
            self._threat(on, k, o, i, d * slope)
        return out, entries

    def across(self, points: Floats, i: int, b: Floats) -> tuple[Floats, Floats, Floats]:
        """Return where a constraint of player i cuts its edge: the share of the edge, how far ahead, and its width."""
        k = self.cut[i]
        p, q = self.edges[k].T
        width = points[q, i] - points[p, i]
        width = np.where(np.abs(width) < _FLAT, 0.0, width)
        ahead = b[k, i] - points[p, i]
        return np.where(width == 0.0, 0.0, ahead / np.where(width == 0.0, 1.0, width)), ahead, width

    def _threat(
        self, on: Callable[[Index, int, Index, Floats], None], k: Index, row: int, i: int, weight: Floats
    ) -> None:
        if not self.known[i]:
            moves = ~self.floor[k, i]
            on(k[moves], row, np.full(int(moves.sum()), 2 * self.low[i] + i), weight[moves])

    def holds(self, points: Floats, ring: Index) -> bool:
        """Whether the corners of the points are generated by what lies between the points, constraints met."""
        threat = points.min(axis=0)
        threat = max(self.bound[0], threat.item(0)), max(self.bound[1], threat.item(1))
        least = self.block.thresholds(threat)
        kinds, profiles = self.image.kinds, self.image.profiles
        used = np.zeros(len(points), dtype=bool)
        used[ring] = True
        b = self.thresholds(points)
        if (least.T[profiles[profiles >= 0]] > b[profiles >= 0] + 2 * SLACK).any():
            return False
        for m in np.unique(self.image.periods).tolist():
            k = self.mixed[used[self.mixed] & (self.image.periods[self.mixed] == m)]
            w = points[self.source[k]] + self.share[k][:, None] * (
                points[self.other[k]] - points[self.source[k]]
            )
            if (w < needed(self.block, least, m).T[profiles[k]] - 2 * SLACK).any():
                return False
        for i in (0, 1):
            along, ahead, width = self.across(points, i, b)
            k, o = self.cut[i], 1 - i
            p, q = self.edges[k].T
            other = points[p, o] + along * (points[q, o] - points[p, o])
            on = np.where(width == 0.0, np.abs(ahead) <= 2 * SLACK, np.abs(along - 0.5) <= 0.5 + _OFF)
            if not (on & (other >= b[k, o] - 2 * SLACK))[used[k]].all():
                return False
        still = np.flatnonzero(used & (kinds == STATIC))
        if (points[still] < least.T[profiles[still]] - 2 * SLACK).any():
            return False
        corner = self.corner[used[self.corner]]
        if corner.size:
            from bargaining.equilibria._plane.polygon import beyond

            return beyond(pairs(b[corner]), pairs(points[ring])) <= 2 * SLACK
        return True
