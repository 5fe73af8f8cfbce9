r"""Contracts of many pairs as a system of first-order conditions: see `definitions`.

With gains :math:`g^1, g^2` contract k meets :math:`w\,\partial_k \ln g^1 + (1 - w)\,\partial_k \ln g^2 = 0`, or lies at
an end of its range. Gains are the user's functions. Their first and second derivatives are those of polynomials through
their values at Chebyshev nodes around the contracts, in windows that shrink until two in a row agree.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np

from bargaining._arrays import Floats
from bargaining.equilibria.pairs.deal import Pairs
from bargaining.equilibria.pairs.nash_in_nash import NashInNash, nash_in_nash
from bargaining.errors import Status
from bargaining.statics.conditions import EPS, NODES, SMOOTH, WINDOWS, Given
from bargaining.statics.definitions import Definition, Layout

CLOSE = 1e-8  # slopes of log gains over the range of a contract: as flat as this is a peak
EDGE = 1e-12  # of a range: a contract this near to its end is at it


@cache
def stencil(side: int) -> tuple[Floats, Floats]:
    """Return nodes around 0, or on one side, and the weights of a polynomial's value and three derivatives at 0."""
    cheb, points = np.polynomial.chebyshev, np.cos(np.pi * np.arange(NODES) / (NODES - 1))
    at, steep = (-1.0, 2.0 * side) if side else (0.0, 1.0)
    rows = [steep**k * cheb.chebval(at, cheb.chebder(np.eye(NODES), k)) for k in range(4)]
    weights = np.array(rows) @ np.linalg.inv(cheb.chebvander(points, NODES - 1))
    nodes = (points + 1) / 2 * side if side else points
    weights[0] = nodes == nodes[np.abs(nodes).argmin()]
    return nodes, weights


