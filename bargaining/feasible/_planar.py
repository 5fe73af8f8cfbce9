"""A polygon, perhaps with everything below it: every question in closed form, for a batch at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bargaining._arrays import Floats
from bargaining.feasible._facets import Facets
from bargaining.feasible._polygon import hull, pareto_chain
from bargaining.feasible._sides import BLOCK, best_points, rounding
from bargaining.feasible._solid import Solid, mixtures


class Planar(Solid):
    """A convex polygon in the unit box, with its Pareto chain; its sides need no Qhull."""

    unit: Floats
    points: Floats

    def __init__(self, points: Floats, origin: Floats, span: Floats, *, free_disposal: bool) -> None:
        super().__init__(
            origin, span, mixtures(points, origin, span, free_disposal), points, free_disposal=free_disposal
        )
        # Vertices a rounding error apart need not be convex in unit coordinates: a side could cut off the others.
        convex = hull(self.unit)
        self.chain = _falling(pareto_chain(convex))
        self._facets = {True: _sides(self.chain, open_below=True), False: _sides(convex, open_below=False)}

    def support(self, weights: Floats) -> tuple[Floats, Floats]:
        """Return the best weighted sum and the vertex where it is attained, the middle of an edge that ties.

        Rounding may leave vertices on the edge, so its ends are those farthest apart across the weights.
        """
        scaled = weights * self.span
        best, tied = best_points(self.unit, scaled, self.grain)
        middle = self._middle(scaled, tied)
        # Vertices that tie up to rounding must not hide one that sticks out between them by more than little of it.
        little = self.grain / 4
        room = (np.abs(scaled) * little).sum(axis=-1)
        beaten = (weights * (self.points[best] - middle)).sum(axis=-1) > room
        if beaten.any():
            _, tied = best_points(self.unit, scaled, little)
            middle = np.where(beaten[..., None], self._middle(scaled, tied), middle)
        value = (weights * middle).sum(axis=-1)
        bounded = np.asarray((weights >= 0).all(axis=-1) | (not self.free_disposal))
        return np.where(bounded, value, np.inf), np.where(bounded[..., None], middle, np.nan)

    def _middle(self, scaled: Floats, tied: NDArray[np.bool_]) -> Floats:
        """Return the middle of those vertices that tie; with free disposal, of those that no other is above."""
        across = np.stack([scaled[..., 0] * y - scaled[..., 1] * x for x, y in self.unit])
        first = np.argmin(np.where(tied, across, np.inf), axis=0)
        last = np.argmax(np.where(tied, across, -np.inf), axis=0)
        if self.free_disposal:  # a player without weight has most at one end, which is above the others
            last = np.where(scaled[..., 0] == 0.0, first, last)
            first = np.where(scaled[..., 1] == 0.0, last, first)
        return np.asarray(0.5 * self.points[first] + 0.5 * self.points[last])

    def ray(self, origin: Floats, direction: Floats) -> Floats:
        """Return the largest t with origin + t * direction in the set, block by block."""
        shape = np.broadcast_shapes(origin.shape, direction.shape)
        o, p = (np.broadcast_to(a, shape).reshape(-1, 2) for a in (origin, direction))
        parts = [super(Planar, self).ray(o[k : k + BLOCK], p[k : k + BLOCK]) for k in range(0, len(o), BLOCK)]
        return np.concatenate([*parts, np.empty(0)]).reshape(shape[:-1])

    def ideal(self, floor: Floats) -> Floats:
        """Return each player's best payoff over the x >= floor in the set."""
        low = (floor - self.origin) / self.span
        low0, low1 = low[..., 0], low[..., 1]
        x, y = self.chain[:, 0], self.chain[:, 1]
        best0, best1 = np.interp(low1, y[::-1], x[::-1]), np.interp(low0, x, y)
        # Nothing is feasible where rounding cannot have raised the floor.
        least = low - rounding(self.grain, low)
        least0, least1 = least[..., 0], least[..., 1]
        empty = (least0 > np.interp(least1, y[::-1], x[::-1])) | (least1 > y[0])
        ideal = np.empty(low.shape)
        for i, best in enumerate((best0, best1)):
            payoff = np.maximum(self.origin[i] + self.span[i] * best, floor[..., i])
            ideal[..., i] = np.where(empty, -np.inf, payoff)
        return ideal

    def product(self, origin: Floats, weights: Floats) -> tuple[Floats, Floats]:
        """Return the point that maximises the weighted product of gains over `origin`, and its residual.

        Edge by edge down the frontier: on the line through an edge the best point divides the line's whole surplus
        over `origin` by the weights; the search continues while that point lies beyond the edge's near end. Gains, not
        payoffs, are computed, so that those of a player with little weight keep their digits. If a player
        has no weight, the other's best point must give that player at least the disagreement payoff. The residual is
        the duality gap max sum(w (y - d) / (x - d)) - 1 over feasible y >= d; NaN where not everyone with a weight can
        gain.
        """
        shape = np.broadcast_shapes(origin.shape, weights.shape)[:-1]
        point, residual = np.empty((*shape, 2)), np.empty(shape)
        x, miss = point.reshape(-1, 2), residual.reshape(-1)
        d = np.broadcast_to(origin, (*shape, 2)).reshape(-1, 2)
        w = weights.reshape(-1, 2) if weights.ndim > 1 else np.broadcast_to(weights, (1, 2))
        if weights.ndim > 1 and weights.shape[:-1] != shape:
            w = np.broadcast_to(weights, (*shape, 2)).reshape(-1, 2)
        for start in range(0, miss.size, BLOCK):
            cells = slice(start, start + BLOCK)
            x[cells], miss[cells] = self._walk(d[cells], w[cells] if len(w) > 1 else w)
        if not (w > 0).all():
            self._alone(np.broadcast_to(w, d.shape), d, x, miss)
        return point, residual

    def _alone(self, w: Floats, d: Floats, x: Floats, miss: Floats) -> None:
        """In cells where one player has all the weight, compute the residual from that player's ideal payoff."""
        cells, player = np.nonzero(w == 1.0)
        ideal = self.ideal(d[cells])[np.arange(cells.size), player]
        gain, short = ideal - d[cells, player], ideal - x[cells, player]
        with np.errstate(all="ignore"):
            residual = np.abs(short) / gain
        miss[cells] = np.where(gain > self.grain[player] * self.span[player], residual, np.nan)

    def _walk(self, d: Floats, w: Floats) -> tuple[Floats, Floats]:
        d0, d1 = ((d[:, i] - self.origin[i]) / self.span[i] for i in (0, 1))
        w0, w1 = w[:, 0], w[:, 1]
        x_first, y_first = self.chain[0]
        x, y, gain0, gain1 = x_first, y_first, x_first - d0, y_first - d1
        for (left, high), (right, low) in zip(self.chain[:-1], self.chain[1:], strict=True):
            rate = (high - low) / (right - left)
            whole = (high - d1) + (left - d0) * rate
            part0, part1 = w0 * (whole / rate), w1 * whole
            on = d0 + part0 > left
            gain0 = np.where(on, np.minimum(part0, right - d0), gain0)
            gain1 = np.where(on, np.maximum(part1, low - d1), gain1)
            x = np.where(on, np.minimum(d0 + part0, right), x)  # exactly at a vertex
            y = np.where(on, np.maximum(d1 + part1, low), y)
        with np.errstate(all="ignore"):
            price0, price1 = np.where(w0 > 0, w0 / gain0, 0.0), np.where(w1 > 0, w1 / gain1, 0.0)
            # Only points at or above the origin compete; far ones would add their rounding errors.
            right, top = np.interp(d1, self.chain[::-1, 1], self.chain[::-1, 0]), np.interp(d0, *self.chain.T)
            best = np.maximum(price0 * (right - d0), price1 * (top - d1))
            for vertex in self.chain:
                value = price0 * (vertex[0] - d0) + price1 * (vertex[1] - d1)
                best = np.where((vertex[0] >= d0) & (vertex[1] >= d1), np.maximum(best, value), best)
            gap = np.maximum(best - 1.0, 0.0)
            gap = np.where(
                ((gain0 > self.grain[0]) | (w0 == 0)) & ((gain1 > self.grain[1]) | (w1 == 0)), gap, np.nan
            )
        point = np.empty(d.shape)
        for i, unit in enumerate((x, y)):
            np.multiply(unit, self.span[i], out=point[:, i])
            point[:, i] += self.origin[i]
        return point, gap


