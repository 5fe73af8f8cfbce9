"""A polytope given by inequalities, bounded or not, in any dimension; its vertices, and the extreme points of a list.

Coordinates are measured from a point near the middle, in units in which rows and columns are of size one, so that
neither the scale nor the offset of the payoffs costs accuracy.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bargaining._arrays import Floats, by_cell
from bargaining._rational import fractions, maximise
from bargaining.errors import InvalidInput, Status
from bargaining.feasible._linear import LinearProgram, decompose, exactly, maximise_product, optimise
from bargaining.feasible._polygon import hull, turn
from bargaining.feasible._sides import EPS, across, last_along, rounding

SPLIT = 2.0**27 + 1  # splits a float into two with half the digits each (Veltkamp)


def accurate_slack(row: Floats, limit: float, x: Floats) -> Floats:
    """Return limit - row . x for x of shape (n, ...), as if computed with twice the digits; plainly if those overflow.

    The row has entries of size one.
    """
    total, rest = np.broadcast_to(limit, x.shape[1:]), np.zeros(x.shape[1:])
    with np.errstate(over="ignore", invalid="ignore"):
        for a, v in zip(row, x, strict=True):
            product = a * v
            (a0, a1), (v0, v1) = _parts(a), _parts(v)
            rounded = a1 * v1 - (((product - a0 * v0) - a1 * v0) - a0 * v1)
            new = total - product
            back = new - total
            rest = rest + ((total - (new - back)) - (product + back) - rounded)
            total = new
    return np.where(np.isfinite(rest), total + np.where(np.isfinite(rest), rest, 0.0), total)


def _parts(x: Floats) -> tuple[Floats, Floats]:
    large = SPLIT * x
    high = large - (large - x)
    return high, x - high


NEAR = 1e-9  # of the unit box: a hundred times the errors of the hull, far below what tells vertices apart
FARTHER = 4  # times that the set is cut off 1e4 farther away: the last is at 1e15 limits, where floats end
SAME = 1e-12  # rounding errors of a vertex, or of a row, found twice


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Corners:
    """The vertices of a set, and whether everything below them belongs to it."""

    points: Floats
    open_below: bool


def corners(shape: Halfspaces) -> Corners | None:
    """Return the vertices of a set of inequalities; None if it is flat, or unbounded in another way than below."""
    found = unit_corners(shape.matrix, shape.limits)
    if found is None:
        return None
    points = _levelled(shape, shape.origin + shape.span * found.points)
    return Corners(points=points, open_below=found.open_below)


def _levelled(shape: Halfspaces, points: Floats) -> Floats:
    """Put vertices exactly on rows that bound one player alone: a side tilted by rounding is no longer level."""
    for i, level in shape.levels():
        near = np.abs(points[:, i] - level) <= SAME * (np.abs(level) + shape.span[i])
        points[near, i] = level
    return points


def flat_corners(shape: Halfspaces) -> Floats | None:
    """Return the vertices of a bounded set in which some rows always bind; None for another, or where too many may be.

    Rows that always bind are found in floats and confirmed in rationals, so that a thin set does not count as flat.
    They give some payoffs from the others, in which the set has an inside.
    """
    rows, limits, _ = shape._given
    players = rows.shape[1]
    if len(rows) > FEW[1] or (shape.limits > NEAR).all():
        return None
    found = optimise(_slacks_together(rows, limits))
    bind = np.flatnonzero(found.point[players:-1] < 0.5) if found.status == Status.OK else np.array([], int)
    if not bind.size or exactly(_slacks_together(rows[bind], limits[bind])).value > 0.0:
        return None
    table = fractions(np.column_stack((rows, limits)))
    given: dict[int, int] = {}  # payoffs that follow from the others, and the rows that give them
    for k in bind.tolist():
        pivot = next((i for i in range(players) if table[k, i]), None)
        if pivot is not None:
            given[pivot] = k
            table[k] = table[k] / table[k, pivot]
            rest = np.arange(len(table)) != k
            table[rest] = table[rest] - table[rest, pivot, None] * table[k]
    free = [i for i in range(players) if i not in given]
    if len(free) > FEW[0]:
        return None
    inside = np.delete(table, bind, axis=0)
    inside = inside[[bool(row[free].any()) for row in inside]].astype(float)
    points = np.zeros((1, 0))
    if free:
        drawn = corners(Halfspaces(inside[:, free], inside[:, -1])) if len(inside) else None
        if drawn is None or drawn.open_below:
            return None
        points = drawn.points
    vertices = np.zeros((len(points), players))
    vertices[:, free] = points
    for i, k in given.items():
        vertices[:, i] = [float(table[k, -1] - row @ table[k, free]) for row in fractions(points)]
    return _levelled(shape, vertices * shape.span)


def _slacks_together(rows: Floats, limits: Floats) -> LinearProgram:
    """Return the program of as many slacks as possible, each of at most one, at a multiple of a point of the set.

    At a large multiple every row that does not always bind has a slack of one. Variables are the payoffs, the slacks
    and by how much the multiple exceeds one.
    """
    m, n = rows.shape
    return LinearProgram(
        objective=np.repeat([0.0, 1.0, 0.0], [n, m, 1]),
        matrix=np.block(
            [[rows, np.eye(m), -limits[:, None]], [np.zeros((m, n)), np.eye(m), np.zeros((m, 1))]]
        ),
        limits=np.append(limits, np.ones(m)),
        lower=np.repeat([-np.inf, 0.0], [n, m + 1]),
    )


def unit_corners(matrix: Floats, limits: Floats) -> Corners | None:
    """Return the vertices of {u : matrix u <= limits}, which has the origin well inside, or None."""
    n = matrix.shape[1]
    if not (limits > NEAR * np.abs(matrix).max(axis=1)).all():
        return None
    below = bool(
        (matrix >= 0).all() and all((np.delete(matrix, i, axis=1) == 0).all(axis=1).any() for i in range(n))
    )
    unit = _open_below(matrix, limits) if below else _intersections(matrix, limits)
    return None if unit is None else Corners(points=unit, open_below=below)


def _open_below(matrix: Floats, limits: Floats) -> Floats | None:
    """Return the vertices of a set with free disposal: cut it off far below, and drop the vertices of the cut.

    A vertex of the cut lies below another point. If other vertices lie nearly as far, the set is cut off farther away.
    """
    n = matrix.shape[1]
    far = 1e3 * max(1.0, float(np.abs(limits).max())) / float(matrix[matrix > 0].min())
    for _ in range(FARTHER):
        closed = np.concatenate((matrix, -np.eye(n))), np.append(limits, np.full(n, far))
        unit = _intersections(*closed)
        if unit is None:
            return None
        lowest = unit.min(axis=1)
        kept = lowest > -0.9 * far
        if kept.any() and (lowest[kept] > -1e-3 * far).all():
            return np.asarray(unit[kept])
        far *= 1e4
    return None


def _intersections(matrix: Floats, limits: Floats) -> Floats | None:
    """Return the vertices of a set around the origin: the facets of the hull of its polar's points."""
    from scipy.spatial import ConvexHull, QhullError

    polar = matrix / limits[:, None]
    n = polar.shape[1]
    if n == 1:
        ends = [polar.min(), polar.max()]
        return None if ends[0] >= 0 or ends[1] <= 0 else np.array([[1 / ends[0]], [1 / ends[1]]])
    if n == 2:
        ring = hull(polar)
        # A row given twice, up to rounding, is one: the line through its two points would be a line through noise.
        ring = ring[np.abs(ring - np.roll(ring, 1, axis=0)).max(axis=1) > SAME * np.abs(ring).max(axis=1)]
        corner = [(float(x), float(y)) for x, y in ring]
        if len(ring) < 3 or any(turn(corner[k - 1], corner[k], (0.0, 0.0)) <= 0 for k in range(len(ring))):
            return None
        found = [_meet(np.array([ring[k - 1], ring[k]])) for k in range(len(ring))]
    else:
        try:
            sides = ConvexHull(polar)
        except QhullError:
            return None
        if (sides.equations[:, -1] >= -1e-12).any():
            return None
        near = [-side[:-1] / side[-1] for side in np.unique(sides.equations, axis=0)]
        found = [_meet(polar[polar @ p >= 1 - NEAR]) for p in near]
    # A side of the polar with the origin not strictly inside belongs to no vertex: the set is unbounded there.
    if any(p is None or (polar @ p > 1 + NEAR).any() for p in found):
        return None
    kept: list[Floats] = []
    for p in found:
        if p is not None and not any(np.abs(p - q).max() <= SAME * np.abs(p).max() for q in kept):
            kept.append(p)
    return np.array(kept)


