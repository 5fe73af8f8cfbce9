"""How far the payoffs of a stochastic game's profiles go, bounded by linear-programming duality, in floats.

Continuations of a row lie within faces `n_j w <= sum_s' P(s') c_s'j`, one list of normals for all states, and above
the thresholds that keep both players to it. A direction is a combination of faces, minus constraints,
with weights that are not negative: a *basis*. Each basis gives an upper bound.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bargaining._arrays import Floats
from bargaining.equilibria._plane.model import Model
from bargaining.equilibria.stochastic._search.dual_bounds import enclosing

Indices = NDArray[np.intp]

_STEEP = 1e4


class Bases(NamedTuple):
    """Bounds of some pairs of a row and a direction, shape (pairs, bases) each; infinite where there is none.

    In order: no constraint binds; player 0's does, beside each face; player 1's; both do.
    """

    level: Floats
    face: tuple[Indices, Indices]
    weight: tuple[Floats, Floats]
    cut: tuple[Floats, Floats]


class Bounds:
    """Bounds on rows that can be played, with continuations within the faces and payoffs above the lowest ones."""

    def __init__(self, model: Model, normals: Floats, offsets: Floats, lows: Floats, rows: Indices) -> None:
        self.model, self.normals, self.rows = model, normals, rows
        self.discounts = model.discounts[:, 0]
        self.now = model.now[:, rows]
        self.transitions = model.transitions[rows]
        self.mean = self.transitions @ offsets
        worth = model.values(lows)
        self.reply = np.stack(
            [model.replies[i].argbest(worth[i])[model.replies[i].group[rows]] for i in (0, 1)]
        )
        needed = np.stack([worth[i, self.reply[i]] for i in (0, 1)])
        own = model.own[model.state[rows]].T
        self.leaves = own >= needed
        needed = np.maximum(needed, own)
        with np.errstate(divide="ignore", invalid="ignore"):
            self.needed = np.where(model.discounts > 0.0, (needed - self.now) / model.discounts, 0.0)
        self.punish = [
            np.where(self.leaves[i][:, None], 0.0, model.transitions[self.reply[i]]) for i in (0, 1)
        ]
        self.free = enclosing(normals, normals * self.discounts)

    def bases(self, at: Indices, directions: Indices) -> Bases:
        """Return the bounds of pairs: rows by their place among `rows`, and directions by number."""
        n, d, number = self.normals, self.discounts, len(self.normals)
        m = (n * d)[directions]
        base = (n[directions] * self.now[:, at].T).sum(axis=1)
        out = _nothing((len(at), 2 * number + 2))
        out.level[:, 0] = base
        for k in (0, 1):
            out.face[k][:, 0], out.weight[k][:, 0] = (some[k, directions] for some in self.free)
            out.level[:, 0] += out.weight[k][:, 0] * self.mean[at, out.face[k][:, 0]]
        for i in (0, 1):
            part = slice(1 + i * number, 1 + (i + 1) * number)
            by_face, by_cut, good = _beside(n, m, i)
            bound = base[:, None] + by_face * self.mean[at] - by_cut * self.needed[i, at][:, None]
            out.level[:, part] = np.where(good & (d[i] > 0.0), bound, np.inf)
            out.face[0][:, part], out.weight[0][:, part], out.cut[i][:, part] = (
                np.arange(number),
                by_face,
                by_cut,
            )
        both = (m <= 0.0).all(axis=1)
        out.level[:, -1] = np.where(both, base + (m * self.needed[:, at].T).sum(axis=1), np.inf)
        for i in (0, 1):
            out.cut[i][:, -1] = np.where(both, -m[:, i], 0.0)
        return out

    def slopes(self, at: Indices, bases: Bases, speed: Floats) -> Floats:
        """Return how fast the bounds grow if face j of state s moves out at `speed[s, j]`."""
        mean = self.transitions @ speed
        slope: Floats = np.zeros_like(bases.level)
        for k in (0, 1):
            slope += bases.weight[k] * mean[at[:, None], bases.face[k]]
            slope += bases.cut[k] * (self.punish[k] @ speed[:, k])[at][:, None]
        return slope

    def lack(self, at: Indices) -> Floats:
        """Return by how much the thresholds lie beyond each face whose normal is not negative, shape (pairs, faces)."""
        n = self.normals
        over = (n >= 0.0).all(axis=1) & (n[:, self.discounts == 0.0] == 0.0).all(axis=1)
        lack: Floats = np.where(over, self.needed[:, at].T @ n.T - self.mean[at], -np.inf)
        return lack


def _nothing(shape: tuple[int, int]) -> Bases:
    faces = np.zeros((2, *shape), dtype=np.intp)
    weights = np.zeros((4, *shape))
    return Bases(
        np.full(shape, np.inf), (faces[0], faces[1]), (weights[0], weights[1]), (weights[2], weights[3])
    )


def _beside(normals: Floats, m: Floats, i: int) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    """Return the weights of each face and of player i's constraint that make up directions m, and if they are any."""
    with np.errstate(divide="ignore", invalid="ignore"):
        by_face = m[:, 1 - i, None] / normals[:, 1 - i]
        by_cut = by_face * normals[:, i] - m[:, i, None]
    good = (by_face >= 0.0) & (by_cut >= 0.0) & (by_face < _STEEP) & (np.abs(by_cut) < _STEEP)
    return np.where(good, by_face, 0.0), np.where(good, by_cut, 0.0), good
