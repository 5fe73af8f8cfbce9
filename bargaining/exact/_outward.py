"""Outer bounds of payoff sets by linear-programming duality: floats with margins, rationals where it is close."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bargaining._arrays import Floats
from bargaining.equilibria._plane.leaving import outcomes
from bargaining.equilibria._plane.lottery import Pair
from bargaining.equilibria._plane.polygon import Polygon, cut, hull
from bargaining.equilibria.repeated._search.rationals import Rationals

MARGIN = 1e-10
"""Floats decide only what is clear by this much; every float computed here errs by far less."""

ROUND_OUT = 1e-9
_STEEP = 1e4
_AXES = np.array([[-1.0, 0.0], [0.0, -1.0], [1.0, 0.0], [0.0, 1.0]])
_COMMON_STEPS, _OWN_STEPS = 80, 800


class Faces(NamedTuple):
    """The set of all w with `normals @ w <= offsets`; the axes come first, so the threat is minus the first two."""

    normals: Floats
    offsets: Floats


@dataclass(slots=True)
class Stage:
    """The profiles of a game in the box of `data`, as floats, and the outcomes of leaving that are taken as given."""

    data: Rationals
    payoffs: Floats  # shape (2, profiles)
    best: Floats
    gain: Floats
    floor: Floats  # minus infinity where nobody may leave
    delta: Floats  # shape (2,)
    leaves: list[tuple[Pair, int | None]]

    @classmethod
    def of(cls, data: Rationals, leaves: tuple[int, ...]) -> Stage:
        """Collect the floats; `leaves` numbers the outcomes of leaving."""
        game, leaving = data.repeated.game, data.repeated.exit
        low, size = np.array(data.low, dtype=float)[:, None], np.array(data.size, dtype=float)[:, None]
        payoffs = (game.payoffs.reshape(-1, 2).T - low) / size
        best = (game.deviations().reshape(-1, 2).T - low) / size
        delta = np.array([float(d) for d in data.discounts])
        column = delta[:, None]
        with np.errstate(divide="ignore", invalid="ignore"):
            gain = np.where(best > payoffs, (1.0 - column) / column * (best - payoffs), 0.0)
            own = np.full((2, 1), -np.inf)
            for i in data.who:
                own[i] = float(data.own(i))
            floor = np.where(column > 0.0, (own - (1.0 - column) * payoffs) / column, -np.inf)
        kinds = [] if leaving is None else outcomes(leaving)
        given = [(data.outcome(k), kinds[k].leaver) for k in leaves]
        return cls(data, payoffs, best, gain, floor, delta, given)

    def thresholds(self, threat: Floats, *, leaving: bool = True) -> Floats:
        """Return the lowest continuation that keeps each player to each profile."""
        needed: Floats = self.gain + threat[:, None]
        return np.maximum(needed, self.floor) if leaving else needed

    def levels(self, faces: Faces, normals: Floats, b: Floats) -> Floats:
        """Bound how far each profile goes in each direction, shape (directions, profiles); -inf if not at all."""
        m = normals * self.delta
        now = (1.0 - self.delta)[:, None] * self.payoffs
        out = np.empty((len(normals), self.payoffs.shape[1]))
        whole = cones(faces, m)
        b = np.where(np.isfinite(b), b, 0.0)
        for j, direction in enumerate(m):
            best = np.full(out.shape[1], whole[j])
            for i in (0, 1):
                by_face, by_cut = _cut(faces.normals, direction, i)
                for k in np.flatnonzero(np.isfinite(by_face)):
                    np.minimum(best, by_face[k] * faces.offsets[k] - by_cut[k] * b[i], out=best)
            if (direction <= 0.0).all():
                np.minimum(best, direction @ b, out=best)
            out[j] = normals[j] @ now + best
        out[:, self.dead(faces, b)] = -np.inf
        return out

    def dead(self, faces: Faces, b: Floats) -> NDArray[np.bool_]:
        """Return which profiles have no continuation within the faces, clearly."""
        upper = (faces.normals >= 0.0).all(axis=1)
        blocked = (faces.normals[upper] @ np.minimum(b, 1e6) > faces.offsets[upper, None] + MARGIN).any(
            axis=0
        )
        return np.asarray(blocked | np.isinf(self.gain).any(axis=0))


def _cut(normals: Floats, direction: Floats, i: int) -> tuple[Floats, Floats]:
    """Return the multipliers of one face and one constraint; infinite where they are not both positive and tame."""
    with np.errstate(divide="ignore", invalid="ignore"):
        by_face = direction[1 - i] / normals[:, 1 - i]
        by_cut = by_face * normals[:, i] - direction[i]
    good = (by_face >= 0.0) & (by_cut >= 0.0) & (by_face < _STEEP) & (np.abs(by_cut) < _STEEP)
    return np.where(good, by_face, np.inf), np.where(good, by_cut, 0.0)


def cones(faces: Faces, directions: Floats) -> Floats:
    """Bound the support of the faces in each direction by the two faces next to it."""
    angle = np.arctan2(faces.normals[:, 1], faces.normals[:, 0])
    order = np.argsort(angle)
    out = np.full(len(directions), np.inf)
    for j, (x, y) in enumerate(directions):
        if x == 0.0 and y == 0.0:
            out[j] = 0.0
            continue
        at = int(np.searchsorted(angle[order], np.arctan2(y, x)))
        for shift in (-2, -1, 0, 1, 2):
            p, q = order[(at + shift - 1) % len(order)], order[(at + shift) % len(order)]
            (a, b), (c, d) = faces.normals[p], faces.normals[q]
            area = a * d - b * c
            if area > 1e-9:
                first, second = (x * d - y * c) / area, (a * y - b * x) / area
                if -1e-15 <= first < _STEEP and -1e-15 <= second < _STEEP:
                    out[j] = min(out[j], first * faces.offsets[p] + second * faces.offsets[q])
    return out


def normals_of(polygon: Polygon) -> Floats:
    """Return the axes and the outward normals of a polygon's edges."""
    normals = [tuple(axis) for axis in _AXES.tolist()]
    for k, (x, y) in enumerate(polygon):
        dx, dy = x - polygon[k - 1][0], y - polygon[k - 1][1]
        length = float(np.hypot(dx, dy))
        if length > 1e-12:
            normal = (dy / length, -dx / length)
            if all(abs(normal[0] - a) + abs(normal[1] - b) > 1e-12 for a, b in normals[:4]):
                normals.append(normal)
    return np.array(normals)


