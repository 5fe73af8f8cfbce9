"""Convex sets in the plane as levels of one fan of normals, sorted by angle, that all states share.

A set is ``{v : n_j . v <= h_j}``. Its corner j is the point that is farthest in the directions between the normals j
and j + 1, so that levels and corners of sums of sets are sums of levels and of corners. The axes are among the normals:
neighbours lie in one quadrant, where 1-norms add up.
"""

from __future__ import annotations

import numpy as np

from bargaining._arrays import Floats
from bargaining.equilibria.sets.rows import Indices, Mask

AXES = np.array([[0.0, -1.0], [1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]])
"""Down, right, up, left: in the order of their angles from -pi on, which belongs to the left."""

_PARALLEL = 1e-12  # determinant of two normals of unit 1-norm whose lines cross too far away to say where
_TOUCHES = 1e-14  # of the unit box: a face that cuts off less cuts off nothing
_POINT = 1e-11  # of the unit box: smaller sets are points, as lines that nearly agree may cross anywhere
_CONTRARY = 1e-5  # of the unit box: at a fold, rounding moves a fixed point by its square root
_ALIKE = 1e-10  # radians: two normals closer than this are one


def cross(a: Floats, b: Floats) -> Floats:
    """Return the determinants of pairs of vectors."""
    return np.asarray(a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0])


def angle(normals: Floats) -> Floats:
    """Return angles in (-pi, pi]; minus zero does not turn pi to -pi."""
    return np.arctan2(normals[..., 1] + 0.0, normals[..., 0])


