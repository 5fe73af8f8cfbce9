"""Outer bounds of payoff sets by linear-programming duality: floats with margins, rationals where it is close."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bargaining._arrays import Floats
from bargaining.equilibria._generation import Pair, Rationals
from bargaining.equilibria._polygon import Polygon, cut, hull
from bargaining.equilibria._scaled import outcomes

MARGIN = 1e-10
"""Floats decide only what is clear by this much; every float computed here errs by far less."""

ROUND_OUT = 1e-9
_STEEP = 1e4
_AXES = np.array([[-1.0, 0.0], [0.0, -1.0], [1.0, 0.0], [0.0, 1.0]])
_COMMON_STEPS, _OWN_STEPS = 80, 800
_USELESS = 1e-6


class Faces(NamedTuple):
    """The set of all w with `normals @ w <= offsets`; the axes come first, so the threat is minus the first two."""

    normals: Floats
    offsets: Floats


class Line(NamedTuple):
    """A bound `level + e * slope`, its slope spelled out as weights of the speeds of the faces."""

    level: Fraction
    weights: tuple[tuple[int, Fraction], ...]

    def slope(self, speed: list[Fraction]) -> Fraction:
        """Return the slope in e."""
        return sum((weight * speed[face] for face, weight in self.weights), Fraction(0))


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
        whole = _cones(faces, m)
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


def _cones(faces: Faces, directions: Floats) -> Floats:
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


def _normals(polygon: Polygon) -> Floats:
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
        normals = _normals([points[k] for k in hull(points)]) if common else _AXES
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
        normals = _normals(self._image(leaves))
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

    def reach(self, vertices: tuple[Pair, ...]) -> Fraction | None:
        """Return how far beyond the faces of an inner set an equilibrium payoff may lie, None if nothing is proved."""
        for _ in range(self.steps):
            family = _Family(self, vertices)
            found = family.reach()
            if found is not None and found < _USELESS:
                self.faces = Faces(
                    family.normals, np.array([float(c) for c in family.offsets]) + float(found) + MARGIN
                )
                return found
            if not self.advance():
                return None
        return None

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


class _Family:
    """The faces of an inner set, to be moved out."""

    def __init__(self, outward: Outward, vertices: tuple[Pair, ...]) -> None:
        self.outward, self.stage = outward, outward.stage
        self.normals = _normals([(float(x), float(y)) for x, y in vertices])
        self.exact = [(Fraction(x), Fraction(y)) for x, y in self.normals.tolist()]
        self.offsets = [max(a * x + b * y for x, y in vertices) for a, b in self.exact]
        self.moves = [True] * len(self.exact)
        for i, bound in enumerate(outward.exact_bound()):
            if bound >= -self.offsets[i] - Fraction(1, 10**12):
                self.offsets[i], self.moves[i] = -bound, False

    def reach(self) -> Fraction | None:
        """Return the distance within which the faces hold every equilibrium payoff, None if it is not proved."""
        if not all(self.holds(payoffs) for payoffs, _ in self.stage.leaves):
            return None
        pairs = self._pairs()
        lines = {pair: self._lines(*pair) for pair in pairs}
        speed = self._speeds(lines)
        if speed is None:
            return None
        outer = _cones(self.outward.faces, self.normals) + MARGIN
        far = max(
            (
                (Fraction(w) - c) / z
                for w, c, z, moves in zip(outer.tolist(), self.offsets, speed, self.moves, strict=True)
                if moves
            ),
            default=Fraction(0),
        )
        near = Fraction(0)
        for (j, k), bounds in lines.items():
            start = self._start(j, k, bounds, speed, far)
            if start is None:
                return None
            near = max(near, start)
        return max(near, Fraction(1, 2**60)) * max(speed, default=Fraction(0))

    def holds(self, point: Pair) -> bool:
        """Whether a point lies within the faces."""
        return all(
            a * point[0] + b * point[1] <= c for (a, b), c in zip(self.exact, self.offsets, strict=True)
        )

    def _pairs(self) -> list[tuple[int, int]]:
        """Return the faces and profiles that need a proof: the others stay inside from anywhere in the outer set."""
        outward, stage = self.outward, self.stage
        levels = stage.levels(outward.faces, self.normals, stage.thresholds(outward.threat()))
        levels[:, ~outward.alive] = -np.inf
        limit = np.array([float(c) for c in self.offsets])[:, None] - MARGIN
        face, profile = np.nonzero(levels > limit)
        return [(j, k) for j, k in zip(face.tolist(), profile.tolist(), strict=True) if self.moves[j]]

    def _threshold(self, i: int, k: int) -> tuple[Fraction, Fraction]:
        """Return the lowest continuation at e = 0, and the weight of the threat's speed in it."""
        data = self.stage.data
        floor, needed = data.floor(i, k), data.gain(i, k) - self.offsets[i]
        if floor is not None and floor >= needed:
            return floor, Fraction(0)
        return needed, Fraction(int(self.moves[i]))

    def _lines(self, j: int, k: int) -> list[Line]:
        """Return every dual bound of a pair, in rationals."""
        data = self.stage.data
        n = self.exact[j]
        m = n[0] * data.discount(0), n[1] * data.discount(1)
        base = n[0] * data.now(0, k) + n[1] * data.now(1, k)
        limits = [self._threshold(i, k) for i in (0, 1)]
        out = []
        if m[0] <= 0 and m[1] <= 0:
            level = base + m[0] * limits[0][0] + m[1] * limits[1][0]
            out.append(Line(level, tuple((i, -m[i] * limits[i][1]) for i in (0, 1))))
        for i in (0, 1):
            for at, (normal, offset) in enumerate(zip(self.exact, self.offsets, strict=True)):
                if normal[1 - i] == 0:
                    continue
                by_face = m[1 - i] / normal[1 - i]
                by_cut = by_face * normal[i] - m[i]
                if by_face >= 0 and by_cut >= 0:
                    level = base + by_face * offset - by_cut * limits[i][0]
                    out.append(Line(level, ((at, by_face), (i, by_cut * limits[i][1]))))
        out += self._cones(base, m)
        return out

    def _cones(self, base: Fraction, m: Pair) -> list[Line]:
        """Return the bounds by two faces whose normals enclose the direction: no constraint binds."""
        if not any(m):
            return [Line(base, ())]
        ahead = [
            (p, q)
            for p, q in self.neighbours()
            if _cross(self.exact[p], m) >= 0 and _cross(m, self.exact[q]) >= 0
        ]
        out = []
        for p, q in ahead:
            area = _cross(self.exact[p], self.exact[q])
            if area > 0:
                first, second = _cross(m, self.exact[q]) / area, _cross(self.exact[p], m) / area
                level = base + first * self.offsets[p] + second * self.offsets[q]
                out.append(Line(level, ((p, first), (q, second))))
        return out

    def neighbours(self) -> list[tuple[int, int]]:
        """Return the pairs of faces next to each other by angle."""
        order = np.argsort(np.arctan2(self.normals[:, 1], self.normals[:, 0])).tolist()
        return [(order[k - 1], order[k]) for k in range(len(order))]

    def _speeds(self, lines: dict[tuple[int, int], list[Line]]) -> list[Fraction] | None:
        """Return speeds at which the faces should move out: a guess, made in floats, that the proof then checks."""
        size = len(self.exact)
        rows: dict[int, list[Floats]] = {}
        for (j, k), bounds in lines.items():
            least = min(line.level for line in bounds) if bounds else self.offsets[j]
            if least >= self.offsets[j] - Fraction(1, 10**10) and not self._blocks(k):
                ties = [line for line in bounds if line.level <= least + Fraction(1, 10**11)]
                rows.setdefault(j, []).append(
                    min((self._row(line, size) for line in ties), key=lambda row: float(row.sum()))
                )
        speed = np.array(self.moves, dtype=float)
        policy = {j: options[0] for j, options in rows.items()}
        for _ in range(3 * size):
            matrix = np.eye(size)
            for j, row in policy.items():
                matrix[j] -= row
            try:
                speed = np.where(self.moves, np.linalg.solve(matrix, np.ones(size)), 0.0)
            except np.linalg.LinAlgError:
                return None
            if (speed[self.moves] <= 0.0).any() or not np.isfinite(speed).all():
                return None
            better = {j: max(options, key=lambda row: float(row @ speed)) for j, options in rows.items()}
            if all(better[j] @ speed <= policy[j] @ speed * (1 + 1e-9) for j in rows):
                return [Fraction(z) for z in speed.tolist()]
            policy = better
        return None

    def _row(self, line: Line, size: int) -> Floats:
        row = np.zeros(size)
        for face, weight in line.weights:
            row[face] += float(weight) * self.moves[face]
        return row

    def _blocks(self, k: int) -> list[Line]:
        """Return, for a profile, by how much each face rules it out at e = 0, and how fast that eases."""
        limits = [self._threshold(i, k) for i in (0, 1)]
        out = []
        for at, ((x, y), offset) in enumerate(zip(self.exact, self.offsets, strict=True)):
            if x >= 0 and y >= 0:
                excess = x * limits[0][0] + y * limits[1][0] - offset
                if excess > 0:
                    out.append(
                        Line(excess, ((at, Fraction(1)), (0, x * limits[0][1]), (1, y * limits[1][1])))
                    )
        return out

    def _start(
        self, j: int, k: int, bounds: list[Line], speed: list[Fraction], far: Fraction
    ) -> Fraction | None:
        """Return the least s such that the pair stays strictly inside for all s < e <= far; None if there is none."""
        spans = []
        for line in bounds:
            excess, growth = line.level - self.offsets[j], line.slope(speed) - speed[j]
            spans.append(_negative(excess, growth))
        spans += [_negative(-line.level, line.slope(speed)) for line in self._blocks(k)]
        reached, last = far, None
        while reached > 0:
            fits = [low for low, high in spans if low < reached and high > reached]
            if not fits:
                return last
            reached = last = min(fits)
        return max(reached, Fraction(0))


def _negative(excess: Fraction, growth: Fraction) -> tuple[Fraction, Fraction]:
    """Return the open interval of e >= 0 on which `excess + e * growth < 0`."""
    forever = Fraction(10**30)
    if growth == 0:
        return (Fraction(0), forever) if excess < 0 else (forever, forever)
    root = -excess / growth
    return (max(root, Fraction(0)), forever) if growth < 0 else (Fraction(0), root)


def _cross(p: Pair, q: Pair) -> Fraction:
    return p[0] * q[1] - p[1] * q[0]