def _meet(rows: Floats) -> Floats | None:
    """Return the point on all these rows, or None if there is none or more than one."""
    point, _, rank, _ = np.linalg.lstsq(rows, np.ones(len(rows)), rcond=1e-13)
    return np.asarray(point) if rank == rows.shape[1] else None


def extreme(points: Floats) -> Floats:
    """Return the points that are not mixtures of the others, decided exactly."""
    exact = fractions(points)
    kept = list(range(len(points)))
    for k in range(len(points)):
        others = [j for j in kept if j != k]
        if not others:
            break
        # A mixture of the others equals the point: maximise its total weight subject to both inequalities.
        columns = exact[others].T
        rows = np.concatenate((columns, -columns, [[1] * len(others)]))
        right = np.concatenate((exact[k], -exact[k], [1]))
        found = maximise(fractions(np.ones(len(others))), rows, right)
        if found is not None and found.value == 1:
            kept.remove(k)
    return points[kept]


BLOCK = 512  # cells solved together: the arrays stay in the processor's cache
ACCURATE = 1e-12  # residual that divisions promise: a cell above it is solved again, by itself
FEW = (4, 200)  # with more dimensions or rows than this there may be too many vertices to be worth finding
TIED = 16 * EPS  # of the coordinates: what rounding can put between equal corners
BALANCE = 50  # rounds of scaling


