r"""The farthest payoffs that hulls of points generate in given directions, and how: by one profile and few points.

The continuation after the outcome z is a mixture of the points of the state to which z leads. The farthest one in
direction q solves, over multipliers :math:`\mu \ge 0` of the constraints and a level :math:`\tau_z` for each outcome,

.. math:: \min_{\mu, \tau} \Bigl\{\sum_z \tau_z - b \cdot \mu :
          \tau_z \ge (p(z)\, \delta q + \sum_k \mu_k \omega_k(z) e_{i(k)}) \cdot v \text{ for all points } v\Bigr\}.

A basis holds a row for each constraint and outcome: points, whose multipliers are their weights, and constraints that
do not bind. A constraint that cannot be met shows in a bound on :math:`\mu` that binds, which stands for a share of
payoff that is missing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bargaining._arrays import Floats
from bargaining.equilibria._affine import farthest, once
from bargaining.equilibria.repeated._hyperplanes.profiles import Mask, Profiles
from bargaining.equilibria.repeated._hyperplanes.programs import Bases, Flags, Indices, optimise

_TABLE = 10_000_000  # entries, some 100 MB, of a table of faces and points


class Hull:
    """The convex hull of points, of any dimension: half-spaces within its affine hull."""

    __slots__ = ("basis", "centre", "faces", "places", "points")

    centre: Floats
    basis: Floats  # rows: the directions of the affine hull
    faces: Floats  # rows (normal, offset): normal @ x + offset <= 0 in these coordinates
    points: Floats  # the vertices
    places: NDArray[np.intp]  # where they are among the points given

    def __init__(self, points: Floats, merge: float = 0.0) -> None:
        self.centre = points.mean(axis=0)
        spread = points - self.centre
        _, size, axes = np.linalg.svd(spread, full_matrices=False)
        self.basis = axes[size > 1e-8]
        local = spread @ self.basis.T
        if len(self.basis) > 1:
            from scipy.spatial import ConvexHull, QhullError

            try:
                hull = ConvexHull(local, qhull_options=f"Qt W{merge}" if merge else None)
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
    def of(cls, points: Floats, merge: float = 0.0) -> Hull | None:
        """Return the hull, leaving out points no farther out than `merge`, or neighbours too near for floats."""
        from scipy.spatial import QhullError

        for digits in (14, 10, 9, 8, 7, 6) if len(points) else ():
            kept = once(points, digits)[0]
            try:
                hull = cls(points[kept], merge)
            except QhullError:
                continue
            hull.places = kept[hull.places]
            return hull
        return None

    def outside(self, points: Floats) -> Floats:
        """Return the distance of each point from the affine hull, or beyond a face."""
        spread = points - self.centre
        local = spread @ self.basis.T
        off = np.abs(spread - local @ self.basis).max(axis=1)
        if not len(self.faces):
            return np.asarray(off)
        beyond = farthest(self.faces, np.column_stack([local, np.ones(len(local))]))[1]
        return np.asarray(np.maximum(off, beyond))

    def normals(self) -> Floats:
        """Return the outward normals of the faces in the whole space, and both ways off a hull that is flat."""
        off = np.linalg.qr(self.basis.T, mode="complete")[0][:, len(self.basis) :].T
        return np.vstack([self.faces[:, :-1] @ self.basis, off, -off])

    def pointing(self) -> Floats:
        """Return a direction in which each vertex is the farthest: the middle of the normals of its faces."""
        if not len(self.faces):
            n = self.points.shape[1]
            return np.full((1, n), n**-0.5)
        local = (self.points - self.centre) @ self.basis.T
        middle = np.zeros_like(local)
        for faces in np.array_split(self.faces, 1 + len(self.faces) * len(local) // _TABLE):
            middle += (local @ faces[:, :-1].T + faces[:, -1] > -1e-9) @ faces[:, :-1]
        return np.asarray(middle / np.linalg.norm(middle, axis=1, keepdims=True) @ self.basis)


_PRICE = 1e4  # of a share of payoff that is missing
_MISSING = 1e-13  # a share of payoff that is rounding
_MARGIN = 0.03  # profiles that promise less than the points do now, by this much, are not worth a program
_ROUNDED = 1e-11  # of a constraint: what rounding may leave
_FIRST = 4  # profiles that are tried at once in each direction


class Points(NamedTuple):
    """Points of the states that have payoffs."""

    rows: Floats  # (m, n)
    state: Indices  # (m,) in ascending order


class Recipes(NamedTuple):
    """Payoffs that points generate: the profile played, and the rows of the mixtures that follow.

    A row k < K is a constraint that does not bind; 2 K + m Z + z is the point m after the outcome z.
    """

    directions: Indices  # (m,) the direction in which each is farthest
    profiles: Indices  # (m,), or -1 - l where the outcome l of leaving follows
    rows: Indices  # (m, K + Z)
    payoffs: Floats  # (m, n)

    def take(self, chosen: Indices | Flags) -> Recipes:
        """Return some of them."""
        return Recipes(
            self.directions[chosen], self.profiles[chosen], self.rows[chosen], self.payoffs[chosen]
        )


@dataclass(frozen=True, slots=True, eq=False)
class _Mixtures:
    """The rows of the programs of profiles and pulls: multipliers from 0 up to the price, then points."""

    profiles: Profiles
    points: Points
    owners: Indices  # (p,) the profile of each program
    pulls: Floats  # (p, n)

    def split(self, rows: Indices) -> tuple[Flags, Indices, Indices]:
        """Return which rows are points, which, and after which outcome."""
        count, outcomes = self.profiles.who.size, self.profiles.ahead.shape[1]
        point, after = np.divmod(np.maximum(rows - 2 * count, 0), outcomes)
        return rows >= 2 * count, point, after

    def normals(self, owners: Indices, rows: Indices) -> Floats:
        count, outcomes = self.profiles.who.size, self.profiles.ahead.shape[1]
        mixed, point, after = self.split(rows)
        out = np.zeros((*rows.shape, count + outcomes))
        p, m = np.nonzero(~mixed)
        out[p, m, rows[p, m] % max(count, 1)] = np.where(rows[p, m] < count, -1.0, 1.0)
        p, m = np.nonzero(mixed)
        weights = self.profiles.weights[self.owners[owners[p]], :, after[p, m]]
        out[p, m, :count] = weights * self.points.rows[point[p, m]][:, self.profiles.who]
        out[p, m, count + after[p, m]] = -1.0
        return out

    def rights(self, owners: Indices, rows: Indices) -> Floats:
        count = self.profiles.who.size
        mixed, point, after = self.split(rows)
        chance = self.profiles.chances[self.owners[owners][:, None], after]
        worth = (self.pulls[owners][:, None] * self.points.rows[point]).sum(axis=2)
        return np.where(mixed, -chance * worth, np.where(rows < count, 0.0, _PRICE))

    def violated(self, owners: Indices, points: Floats) -> tuple[Indices, Floats]:
        profiles, count = self.profiles, self.profiles.who.size
        prices, tops, profile = points[:, :count], points[:, count:], self.owners[owners]
        pulls = profiles.chances[profile][:, :, None] * self.pulls[owners][:, None]
        weighted = prices[:, :, None] * profiles.weights[profile]  # (p, K, Z)
        for k, i in enumerate(profiles.who.tolist()):
            pulls[:, :, i] += weighted[:, k]
        table = pulls @ self.points.rows.T - tops[:, :, None]  # (p, Z, m)
        if profiles.states > 1:
            table[profiles.ahead[profile][:, :, None] != self.points.state] = -np.inf
        flat = table.swapaxes(1, 2).reshape(len(points), -1)
        every = np.hstack([-prices, prices - _PRICE])
        worst, far = flat.argmax(axis=1), flat.max(axis=1)
        if not count:
            return worst, far
        most = every.argmax(axis=1)
        by = every[np.arange(len(points)), most]
        return np.where(by > far, most, worst + 2 * count), np.maximum(by, far)


def image(
    profiles: Profiles, points: Points, directions: Floats, state: Indices, alive: Mask | None = None
) -> Recipes:
    """Return the farthest payoff that hulls of points generate in each direction, unless well inside the hull.

    Directions are each of one state. Profiles are tried from the one that promises most without constraints.
    """
    low = profiles.floors(profiles.thresholds(profiles.threat(*points)))
    promised, enough = _promised(profiles, points, directions, state)
    if alive is not None:
        promised[:, ~alive] = -np.inf
    best = _leaving(profiles, directions, state)
    found = [best]
    values = np.full(len(directions), -np.inf)
    values[best.directions] = (best.payoffs * directions[best.directions]).sum(axis=1)
    most = _FIRST
    while True:
        open_ = promised > np.maximum(values, enough - _MARGIN)[:, None]
        if not open_.any():
            break
        rank = np.argsort(np.argsort(np.where(open_, -promised, np.inf), axis=1, kind="stable"), axis=1)
        face, profile = np.nonzero(open_ & (rank < most))
        promised[face, profile] = -np.inf
        most *= 2
        tried = _solved(profiles, points, directions * profiles.discounts, face, profile, low)
        found.append(tried)
        np.maximum.at(values, tried.directions, (tried.payoffs * directions[tried.directions]).sum(axis=1))
    joined = Recipes(*(np.concatenate(parts) for parts in zip(*found, strict=True)))
    reached = (joined.payoffs * directions[joined.directions]).sum(axis=1)
    order = np.lexsort((reached, joined.directions))
    last = np.append(np.diff(joined.directions[order]) > 0, np.ones(min(1, order.size), bool))
    return joined.take(order[last])


def _promised(
    profiles: Profiles, points: Points, directions: Floats, state: Indices
) -> tuple[Floats, Floats]:
    """Return what profiles of their states give without constraints, (d, N), and what the points give now, (d,)."""
    farthest, own = [], []
    for s in range(profiles.states):
        here = points.rows[points.state == s]
        bare = np.full((len(directions), 2), -np.inf) if not len(here) else None
        if bare is None:
            bare = np.stack(
                [((directions * scale) @ here.T).max(axis=1) for scale in (profiles.discounts, 1.0)], axis=1
            )
        farthest.append(bare[:, 0])
        own.append(bare[:, 1])
    later = np.array(farthest).T[:, profiles.ahead]  # (d, N, Z)
    later = np.where(profiles.chances > 0.0, profiles.chances * later, 0.0).sum(axis=2)
    promised = directions @ profiles.now.T + later
    promised[state[:, None] != profiles.state] = -np.inf
    return promised, np.array(own)[state, np.arange(len(directions))]


def _leaving(profiles: Profiles, directions: Floats, state: Indices) -> Recipes:
    """Return the best outcome of leaving in each direction of a state where somebody may leave."""
    width = profiles.who.size + profiles.ahead.shape[1]
    if not len(profiles.leaves):
        none = np.zeros(0, np.intp)
        return Recipes(none, none, np.zeros((0, width), np.intp), np.zeros((0, directions.shape[1])))
    worth = np.where(state[:, None] == profiles.exits, directions @ profiles.gone.T, -np.inf)
    at = np.flatnonzero(np.isfinite(worth).any(axis=1))
    chosen = worth[at].argmax(axis=1)
    return Recipes(at, -1 - chosen, np.zeros((at.size, width), np.intp), profiles.gone[chosen])


def _solved(
    profiles: Profiles, points: Points, pulls: Floats, face: Indices, owners: Indices, low: Floats
) -> Recipes:
    """Solve for the best mixtures of pairs of a pull and a profile, where its constraints can be met.

    The first basis has the farthest points, whatever the constraints there.
    """
    count, outcomes, every = profiles.who.size, profiles.ahead.shape[1], np.arange(len(face))
    mixtures = _Mixtures(profiles, points, owners, pulls[face])
    first = np.empty((len(face), outcomes), np.intp)
    places = [np.flatnonzero(points.state == s) for s in range(profiles.states)]
    farthest = [
        own[(pulls @ points.rows[own].T).argmax(axis=1)] if own.size else np.zeros(len(pulls), np.intp)
        for own in places
    ]
    first[:] = np.array(farthest)[profiles.ahead[owners], face[:, None]]
    least = low[owners]
    met = profiles.slack(owners, points.rows[first], low) >= 0.0
    rows = np.where(met, np.arange(count), count + np.arange(count))
    rows = np.hstack([rows, 2 * count + first * outcomes + np.arange(outcomes)])
    bases = Bases.at(mixtures, np.hstack([least, -np.ones((len(face), outcomes))]), every, rows)
    optimise(mixtures, bases)
    weights = np.maximum(bases.multipliers(), 0.0)
    mixed, point, after = mixtures.split(bases.rows)
    short = np.where(~mixed & (bases.rows >= count), weights, 0.0).sum(axis=1) > _MISSING
    shares = np.where(mixed, weights, 0.0)[:, :, None] * (after[:, :, None] == np.arange(outcomes))
    shares /= shares.sum(axis=1, keepdims=True)
    later = np.einsum("pmz,pmi->pzi", shares, points.rows[point])
    return Recipes(face, owners, bases.rows, profiles.value(owners, later)).take(~short)


def sustains(profiles: Profiles, row: int, points: Floats) -> bool:
    """Whether some continuations in the hull of points of a game of one state meet the constraints of a profile."""
    low = profiles.thresholds(profiles.threat(points, np.zeros(len(points), np.intp))).needed - _ROUNDED
    there, pull = Points(points, np.zeros(len(points), np.intp)), np.zeros((1, points.shape[1]))
    return bool(len(_solved(profiles, there, pull, np.zeros(1, np.intp), np.array([row]), low).profiles))