class Outward:
    """Sets known to contain every equilibrium payoff, made smaller step by step."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        points = [(float(x), float(y)) for x, y in stage.payoffs.T]
        points += [(float(x), float(y)) for (x, y), _ in stage.leaves]
        common = stage.delta[0] == stage.delta[1]
        normals = normals_of([points[k] for k in hull(points)]) if common else _AXES
        offsets = (normals @ np.array(points).T).max(axis=1) + ROUND_OUT
        self.faces = Faces(normals, offsets)
        self.polygon = _corners(self.faces)
        self.alive = np.ones(stage.payoffs.shape[1], dtype=bool)
        self.steps = _COMMON_STEPS if common else _OWN_STEPS

    def threat(self) -> Floats:
        """Return a lower bound of the threat."""
        bound = np.array([float(value) for value in self.exact_bound()]) - 1e-12
        return np.maximum(-self.faces.offsets[:2], bound)

    def exact_bound(self) -> Pair:
        """Return a lower bound of the threat in rationals: the least best-deviation payoff still to be played."""
        data, out = self.stage.data, []
        for i in (0, 1):
            best = np.where(self.alive, self.stage.best[i], np.inf)
            near = np.flatnonzero(best <= min(best.min(), 1e9) + 1e-12).tolist()
            value = min((data.best(i, k) for k in near), default=Fraction(10**9))
            if i in data.who:
                value = max(value, data.own(i))
            out.append(min([value, *[payoffs[i] for payoffs, _ in self.stage.leaves]]))
        return out[0], out[1]

    def advance(self) -> bool:
        """Apply the operator once, rounding outward; return whether anything is left."""
        stage = self.stage
        b = stage.thresholds(self.threat())
        self.alive &= ~stage.dead(self.faces, b)
        leaves = [
            payoffs for payoffs, leaver in stage.leaves if leaver is None or self.credible(leaver, payoffs)
        ]
        if not self.alive.any() and not leaves:
            return False
        normals = normals_of(self._image(leaves))
        levels = stage.levels(self.faces, normals, b)[:, self.alive].max(axis=1, initial=-np.inf)
        for x, y in leaves:
            levels = np.maximum(levels, normals @ np.array([float(x), float(y)]))
        self.faces = Faces(normals, np.maximum(levels, -1e9) + ROUND_OUT)
        self.polygon = _corners(self.faces)
        return bool(self.polygon)

    def credible(self, leaver: int, payoffs: Pair) -> bool:
        """Whether a threat to leave is not ruled out: staying might give the leaver no more."""
        normal = -np.eye(2)[leaver : leaver + 1]
        levels = self.stage.levels(self.faces, normal, self.stage.thresholds(self.threat(), leaving=False))
        return bool((levels >= -float(payoffs[leaver]) - MARGIN).any())

    def _image(self, leaves: list[Pair]) -> Polygon:
        """Return a polygon near the image, for its directions alone."""
        stage, points = self.stage, [(float(x), float(y)) for x, y in leaves]
        b = stage.thresholds(np.maximum(self.threat(), np.array(self.polygon).min(axis=0)))
        for k in np.flatnonzero(self.alive):
            kept = self.polygon
            for i in (0, 1):
                if np.isfinite(b[i, k]) and kept:
                    kept = cut(kept, (-1.0 + i, -float(i)), -float(b[i, k]))
            g = stage.payoffs[:, k]
            points += [tuple(((1.0 - stage.delta) * g + stage.delta * w).tolist()) for w in kept]
        return [points[k] for k in hull(points)]

    def empty(self) -> bool:
        """Whether it is proved that there is no equilibrium."""
        return any(not self.advance() for _ in range(self.steps))


def _corners(faces: Faces) -> Polygon:
    """Return the polygon within the faces."""
    left, low, right, high = -faces.offsets[0], -faces.offsets[1], faces.offsets[2], faces.offsets[3]
    polygon: Polygon = (
        [(left, low), (right, low), (right, high), (left, high)] if left <= right and low <= high else []
    )
    for (x, y), offset in zip(faces.normals[4:].tolist(), faces.offsets[4:].tolist(), strict=True):
        if polygon:
            polygon = cut(polygon, (x, y), offset)
    return polygon
