"""A self-generating set: corners, each with the profile and the continuations that generate it.

The corners move to the vertices of the image of their hull, until they converge.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from bargaining._arrays import Floats
from bargaining.equilibria._affine import Sparse, solution
from bargaining.equilibria._plane.polygon import beyond, hull
from bargaining.equilibria._rows import once
from bargaining.equilibria.repeated._hyperplanes.cloud import Cloud, walked
from bargaining.equilibria.repeated._hyperplanes.inner import Hull, pointing, sturdy
from bargaining.equilibria.repeated._hyperplanes.refinement import distinct
from bargaining.equilibria.repeated._monitored.programs import (
    MISSED,
    NOBODY,
    Indices,
    Known,
    Programs,
    Promises,
    plans,
    winners,
)

_SAME = 1e-13  # the least distance within which corners are merged
_TOTAL = 100.0  # the weight of the condition that chances add up to one; payoffs are in the unit box
_APART = 1e-10  # the least distance at which floats distinguish points of a hull in three dimensions
_THIN = 1e-6  # spread of points below which they may lie in a plane
_MANY = 300  # corners of a set that does not converge, of two players
_FINER = 100.0  # points of a growing set closer than its distance over this are merged
_DEEP = 1e-6  # how far inside all faces the point lies from which corners are seen
_SEVERAL = 1000  # the same for more players, whose sets are rounder


@dataclass(frozen=True, slots=True, eq=False)
class Generated:
    """Corners of a set and how each is generated from another set.

    Attributes
    ----------
    corners : (m, n) array
        Counter-clockwise.
    owners : (m,) array of int
        The profile played, by its place among the programs, or -1 - k where outcome k of leaving ends the game.
    continuations : (m, S, n) array
        The points of the other set that follow each signal.
    programs : int
        How many programs were solved.
    known : Known
        Multipliers for the next set.
    """

    corners: Floats
    owners: Indices
    continuations: Floats
    programs: int
    known: Known


def generated(
    programs: Programs,
    leaves: Floats,
    corners: Floats,
    merge: float,
    *,
    directions: Floats | None = None,
    known: Known | None = None,
) -> Generated:
    """Apply the operator to the hull of `corners`; return the hull of its support points in many directions.

    By default the directions are the normals of the sides, those at the corners, and the axes. Corners within `merge`
    of the segment between their neighbours are dropped. Known multipliers show which profiles need not be tried.
    """
    along = around(corners) if directions is None else directions
    signals, count, cloud = programs.chances.shape[1], len(along), Cloud(corners)
    points, owners = np.zeros_like(along), np.full(count, NOBODY)
    continuations = np.zeros((count, signals, corners.shape[1]))
    best = np.full(count, -np.inf)
    if len(leaves):
        worth = leaves @ along.T
        best, owners = worth.max(axis=0), -1 - worth.argmax(axis=0)
        points = leaves[worth.argmax(axis=0)]
    multipliers = (
        np.zeros((len(programs.now), count, len(programs.views))) if known is None else known.near(along)
    )
    found = winners(programs, cloud, along, plans(programs, cloud), multipliers, best)
    won = np.flatnonzero(found.owners != NOBODY)
    owners[won] = found.owners[won]
    continuations[won] = found.plans.take(won).continuations(signals, corners)
    points[won] = programs.payoffs(owners[won], continuations[won])
    there = Promises(points, owners, continuations).take(np.flatnonzero(owners != NOBODY))
    if len(there.points):
        there = vertices(there, merge)
    return Generated(*there, found.solved, Known(along, multipliers))


def vertices(promises: Promises, merge: float) -> Promises:
    """Return those whose points are vertices of their hull up to `merge`."""
    return promises.take(extreme(promises.points, merge))


def around(corners: Floats) -> Floats:
    """Return the normals of the sides of a polygon, one at each corner between them, and the axes."""
    n = corners.shape[1]
    axes = np.vstack([np.eye(n), -np.eye(n)])
    if len(corners) < 2:
        return axes
    if n > 2:
        solid = sturdy(corners)
        return axes if solid is None else np.vstack([distinct(solid.normals()), pointing(solid), axes])
    normals = sides(corners)
    between = normals + np.roll(normals, 1, axis=0)
    if len(corners) == 2:  # the ends of a segment
        between = np.column_stack([-normals[:, 1], normals[:, 0]])
    return np.vstack([normals, between / np.linalg.norm(between, axis=1, keepdims=True), axes])


def extreme(points: Floats, merge: float) -> Indices:
    """Return which points are vertices of their hull up to `merge`, counter-clockwise in the plane."""
    if points.shape[1] == 2:
        return np.array(hull([(x, y) for x, y in points.tolist()], merge=merge), dtype=np.intp)
    from scipy.spatial import ConvexHull, QhullError

    if np.linalg.matrix_rank(points - points.mean(axis=0), tol=_THIN) == points.shape[1]:
        with suppress(QhullError):  # W: points no farther outside are not added
            solid = ConvexHull(points, qhull_options=f"Qt W{max(merge, _APART)}")
            return np.sort(solid.vertices).astype(np.intp)
    start = np.unique(np.append(points.argmax(axis=0), points.argmin(axis=0)))
    kept, flat = _vertices(points, start)
    while flat is not None:  # add the point farthest beyond each side, until all lie within `merge`
        far = flat.beyond(points, max(merge, _APART))
        known, before = len(kept), flat.outside(points).max()
        if not far.size:
            break
        kept, flat = _vertices(points, np.append(kept, far))
        if len(kept) <= known and (flat is None or flat.outside(points).max() >= before):
            break
    return kept


def _vertices(points: Floats, some: Indices) -> tuple[Indices, Hull | None]:
    """Return which points are vertices of their hull, and the hull; all points if floats find no hull."""
    for digits in (10, 9, 8, 7, 6):
        kept = some[once(points[some], digits)[0]]
        solid = Hull.of(points[kept])
        if solid is not None:
            return np.asarray(kept[solid.places]), solid
    return some, None


def sides(corners: Floats) -> Floats:
    """Return the outward normals of the sides, the first between the first two corners."""
    along = np.roll(corners, -1, axis=0) - corners
    normals = np.column_stack([along[:, 1], -along[:, 0]])
    return np.asarray(normals / np.linalg.norm(normals, axis=1, keepdims=True))


def between(normals: Floats) -> Floats:
    """Return the directions midway between neighbouring normals."""
    between = normals + np.roll(normals, -1, axis=0)
    return np.asarray(between / np.linalg.norm(between, axis=1, keepdims=True))


def apart(one: Floats, other: Floats) -> float:
    """Return the distance between two polygons."""
    if one.shape[1] > 2:
        solids = sturdy(one), sturdy(other)
        if solids[0] is None or solids[1] is None:
            return np.inf
        return float(max(solids[0].outside(other).max(), solids[1].outside(one).max()))
    first, second = [(x, y) for x, y in one.tolist()], [(x, y) for x, y in other.tolist()]
    return max(beyond(first, second), beyond(second, first))


@dataclass(frozen=True, slots=True, eq=False)
class Automaton:
    """The payoffs of an automaton with fixed lotteries, so that continuation payoffs are exact.

    Attributes
    ----------
    payoffs : (m, n) array
        The payoffs of each state.
    owners : (m,) array of int
        The profile played in each state, or -1 - k where outcome k of leaving ends the game.
    lotteries : sparse (m S, m) matrix
        The chance of each state after each signal: row ``state * S + signal``.
    excess : float
        The largest gain from a deviation, in the units of the programs; negative if every deviation loses. Rows
        that are tied among the payoffs do not count while they are met.
    programs : int
        How many programs were solved.
    """

    payoffs: Floats
    owners: Indices
    lotteries: Sparse
    excess: float
    programs: int

    @property
    def continuations(self) -> Floats:
        """The expected payoffs after each signal, (m, S, n)."""
        m, n = self.payoffs.shape
        return np.asarray(self.lotteries @ self.payoffs).reshape(m, -1, n)

    @property
    def corners(self) -> Floats:
        """The vertices of the hull of the payoffs, counter-clockwise."""
        return np.asarray(self.payoffs[extreme(self.payoffs, 0.0)])


def settled(
    programs: Programs,
    leaves: Floats,
    corners: Floats,
    slack: float,
    steps: int,
    *,
    merge: float = 0.1,
    known: Known | None = None,
) -> Automaton | None:
    """Return an automaton with payoffs near `corners` whose rows are met with `slack`; None if nothing is left.

    The corners first move to a fixed point under the tighter rows. Then each continuation is written as a lottery over
    the new corners, and the payoffs of the states solve a linear system. If what the corners would still have moved
    breaks a row, they move on. Corners closer than `merge` times the slack are merged. Rows that are tied among the
    corners need no slack.
    """
    tight, solved, still = programs.tightened(slack, corners), 0, slack / 10.0
    for step in range(steps):
        image = generated(tight, leaves, corners, max(merge * slack, _SAME), known=known)
        solved, known = solved + image.programs, image.known
        if not 0 < len(image.corners) <= _most(corners):
            return None
        source, corners = corners, image.corners
        if step == steps - 1 or apart(source, corners) <= still:
            found = _play(programs, Promises(corners, image.owners, image.continuations), solved)
            if found.excess <= MISSED or still <= _SAME:
                break
            still /= 10.0
    return found


def _most(points: Floats) -> int:
    return _MANY if points.shape[1] == 2 else _SEVERAL


def grown(
    programs: Programs,
    leaves: Floats,
    start: Promises,
    slack: float,
    merge: float,
    known: Known,
    away: Callable[[Floats], float],
    enough: float,
    steps: int,
) -> Automaton:
    """Return an automaton whose payoffs are self-generating, grown from the hull of some points.

    A self-generating set, joined with points that it generates, is self-generating. So it grows towards the largest one
    until its distance, `away`, is at most `enough`. The number of steps is limited; each reduces distances by the
    discount factor. Points closer than `merge` to the hull of the others are not added.
    """
    tight, solved = replace(programs, limits=programs.limits - slack), 0
    own = vertices(start, _SAME)
    pace, most = float(programs.discounts.max()), _most(start.points)
    for step in range(steps):
        far = away(own.points)
        if far <= enough or far * pace ** (steps - step) > enough or len(own.points) > 2 * most:
            break
        nearer = max(merge, far / _FINER)
        image = generated(tight, leaves, own.points, nearer, known=known)
        solved, known = solved + image.programs, image.known
        more = Promises(image.corners, image.owners, image.continuations)
        before, own = own.points, vertices(own.joined(more), slack / 10.0)
        if apart(before, own.points) <= merge:
            break
    return _play(programs, own, solved)


def _play(programs: Programs, promised: Promises, solved: int) -> Automaton:
    """Return the automaton that continues with lotteries over the points, so that its payoffs are the points."""
    from scipy.sparse import csr_matrix

    signals, n = promised.continuations.shape[1:]
    lotteries = csr_matrix(_shares(promised.points, promised.continuations.reshape(-1, n)))
    found = Automaton(promised.points, promised.owners, lotteries, -np.inf, solved)
    played = promised.owners >= 0
    if not played.any():
        return found
    owners = np.where(played, promised.owners, 0)
    chances = (programs.chances[owners] * played[:, None]).ravel()
    every = np.arange(chances.size)
    expected = csr_matrix((chances, (every // signals, every))) @ lotteries
    payoffs = np.where(played[:, None], programs.now[owners], promised.points)
    for delta in np.unique(programs.discounts).tolist():
        own = programs.discounts == delta
        payoffs[:, own] = solution(delta * expected, payoffs[:, own])
    found = replace(found, payoffs=payoffs)
    excess = programs.excess(owners, found.continuations)
    excess[programs.tied(payoffs)[owners] & (excess <= MISSED)] = -np.inf
    return replace(found, excess=float(excess[played].max(initial=-np.inf)))


def _shares(corners: Floats, points: Floats) -> Any:
    """Write points, or approximately the nearest points of a polygon, as lotteries over its corners, (p, m).

    The result is sparse for corners in more dimensions.
    """
    m = len(corners)
    if corners.shape[1] > 2 and m > 1:
        return _seen_from_within(corners, points)
    out = np.zeros((len(points), m))
    if m == 1:
        out[:] = 1.0
        return out
    if m == 2:
        along = corners[1] - corners[0]
        share = np.clip((points - corners[0]) @ along / (along @ along), 0.0, 1.0)
        out[:, 0], out[:, 1] = 1.0 - share, share
        return out
    first, second = corners[1:-1] - corners[0], corners[2:] - corners[0]  # a fan of triangles
    area = first[:, 0] * second[:, 1] - first[:, 1] * second[:, 0]
    to = points[:, None] - corners[0]
    one = (to[..., 0] * second[:, 1] - to[..., 1] * second[:, 0]) / area
    other = (first[:, 0] * to[..., 1] - first[:, 1] * to[..., 0]) / area
    weights = np.maximum(np.stack([1.0 - one - other, one, other], axis=-1), 0.0)
    weights /= weights.sum(axis=-1, keepdims=True)
    # Much is missed in thin triangles.
    missed = np.abs(weights[..., 1:2] * first + weights[..., 2:] * second - to).max(axis=-1)
    best = missed.argmin(axis=1)
    rows = np.arange(len(points))
    chosen = weights[rows, best]
    for k, column in enumerate((np.zeros(len(points), dtype=np.intp), best + 1, best + 2)):
        out[rows, column] += chosen[:, k]
    return out


def _seen_from_within(corners: Floats, points: Floats) -> Sparse:
    """Write points as lotteries over an interior point and the corners of the face behind which each lies.

    The interior point is the mean of the corners farthest out along the axes. If several faces lie in one plane, the
    first may be the wrong one: then, and if all corners lie in one plane, a program finds the lottery.
    """
    from scipy.optimize import nnls
    from scipy.sparse import csr_matrix
    from scipy.spatial import ConvexHull, QhullError

    m, n, rows = len(corners), corners.shape[1], np.arange(len(points))
    far = np.unique(np.append(corners.argmax(axis=0), corners.argmin(axis=0)))
    centre = corners[far].mean(axis=0)
    ends, shares, missed = np.zeros((len(points), n), np.intp), np.zeros((len(points), n)), rows >= 0
    with suppress(QhullError):
        solid = ConvexHull(corners)
        depth = -(solid.equations[:, :-1] @ centre + solid.equations[:, -1])
        if depth.min() >= _DEEP:
            polar, to = Cloud(solid.equations[:, :-1] / depth[:, None]), points - centre
            spans = corners[solid.simplices] - centre
            flat = np.linalg.det(spans) == 0.0
            spans[flat] = np.eye(n)
            cones = np.linalg.inv(spans)

            def weigh(rows: Indices, faces: Indices) -> Floats:
                weights = (to[rows][:, None] @ cones[faces])[:, 0]
                return np.asarray(np.where(flat[faces][:, None], -np.inf, weights))

            face, shares = walked(polar.farthest(to)[0], solid.neighbors, weigh, -_APART)
            ends = solid.simplices[face]
            missed = shares.min(axis=1) < -_APART
    shares = np.maximum(shares, 0.0)
    shares /= np.maximum(shares.sum(axis=1, keepdims=True), 1.0)
    rest = np.maximum(1.0 - shares.sum(axis=1, keepdims=True), 0.0) / far.size
    rest = np.repeat(rest, far.size, axis=1)
    values = np.hstack([shares, rest]) * ~missed[:, None]
    columns = np.hstack([ends, np.broadcast_to(far, rest.shape)])
    out = csr_matrix((values.ravel(), (np.repeat(rows, columns.shape[1]), columns.ravel())), (len(points), m))
    left = np.flatnonzero(missed)
    if left.size:
        system = np.vstack([corners.T, np.full(m, _TOTAL)])
        found = np.array([nnls(system, np.append(points[k], _TOTAL))[0] for k in left])
        place = csr_matrix((np.ones(left.size), (left, np.arange(left.size))), (len(points), left.size))
        out = out + place @ csr_matrix(found / found.sum(axis=1, keepdims=True))
    return out
