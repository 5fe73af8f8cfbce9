"""A polytope of one player, or of three and more: the hull of points, perhaps with all below it, or inequalities.

Coordinates are measured in units in which the set, or its inequalities, are of size one, so that neither the scale nor
the offset of payoffs costs accuracy. Where facets can be listed, rays and ideal points follow them; the rest are linear
programs in payoffs x and, for a hull, mixtures z of its points.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from bargaining._arrays import EPS, Floats, by_cell
from bargaining.errors import InvalidInput, Status
from bargaining.feasible._concave import ConcaveProgram, Local, maximise, product
from bargaining.feasible._facets import (
    BESIDE,
    Facets,
    LinearProgram,
    Optimum,
    best_points,
    extreme,
    facets,
    last_along,
    middle_of,
    open_below,
    optimise,
    rounding,
    vertices,
    within,
)
from bargaining.feasible._polygon import hull, pareto_chain
from bargaining.feasible.base import product_by_cell

BLOCK = 4096  # cells worked on together: what is computed on the way stays in the processor's cache
BALANCE = 50  # rounds of scaling
ACCURATE = 1e-12  # gap that divisions promise
LEVEL = 1e-12  # of the unit box: distance of a vertex from a row that it lies on
CLOSE = 1e-5  # slack, of rows of size one, at which a row may bind
FLAT = 1e-12  # of the losses: a power below 2 bends without bound where there is none


class Solid:
    """{x : rows x + mix z <= limits, z >= 0}, the first rows with equality; in the unit coordinates of `span`.

    It is the hull of `points` (m, n), in unit coordinates `unit`, where there is such a list. `grain` (n,) is the
    rounding error of unit coordinates of size one; `flat` says whether a row always binds.
    """

    def __init__(
        self,
        origin: Floats,
        span: Floats,
        system: tuple[Floats, Floats, Floats, int],
        points: Floats | None,
        *,
        free_disposal: bool,
    ) -> None:
        self.origin, self.span, self.free_disposal = origin, span, free_disposal
        self.rows, self.mix, self.limits, self.equalities = system
        self.points = points
        self.unit = None if points is None else (points - origin) / span
        largest = np.abs(origin) if points is None or not self.mix.size else np.abs(points).max(axis=0)
        self.grain: Floats = 16 * EPS * (1.0 + largest / span)
        self.flat = False
        self._facets: dict[bool, Facets | None] = {}
        self._given: tuple[Floats, Floats, Floats] | None = None
        self._extreme: Floats | None = None

    @classmethod
    def of_points(cls, points: Floats, origin: Floats, span: Floats, *, free_disposal: bool) -> Solid:
        """Return the hull of points, or everything below it."""
        system = mixtures(points, origin, span, free_disposal)
        return cls(origin, span, system, points, free_disposal=free_disposal)

    @classmethod
    def of_rows(cls, matrix: Floats, limits: Floats) -> Solid:
        """Return {x : matrix x <= limits}."""
        origin = np.zeros(matrix.shape[1])
        for _ in range(2):  # the first middle is as good as the limits' scale allows, the second is good
            rows, slack, span = _equilibrated(matrix, limits, origin)
            middle = middle_of(rows, slack)
            if middle is None:
                raise InvalidInput("`b` must leave some payoffs feasible; no x has A x <= b. Raise a limit.")
            origin = origin + span * middle
        rows, slack, span = _equilibrated(matrix, limits, origin)
        found = vertices(rows, slack, np.zeros(len(origin)))
        found = None if found is None else origin + span * found
        system = rows, np.zeros((len(rows), 0)), slack, 0
        made = cls(origin, span, system, found, free_disposal=open_below(rows))
        squares = (rows**2).sum(axis=1, keepdims=True)
        sides = Facets(normals=rows, anchors=rows * (slack[:, None] / squares))
        made._facets = {False: sides, True: sides} if (rows >= 0).all() else {False: sides}
        made.flat = not (slack > BESIDE).all()
        made._given = matrix, limits, np.abs(matrix * span).max(axis=1) / np.abs(rows).max(axis=1)
        return made

    def _sides(self, *, open_below: bool) -> Facets | None:
        if open_below not in self._facets:
            self._facets[open_below] = None if self.unit is None else facets(self.unit, open_below=open_below)
        return self._facets[open_below]

    @property
    def sides(self) -> Facets | None:
        """The facets, listed when first needed; None where there may be too many."""
        return self._sides(open_below=self.free_disposal and self.mix.size > 0)

    @property
    def upper(self) -> Facets | None:
        """The facets of the set with everything below it: it has the same ideal points."""
        return self._sides(open_below=True)

    def support(self, weights: Floats) -> tuple[Floats, Floats]:
        """Return the best weighted sum and where: the middle of the extreme points that tie, where they are listed."""
        if self.unit is None:
            lowest = np.full(self.span.size, -np.inf)
            point = by_cell(lambda w: self.support_above(w, lowest), weights, entries=lowest.size)
        else:
            scaled, grain = weights * self.span, 4 * EPS * np.ones(self.span.size)
            if not self.mix.size:  # vertices of rows are computed
                grain = 16 * grain * (1.0 + np.abs(self.unit).max(axis=0))
            best, tied = best_points(self.unit, scaled, grain)
            point = self.unit[best]
            if (tied.sum(axis=0) > 1).any():
                if self._extreme is None:
                    self._extreme = self.unit[extreme(self.unit, below=self.free_disposal)]
                _, tied = best_points(self._extreme, scaled, grain)
                shares = np.moveaxis(tied, 0, -1) / tied.sum(axis=0)[..., None]
                point = shares @ self._extreme
            point = self.origin + self.span * point
            bounded = np.asarray((weights >= 0).all(axis=-1) | (not self.free_disposal))
            point = np.where(bounded[..., None], point, np.nan)
        return np.where(np.isnan(point).any(axis=-1), np.inf, (weights * point).sum(axis=-1)), point

    def ray(self, origin: Floats, direction: Floats) -> Floats:
        """Return the largest t with origin + t * direction in the set."""
        start, step = (origin - self.origin) / self.span, direction / self.span
        if self.sides is not None:
            sides, slacks = (self.sides.normals, self.sides.anchors), None
            if self._given is not None:
                slacks = np.moveaxis(self._slacks(np.broadcast_arrays(origin, step)[0]), -1, 0)
            return last_along(*sides, self.grain, start, step, slacks=slacks)
        return np.asarray(by_cell(self._last, start, step))

    def _slacks(self, x: Floats) -> Floats:
        """Return the slacks of the inequalities at payoffs, from the rows as given: `origin` may be far away."""
        assert self._given is not None
        matrix, limits, size = self._given
        return np.asarray((limits - x @ matrix.T) / size)

    def ideal(self, floor: Floats) -> Floats:
        """Return each player's best payoff over the x >= floor in the set."""
        low = (floor - self.origin) / self.span
        if self.unit is not None:  # nothing lies lower
            low = np.maximum(low, self.unit.min(axis=0))
        if self.upper is not None and np.isfinite(low).all():
            best = self._below_facets(self.upper, low)
        else:
            best = by_cell(self._ideal, low, entries=low.shape[-1])
        return np.where(np.isneginf(best), best, np.maximum(self.origin + self.span * best, floor))

    def contains(self, x: Floats, *, tol: float) -> NDArray[np.bool_]:
        """Say whether x lies in the set, up to `tol` of its span."""
        unit = (x - self.origin) / self.span
        if self.sides is not None:
            sides, below = (self.sides.normals, self.sides.anchors), self.free_disposal
            return within(*sides, self.grain, unit, tol, open_below=below, boxed=self.mix.size > 0)
        room = np.maximum(tol, rounding(self.grain, unit))
        return np.asarray(by_cell(self._within, unit, room), dtype=bool)

    def support_above(self, weights: Floats, floor: Floats) -> Floats:
        """Return a point with the best weighted sum over the x >= floor, for one cell; NaN where there is none."""
        point = self._best(weights * self.span, (floor - self.origin) / self.span)
        return self.origin + self.span * point

    def product(self, origin: Floats, weights: Floats) -> tuple[Floats, Floats]:
        """Return the point that maximises the weighted product of gains over `origin`, and its residual."""
        return product_by_cell(self._product, origin, weights)

    def least_powers(
        self, ideal: Floats, weights: Floats, floor: Floats, power: float
    ) -> tuple[Floats, float]:
        """Return the x >= floor with the least sum of (weights * max(ideal - x, 0))**power, and its error."""
        low, best = ((x - self.origin) / self.span for x in (floor, ideal))
        unit = weights * self.span
        loss = -float(self.ray(ideal, 1.0 / weights))
        if loss == np.inf:  # the line of equal losses misses the set
            loss = float((weights * (ideal - self.support(weights)[1])).max())
        if not loss > 0:
            return (np.array(ideal), 0.0) if loss <= 0 else (np.full(ideal.shape, np.nan), np.nan)
        least = self._least_losses if power == 1 else self._least_powers
        point, gap = least(low, best, unit / loss, power)
        point = self.origin + self.span * point
        back = self._outside(point, loss / weights)
        point, gap = point - back * loss / weights, gap + back
        below = np.minimum(point, ideal)  # nobody needs more than the ideal payoff
        return (below if self.contains(below, tol=0.0) else point), gap * loss

    def _program(self, weights: Floats, low: Floats, slack: Floats | float = 0.0) -> Optimum:
        """Solve the linear program of the best weighted sum over x >= low.

        Of inequalities gains over the floor are the variables, in units of their own: the set may be much larger.
        """
        none, low = np.zeros(self.mix.shape[1]), low - slack
        rows, limits, base, unit = self.rows, self.limits, np.zeros(low.size), np.ones(low.size)
        if not none.size:
            base = np.where(np.isfinite(low), low, 0.0)
            slacks = self._slacks(self.origin + self.span * base)
            rows, limits, unit = _equilibrated(self.rows, slacks, 0.0 * base)
        worth = weights * unit
        found = optimise(
            LinearProgram(
                objective=np.append(worth / max(float(np.abs(worth).max()), np.finfo(float).tiny), none),
                matrix=np.column_stack((rows, self.mix)),
                limits=limits,
                lower=np.append((low - base) / unit, none),
                equalities=self.equalities,
            )
        )
        return replace(found, point=base + unit * found.point[: low.size])

    def _best(self, weights: Floats, low: Floats) -> Floats:
        """Return the best point above a floor, which is met up to rounding; NaN where there is none."""
        n = low.size
        dropped = (weights < 0) & self.free_disposal
        if np.isneginf(low[dropped]).any():
            return np.full(n, np.nan)
        for slack in (0.0, self.grain):
            found = self._program(np.where(dropped, 0.0, weights), low, slack)
            if found.status == Status.OK:
                return np.where(dropped, low, np.maximum(found.point[:n], low))
        return np.full(n, np.nan)

    def _ideal(self, low: Floats) -> Floats:
        """Return each player's best by linear programs: -inf where nothing is feasible, inf without a bound."""
        best = np.empty(low.size)
        for i, axis in enumerate(np.eye(low.size)):
            found = self._program(axis, low)
            if found.status == Status.EMPTY:
                found = self._program(axis, low, self.grain)
            best[i] = found.point[i] if found.status == Status.OK else found.value
        return best if not np.isneginf(best).any() else np.full(low.size, -np.inf)

    def _below_facets(self, sides: Facets, low: Floats) -> Floats:
        """Return each player's best: straight along the axis from the floor; -inf above a facet."""
        x = low[..., None, :]
        slack = ((sides.anchors - x) * sides.normals).sum(axis=-1)
        room = np.abs(sides.normals) @ rounding(self.grain, low)[..., None]
        with np.errstate(divide="ignore", invalid="ignore"):
            reach = np.where(
                sides.normals > 0, np.maximum(slack, 0.0)[..., None] / sides.normals, np.inf
            ).min(axis=-2)
        outside = (slack < -room[..., 0]).any(axis=-1)
        return np.where(outside[..., None], -np.inf, low + reach)

    def _last(self, start: Floats, step: Floats) -> float:
        """Return the largest t with start + t * step in the set, by a linear program in t and a mixture."""
        if not (np.isfinite(start) & np.isfinite(step)).all():
            return np.nan
        if not step.any():
            return np.inf if self._within(start, rounding(self.grain, start)) else -np.inf
        size = float(np.exp(np.log(np.abs(step[step != 0])).mean()))  # units may lie far apart
        found = optimise(
            LinearProgram(
                objective=np.eye(1, 1 + self.mix.shape[1])[0],
                matrix=np.column_stack((self.rows @ step / size, self.mix)),
                limits=self.limits - self.rows @ start,
                lower=np.append(-np.inf, np.zeros(self.mix.shape[1])),
                equalities=self.equalities,
            )
        )
        return found.value / size

    def _within(self, x: Floats, room: Floats) -> bool:
        """Say whether x is in the set up to a tolerance for each coordinate."""
        count = self.mix.shape[1]
        rows = np.vstack((self.mix, -self.mix[1 : self.equalities]))
        left = self.limits - self.rows @ x
        left = np.append(left, -left[1 : self.equalities])
        share = np.append(np.abs(self.rows) @ room, (np.abs(self.rows) @ room)[1 : self.equalities])
        found = optimise(
            LinearProgram(
                objective=np.append(np.zeros(count), -1.0),
                matrix=np.column_stack((rows, -share / room.max())),
                limits=left,
                lower=np.append(np.zeros(count), 0.0),
                equalities=min(self.equalities, 1),
            )
        )
        return found.status == Status.OK and -found.value <= room.max()

    def _variables(self, d: Floats) -> tuple[Floats, Floats, Floats, Floats]:
        """Return gains over d as `gains v + base`, with the v that have matrix v <= limits.

        Of a hull v is a mixture z >= 0 of at most one: payoffs are above `origin`, so that a whole one is no worse.
        """
        low = (d - self.origin) / self.span
        if self.unit is not None and self.mix.size:
            count = self.mix.shape[1]
            matrix = np.vstack((np.ones(count), -np.eye(count)))
            return self.unit.T, -low, matrix, np.eye(1, count + 1)[0]
        return np.eye(d.size), np.zeros(d.size), self.rows, self._slacks(d)

    def _product(self, d: Floats, w: Floats) -> tuple[Floats, float]:
        gains, _, matrix, limits = self._variables(d)
        nothing = np.full(d.shape, np.nan), np.nan
        if self.points is not None and self.unit is not None and self.mix.size:
            gains = ((self.points - d) / self.span).T  # a whole mixture: the gains of its points
            size = gains.max(axis=1)
            if not ((size > self.grain) | (w == 0)).all():
                return nothing
            gain, gap = self._best_gains(w, gains, matrix, limits, size)
            if gap <= ACCURATE and ((gain > self.grain) | (w == 0)).all():
                return d + self.span * gain, gap
        size = (self.ideal(d) - d) / self.span  # inequalities, and points of which not everybody may gain
        if not (np.isfinite(size) & ((size > self.grain) | (w == 0))).all():
            return nothing
        gain, gap = self._best_gains(w, gains, matrix, limits, size)
        good = ((gain > self.grain) | (w == 0)).all()
        return d + self.span * gain, gap if good else np.nan

    def _best_gains(
        self, w: Floats, gains: Floats, matrix: Floats, limits: Floats, size: Floats
    ) -> tuple[Floats, float]:
        """Return the gains with the best product, of which some have about this size, and the duality gap."""
        scale = np.where(size > self.grain, size, 1.0)
        if self.mix.size:
            v, gap = product(w, gains / scale[:, None], matrix, limits)
            return gains @ v, gap
        rows = matrix * scale  # gains are the variables
        longest = np.abs(rows).max(axis=1)
        v, gap = product(w, gains, rows / longest[:, None], limits / longest)
        return scale * v, gap

    def _least_losses(self, low: Floats, best: Floats, unit: Floats, _: float) -> tuple[Floats, float]:
        """Return the same for the sum of losses, by a linear program with losses as variables.

        Where the x <= best with that sum have a list of vertices the answer is the middle of them.
        """
        n, count, none = low.size, self.mix.shape[1], np.zeros((low.size, self.mix.shape[1]))
        found = optimise(
            LinearProgram(
                objective=np.concatenate((np.zeros(n + count), -unit / unit.max())),
                matrix=np.block(
                    [[self.rows, self.mix, np.zeros((len(self.rows), n))], [-np.eye(n), none, -np.eye(n)]]
                ),
                limits=np.append(self.limits, -best),
                lower=np.concatenate((low, np.zeros(count + n))),
                equalities=self.equalities,
            )
        )
        x, least, both = found.point[:n], -found.value * unit.max(), [np.eye(n), -np.eye(n)]
        if self.sides is not None and np.isfinite(least):  # nobody loses more than all together
            floor = np.maximum(low, best - 2 * max(least, ACCURATE) / unit)
            limits = (self.sides.normals * self.sides.anchors).sum(axis=1)
            try:
                part = Solid.of_rows(
                    np.vstack((self.sides.normals, *both)), np.concatenate((limits, best, -floor))
                )
                middle = part.support(unit)[1]
                x = middle if unit @ np.maximum(best - middle, 0.0) <= least + ACCURATE else x
            except InvalidInput:
                pass
        return x, max(float(unit @ np.maximum(best - x, 0.0)) - least, 0.0)

    def _least_powers(self, low: Floats, best: Floats, unit: Floats, power: float) -> tuple[Floats, float]:
        """Return the x >= low with the least sum of (unit * max(best - x, 0))**power, and its error.

        Variables are those of `_variables`, the losses y, and a bound t on the sum of their powers.
        """
        n, bound = low.size, np.isfinite(low)
        gains, base, matrix, limits = self._variables(self.origin)
        q = gains.shape[1]
        rows = np.block(
            [
                [-matrix, np.zeros((len(matrix), n + 1))],
                [gains[bound], np.zeros((int(bound.sum()), n + 1))],
                [unit[:, None] * gains, np.eye(n, n + 1)],
                [np.zeros((n, q)), np.eye(n, n + 1)],
            ]
        )
        room = np.concatenate((limits, (base - low)[bound], unit * (base - best), np.zeros(n)))

        def at(v: Floats) -> Local:
            y = np.maximum(v[q:-1], 0.0)
            slope = np.concatenate((np.zeros(q), -power * y ** (power - 1), [1.0]))
            curve = power * (power - 1) * np.maximum(y, FLAT) ** (power - 2)
            return Local(
                values=np.append(rows @ v + room, v[-1] - (y**power).sum()),
                gradients=np.vstack((rows, slope)),
                hessian=lambda m: np.diag(np.concatenate((np.zeros(q), -m[-1] * curve, [0.0]))),
            )

        start = np.concatenate((np.zeros(q), np.ones(n), [n]))
        found = maximise(
            ConcaveProgram(
                objective=-np.eye(1, q + n + 1, q + n)[0],
                targets=np.zeros(len(rows) + 1),
                at=at,
                start=start,
                strict=0,
            )
        )
        x = gains @ found.v[:q] + base
        ends = [x]
        if self.unit is not None and self.mix.size:  # what is left of the mixture goes to a best point
            prices = unit * np.maximum(unit * (best - x), 0.0) ** (power - 1)
            ends = [x + max(1.0 - found.v[:q].sum(), 0.0) * self.unit[np.argmax(self.unit @ prices)]]
        else:  # the point of the rows that seem to bind, of which some may say the same
            slack = self.limits - self.rows @ x
            binds = slack <= CLOSE
            ends.append(x + np.linalg.lstsq(self.rows[binds], slack[binds], rcond=LEVEL)[0])
        gaps = [self._excess(end, low, best, unit, power) for end in ends]
        k = int(np.argmin(np.nan_to_num(gaps, nan=np.inf)))
        return ends[k], gaps[k]

    def _outside(self, x: Floats, step: Floats) -> float:
        """Return how many steps, of far less than one, lead back into a set of rows; mixtures are in theirs."""
        back = 0.0 if self.mix.size else -float(self.ray(x, step))
        return back if 0.0 < back <= CLOSE else 0.0

    def _excess(self, x: Floats, low: Floats, best: Floats, unit: Floats, power: float) -> float:
        """Return by how much another point loses less at the prices of a point, and how far it lies outside."""
        outside = self._outside(self.origin + self.span * x, self.span / unit)
        prices = unit * np.maximum(unit * (best - x), 0.0) ** (power - 1)
        if not prices.any():
            return outside
        if np.isfinite(low).any() or self.unit is None:
            top = self._best(prices, low)
        else:
            top = self.unit[np.argmax(self.unit @ prices)]
        return outside + max(float(prices @ (top - x)), 0.0) / float((prices / unit).sum())


