"""The proof from outside for many exits at once: that of `_outer`, in arrays with the exits along the first axis.

All may leave with the same payoffs, so that the threat is known and thresholds do not move.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bargaining._arrays import Floats
from bargaining.equilibria._fixed_point import Search
from bargaining.equilibria._operator import SLACK, Block, Leave, binding
from bargaining.equilibria._outer import verdict
from bargaining.equilibria._polygon import Chains

_ROUNDING = 1e-13
_MARGIN = 1e-3
_TINY = 1e-12


def after(count: int) -> NDArray[np.intp]:
    """Return the number of the next vertex."""
    return np.arange(1, count + 1) % count


def thresholds(block: Block, own: Floats) -> Floats:
    """Return the lowest continuations at exits that pay `own`, of shape (C, 2): shape (C, 2, profiles)."""
    threat = own[:, :, None]
    return np.maximum(block.gain + threat, floor(block, own))


def floor(block: Block, own: Floats) -> Floats:
    """Return the continuations at which staying is worth as much as leaving."""
    indifferent: Floats = (own[:, :, None] - block.now) / block.discounts
    return indifferent


@dataclass(frozen=True, slots=True, eq=False)
class _Faces:
    """Faces `normals . w <= offsets` of candidates, shape (C, F); `speeds` blow them up from their middle."""

    normals: Floats
    offsets: Floats
    speeds: Floats
    reach: Floats  # how far they must move, shape (C,), to hold the outer set

    @classmethod
    def of(cls, points: Floats, corners: Floats) -> _Faces:
        """Return the sides, and the upper sides of the box around them."""
        edge = points[:, after(points.shape[1])] - points
        edge /= np.hypot(edge[:, :, 0], edge[:, :, 1])[:, :, None]
        outward = np.stack([edge[:, :, 1], -edge[:, :, 0]], axis=-1)
        normals = np.concatenate([np.broadcast_to(np.eye(2), (len(points), 2, 2)), outward], axis=1)
        offsets = (normals @ points.transpose(0, 2, 1)).max(axis=2)
        speeds = offsets - (normals @ points.mean(axis=1)[:, :, None])[:, :, 0]
        reach = (((normals @ corners.T).max(axis=2) - offsets) / speeds).max(axis=1, initial=0.0)
        return cls(normals, offsets, speeds, reach)


def proved(outer: Search, own: Floats, points: Floats) -> NDArray[np.bool_]:
    """Return for which exits the points, which generate themselves, are all that is left of the outer set.

    No profile may pass a face with any continuation in the outer set, or one that does must stay inside the faces
    however far they are moved out. What that leaves open is tried by itself, with other speeds.
    """
    block, corners = outer.block, np.array(outer.polygon)
    faces = _Faces.of(points, corners)
    cell, face, profile, b = _passing(block, Chains(outer.polygon), corners, own, faces)
    inside, lost = _attracted(block, b, faces, cell, face, profile)
    alone, fixed = np.ones(len(points), dtype=bool), np.ones(len(points), dtype=bool)
    alone[cell[~inside]], fixed[cell[lost]] = False, False
    for k in np.flatnonzero(fixed & ~alone).tolist():
        leave = (own.item(k, 0), own.item(k, 1))
        one = block.left(floor(block, own[k, None])[0], (Leave(leave),))
        candidate = [(x, y) for x, y in points[k].tolist()]
        alone[k] = verdict(one, candidate, outer.polygon, leave, leaves=[leave]).proved
    return alone


Numbers = NDArray[np.intp]


def _passing(
    block: Block, chains: Chains, corners: Floats, own: Floats, faces: _Faces
) -> tuple[Numbers, Numbers, Numbers, Floats]:
    """Return the exits, faces and profiles where the profile passes the face with a continuation in the outer set.

    With each its lowest continuations, shape (2, triples).
    """
    delta = block.discounts.item(0)
    face, profile = _ever_passing(block, chains, corners, own.min(axis=0), faces)
    pairs = block.keep(profile)
    (x, y), b = pairs.payoffs, thresholds(pairs, own)
    n, offset = faces.normals.take(face, axis=1), faces.offsets.take(face, axis=1) + 1e-14
    n0, n1 = n[:, :, 0], n[:, :, 1]
    height = n0 * x + n1 * y
    # What the box from the lowest threshold to the highest continuation allows.
    box = n0 * np.where(n0 > 0.0, chains.high[0], b[:, 0]) + n1 * np.where(n1 > 0.0, chains.high[1], b[:, 1])
    out = (height > offset) & ((1.0 - delta) * height + delta * box > offset)
    cell, pair = np.nonzero(out & (np.minimum(n0, n1) > -1.0))  # nobody stays for less than leaving pays
    face, profile, b, n = face[pair], profile[pair], b[cell, :, pair].T, n[cell, pair].T
    top = corners[(faces.normals @ corners.T).argmax(axis=2)[cell, face]].T
    far = _farthest(chains, b, n, top)
    out = (1.0 - delta) * height[cell, pair] + delta * far > offset[cell, pair]
    return cell[out], face[out], profile[out], b[:, out]


def _farthest(chains: Chains, b: Floats, n: Floats, top: Floats) -> Floats:
    """Return how far continuations go in directions n if they meet thresholds b; `top` would be the farthest."""
    w, feasible = binding(chains, b)
    level = np.where(feasible, n[0] * w[0] + n[1] * w[1], -np.inf).max(axis=0, initial=-np.inf)
    far: Floats = np.where((top >= b - SLACK).all(axis=0), n[0] * top[0] + n[1] * top[1], level)
    return far


def _ever_passing(
    block: Block, chains: Chains, corners: Floats, own: Floats, faces: _Faces
) -> tuple[Numbers, Numbers]:
    """Return the faces and profiles where the profile may pass the face at some exit that pays no less than `own`.

    In the unit box nothing is negative: no profile passes that does not with the largest coefficients of a face's
    normals, the smallest offset and the lowest thresholds.
    """
    delta = block.discounts.item(0)
    normals, offsets = faces.normals.max(axis=0), faces.offsets.min(axis=0) + 1e-14
    height = normals @ block.payoffs
    face, profile = np.nonzero(height > offsets[:, None])
    b = thresholds(block.keep(profile), own[None])[0]
    top = corners[(normals @ corners.T).argmax(axis=1)].T.take(face, axis=1)
    far = _farthest(chains, b, normals.take(face, axis=0).T, top)
    out = (1.0 - delta) * height[face, profile] + delta * far > offsets.take(face)
    return face[out], profile[out]


def _attracted(
    block: Block,
    b: Floats,
    faces: _Faces,
    cell: NDArray[np.intp],
    face: NDArray[np.intp],
    profile: NDArray[np.intp],
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return which profiles stay inside their face, however far all faces move out, and which never do.

    With constraint i binding and one face, the farthest payoff is at most `level + e * slope`: the thresholds do
    not move, as the threat is known. A bound that is good from `start` on is enough if another one is good
    before, or if until then the faces leave the profile nothing to continue with.
    """
    delta, k = block.discounts.item(0), np.arange(cell.size)
    normals, offsets, speeds = faces.normals[cell], faces.offsets[cell], faces.speeds[cell]
    n, b = normals[k, face], b.T
    offset, own, far = offsets[k, face, None], speeds[k, face, None], faces.reach[cell, None]
    base = (n * block.now[:, profile].T).sum(axis=1, keepdims=True)
    lack = normals[:, :, 0] * b[:, :1] + normals[:, :, 1] * b[:, 1:] - offsets
    stop = np.where((normals >= 0.0).all(axis=2) & (lack > _TINY), lack / speeds, 0.0).max(axis=1)
    start, least = np.full(cell.size, np.inf), np.full(cell.size, np.inf)
    blocked = stop > 0.0
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
        least = np.minimum(least, np.where(valid, excess, np.inf).min(axis=1))
    inside = (start == 0.0) | (stop > 1.001 * start) | (stop >= far[:, 0]) | (far[:, 0] <= _ROUNDING)
    return inside, (least > _ROUNDING) & ~blocked
