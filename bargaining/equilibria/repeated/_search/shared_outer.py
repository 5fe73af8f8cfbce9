"""The proof from outside for many exits at once: that of `outer`, in arrays with the exits along the first axis.

All may leave with the same payoffs, so that the threat is known and thresholds do not move.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bargaining._arrays import Floats
from bargaining.equilibria._plane.kinds import SLACK
from bargaining.equilibria._plane.polygon import Chains, Polygon
from bargaining.equilibria.repeated._search.fixed_point import Search
from bargaining.equilibria.repeated._search.operator import Block, binding

_ROUNDING = 1e-13  # of an excess, in the unit box
_MARGIN = 1e-3  # of a speed: what lowers a face more slowly is taken as not lowering it
_TINY = 1e-12  # a set so thin has no inside to measure speeds from
_CHUNK = 12  # exits that are looked through together

Numbers = NDArray[np.intp]
Flags = NDArray[np.bool_]


def after(count: int) -> Numbers:
    """Return the number of the next vertex."""
    return np.arange(1, count + 1) % count


def thresholds(block: Block, profiles: Numbers, own: Floats) -> Floats:
    """Return the lowest continuations of some profiles, shape (..., 2, profiles), at exits that pay `own`."""
    gain, now = block.gain.take(profiles, axis=1), block.now.take(profiles, axis=1)
    return np.maximum(gain + own, (own - now) / block.discounts)


class _Outer(NamedTuple):
    """A set that contains that of every exit."""

    chains: Chains
    corners: Floats

    @classmethod
    def of(cls, polygon: Polygon) -> _Outer:
        return cls(Chains(polygon), np.array(polygon))

    @property
    def high(self) -> Floats:
        """The highest coordinates, shape (2, 1)."""
        return np.array(self.chains.high)[:, None]

    def farthest(self, n: Floats, b: Floats) -> Floats:
        """Return how far continuations that meet thresholds b go in directions n, of shape (2, m)."""
        top = self.corners.T.take((self.corners @ n).argmax(axis=0), axis=1)
        w, feasible = binding(self.chains, b)
        level = np.where(feasible, n[0] * w[0] + n[1] * w[1], -np.inf).max(axis=0, initial=-np.inf)
        far: Floats = np.where((top >= b - SLACK).all(axis=0), n[0] * top[0] + n[1] * top[1], level)
        return far


@dataclass(frozen=True, slots=True, eq=False)
class _Faces:
    """Faces `normals . w <= offsets` of candidates, shape (C, F); `speeds` blow them up from their middle."""

    normals: Floats
    offsets: Floats
    speeds: Floats
    reach: Floats  # how far they must move, shape (C,), to hold what is left of the outer set above `own`

    @classmethod
    def of(cls, points: Floats, own: Floats, outer: _Outer) -> _Faces:
        """Return the sides, and the upper sides of the box around them; the side of a repeated vertex is no limit."""
        edge = points[:, after(points.shape[1])] - points
        length = np.hypot(edge[:, :, 0], edge[:, :, 1])
        edge /= np.where(length > 0.0, length, 1.0)[:, :, None]
        outward = np.stack([edge[:, :, 1], -edge[:, :, 0]], axis=-1)
        normals = np.concatenate([np.broadcast_to(np.eye(2), (len(points), 2, 2)), outward], axis=1)
        offsets = (normals @ points.transpose(0, 2, 1)).max(axis=2)
        speeds = offsets - (normals @ points.mean(axis=1)[:, :, None])[:, :, 0]
        speeds[speeds <= _TINY] = 1.0
        far = outer.farthest(normals.reshape(-1, 2).T, own.repeat(offsets.shape[1], axis=0).T)
        reach = ((far.reshape(offsets.shape) - offsets) / speeds).max(axis=1, initial=0.0)
        return cls(normals, offsets, speeds, reach)


class _Pairs(NamedTuple):
    """Profiles and faces of exits, shape (m,), and the lowest continuations, shape (2, m)."""

    exit: Numbers
    face: Numbers
    profile: Numbers
    b: Floats


def proved(outer: Search, own: Floats, points: Floats, structures: Numbers) -> Flags:
    """Return for which exits the points, which generate themselves, are all that is left of the outer set.

    No profile may pass a face with any continuation in the outer set, or one that does must stay inside the faces
    however far they are moved out.

    Parameters
    ----------
    outer : Search
        A finished search for a set that contains the set of every exit.
    own : ndarray of shape (C, 2)
        What leaving pays.
    points : ndarray of shape (C, n, 2)
        Vertices, the last of which may be repeated.
    structures : ndarray of int of shape (C, n)
        A name for the way in which each vertex is generated. Exits whose names are equal are looked through together.
    """
    alone = np.ones(len(points), dtype=bool)
    if len(points):
        around = _Outer.of(outer.polygon)
        faces = _Faces.of(points, own, around)
        pairs = _passing(outer.block, around, own, faces, structures)
        alone[pairs.exit[~_attracted(outer.block, faces, pairs)]] = False
    return alone


def _passing(block: Block, outer: _Outer, own: Floats, faces: _Faces, structures: Numbers) -> _Pairs:
    """Return the pairs where the profile passes the face with a continuation in the outer set."""
    delta = block.discounts.item(0)
    cell, face, profile = _candidates(block, outer, own, faces, structures)
    n = np.stack([faces.normals[:, :, i][cell, face] for i in (0, 1)])
    offset = faces.offsets[cell, face] + 1e-14
    height = (n * block.payoffs.take(profile, axis=1)).sum(axis=0)
    out = np.flatnonzero(
        (height > offset) & (n.min(axis=0) > -1.0)
    )  # nobody stays for less than leaving pays
    cell, face, profile, n = cell[out], face[out], profile[out], n[:, out]
    b, missing = (
        thresholds(block, profile, own.T.take(cell, axis=1)),
        offset[out] - (1.0 - delta) * height[out],
    )
    # First what the box from the lowest threshold to the highest continuation allows.
    out = np.flatnonzero(delta * (n * np.where(n > 0.0, outer.high, b)).sum(axis=0) > missing)
    out = out[delta * outer.farthest(n[:, out], b[:, out]) > missing[out]]
    return _Pairs(cell[out], face[out], profile[out], b[:, out])


def _candidates(
    block: Block, outer: _Outer, own: Floats, faces: _Faces, structures: Numbers
) -> tuple[Numbers, Numbers, Numbers]:
    """Return exits, faces and profiles: all where the profile may pass the face at one of a few exits of one structure.

    None does that does not with the largest coefficients of the face's normals, the smallest of its offsets, and
    payoffs between the lowest and the highest at any of these exits. Coordinates that a face bounds from below are
    measured from what leaving pays, as the face moves with it; in the unit box nothing is negative. The continuations
    are those of the box first, then those that the lowest payoff from leaving allows.
    """
    exits = np.lexsort(structures.T)
    changed = (structures[exits[1:]] != structures[exits[:-1]]).any(axis=1)
    starts = np.flatnonzero(np.r_[True, changed] | (np.arange(exits.size) % _CHUNK == 0))
    sizes, delta = np.diff(starts, append=exits.size), block.discounts.item(0)
    normals, own = faces.normals[exits], own[exits]
    flattest, best = np.maximum.reduceat(normals, starts), np.maximum.reduceat(own, starts)[:, :, None]
    lowest = np.minimum.reduceat(own, starts)
    below = flattest <= 0.0
    up, down, steep = flattest * ~below, flattest * below, np.minimum.reduceat(normals, starts) * below
    moving = (normals * below.repeat(sizes, axis=0)) @ own[:, :, None]
    offsets = np.minimum.reduceat(faces.offsets[exits, :, None] - moving, starts) + 1e-14
    ahead = block.payoffs - best
    height = _sum([up, down, steep], [block.payoffs, np.maximum(ahead, 0.0), np.minimum(ahead, 0.0)])
    least = (1.0 - delta) * np.maximum(block.best - best, 0.0)
    farthest = _sum([up, down], [block.now + delta * outer.high, least])
    passing = np.flatnonzero((height > offsets) & (farthest > offsets))
    group, face, profile = np.unravel_index(passing, height.shape)
    n, b = flattest[group, face].T, thresholds(block, profile, lowest.T.take(group, axis=1))
    base = (n * block.now.take(profile, axis=1)).sum(axis=0) - (down @ best)[group, face, 0]
    out = np.flatnonzero(base + delta * outer.farthest(n, b) > offsets[group, face, 0])
    group, face, profile = group[out], face[out], profile[out]
    pair, place = np.nonzero(np.arange(_CHUNK) < sizes[group, None])
    return exits[starts[group[pair]] + place], face[pair], profile[pair]


def _sum(weights: list[Floats], values: list[Floats]) -> Floats:
    """Return the sum of products of matrices, shape (groups, faces, profiles), in one product: memory is dear."""
    shape = np.broadcast_shapes(*(value.shape for value in values))
    total: Floats = np.concatenate(weights, axis=2) @ np.concatenate(
        [np.broadcast_to(value, shape) for value in values], axis=1
    )
    return total


def _attracted(block: Block, faces: _Faces, pairs: _Pairs) -> Flags:
    """Return which profiles stay inside their face, however far all faces move out.

    With constraint i binding and one face, the farthest payoff is at most `level + e * slope`: the thresholds do
    not move, as the threat is known. A bound that is good from `start` on is enough if another one is good
    before, or if until then the faces leave the profile nothing to continue with.
    """
    delta, (cell, face, profile, b), k = block.discounts.item(0), pairs, np.arange(pairs.exit.size)
    normals, offsets, speeds = faces.normals[cell], faces.offsets[cell], faces.speeds[cell]
    n, b = normals[k, face], b.T
    offset, own, far = offsets[k, face, None], speeds[k, face, None], faces.reach[cell, None]
    base = (n * block.now[:, profile].T).sum(axis=1, keepdims=True)
    lack = normals[:, :, 0] * b[:, :1] + normals[:, :, 1] * b[:, 1:] - offsets
    stop = np.where((normals >= 0.0).all(axis=2) & (lack > _TINY), lack / speeds, 0.0).max(axis=1)
    start = np.full(cell.size, np.inf)
    for i in (0, 1):
        with np.errstate(divide="ignore", invalid="ignore"):
            by_face = delta * n[:, 1 - i, None] / normals[:, :, 1 - i]
            by_cut = by_face * normals[:, :, i] - delta * n[:, i, None]
            excess = base + by_face * offsets - by_cut * b[:, i, None] - offset
            growth = by_face * speeds - own
            valid = (by_face >= 0.0) & (by_cut >= 0.0) & np.isfinite(excess)
            late = valid & (excess + far * growth <= -_MARGIN * far * np.minimum(own, 1.0))
            from_ = np.where(late, np.where(excess <= _ROUNDING, 0.0, excess / -growth), np.inf)
            until = np.where(valid & (excess < 0.0) & (growth > 0.0), -0.999 * excess / growth, 0.0)
        start, stop = np.minimum(start, from_.min(axis=1)), np.maximum(stop, until.max(axis=1))
    return np.asarray(
        (start == 0.0) | (stop > 1.001 * start) | (stop >= far[:, 0]) | (far[:, 0] <= _ROUNDING)
    )
