"""The faces of an inner set, moved out: no equilibrium payoff lies between them and an outer set."""

from __future__ import annotations

from fractions import Fraction
from typing import NamedTuple

import numpy as np

from bargaining._arrays import Floats
from bargaining.equilibria._plane.lottery import Pair
from bargaining.exact._outward import MARGIN, Faces, Outward, cones, normals_of

_USELESS = Fraction(1, 10**6)


def reach(outward: Outward, vertices: tuple[Pair, ...]) -> Fraction | None:
    """Return how far beyond the faces of an inner set an equilibrium payoff may lie, None if nothing is proved.

    The outer set is made smaller until the faces hold it, and then becomes the set within the faces. A smaller one is
    no harder to hold and quickly found, so that it is tried ever more rarely.
    """
    due = 0
    for step in range(outward.steps):
        if step == due:
            family, due = Family(outward, vertices), 1 + step + step // 2
            found = family.reach()
            if found is not None and found < _USELESS:
                offsets = np.array([float(c) for c in family.offsets]) + float(found) + MARGIN
                outward.faces = Faces(family.normals, offsets)
                return found
        if not outward.advance():
            return None
    return None


class Line(NamedTuple):
    """A bound `level + e * slope`, its slope spelled out as weights of the speeds of the faces."""

    level: Fraction
    weights: tuple[tuple[int, Fraction], ...]

    def slope(self, speed: list[Fraction]) -> Fraction:
        """Return the slope in e."""
        return sum((weight * speed[face] for face, weight in self.weights), Fraction(0))


class Family:
    """The faces of an inner set, to be moved out."""

    def __init__(self, outward: Outward, vertices: tuple[Pair, ...]) -> None:
        self.outward, self.stage = outward, outward.stage
        self.normals = normals_of([(float(x), float(y)) for x, y in vertices])
        self.exact = [(Fraction(x), Fraction(y)) for x, y in self.normals.tolist()]
        self.offsets = [max(a * x + b * y for x, y in vertices) for a, b in self.exact]
        self.moves = [True] * len(self.exact)
        for i, bound in enumerate(outward.exact_bound()):
            if bound >= -self.offsets[i] - Fraction(1, 10**12):
                self.offsets[i], self.moves[i] = -bound, False

    def reach(self) -> Fraction | None:
        """Return the distance within which the faces hold every equilibrium payoff, None if it is not proved."""
        outer = cones(self.outward.faces, self.normals) + MARGIN
        if not np.isfinite(outer).all() or not all(self.holds(payoffs) for payoffs, _ in self.stage.leaves):
            return None
        pairs = self._pairs()
        lines = {pair: self._lines(*pair) for pair in pairs}
        speed = self._speeds(lines)
        if speed is None:
            return None
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
            spans.append(negative(excess, growth))
        spans += [negative(-line.level, line.slope(speed)) for line in self._blocks(k)]
        return covered(spans, far)


def covered(spans: list[tuple[Fraction, Fraction]], far: Fraction) -> Fraction | None:
    """Return the least s such that open intervals cover all of s < e <= far; None if there is none."""
    reached, last = far, None
    while reached > 0:
        fits = [low for low, high in spans if low < reached and high > reached]
        if not fits:
            return last
        reached = last = min(fits)
    return max(reached, Fraction(0))


def negative(excess: Fraction, growth: Fraction) -> tuple[Fraction, Fraction]:
    """Return the open interval of e >= 0 on which `excess + e * growth < 0`."""
    forever = Fraction(10**30)
    if growth == 0:
        return (Fraction(0), forever) if excess < 0 else (forever, forever)
    root = -excess / growth
    return (max(root, Fraction(0)), forever) if growth < 0 else (Fraction(0), root)


def _cross(p: Pair, q: Pair) -> Fraction:
    return p[0] * q[1] - p[1] * q[0]
