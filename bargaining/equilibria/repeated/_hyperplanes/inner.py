r"""Inner bounds on equilibrium payoffs of n players: finite sets of points that generate themselves.

If every point of Z is a mixture of payoffs :math:`(1-\delta) g(a) + \delta w` with w in the hull of Z and
:math:`w \ge b(a)`, the hull of Z consists of equilibrium payoffs (Abreu, Pearce & Stacchetti 1990), and so does
the hull of Z and whatever Z generates. Everything is in the unit box.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bargaining._arrays import Floats
from bargaining.equilibria._budget import Budget
from bargaining.equilibria._rows import once
from bargaining.equilibria.repeated._hyperplanes.cloud import Cloud
from bargaining.equilibria.repeated._hyperplanes.profiles import Profiles
from bargaining.equilibria.repeated._hyperplanes.programs import work
from bargaining.equilibria.repeated._hyperplanes.recipes import generating_points
from bargaining.equilibria.repeated._hyperplanes.vertex_image import Points, Recipes, image

SLACK = 1e-12
"""A point this far outside a set, in shares of the payoff range, counts as inside."""

_EDGE = 1e-14  # and this much is rounding in a constraint that binds
# Of the way to the centre, tried in turn: the less a set is shrunk, the less may be lost for good.
_SHRINK = (0.0, 1e-6, 1e-2, 0.03, 0.1, 0.2, 0.35, 0.5)
_TRIALS, _PATIENT = 12, 150  # rounds from a shrunk set, and from the points as they are, which fall slowly
_GAIN = 1e-9  # a point that adds less than this to a set is not worth a vertex
_ROUNDS = 200  # of growing; what has been grown by then generates itself
_MANY = 400  # faces, or points, beyond which no more than some directions are looked at
_TABLE = 10_000_000  # entries, some 100 MB, of a table of faces and points
_MOST = 400  # vertices: in four dimensions their hull has some three thousand faces


class Hull:
    """The convex hull of points, of any dimension: half-spaces within its affine hull."""

    __slots__ = ("basis", "centre", "faces", "places", "points")

    centre: Floats
    basis: Floats  # rows: the directions of the affine hull
    faces: Floats  # rows (normal, offset): normal @ x + offset <= 0 in these coordinates
    points: Floats  # the vertices
    places: NDArray[np.intp]  # where they are among the points given

    def __init__(self, points: Floats) -> None:
        self.centre = points.mean(axis=0)
        spread = points - self.centre
        _, size, axes = np.linalg.svd(spread, full_matrices=False)
        self.basis = axes[size > 1e-8]
        local = spread @ self.basis.T
        if len(self.basis) > 1:
            from scipy.spatial import ConvexHull, QhullError

            try:
                hull = ConvexHull(local)
            except QhullError:  # turned, many points on one face are no longer on one by rounding
                if len(self.basis) < points.shape[1]:
                    raise
                self.basis = np.eye(points.shape[1])
                hull = ConvexHull(spread)
            self.places, self.faces = hull.vertices.astype(np.intp), hull.equations
        elif len(self.basis) == 1:
            low, high = int(local.argmin()), int(local.argmax())
            self.places = np.array([low, high])
            self.faces = np.array([[-1.0, local[low, 0]], [1.0, -local[high, 0]]])
        else:
            self.places, self.faces = np.array([0]), np.empty((0, 1))
        self.points = points[self.places]

    @classmethod
    def of(cls, points: Floats) -> Hull | None:
        """Return the hull, or None of no points or of points too close to degenerate for floats."""
        from scipy.spatial import QhullError

        try:
            return cls(points) if len(points) else None
        except QhullError:
            return None

    def farthest(self, points: Floats) -> Floats:
        """Return the points farthest beyond each face; all of them if they leave the affine hull."""
        local = (points - self.centre) @ self.basis.T
        off = np.abs(points - self.centre - local @ self.basis).max(axis=1)
        if not len(self.faces) or off.max() > SLACK:
            return points
        return np.asarray(points[self._beyond(local, _GAIN)])

    def beyond(self, points: Floats, least: float) -> NDArray[np.intp]:
        """Return which points lie farthest beyond a face, by more than the least; the farthest one off a flat hull."""
        local = (points - self.centre) @ self.basis.T
        off = np.abs(points - self.centre - local @ self.basis).max(axis=1)
        if off.max() > least:
            return np.array([off.argmax()])
        return self._beyond(local, least)

    def _beyond(self, local: Floats, least: float) -> NDArray[np.intp]:
        if not len(self.faces):
            return np.zeros(0, dtype=np.intp)
        best, far = Cloud(local).farthest(self.faces[:, :-1])
        return np.unique(best[far + self.faces[:, -1] > least])

    def outside(self, points: Floats) -> Floats:
        """Return the distance of each point from the affine hull, or beyond a face."""
        spread = points - self.centre
        local = spread @ self.basis.T
        off = np.abs(spread - local @ self.basis).max(axis=1)
        if not len(self.faces):
            return np.asarray(off)
        beyond = Cloud(self.faces).farthest(np.column_stack([local, np.ones(len(local))]))[1]
        return np.asarray(np.maximum(off, beyond))

    def normals(self) -> Floats:
        """Return the outward normals of the faces in the whole space, and both ways off a hull that is flat."""
        off = np.linalg.qr(self.basis.T, mode="complete")[0][:, len(self.basis) :].T
        return np.vstack([self.faces[:, :-1] @ self.basis, off, -off])

    def above(self, floor: Floats) -> Floats:
        """Return points of the hull at or above a floor; all extreme ones where that part has an interior."""
        kept = self.points[(self.points >= floor - _EDGE).all(axis=1)]
        if not np.isfinite(floor).all() or not len(self.basis) or len(kept) == len(self.points):
            return kept
        limits = np.hstack([-self.basis.T, (floor - self.centre)[:, None]])
        moves = np.abs(self.basis.T).max(axis=1) > 1e-12
        if (limits[~moves, -1] > SLACK).any():
            return kept[:0]
        guess = (kept.mean(axis=0) - self.centre) @ self.basis.T if len(kept) else None
        local = vertices(np.vstack([self.faces, limits[moves]]), guess)
        found: Floats = np.concatenate([kept, self.centre + local @ self.basis])
        return found


def vertices(halfspaces: Floats, guess: Floats | None) -> Floats:
    """Return the vertices of {x : A x + b <= 0}, none if it has no interior."""
    from scipy.spatial import HalfspaceIntersection, QhullError

    dimension = halfspaces.shape[1] - 1
    inside = guess if guess is not None and _deep(halfspaces, guess) else _centre(halfspaces)
    if inside is None:
        return np.empty((0, dimension))
    if dimension == 1:
        ends = -halfspaces[:, 1] / halfspaces[:, 0]
        up = halfspaces[:, 0] > 0
        return np.array([[ends[~up].max()], [ends[up].min()]])
    try:
        found = HalfspaceIntersection(halfspaces, inside).intersections
    except QhullError:
        return np.empty((0, dimension))
    return np.asarray(found[np.isfinite(found).all(axis=1)])


def _deep(halfspaces: Floats, point: Floats) -> bool:
    return bool((halfspaces[:, :-1] @ point + halfspaces[:, -1]).max() < -1e-6)


def _centre(halfspaces: Floats) -> Floats | None:
    """Return the centre of the largest ball inside, None if the ball is too small."""
    from scipy.optimize import linprog

    dimension = halfspaces.shape[1] - 1
    norms = np.linalg.norm(halfspaces[:, :-1], axis=1)
    ball = linprog(
        np.append(np.zeros(dimension), -1.0),
        A_ub=np.hstack([halfspaces[:, :-1], norms[:, None]]),
        b_ub=-halfspaces[:, -1],
        bounds=[(None, None)] * dimension + [(0, None)],
        method="highs",
    )
    return None if ball.x is None or ball.x[-1] < 1e-9 else np.asarray(ball.x[:-1])


def generated(profiles: Profiles, hull: Hull) -> Floats:
    """Return payoffs that the hull generates, and those of profiles that sustain themselves for ever."""
    threat = profiles.threat(hull.points, np.zeros(len(hull.points), np.intp))
    low = profiles.floors(profiles.thresholds(threat))
    delta = profiles.discounts
    stable = (profiles.payoffs >= low - _EDGE).all(axis=1)
    found = [profiles.payoffs[stable], profiles.gone[profiles.leaves]]
    for gets, floor in zip(profiles.payoffs, low, strict=True):
        if (floor <= hull.points.max(axis=0) + SLACK).all():
            found.append((1 - delta) * gets + delta * hull.above(floor))
    return np.concatenate(found)


def self_generating(
    profiles: Profiles, points: Floats, directions: Floats, enough: float, budget: Budget
) -> Hull | None:
    """Shrink points towards their centre, and generate from them until they generate themselves; None if they do not.

    Without shrinking, the operator's iterates may fall until they move no more. Payoffs lost by shrinking come
    back under the operator, which is monotone, so that its iterates from below the largest fixed point end by
    rising towards it.
    """
    centre = points.mean(axis=0)
    for share in _SHRINK:
        hull = Hull.of(centre + (1 - share) * (points - centre))
        for trial in range(_PATIENT if share == 0.0 else _TRIALS):
            if hull and len(hull.faces) > _MANY and trial >= _TRIALS:
                break
            if not budget.spend(_size(profiles, hull)):
                return None
            image = generated(profiles, hull) if hull else np.empty((0, centre.size))
            after = Hull.of(image) if len(image) <= _MANY else Hull.of(image[_farthest(image, directions)])
            if hull is None or after is None:
                break
            if (after.outside(hull.points) <= SLACK).all():
                return grown(profiles, after, directions, enough, budget)
            hull = after
    return None


def from_stage(profiles: Profiles, directions: Floats, enough: float, budget: Budget) -> Hull | None:
    """Return the set grown from the pure stage equilibria and from leaving; None if there is neither."""
    gets, leaving = profiles.payoffs, profiles.leaving
    replies = profiles.thresholds(np.zeros((1, gets.shape[1]))).replies
    still = gets[(np.take_along_axis(gets, replies, axis=0) <= gets).all(axis=1)]
    if leaving is not None:
        still = np.vstack([still[(still >= leaving).all(axis=1)], leaving])
    start = Hull.of(still)
    return grown(profiles, start, directions, enough, budget) if start else None


def grown(profiles: Profiles, hull: Hull, directions: Floats, enough: float, budget: Budget) -> Hull:
    """Grow a self-generating set by its image, the point farthest beyond each face, until nothing is added.

    A hull of many faces takes only the points farthest in given directions, if they add more than is `enough`.
    Whatever is left out, the hull generates itself.
    """
    for _ in range(_ROUNDS):
        if not budget.spend(_size(profiles, hull)):
            break
        image = generated(profiles, hull)
        many = len(hull.faces) > _MANY
        image = image[hull.outside(image) > (enough if many else _GAIN)] if len(image) else image
        if many and len(image):
            image = image[_farthest(image, directions)]
        larger = Hull.of(np.vstack([hull.points, hull.farthest(image)])) if len(image) else None
        if larger is None or len(larger.points) > _MOST:
            break
        hull = larger
    return hull


def _size(profiles: Profiles, hull: Hull | None) -> int:
    """Return the work to generate from a hull: profiles and faces visited."""
    return len(profiles.payoffs) * (1 + (len(hull.faces) if hull else 0))


def _farthest(points: Floats, directions: Floats) -> NDArray[np.intp]:
    """Return which points lie farthest in some direction."""
    return np.unique(Cloud(points).farthest(directions)[0])


_MOVES = 40  # of the points; those that settle do so in far fewer
_EVERY = 4  # rounds after which the points are solved for in any case
_SLOWER = 0.3  # and what is left of the move before if it is worth solving for them earlier
_DIGITS = 11  # of points that are the same
_NEAR = 3.0  # how far they may lie, in what all further moves would add up to

Hulls = dict[int, Hull]
"""The hull of each state that has payoffs, in the order of the states."""


class Proof(NamedTuple):
    """How points generate themselves: by recipes found near them."""

    near: Points
    recipes: Recipes
    rows: Floats  # the points


def hulls_of(points: Points) -> Hulls | None:
    """Return the hulls, None if the points of some state are too close to degenerate for floats."""
    each = {s: sturdy(points.rows[points.state == s]) for s in points.states.tolist()}
    found = {s: hull for s, hull in each.items() if hull is not None}
    return found if len(found) == len(each) else None


def stacked(hulls: Hulls) -> Points:
    """Return the vertices of all hulls."""
    return joined({s: hull.points for s, hull in hulls.items()})


def joined(rows: dict[int, Floats]) -> Points:
    """Return the points of all states, given by state."""
    return Points(np.vstack([*rows.values()]), np.repeat([*rows], [*map(len, rows.values())]))


def sustained(profiles: Profiles, hulls: Hulls | None, budget: Budget) -> tuple[Hulls | None, Proof | None]:
    """Return hulls of points next to the vertices of these, and how they generate themselves; None if unknown.

    That ends the search.
    """
    before, patience = np.inf, 1.0 - profiles.discounts.max()
    for trial in range(_MOVES):
        if hulls is None:
            break
        points = stacked(hulls)
        count = len(points.rows)
        if not budget.spend(work(count * len(profiles.payoffs), count)):
            break
        found = farthest(profiles, hulls, points)
        at = found.directions
        reached = {s: found.payoffs[points.state[at] == s] for s in hulls}
        if not all(map(len, reached.values())):
            break
        move = float(np.abs(found.payoffs - points.rows[at]).max())
        if len(found.payoffs) == count:
            if move <= SLACK or move < _SLOWER * before or trial % _EVERY == _EVERY - 1:
                solved = generating_points(profiles, points, found, budget)
                if solved is not None and np.abs(solved - found.payoffs).max() <= _NEAR * move / patience:
                    return hulls_of(Points(solved, points.state)), Proof(points, found, solved)
                before = move
            if move <= SLACK:
                return hulls, Proof(points, found, points.rows)
        hulls = hulls_of(joined({s: own[once(own, _DIGITS)[0]] for s, own in reached.items()}))
    return hulls, None


def continued(less: Profiles, more: Profiles, hulls: Hulls, budget: Budget) -> Hulls | None:
    """Solve for what generates itself for more patient players as the points of hulls do for less patient ones."""
    points = stacked(hulls)
    found = farthest(less, hulls, points)
    if len(found.payoffs) < len(points.rows):
        return None
    solved = generating_points(more, points, found, budget)
    return None if solved is None else hulls_of(Points(solved, points.state))


def farthest(profiles: Profiles, hulls: Hulls, points: Points) -> Recipes:
    """Return the farthest payoffs that the points generate where each vertex is the farthest."""
    return image(profiles, points, np.vstack([pointing(hull) for hull in hulls.values()]), points.state)


def sturdy(points: Floats) -> Hull | None:
    """Return the hull of points, leaving out neighbours as near as it takes to find one in floats."""
    for digits in (14, 10, 9, 8, 7, 6):
        kept = once(points, digits)[0]
        hull = Hull.of(points[kept])
        if hull is not None:
            hull.places = kept[hull.places]
            return hull
    return None


def pointing(hull: Hull) -> Floats:
    """Return a direction in which each vertex is the farthest: the middle of the normals of its faces."""
    if not len(hull.faces):
        n = hull.points.shape[1]
        return np.full((1, n), n**-0.5)
    local = (hull.points - hull.centre) @ hull.basis.T
    middle = np.zeros_like(local)
    for faces in np.array_split(hull.faces, 1 + len(hull.faces) * len(local) // _TABLE):
        middle += (local @ faces[:, :-1].T + faces[:, -1] > -1e-9) @ faces[:, :-1]
    return np.asarray(middle / np.linalg.norm(middle, axis=1, keepdims=True) @ hull.basis)