class Fan:
    """Normals of unit 1-norm in the order of their angles, the last one to the left.

    Attributes
    ----------
    normals : ndarray of shape (J, 2)
    angles : ndarray of shape (J,)
    down, right, up, left : int
        The places of the axes.
    after : ndarray of shape (J,)
        The place of the next normal; the first one follows the last.
    scaled : ndarray of shape (J, 2)
        Normals of D times a set whose normals are these: n / d, of unit 1-norm.
    stretch : ndarray of shape (J,)
        The factors with D scaled = stretch normal.
    first, share, rest : ndarrays of shape (J,)
        D n = share n_first + rest n_(first + 1), with neighbours `first` and `first + 1`.
    """

    def __init__(self, normals: Floats, discounts: Floats) -> None:
        every = np.concatenate([AXES, normals / np.abs(normals).sum(axis=1, keepdims=True)])
        angles = angle(every)
        order = np.argsort(angles, kind="stable")
        self.discounts, self.normals, self.angles = discounts, every[order], angles[order]
        self.down, self.right, self.up, self.left = np.argsort(order)[:4].tolist()
        self.after = np.r_[1 : len(self), 0]
        inverse = self.normals * discounts[::-1]
        self.scaled = inverse / np.abs(inverse).sum(axis=1, keepdims=True)
        self.stretch = 1.0 / (np.abs(self.normals) / discounts).sum(axis=1)
        if discounts[0] == discounts[1]:
            self.first, self.share = np.arange(len(self)), np.full(len(self), discounts[0])
            self.rest = np.zeros(len(self))
        else:
            self._shares()
        self.rising, self.falling = np.arange(self.right + 1, self.left), np.arange(self.right)
        self.rightward = np.arange(self.down + 1, self.up)
        self.leftward = np.r_[self.up + 1 : len(self), 0 : self.down]

    def _shares(self) -> None:
        discounted = self.normals * self.discounts
        self.first = (np.searchsorted(self.angles, angle(discounted), "right") - 1) % len(self)
        one, other = self.normals[self.first], self.normals[self.after[self.first]]
        # 1-norms add up. By Cramer's rule both shares would lose six digits where neighbours nearly agree.
        total = np.abs(discounted).sum(axis=1)
        self.rest = np.clip(cross(one, discounted) / cross(one, other), 0.0, total)
        self.share = total - self.rest

    def __len__(self) -> int:
        return len(self.normals)

    @property
    def axes(self) -> list[int]:
        """The places of the axes: down, right, up, left."""
        return [self.down, self.right, self.up, self.left]

    def corner(self, directions: Floats) -> Indices:
        """Return the corner that is the farthest in each direction."""
        return np.asarray((np.searchsorted(self.angles, angle(directions) + 1e-13, "right") - 1) % len(self))

    def support(self, corners: Floats, directions: Floats) -> Floats:
        """Return how far sets given by corners reach, shape (S, k)."""
        return np.asarray((directions * corners[:, self.corner(directions)]).sum(axis=-1))

    def joined(self, faces: list[tuple[Floats, Floats]]) -> Fan:
        """Return the fan with normals of faces, given with their lengths; of those that nearly agree, the longest."""
        normals = np.concatenate([np.zeros((0, 2)), *(normals for normals, _ in faces)])
        length = np.concatenate([np.zeros(0), *(lengths for _, lengths in faces)])
        angles, known = angle(normals), np.concatenate([[-np.pi], self.angles])
        k = np.searchsorted(known, angles)
        gaps = angles - known[np.maximum(k - 1, 0)], known[np.minimum(k, len(self))] - angles
        new = np.minimum(*gaps) > _ALIKE
        normals, length, angles = normals[new], length[new], angles[new]
        order = np.argsort(angles, kind="stable")
        group = np.cumsum(np.diff(angles[order], prepend=-9.0) > _ALIKE)
        order = order[np.lexsort((-length[order], group))]
        longest = order[np.flatnonzero(np.diff(np.sort(group), prepend=0))]
        return Fan(
            np.concatenate([np.delete(self.normals, self.axes, axis=0), normals[longest]]), self.discounts
        )

    def intersection(self, levels: Floats) -> tuple[Floats, Floats, Floats]:
        """Intersect half-planes: return tight levels, corners, and how much each face cuts off, 0 if it is idle."""
        n, active = self.normals, np.ones(levels.shape, bool)
        foot = levels[..., None] * (n / (n * n).sum(axis=1, keepdims=True))
        while True:
            last, following = neighbours(active)
            before, beyond = np.roll(last, 1, axis=1), np.roll(following, -1, axis=1)
            a, b = n[before], n[beyond]
            turn = cross(a, b)
            # Relative to a point of each face's own line, as lines may be nearly parallel.
            of_a = np.take_along_axis(levels, before, 1) - (a * foot).sum(axis=-1)
            of_b = np.take_along_axis(levels, beyond, 1) - (b * foot).sum(axis=-1)
            with np.errstate(divide="ignore", invalid="ignore"):
                depth = (cross(n, b) * of_a + cross(a, n) * of_b) / turn
            same = (np.abs(turn) <= _PARALLEL) & ((a * b).sum(axis=-1) > 0.0)
            cut = np.where(turn > _PARALLEL, depth, np.where(same, 0.0, np.inf))
            idle = active & (cut < -_TOUCHES)
            if not idle.any():  # of those that only touch every second one goes, so that its neighbours stay
                touching = active & (cut <= _TOUCHES)
                touching[:, -1] = False
                idle = touching & (np.cumsum(touching, axis=1) % 2 == 1)
            # Fewer than two faces bound nothing: the half-planes contradict each other.
            idle[np.minimum(active.sum(axis=1) - 3, (active & ~idle).sum(axis=1)) < 2] = False
            if not idle.any():
                break
            active &= ~idle
        a, b = n[last], n[beyond]
        start = np.take_along_axis(foot, last[..., None], 1)
        along, turn = np.stack([-a[..., 1], a[..., 0]], axis=-1), cross(a, b)
        steps = np.take_along_axis(levels, beyond, 1) - (b * start).sum(axis=-1)
        corners = start + along * (steps / np.where(np.abs(turn) < 1e-300, 1e-300, turn))[..., None]
        far, near = levels[:, [self.right, self.up]], -levels[:, [self.left, self.down]]
        levels = np.where(active | ~np.isfinite(depth), levels, levels + depth)
        middle = (far + near) / 2.0
        point = (far - middle).max(axis=1) < _POINT
        corners[point] = middle[point, None]
        levels[point] = np.maximum(levels[point], middle[point] @ n.T)
        return levels, corners, np.where(active, cut, 0.0)

    def contradictory(self, levels: Floats, corners: Floats) -> Mask:
        """Say which states' half-planes leave nothing: the set would have a negative width."""
        across = levels[:, self.left] + levels[:, self.right], levels[:, self.down] + levels[:, self.up]
        width = levels + self.support(corners, -self.normals)
        return np.asarray((np.minimum(*across) < -_CONTRARY) | (width < -1e-2).any(axis=1))