def _falling(chain: Floats) -> Floats:
    """Drop points of a Pareto chain that are no longer strictly ordered after rounding to unit coordinates."""
    kept = [chain[0]]
    for point in chain[1:]:
        if point[0] > kept[-1][0] and point[1] < kept[-1][1]:
            kept.append(point)
        elif point[0] >= kept[-1][0] and point[1] >= kept[-1][1]:
            kept[-1] = point
    return np.array(kept)


def _sides(vertices: Floats, *, open_below: bool) -> Facets:
    """Return the sides of a polygon, or of everything below a chain."""
    if open_below:
        ends, starts = vertices[:-1], vertices[1:]
        extra = [((1.0, 0.0), vertices[-1]), ((0.0, 1.0), vertices[0])]
    else:
        starts, ends = vertices, np.roll(vertices, -1, axis=0)
        extra = []
        if len(vertices) <= 2:  # a flat set is its line within its box
            low, high = vertices.min(axis=0), vertices.max(axis=0)
            extra = [((1.0, 0.0), high), ((0.0, 1.0), high), ((-1.0, 0.0), low), ((0.0, -1.0), low)]
    along = ends - starts
    normals = np.concatenate(
        (np.stack((along[:, 1], -along[:, 0]), axis=1), np.array([n for n, _ in extra]).reshape(-1, 2))
    )
    anchors = np.concatenate((starts, np.array([a for _, a in extra]).reshape(-1, 2)))
    length = np.abs(normals).max(axis=1, keepdims=True)
    real = length[:, 0] > 0  # vertices a rounding error apart can meet in unit coordinates
    return Facets(normals=normals[real] / length[real], anchors=anchors[real])