class Halfspaces:
    """{x : A x <= b}, stored as {u : matrix u <= limits} with x = origin + span * u."""

    __slots__ = ("_corners", "_given", "anchors", "grain", "limits", "matrix", "origin", "span")

    def __init__(self, matrix: Floats, limits: Floats) -> None:
        self.origin = np.zeros(matrix.shape[1])
        # The first middle is as good as the scale of the limits allows, the second is good.
        for _ in range(2):
            unit, room, span = _equilibrate(matrix, limits, self.origin)
            middle = _middle(unit, room)
            if np.isnan(middle).any():
                raise InvalidInput("`b` must leave some payoffs feasible; no x has A x <= b. Raise a limit.")
            self.origin = self.origin + span * middle
        self.matrix, self.limits, span = _equilibrate(matrix, limits, self.origin)
        size = np.exp2(np.round(np.log2(np.abs(self.limits).max()))) if self.limits.any() else 1.0
        self.limits, self.span = self.limits / size, span * size
        squares = (self.matrix**2).sum(axis=1, keepdims=True)
        self.anchors = self.matrix * (self.limits[:, None] / squares)
        self.grain = 16 * EPS * (1.0 + np.abs(self.origin) / self.span)
        self._corners: Floats | None = None
        self._given = self._in_exact_units(matrix, limits)

    def support(self, weights: Floats) -> tuple[Floats, Floats]:
        """Return the best weighted sum and where: the middle of the vertices that tie, if they can be listed."""
        w = np.asarray(weights, dtype=float)
        cells, above = by_cell(w), self._above(np.full(w.shape[-1], -np.inf))
        point = np.array([self._middle_of_ties(cell * self.span, above(cell) / self.span) for cell in cells])
        point = point.reshape(w.shape)
        unbounded = np.isinf(point).any(axis=-1)
        point = np.where(unbounded[..., None], np.nan, self.origin + self.span * point)
        return np.where(unbounded, np.inf, (w * point).sum(axis=-1)), point

    def _in_exact_units(self, matrix: Floats, limits: Floats) -> tuple[Floats, Floats, Floats]:
        """Return rows and limits as given up to powers of two, and how much larger than `matrix` the rows are."""
        with np.errstate(all="ignore"):  # callers refuse payoffs out of range
            rows = matrix * self.span
            factor = np.exp2(-np.round(np.log2(np.abs(rows).max(axis=1))))
            rows, limits = rows * factor[:, None], limits * factor
            return rows, limits, np.abs(rows).max(axis=1) / np.abs(self.matrix).max(axis=1)

    def levels(self) -> Iterator[tuple[int, float]]:
        """Give the payoffs at which a row bounds one player alone, with the player."""
        for row, limit, _ in zip(*self._given, strict=True):
            if np.count_nonzero(row) == 1:
                i = int(np.argmax(row != 0))
                yield i, float(limit / row[i] * self.span[i]) + 0.0  # no -0

    @property
    def corners(self) -> Floats:
        """The vertices, found when first needed; none where the set has no list of them, or there may be too many."""
        if self._corners is None:
            few = self.matrix.shape[1] <= FEW[0] and len(self.matrix) <= FEW[1]
            found = unit_corners(self.matrix, self.limits) if few else None
            self._corners = self.matrix[:0] if found is None else found.points
        return self._corners

    def _middle_of_ties(self, weights: Floats, point: Floats) -> Floats:
        if not np.isfinite(point).all():
            return point
        if not len(self.corners):
            return point
        room = TIED * (np.abs(self.corners).max(axis=0) + np.abs(point))
        away, more, apart = self._beyond(point, weights, room)
        if (more > apart).any():  # the program loses small payoffs next to large ones
            point = self.corners[np.argmax(more - apart)]
            away, more, apart = self._beyond(point, weights, room)
        tied = (np.abs(more) <= apart) & ~((away <= 0).all(axis=1) & (more < 0))
        return np.asarray(self.corners[tied].mean(axis=0)) if tied.sum() > 1 else point

    def _beyond(self, point: Floats, weights: Floats, room: Floats) -> tuple[Floats, Floats, Floats]:
        """Return the distances of the vertices from a point, by how much they exceed it, and the rounding errors.

        Payoffs that are equal up to rounding do not count: large payoffs would hide small ones.
        """
        away = self.corners - point
        away = np.where(np.abs(away) <= room, 0.0, away)
        return away, away @ weights, (away != 0) @ (room * np.abs(weights))

    def ray(self, origin: Floats, direction: Floats) -> Floats:
        """Return the largest t with origin + t * direction in the set."""
        start, step = (origin - self.origin) / self.span, direction / self.span
        slacks = self._slacks(np.broadcast_arrays(origin, step)[0])
        return last_along(self.matrix, self.anchors, self.grain, start, step, slacks=slacks)

    def _slacks(self, x: Floats) -> Iterator[Floats]:
        """Give the slack of each row at payoffs x, as if computed with twice the digits."""
        far = np.moveaxis(x / self.span, -1, 0)
        return (accurate_slack(row, limit, far) / size for row, limit, size in zip(*self._given, strict=True))

    def ideal(self, floor: Floats) -> Floats:
        """Return each player's best payoff over the x >= floor in the set."""
        return np.array([self._ideal(cell) for cell in by_cell(floor)]).reshape(floor.shape)

    def contains(self, x: Floats, *, tol: float) -> NDArray[np.bool_]:
        """Say whether x meets every inequality, up to `tol` of the size of the set."""
        room = np.moveaxis(rounding(self.grain, (x - self.origin) / self.span), -1, 0)
        inside = np.ones(x.shape[:-1], dtype=bool)
        for row, slack in zip(self.matrix, self._slacks(x), strict=True):
            inside &= slack >= -np.maximum(tol, across(row, room))
        return inside

    def support_above(self, weights: Floats, floor: Floats) -> Floats:
        """Return a point with the best weighted sum over the x >= floor, for one cell; NaN where there is none."""
        gain = self._above(floor)(weights)
        return np.where(np.isinf(gain), np.nan, self._base(floor) + gain)

    def product(self, origin: Floats, weights: Floats) -> tuple[Floats, Floats]:
        """Return the point that maximises the weighted product of gains over `origin`, and its residual."""
        shape = np.broadcast_shapes(origin.shape, weights.shape)
        d, w = by_cell(np.broadcast_to(origin, shape)), by_cell(np.broadcast_to(weights, shape))
        slack = np.stack([*self._slacks(d)], axis=-1)
        gain, residual = np.empty(d.shape), np.empty(len(d))
        for start in range(0, len(d), BLOCK):
            cells = slice(start, start + BLOCK)
            gain[cells], residual[cells] = self._gains(slack[cells], w[cells])
        for k in np.flatnonzero(~(residual <= ACCURATE)):
            gain[k], residual[k] = self._held(d[k], w[k])
        residual[~((gain > self.grain) | (w == 0)).all(axis=1)] = np.nan
        point = origin + self.span * gain.reshape(shape)
        return point, residual.reshape(shape[:-1])

    def _gains(self, slack: Floats, w: Floats) -> tuple[Floats, Floats]:
        """Maximise the product with gains as the variables, all cells together."""
        size = np.abs(slack).max(axis=1, keepdims=True) + np.finfo(float).tiny
        matrix = np.broadcast_to(self.matrix, (len(slack), *self.matrix.shape))
        gain, price = maximise_product(w, matrix, slack / size)
        with np.errstate(all="ignore"):
            price = np.maximum(price, 0.0)
            wanted = np.where(w > 0, w / gain, 0.0)
            off = wanted - np.matmul(price[:, None, :], self.matrix)[:, 0]
            # The duality gap of the answer, and its largest violation of a row over the least gain.
            gap = np.abs((price * slack / size).sum(axis=1) - 1.0) + (np.maximum(off, 0.0) * gain).sum(axis=1)
            over = np.matmul(matrix, gain[:, :, None])[:, :, 0] - slack / size
            least = np.where(w > 0, gain, np.inf).min(axis=1)
            dear = np.maximum(1.0, w.shape[1] * wanted.max(axis=1))
            residual = np.maximum(gap, np.maximum(over.max(axis=1), -gain.min(axis=1)) * dear)
        return gain * size, np.where((least > 0) & np.isfinite(residual), residual, np.nan)

    def _held(self, d: Floats, w: Floats) -> tuple[Floats, float]:
        """Maximise the product point by point, where the set is thin or a player is held at the origin."""
        if not ((self._ideal(d) > d) | (w == 0)).all():
            return np.full(d.shape, np.nan), np.nan
        above = self._above(d)

        def best(prices: Floats) -> tuple[float, Floats]:
            gain = above(prices / self.span) / self.span
            return float(prices @ gain) if np.isfinite(gain).all() else np.inf, gain

        ends = np.array([best(np.eye(len(w))[i])[1] for i in np.flatnonzero(w > 0)])
        if not np.isfinite(ends).all():
            return np.full(d.shape, np.nan), np.nan
        return decompose(best, np.zeros(len(w)), w, ends, floored=True)

    def _base(self, floor: Floats) -> Floats:
        return np.where(np.isfinite(floor), floor, self.origin)

    def _above(self, floor: Floats, allowances: tuple[float, ...] = (0.0, 1.0)) -> Callable[[Floats], Floats]:
        """Return the best gains over a floor as a function of weights: inf without a bound, NaN if nothing is feasible.

        Without a floor, gains are measured from the middle. Slacks at the floor are scaled to size one. A floor on the
        frontier is met up to rounding: `allowances` says which multiples of the rounding error are tried.
        """
        bound, base = np.isfinite(floor), self._base(floor)
        slack = np.array([float(row) for row in self._slacks(base)])
        room = np.abs(self.matrix) @ rounding(self.grain, (base - self.origin) / self.span)
        tries = [_equilibrate(self.matrix, slack + much * room, np.zeros(len(base))) for much in allowances]

        def best(weights: Floats) -> Floats:
            for matrix, limits, span in tries:
                size, worth = max(1.0, float(np.abs(limits).max())), weights * self.span * span
                found = optimise(
                    LinearProgram(
                        objective=worth / max(float(np.abs(worth).max()), np.finfo(float).tiny),
                        matrix=matrix,
                        limits=limits / size,
                        lower=np.where(bound, 0.0, -np.inf),
                    )
                )
                if found.status == Status.OK:
                    return np.asarray(self.span * span * (size * found.point))
                if found.status == Status.UNBOUNDED:
                    return np.full(weights.shape, np.inf)
            return np.full(weights.shape, np.nan)

        return best

    def _ideal(self, floor: Floats) -> Floats:
        """Return each player's best; where the floor is met only up to rounding, less the gain from rounding."""
        gains = self._gains_alone(floor, 0.0)
        if np.isnan(gains).any():
            once, twice = (self._gains_alone(floor, much) for much in (1.0, 2.0))
            gains = once - np.where(np.isfinite(twice), twice - once, 0.0)
        gains = np.where(np.isfinite(floor), np.maximum(gains, 0.0), gains)
        return np.where(np.isnan(gains).any(), -np.inf, self._base(floor) + gains)

    def _gains_alone(self, floor: Floats, allowance: float) -> Floats:
        above = self._above(floor, (allowance,))
        return np.array([above(weights)[i] for i, weights in enumerate(np.eye(floor.size))])