def neighbours(active: Mask) -> tuple[Indices, Indices]:
    """Return, in each column, the last active one at or before it and the first at or after it, cyclically."""
    count = active.shape[1]
    column = np.arange(count)
    last = np.maximum.accumulate(np.where(active, column, -1), axis=1)
    first = np.minimum.accumulate(np.where(active, column, count)[:, ::-1], axis=1)[:, ::-1]
    return np.where(last < 0, last[:, -1:], last), np.where(first == count, first[:, :1], first)


def of_polygons(polygons: list[Floats], discounts: Floats) -> tuple[Fan, Floats, Floats]:
    """Return the fan of the polygons' edges, and the levels and corners of each."""
    fan = Fan(np.zeros((0, 2)), discounts).joined(list(map(edges, polygons)))
    between = fan.normals + fan.normals[fan.after]
    levels = np.stack([(v @ fan.normals.T).max(axis=0) for v in polygons])
    return fan, levels, np.stack([v[(v @ between.T).argmax(axis=0)] for v in polygons])


def edges(vertices: Floats) -> tuple[Floats, Floats]:
    """Return the outward normals, of unit 1-norm, and the lengths of a polygon's edges."""
    along = np.roll(vertices, -1, axis=0) - vertices
    along = along[np.abs(along).max(axis=1, initial=0.0) > 1e-14]
    normals = np.stack([along[:, 1], -along[:, 0]], axis=1)
    return normals / np.abs(normals).sum(axis=1, keepdims=True), np.abs(along).max(axis=1, initial=0.0)


def hull(points: Floats) -> Indices:
    """Return the vertices of the convex hull, counter-clockwise from the lowest of the leftmost, as indices.

    Many points are first sifted by the polygon of those that are extreme in sixteen directions.
    """
    numbers = np.arange(len(points))
    if len(points) > 64:
        ring = points[np.unique((points @ _AROUND).argmax(axis=0))]
        ring = ring[_chains(ring)]
        if len(ring) > 2:
            normals, _ = edges(ring)
            if len(normals) == len(ring):
                outside = (points @ normals.T >= (ring * normals).sum(axis=1) - 1e-15).any(axis=1)
                numbers = np.flatnonzero(outside)
    return np.asarray(numbers[_chains(points[numbers])])


_AROUND = np.stack([f(np.arange(16) * np.pi / 8 + 0.1) for f in (np.cos, np.sin)])


def _chains(points: Floats) -> Indices:
    """Return the hull by Andrew's monotone chains; turns are exact up to the rounding of a cross product."""
    order = np.lexsort((points[:, 1], points[:, 0]))
    rows = points[order].tolist()

    def chain(numbers: range) -> list[int]:
        out: list[int] = []
        for i in numbers:
            x, y = rows[i]
            while len(out) > 1:
                (ax, ay), (bx, by) = rows[out[-2]], rows[out[-1]]
                if (bx - ax) * (y - ay) - (by - ay) * (x - ax) > 0.0:
                    break
                out.pop()
            if not out or rows[out[-1]] != rows[i]:
                out.append(i)
        return out

    lower, upper = chain(range(len(rows))), chain(range(len(rows) - 1, -1, -1))
    return np.asarray(order[lower[:-1] + upper[:-1] if len(lower) > 1 or len(upper) > 1 else lower])


def corners(vertices: Floats) -> Floats:
    """Return the vertices without those that lie on their neighbours' chord up to rounding."""
    return vertices[simplified(vertices, 1e-13)]


def simplified(vertices: Floats, tolerance: float) -> Indices:
    """Return the vertices that remain if those within the tolerance of their neighbours' chord are dropped.

    Of neighbours the nearest goes first.
    """
    kept = np.arange(len(vertices))
    while len(kept) > 1:
        x = vertices[kept]
        a, b = vertices[np.roll(kept, 1)], vertices[np.roll(kept, -1)]
        chord = b - a
        t = ((x - a) * chord).sum(axis=1) / np.maximum((chord * chord).sum(axis=1), 1e-300)
        t = np.minimum(np.maximum(t, 0.0), 1.0)
        distance = np.abs(x - a - t[:, None] * chord).max(axis=1)
        if distance.min() > tolerance:
            break
        nearest = (distance < np.roll(distance, 1)) & (distance <= np.roll(distance, -1))
        nearest &= distance <= tolerance
        nearest[distance.argmin()] |= not nearest.any()
        kept = kept[~nearest]
    return kept
