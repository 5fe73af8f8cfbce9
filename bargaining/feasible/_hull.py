"""The convex hull of points in three and more dimensions, perhaps with everything below it, and its facets."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from bargaining._arrays import Floats, by_cell
from bargaining.errors import Status
from bargaining.feasible._linear import LinearProgram, decompose, optimise, over_mixtures
from bargaining.feasible._sides import best_points, last_along, rounding, within

FEW = (4, 200)  # more dimensions or points than this may have too many facets to be worth finding
NONE = 1e-13  # entry of a normal of size one that is rounding: across the unit box its effect is no larger
FLAT = 1e-13  # thickness, of the unit box, below which a set has none


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Facets:
    """The sides {x : normal . (anchor - x) >= 0} of a polytope in the unit box."""

    normals: Floats
    anchors: Floats


def facets(unit: Floats, *, open_below: bool, few: tuple[int, int] = FEW) -> Facets | None:
    """Return the facets of the hull of points, or None where linear programs are faster.

    Parameters
    ----------
    unit : ndarray, shape (m, n)
        Points of the unit box.
    open_below : bool
        Whether everything below the hull belongs to the set.
    few : tuple of int
        The most dimensions and points.
    """
    m, n = unit.shape
    if n > few[0] or m > few[1]:
        return None
    if open_below:
        unit = np.unique(
            np.concatenate([np.where(keep, unit, -1.0) for keep in product((True, False), repeat=n)]), axis=0
        )
    normals = _normals(unit)
    if normals is None:
        return None
    if open_below:  # the other facets belong to points that were added far below
        normals = normals[(normals > -1e-9).all(axis=1)]
        normals = np.where(normals > NONE, normals, 0.0)
    # An anchor is a point that the side touches, so that no point lies beyond it.
    return Facets(normals=normals, anchors=unit[np.argmax(unit @ normals.T, axis=0)])


def _normals(unit: Floats) -> Floats | None:
    """Return outward normals, of largest entry one; a flat set has both normals of its plane."""
    centre = unit.mean(axis=0)
    _, sizes, axes = np.linalg.svd(unit - centre, full_matrices=True)
    rank = int((sizes > FLAT * max(1.0, np.sqrt(len(unit)))).sum())
    across = axes[rank:]
    along = _inside((unit - centre) @ axes[:rank].T)
    if along is None:
        return None
    normals = np.concatenate((along @ axes[:rank], across, -across))
    return np.asarray(normals / np.abs(normals).max(axis=1, keepdims=True))


def _inside(points: Floats) -> Floats | None:
    """Return the outward normals of a full-dimensional set."""
    from scipy.spatial import ConvexHull, QhullError

    rank = points.shape[1]
    if rank <= 1:
        return np.array([[1.0], [-1.0]])[: 2 * rank, :rank]
    try:
        return np.unique(
            ConvexHull(points / points.std(axis=0)).equations[:, :-1] / points.std(axis=0), axis=0
        )
    except QhullError:
        return None


EPS = float(np.finfo(float).eps)
TIED = 16 * EPS  # of the span: what rounding can put between a point and a mixture that equals it
BLOCK = 512  # cells solved together
ACCURATE = 1e-12  # residual that divisions promise: a cell above it is solved again, by itself


class Hull:
    """conv(points), or conv(points) less the positive orthant; coordinates are brought to the unit box first."""

    __slots__ = ("_sides", "_sought", "few", "free_disposal", "grain", "origin", "points", "span", "unit")

    def __init__(
        self,
        points: Floats,
        origin: Floats,
        span: Floats,
        *,
        free_disposal: bool,
        few: tuple[int, int] = FEW,
    ) -> None:
        self.points, self.origin, self.span, self.free_disposal = points, origin, span, free_disposal
        self.few = few
        self.unit = (points - origin) / span
        self.grain = 16 * EPS * (1.0 + np.abs(points).max(axis=0) / span)
        self._sides: Facets | None = None
        self._sought = False

    @property
    def sides(self) -> Facets | None:
        """The facets, found when first needed; None where there may be too many."""
        if not self._sought:
            self._sides = facets(self.unit, open_below=self.free_disposal, few=self.few)
            self._sought = True
        return self._sides

    def support(self, weights: Floats) -> tuple[Floats, Floats]:
        """Return the best weighted sum and the middle of the vertices where it is attained."""
        _, tied = best_points(self.unit, weights * self.span, np.full(len(self.span), 4 * EPS))
        tied = self._vertices_among(tied)
        count, middle = tied.sum(axis=0), np.zeros(weights.shape)
        for each, point in zip(tied, self.unit, strict=True):
            middle += np.where(each[..., None], point, 0.0)
        middle = self.origin + self.span * (middle / count[..., None])
        bounded = np.asarray((weights >= 0).all(axis=-1) | (not self.free_disposal))
        value = (weights * middle).sum(axis=-1)
        return np.where(bounded, value, np.inf), np.where(bounded[..., None], middle, np.nan)

    def _vertices_among(self, tied: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Drop points that tie and are mixtures of others or, with free disposal, below them: the face is the same."""
        flat = tied.reshape(len(tied), -1).copy()
        several = np.flatnonzero(flat.sum(axis=0) > (1 if self.free_disposal else 2))
        if several.size:
            faces, which = np.unique(flat[:, several], axis=1, return_inverse=True)
            for face in faces.T:
                for k in np.flatnonzero(face):
                    face[k] = False
                    face[k] = not (face.any() and self._of(face).contains(self.points[k], tol=TIED))
            flat[:, several] = faces[:, which.reshape(-1)]
        return flat.reshape(tied.shape)

    def _of(self, chosen: NDArray[np.bool_]) -> Hull:
        """Return the hull of some points, whose facets are not worth a list."""
        disposal = self.free_disposal
        return Hull(self.points[chosen], self.origin, self.span, free_disposal=disposal, few=(0, 0))

    def ray(self, origin: Floats, direction: Floats) -> Floats:
        """Return the largest t with origin + t * direction in the set."""
        start, step = (origin - self.origin) / self.span, direction / self.span
        if self.sides is not None:
            return last_along(self.sides.normals, self.sides.anchors, self.grain, start, step)
        start, step = np.broadcast_arrays(start, step)
        cells = zip(by_cell(start), by_cell(step), strict=True)
        return np.array([self._last(*cell) for cell in cells]).reshape(start.shape[:-1])

    def ideal(self, floor: Floats) -> Floats:
        """Return each player's best payoff over the x >= floor in the set."""
        low = (floor - self.origin) / self.span
        best = np.array([self._ideal(cell) for cell in by_cell(low)]).reshape(low.shape)
        return np.where(np.isneginf(best), best, np.maximum(self.origin + self.span * best, floor))

    def contains(self, x: Floats, *, tol: float) -> NDArray[np.bool_]:
        """Say whether x lies in the set, up to `tol` of its span."""
        unit = (x - self.origin) / self.span
        if self.sides is not None:
            sides = self.sides.normals, self.sides.anchors
            return within(*sides, self.grain, unit, tol, open_below=self.free_disposal)
        room = np.maximum(tol, rounding(self.grain, unit))
        inside = [self._within(*cell) for cell in zip(by_cell(unit), by_cell(room), strict=True)]
        return np.array(inside).reshape(unit.shape[:-1])

    def support_above(self, weights: Floats, floor: Floats) -> Floats:
        """Return a point with the best weighted sum over the x >= floor, for one cell; NaN where there is none."""
        point = self._best(weights * self.span, (floor - self.origin) / self.span)
        return self.origin + self.span * point

    def product(self, origin: Floats, weights: Floats) -> tuple[Floats, Floats]:
        """Return the point that maximises the weighted product of gains over `origin`, and its residual."""
        shape = np.broadcast_shapes(origin.shape, weights.shape)
        d, w = by_cell(np.broadcast_to(origin, shape)), by_cell(np.broadcast_to(weights, shape))
        point, residual = np.empty(d.shape), np.empty(len(d))
        for start in range(0, len(d), BLOCK):
            cells = slice(start, start + BLOCK)
            mixture, _, residual[cells] = over_mixtures(self.points - d[cells, None, :], w[cells])
            point[cells] = self.origin + self.span * np.matmul(mixture[:, None, :], self.unit)[:, 0]
        alone = (w == 0).any(axis=1)
        for k in np.flatnonzero((residual > ACCURATE) | (np.isnan(residual) & alone)):
            point[k], residual[k] = self._step_by_step(d[k], w[k], held=bool(alone[k]))
        gain = (point - d) / self.span
        residual[~((gain > self.grain) | (w == 0)).all(axis=1)] = np.nan
        return point.reshape(shape), residual.reshape(shape[:-1])

    def _step_by_step(self, d: Floats, w: Floats, *, held: bool) -> tuple[Floats, float]:
        """Maximise the product over ever more points: for ties, and for players without weight, who are held at d."""
        low = (d - self.origin) / self.span

        def best(prices: Floats) -> tuple[float, Floats]:
            gain = (self._best(prices, low) if held else self.unit[np.argmax(self.unit @ prices)]) - low
            return float(prices @ gain), gain

        ends = np.array([best(np.eye(len(w))[i])[1] for i in np.flatnonzero(w > 0)])
        if not np.isfinite(ends).all():
            return np.full(d.shape, np.nan), np.nan
        gain, gap = decompose(best, np.zeros(len(w)), w, ends, floored=held)
        return self.origin + self.span * (low + gain), gap

    def _best(self, weights: Floats, low: Floats) -> Floats:
        """Return the best point above a floor; all in unit coordinates, NaN where nothing is feasible."""
        nowhere = np.full(low.shape, np.nan)
        dropped = (weights < 0) & self.free_disposal
        if np.isneginf(low[dropped]).any():
            return nowhere
        objective = self.unit @ np.where(dropped, 0.0, weights)
        objective = objective / max(float(np.abs(objective).max()), np.finfo(float).tiny)
        bound = np.isfinite(low)
        rows = (low - self.unit)[:, bound].T
        for room in (0.0 * self.grain, self.grain):  # a floor on the frontier is met up to rounding
            found = optimise(self._mixtures(objective, rows, room[bound]))
            if found.status == Status.OK:
                return np.where(dropped, low, found.point @ self.unit)
        return nowhere

    def _ideal(self, low: Floats) -> Floats:
        """Return each player's best; a point that is best without the floor and above it needs no program."""
        top = self.unit.max(axis=0)
        if (low > top + self.grain).any():
            return np.full(low.shape, -np.inf)
        best = np.empty(low.shape)
        for i in range(low.size):
            leaders = self.unit[self.unit[:, i] == top[i]]
            if (leaders >= low).all(axis=1).any():
                best[i] = top[i]
                continue
            best[i] = self._best(np.eye(low.size)[i], low)[i]
            if np.isnan(best[i]):
                return np.full(low.shape, -np.inf)
        return best

    def _last(self, start: Floats, step: Floats) -> float:
        """Return the largest t with start + t * step in the set, by a linear program in a mixture and t."""
        size = float(np.abs(step).max())
        grain = rounding(self.grain, start)
        if size == 0:
            return np.inf if self._within(start, grain) else -np.inf
        # A mixture equal to start + t step, or no less: rows in payoffs, then t in the last column.
        rows = np.column_stack(((start - self.unit).T, step / size))
        objective = np.append(np.zeros(len(self.unit)), 1.0)
        for limits in (0.0 * grain, grain):
            if self.free_disposal:
                found = optimise(self._mixtures(objective, rows, limits))
            elif limits.any():
                found = optimise(self._mixtures(objective, np.concatenate((rows, -rows)), np.tile(limits, 2)))
            else:
                found = optimise(self._mixtures(objective, rows, limits, equal=len(rows)))
            if found.status != Status.EMPTY:
                return found.value / size
        return -np.inf

    def _within(self, x: Floats, room: Floats) -> bool:
        """Say whether x is in the set up to a tolerance for each coordinate."""
        shares = room / room.max()
        rows = np.column_stack(((x - self.unit).T, -shares))
        if not self.free_disposal:
            rows = np.concatenate((rows, np.column_stack(((self.unit - x).T, -shares))))
        objective = np.append(np.zeros(len(self.unit)), -1.0)
        size = max(1.0, float(np.abs(rows).max()))
        far = -optimise(self._mixtures(objective, rows / size, np.zeros(len(rows)))).value
        return bool(far <= room.max())

    def _mixtures(self, objective: Floats, rows: Floats, limits: Floats, *, equal: int = 0) -> LinearProgram:
        """Return a program over mixtures of the points, and one free variable if there is one more column."""
        total = np.zeros((1, rows.shape[1]))
        total[0, : len(self.unit)] = 1.0
        return LinearProgram(
            objective=objective,
            matrix=np.concatenate((total, rows)),
            limits=np.concatenate(([1.0], limits)),
            lower=np.where(total[0] > 0, 0.0, -np.inf),
            equalities=1 + equal,
        )