def mixtures(
    points: Floats, origin: Floats, span: Floats, free_disposal: bool
) -> tuple[Floats, Floats, Floats, int]:
    """Return the rows of the hull of points, or of everything below it, in unit coordinates and shares of points."""
    n = points.shape[1]
    rows = np.vstack((np.zeros(n), np.eye(n)))
    mix = np.vstack((np.ones(len(points)), -((points - origin) / span).T))
    return rows, mix, np.append(1.0, np.zeros(n)), 1 if free_disposal else n + 1


def _equilibrated(matrix: Floats, limits: Floats, origin: Floats) -> tuple[Floats, Floats, Floats]:
    """Return rows, slacks at `origin` and units of the payoffs in which entries are about one.

    The sum of squared logarithms of the nonzero entries is minimised (Curtis and Reid 1972), so that units of the
    payoffs do not matter; a slack that is no more than rounding says nothing about them. Factors are powers of two,
    which are exact.
    """
    table = np.column_stack((matrix, limits - matrix @ origin))
    used = table != 0
    used[:, -1] &= np.abs(table[:, -1]) > 4 * EPS * (np.abs(limits) + np.abs(matrix) @ np.abs(origin))
    size = np.log2(np.abs(np.where(used, table, 1.0)))
    across, down = np.maximum(used.sum(axis=1), 1), np.maximum(used.sum(axis=0), 1)
    columns = np.zeros(table.shape[1])
    for _ in range(BALANCE):
        rows = (used * (size - columns)).sum(axis=1) / across
        columns = (used * (size - rows[:, None])).sum(axis=0) / down
    columns = np.exp2(-np.round(columns))
    table = table * columns
    table = table / np.abs(table[:, :-1]).max(axis=1, keepdims=True)
    return table[:, :-1], table[:, -1], columns[:-1] / columns[-1]


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
        middle = self._middle(scaled, best_points(self.unit, scaled, self.grain)[1])
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
        shape = np.broadcast_shapes(origin.shape, weights.shape)
        d, w = (np.broadcast_to(a, shape).reshape(-1, 2) for a in (origin, weights))
        point, residual = self._walk(d, w)
        if not (w > 0).all():
            self._alone(w, d, point, residual)
        return point.reshape(shape), residual.reshape(shape[:-1])

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
