"""The dual bounds of profiles in rationals, and how far out the faces may move before one fails."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from bargaining.equilibria._plane.lottery import Pair
from bargaining.equilibria._plane.rationals import Law, Rationals
from bargaining.equilibria.stochastic._search.dual_bounds import Bounds

Limit = tuple[Fraction, Law]
"""The lowest continuation of a player at e = 0, and the weights of the speeds at which it falls."""

Weights = tuple[list[tuple[int, Fraction]], list[Fraction]]
"""How a direction is made up: faces with their weights, and the weights of both players' constraints."""


class Lines:
    """Faces `n_j w <= c_sj + e z_sj` in rationals; `bounds` names the same faces in floats."""

    def __init__(
        self,
        data: Rationals,
        normals: Sequence[Pair],
        offsets: Sequence[Sequence[Fraction]],
        lows: Sequence[Sequence[Fraction | None]],
        speed: Sequence[Sequence[Fraction]],
    ) -> None:
        self.data, self.normals, self.offsets, self.lows, self.speed = data, normals, offsets, lows, speed

    def start(self, bounds: Bounds, place: int, j: int, bases: list[int], far: Fraction) -> Fraction | None:
        """Return the least s such that the pair stays strictly inside for all s < e <= far; None if there is none."""
        row = int(bounds.numbers[place])
        s = self.data.state[row]
        limits = [self._limit(bounds, place, i) for i in (0, 1)]
        spans = []
        for basis in bases:
            weights = self._weights(bounds, j, basis)
            if weights is not None:
                level, slope = self._line(row, j, weights, limits)
                spans.append(negative(level - self.offsets[s][j], slope - self.speed[s][j]))
        spans += [negative(-level, slope) for level, slope in self._blocks(bounds, place, limits)]
        return covered(spans, far)

    def _limit(self, bounds: Bounds, place: int, i: int) -> Limit:
        data, row, delta = self.data, int(bounds.numbers[place]), self.data.discounts[i]
        if not delta:
            return Fraction(0), {}
        own = data.own(data.state[row], i)
        if bounds.leaves[i, place] and own is not None:
            return (own - data.now(i, row)) / delta, {}
        reply = int(bounds.replies[i, place])
        worth = data.worth(i, reply, self.lows[i])
        assert worth is not None
        return (worth - data.now(i, row)) / delta, data.law(reply)

    def _weights(self, bounds: Bounds, j: int, basis: int) -> Weights | None:
        """Return how a basis makes up direction j, exactly; None if it does not."""
        n, number, delta = self.normals[j], len(self.normals), self.data.discounts
        m = n[0] * delta[0], n[1] * delta[1]
        faces: list[tuple[int, Fraction]] = []
        cuts = [Fraction(0), Fraction(0)]
        if basis == 0:
            faces = self._free(m, bounds.around.faces[:, j].tolist(), j)
        elif basis <= 2 * number:
            i, face = divmod(basis - 1, number)
            normal = self.normals[face]
            if not normal[1 - i]:
                return None
            faces = [(face, m[1 - i] / normal[1 - i])]
            cuts[i] = faces[0][1] * normal[i] - m[i]
        else:
            cuts = [-m[0], -m[1]]
        negative_weight = min([*cuts, *(weight for _, weight in faces)]) < 0
        nothing = not faces and basis == 0 and any(m)
        idle = any(cut and not d for cut, d in zip(cuts, delta, strict=True))
        return None if negative_weight or nothing or idle else (faces, cuts)

    def _free(self, m: Pair, pair: list[int], j: int) -> list[tuple[int, Fraction]]:
        """Return faces with weights that make up a direction, exactly; nothing if these two do not."""
        n = self.normals[j]
        if _cross(n, m) == 0 and n[0] * m[0] + n[1] * m[1] > 0:
            return [(j, m[0] / n[0] if n[0] else m[1] / n[1])]
        p, q = (self.normals[face] for face in pair)
        area = _cross(p, q)
        return [(pair[0], _cross(m, q) / area), (pair[1], _cross(p, m) / area)] if area else []

    def _line(self, row: int, j: int, weights: Weights, limits: Sequence[Limit]) -> tuple[Fraction, Fraction]:
        """Return the bound of a row in direction j as level and slope."""
        data, n, (faces, cuts) = self.data, self.normals[j], weights
        level, slope = n[0] * data.now(0, row) + n[1] * data.now(1, row), Fraction(0)
        for s, p in data.law(row).items():
            for face, weight in faces:
                level += p * weight * self.offsets[s][face]
                slope += p * weight * self.speed[s][face]
        for i in (0, 1):
            level -= cuts[i] * limits[i][0]
            slope += cuts[i] * self._falls(limits[i], i)
        return level, slope

    def _falls(self, limit: Limit, i: int) -> Fraction:
        return sum((p * self.speed[s][i] for s, p in limit[1].items()), Fraction(0))

    def _blocks(self, bounds: Bounds, place: int, limits: Sequence[Limit]) -> list[tuple[Fraction, Fraction]]:
        """Return by how much each face rules the row out at e = 0, and how fast that eases."""
        law, out, delta = self.data.law(int(bounds.numbers[place])), [], self.data.discounts
        over, lack = bounds.lack(np.array([place]))
        for face in over[lack[0] > 0.0].tolist():
            n = self.normals[face]
            if any(n[i] and not delta[i] for i in (0, 1)):
                continue  # continuations do not matter to who is impatient
            level = n[0] * limits[0][0] + n[1] * limits[1][0]
            level -= sum((p * self.offsets[s][face] for s, p in law.items()), Fraction(0))
            ease = sum((p * self.speed[s][face] for s, p in law.items()), Fraction(0))
            ease += sum((n[i] * self._falls(limits[i], i) for i in (0, 1)), Fraction(0))
            if level > 0:
                out.append((level, ease))
        return out


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