def slack_at(matrix: Floats, limits: Floats, x: Floats) -> Floats:
    """Return limits - matrix @ x, rounded once: large offsets cancel."""
    from fractions import Fraction

    if not x.any():
        return limits
    point = [Fraction(float(v)) for v in x]
    rows = zip(matrix.tolist(), limits.tolist(), strict=True)
    return np.array(
        [
            float(Fraction(b) - sum(Fraction(a) * v for a, v in zip(row, point, strict=True) if a))
            for row, b in rows
        ]
    )


def _equilibrate(matrix: Floats, limits: Floats, origin: Floats) -> tuple[Floats, Floats, Floats]:
    """Scale rows and columns, the slacks at `origin` being one more column, until entries are about one.

    The sum of squared logarithms of the nonzero entries is minimised (Curtis and Reid 1972), so that units of the
    payoffs do not matter; a slack that is no more than the rounding of `origin` says nothing about them. Factors are
    powers of two, which are exact.
    """
    table = np.column_stack((matrix, slack_at(matrix, limits, origin)))
    used = table != 0
    used[:, -1] &= np.abs(table[:, -1]) > 2 * EPS * (np.abs(matrix) @ np.abs(origin))
    size = np.log2(np.abs(np.where(used, table, 1.0)))
    across, down = np.maximum(used.sum(axis=1), 1), np.maximum(used.sum(axis=0), 1)
    columns = np.zeros(table.shape[1])
    for _ in range(BALANCE):
        rows = (used * (size - columns)).sum(axis=1) / across
        columns = (used * (size - rows[:, None])).sum(axis=0) / down
    columns = np.exp2(-np.round(columns))
    table = table * columns
    largest = np.abs(table[:, :-1]).max(axis=1, keepdims=True)
    table = table / np.where(largest > 0, largest, 1.0)
    return table[:, :-1], table[:, -1], columns[:-1] / columns[-1]


def _middle(matrix: Floats, limits: Floats) -> Floats:
    """Return a point with the largest slack, of at most one; NaN where nothing is feasible."""
    m, n = matrix.shape
    found = optimise(
        LinearProgram(
            objective=np.append(np.zeros(n), 1.0),
            matrix=np.concatenate((np.column_stack((matrix, np.ones(m))), np.eye(n + 1)[-1:])),
            limits=np.append(limits, 1.0),
            lower=np.full(n + 1, -np.inf),
        )
    )
    if found.status != Status.OK or found.value < -1e-12:
        return np.full(n, np.nan)
    return found.point[:n]