class Contracts:
    """The first-order conditions of pairs near their contracts."""

    def __init__(self, found: NashInNash) -> None:
        self.pairs, self.x = Pairs(list(found._deals)), found.contracts
        lower, upper, size = self.pairs.lower, self.pairs.upper, len(self.pairs)
        self.side = np.where(self.x - lower <= EDGE * self.pairs.ranges, 1, 0)
        self.side = np.where(upper - self.x <= EDGE * self.pairs.ranges, -1, self.side)
        room = np.minimum(self.x - lower, upper - self.x)
        self.reach = 0.7 * np.where(self.side, self.pairs.ranges, room)
        self.slopes, self.bends = np.zeros((size, 2)), np.zeros((size, 2, size))
        self.windows, self.error = np.zeros(size, dtype=int), 0.0
        for k in range(size):
            self._measure(k)

    def values(self, k: int, moved: Sequence[int], window: int, pairs: Pairs | None = None) -> Floats:
        """Return pair k's gains, (2, nodes, ...), where some contracts are at nodes."""
        grids = np.meshgrid(*(stencil(int(self.side[i]))[0] for i in moved), indexing="ij")
        points = np.repeat(self.x[:, None], grids[0].size, axis=1)
        for i, grid in zip(moved, grids, strict=True):
            points[i] += self.reach[i] * 2.0**-window * grid.ravel()
        made = (self.pairs if pairs is None else pairs).gains_of(k, points)
        return made.reshape(2, *grids[0].shape)

    def own(self, k: int, window: int, pairs: Pairs | None = None) -> tuple[Floats, Floats]:
        """Return gains and their slopes in the pair's own contract, (2,) each."""
        weights = stencil(int(self.side[k]))[1]
        level, slope = weights[:2] @ self.values(k, [k], window, pairs).T
        return level, slope / (self.reach[k] * 2.0**-window)

    def _at(self, k: int, window: int) -> tuple[Floats, Floats, float]:
        """Return slopes of log gains in the pair's own contract, their derivatives, and a bound of the rounding."""
        size, h = len(self.x), self.reach * 2.0**-window
        level, slope = self.own(k, window)
        bends, rounding = np.zeros((2, size)), 0.0
        for other in range(size):
            if self.side[other]:
                continue  # a contract at the end of its range does not move with the rest
            if other == k:
                both = stencil(0)[1][2]
                values = self.values(k, [k], window)
                cross, across = values @ both / h[k] ** 2, slope
                loud = float(np.abs(both).sum())
            else:
                values = self.values(k, [k, other], window)
                one, two = stencil(int(self.side[k]))[1], stencil(0)[1]
                cross = np.einsum("a,b,gab->g", one[1], two[1], values) / (h[k] * h[other])
                across = np.einsum("a,b,gab->g", one[0], two[1], values) / h[other]
                loud = float(np.abs(one[1]).sum() * np.abs(two[1]).sum())
            bends[:, other] = cross / level - slope * across / level**2
            noise = EPS * loud * np.abs(values).max() / np.abs(level).min() / (h[k] * h[other])
            rounding = max(rounding, float(noise * self.reach[k] * self.reach[other]))
        return slope / level, bends, rounding

    def _measure(self, k: int) -> None:
        """Shrink windows until two agree."""
        best, last = np.inf, None
        unit = self.reach
        for window in range(WINDOWS):
            slopes, bends, rounding = self._at(k, window)
            if last is not None:
                scale = np.abs(slopes).max() * unit[k] + np.abs(bends * unit).max() * unit[k]
                apart = np.abs(bends - last[1]) * unit * unit[k]
                off = (
                    max(float(apart.max()), float(np.abs(slopes - last[0]).max() * unit[k])) + rounding
                ) / scale
                if off < best:
                    best, self.windows[k] = off, window
                    self.slopes[k], self.bends[k] = slopes, bends
                elif best < SMOOTH:
                    break
                if best < 1e-12:
                    break
            last = slopes, bends
        self.error = max(self.error, best)

    def condition(self, k: int, x: Sequence[Any], weight: Any) -> Any:
        """Return the slope of the logarithm of pair k's product, near the contracts."""
        first, second = (
            sum(((x[i] - self.x[i]) * self.bends[k, g, i] for i in range(len(x))), self.slopes[k, g])
            for g in (0, 1)
        )
        return first * weight + second * (1.0 - weight)

    def equations(self, x: Sequence[Any], given: Given) -> list[Any]:
        """Return by how much contracts miss their conditions, or the ends of their ranges."""
        return [
            x[k] - given["ends"][k]
            if side
            else self.condition(k, x, given["weights"][k]) + given["shifts"][k]
            for k, side in enumerate(self.side.tolist())
        ]

    def ties(self, x: Sequence[Any], given: Given) -> list[Any]:
        """Return conditions that hold at the ends of ranges."""
        found = []
        for k, side in enumerate(self.side.tolist()):
            slope = float(self.pairs.weights[k] @ self.slopes[k]) * self.pairs.ranges[k]
            if side and abs(slope) <= CLOSE:
                found.append(self.condition(k, x, given["weights"][k]) + given["shifts"][k])
        return found

    def data(self, other: Any) -> dict[str, Floats] | None:
        """Return weights, ends of ranges and conditions of another game, at the contracts of this one."""
        if not isinstance(other, NashInNash) or len(other._deals) != len(self.x):
            return None
        pairs, shifts = Pairs(list(other._deals)), np.zeros(len(self.x))
        for k, window in enumerate(self.windows.tolist()):
            (here, here_slope), (there, there_slope) = self.own(k, window), self.own(k, window, pairs)
            shifts[k] = self.pairs.weights[k] @ (there_slope / there - here_slope / here)
        ends = np.where(self.side > 0, pairs.lower, np.where(self.side < 0, pairs.upper, 0.0))
        return {"weights": pairs.weights[:, 0], "shifts": shifts, "ends": ends}


def of_contracts(found: NashInNash) -> Definition | None:
    """Return the definition of contracts by first-order conditions; None if gains have kinks there."""
    if found.status is not Status.OK or not found._deals:
        return None
    with np.errstate(all="ignore"):
        made = Contracts(found)
    if not made.error < SMOOTH:
        return None
    names, size = list(found.deals), len(found.contracts)
    given = made.data(found)
    assert given is not None

    def again(name: str, values: Floats) -> NashInNash:
        deals = [replace(deal, weight=float(w)) for deal, w in zip(found._deals, values, strict=True)]
        return nash_in_nash(deals, starts=found.contracts[None])

    return Definition(
        axes=Layout(shape=(size,), dims=("deal",), labels={"deal": names}),
        unknowns=found.contracts,
        given=given,
        equations=made.equations,
        ties=made.ties,
        asked={
            "weights": (
                Layout(shape=(size,), dims=("weights",), labels={"weights": names}),
                "weights",
                np.eye(size),
            )
        },
        again=again,
        data=made.data,
        error=made.error,
        twice=False,
    )
