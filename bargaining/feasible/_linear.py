r"""Linear programs with proved answers, and the largest weighted product over linear inequalities or any set.

HiGHS accepts an infeasibility of 1e-7 and drops coefficients below 1e-9. Its answer is therefore used only as a
guess of the active constraints: they must have non-negative multipliers that reproduce the objective, and the
point is moved onto them. If this fails, or the program has such coefficients and HiGHS finds no answer, it is solved in
rationals.

Every n-player Nash solution ends at the largest weighted product over linear inequalities,

.. math:: \max_y \sum_i w_i \log y_i \quad \text{subject to}\quad G y \le c, \qquad y_i \ge 0,\ \sum_i w_i = 1.

With the sides of a set, measured from d, y is the vector of gains. With its vertices less d as the rows of G and
c = 1 it is the dual problem: y is the vector of prices w / (x - d) and the multipliers of the rows are the mixture of
vertices. A primal-dual interior point finds which rows bind; Newton's method on the optimality conditions with those
rows as equations finishes. All cells of a batch move together and none depends on another.

Over a set known only by its support, simplicial decomposition maximises the product over the hull of the points found
so far. Its gradient w / (x - d) is a price vector, and the set's best point at these prices either proves optimality or
is added to the points (von Hohenbalken 1977). On a polytope this ends after finitely many points. If the points found
so far do not let everyone gain, the next point is the best at prices that prove this.

References
----------
Mehrotra, S. (1992). On the implementation of a primal-dual interior point method. *SIAM Journal on Optimization*
2(4), 575-601. doi:10.1137/0802028
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from bargaining._arrays import Floats
from bargaining._rational import fractions, maximise
from bargaining.errors import Status

EPS = float(np.finfo(float).eps)
NEAR = 1e-6  # slack below which a constraint may be active
DROPPED = 1e-9  # size up to which HiGHS drops coefficients: what it finds empty or unbounded without them may not be
PROVED = 64 * EPS  # of the coefficients: rounding of a product of some tens of entries


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LinearProgram:
    """Maximise objective . z subject to matrix z <= limits, its first rows with equality, and z >= lower.

    Data are expected to be of size one.

    Attributes
    ----------
    equalities : int
        How many of the first rows hold with equality.
    lower : ndarray
        0 or -inf for each variable.
    """

    objective: Floats
    matrix: Floats
    limits: Floats
    lower: Floats
    equalities: int = 0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Optimum:
    """The result of a linear program: OK, EMPTY or UNBOUNDED; the point and its value."""

    status: Status
    point: Floats
    value: float


def optimise(program: LinearProgram) -> Optimum:
    """Solve a linear program to rounding error."""
    guess = _guess(program)
    if isinstance(guess, Status):
        dropped = (program.matrix != 0) & (np.abs(program.matrix) <= DROPPED)
        finite = np.isfinite(program.matrix).all() and np.isfinite(program.limits).all()
        return exactly(program) if finite and dropped.any() else _nowhere(program, guess)
    point = _tighten(program, guess)
    if point is None:
        return exactly(program)
    return Optimum(status=Status.OK, point=point, value=float(program.objective @ point))


def _nowhere(program: LinearProgram, status: Status) -> Optimum:
    value = np.inf if status == Status.UNBOUNDED else -np.inf
    return Optimum(status=status, point=np.full(program.lower.shape, np.nan), value=value)


def _guess(program: LinearProgram) -> Floats | Status:
    """Return HiGHS's point, or EMPTY or UNBOUNDED."""
    from scipy.optimize import Bounds, LinearConstraint, milp

    below = np.full(program.limits.shape, -np.inf)
    below[: program.equalities] = program.limits[: program.equalities]
    found = milp(
        -program.objective,
        constraints=LinearConstraint(program.matrix, below, program.limits),
        bounds=Bounds(program.lower, np.inf),
    )
    if found.x is not None and np.isfinite(found.x).all():
        return np.asarray(found.x, dtype=float)
    if found.status == 2:
        return Status.EMPTY
    if not program.objective.any():
        return Status.FAILED
    # Presolve does not always distinguish the two: solve without an objective.
    anywhere = _guess(replace(program, objective=np.zeros_like(program.objective)))
    return Status.UNBOUNDED if not isinstance(anywhere, Status) else anywhere


def _tighten(program: LinearProgram, guess: Floats) -> Floats | None:
    """Return the optimal point next to a guess, or None where it cannot be proved to be one."""
    equal = np.arange(len(program.limits)) < program.equalities
    near = np.flatnonzero((program.limits - program.matrix @ guess <= NEAR) | equal)
    low = guess - program.lower <= NEAR
    found = _multipliers(program, near, equal, low)
    if found is None:
        return None
    on_rows, on_bounds = found
    held = equal.copy()
    held[near[on_rows > 0]] = True
    return _onto(program, held, on_bounds > 0, guess)


def _multipliers(
    program: LinearProgram, near: NDArray[np.intp], equal: NDArray[np.bool_], low: NDArray[np.bool_]
) -> tuple[Floats, Floats] | None:
    """Return non-negative multipliers of the active rows and bounds that give the objective, or None.

    An active bound only requires that its entry of the objective is not exceeded. So the rows alone must reproduce the
    entries without an active bound; the bounds are included only if another entry is exceeded.
    """
    # An equality may have a multiplier of either sign.
    rows = np.concatenate((program.matrix[near], -program.matrix[equal]))
    room = PROVED * (1 + np.abs(program.objective).max())
    found, miss = _nonnegative(rows[:, ~low].T, program.objective[~low])
    excess = np.where(low, found @ rows - program.objective, 0.0)
    if miss > room or (excess < -room).any():
        bounds = -np.eye(low.size)[low]
        both, miss = _nonnegative(np.concatenate((rows, bounds)).T, program.objective)
        found, excess[low] = both[: len(rows)], both[len(rows) :]
        if miss > room:
            return None
    else:
        excess[excess <= room] = 0.0
    return found[: near.size], excess


def _nonnegative(matrix: Floats, target: Floats) -> tuple[Floats, float]:
    """Return x >= 0 with matrix x nearest to the target, and the distance; infinity if none was found."""
    from scipy.optimize import nnls

    if not matrix.size:
        return np.zeros(matrix.shape[1]), float(np.linalg.norm(target))
    try:
        found, miss = nnls(matrix, target)
    except RuntimeError:
        return np.zeros(matrix.shape[1]), np.inf
    return found, float(miss)


def _onto(
    program: LinearProgram, held: NDArray[np.bool_], fixed: NDArray[np.bool_], point: Floats
) -> Floats | None:
    """Move a point the least so that held rows bind and fixed entries are at bounds; hold violated rows too."""
    room, below = PROVED * (1 + np.abs(program.limits)), PROVED * (1 + np.abs(program.lower))
    for _ in range(6):
        point = np.where(fixed, program.lower, point)
        for _ in range(2):
            gap = program.limits[held] - program.matrix[held] @ point
            point[~fixed] += np.linalg.lstsq(program.matrix[np.ix_(held, ~fixed)], gap, rcond=1e-12)[0]
        slack = program.limits - program.matrix @ point
        if (np.abs(slack[held]) > room[held]).any():
            return None
        short, under = slack < -room, point < program.lower - below
        if not short.any() and not under.any():
            return point
        held, fixed = held | short, fixed | under
    return None


def exactly(program: LinearProgram) -> Optimum:
    """Solve in rationals; a variable without a lower bound is a difference of two."""
    free = np.isneginf(program.lower)
    equal = program.matrix[: program.equalities]
    matrix = np.concatenate((program.matrix, -equal))
    limits = np.concatenate((program.limits, -program.limits[: program.equalities]))
    matrix = np.concatenate((matrix, -matrix[:, free]), axis=1)
    objective = np.concatenate((program.objective, -program.objective[free]))
    try:
        found = maximise(fractions(objective), fractions(matrix), fractions(limits))
    except OverflowError:
        return _nowhere(program, Status.UNBOUNDED)
    if found is None:
        return _nowhere(program, Status.EMPTY)
    point = np.array([float(x) for x in found.solution[: free.size]])
    point[free] -= [float(x) for x in found.solution[free.size :]]
    return Optimum(status=Status.OK, point=point, value=float(found.value))


FURTHER = 1e-13  # gap at which the path ends if polishing does not improve the answer
STEPS = 60  # of the path: it gains a constant factor a step at worst
USUAL = 12  # steps after which every second step only recentres
ARRIVED = 1e-6  # gap at which binding rows can be distinguished from the others
LIGHT = 1e-3  # a weight below which the gap must be smaller, as it must be small beside each weight
POLISH = 3  # steps of Newton's method from a gap of 1e-6: two double its digits to rounding
SOFT = 1e-8  # regularises redundant rows in the polish: it slows Newton's method but does not move its end


def maximise_product(
    weights: Floats, matrix: Floats, limits: Floats, *, polish: bool = True
) -> tuple[Floats, Floats]:
    """Return the maximiser y and the multipliers of the rows.

    Parameters
    ----------
    weights : ndarray, shape (cells, n)
        Each row sums to one; a variable of weight 0 is held non-negative only.
    matrix : ndarray, shape (cells, m, n)
        G, its columns of size about one.
    limits : ndarray, shape (cells, m)
        The right-hand sides c, of any sign.
    polish : bool, default True
        Whether to solve the conditions on the binding rows. If these cannot be distinguished from the others, the end
        of a longer path is the better answer.

    Returns
    -------
    y : ndarray, shape (cells, n)
        NaN where y has no bound.
    multipliers : ndarray, shape (cells, m)
    """
    with np.errstate(all="ignore"):
        light = np.where(weights > 0, weights, 1.0).min(axis=1) / LIGHT
        path = _approach(weights, matrix, limits, (ARRIVED if polish else FURTHER) * np.minimum(light, 1.0))
        if polish:
            return _polish(weights, matrix, limits, path)
        y, _, _, multipliers = _split(path, weights.shape[1])
        return y, multipliers


def _times(matrix: Floats, y: Floats) -> Floats:
    product: Floats = np.matmul(matrix, y[:, :, None])[:, :, 0]
    return product


def _mix(multipliers: Floats, matrix: Floats) -> Floats:
    mixture: Floats = np.matmul(multipliers[:, None, :], matrix)[:, 0]
    return mixture


def _solve(matrix: Floats, right: Floats) -> Floats:
    """Solve positive definite systems; NaN in the cells that have none."""
    try:
        return np.asarray(np.linalg.solve(matrix, right[:, :, None])[:, :, 0])
    except np.linalg.LinAlgError:
        if len(matrix) == 1:
            return np.full_like(right, np.nan)
        return np.concatenate([_solve(matrix[k : k + 1], right[k : k + 1]) for k in range(len(matrix))])


def _start(w: Floats, g: Floats, c: Floats) -> Floats:
    """Return y half way to the nearest row along w, and multipliers and slacks near the central path."""
    n, m = w.shape[1], g.shape[1]
    y = w + 0.1 / n
    speed = _times(g, y)
    reach = np.where((speed > 0) & (c > 0), c / speed, np.inf).min(axis=1, initial=1e3)
    y = y * (reach / 2)[:, None]
    s = c - _times(g, y)
    s = np.where(s > 0, s, 0.1 / n * np.abs(c).max(axis=1, keepdims=True))
    return np.concatenate((y, (w + 0.1 / n) / y, s, 0.5 / (m * s)), axis=1)


def _split(path: Floats, n: int) -> tuple[Floats, Floats, Floats, Floats]:
    """Return y, x = w / y, the slacks s and the multipliers z."""
    m = (path.shape[1] - 2 * n) // 2
    return path[:, :n], path[:, n : 2 * n], path[:, 2 * n : 2 * n + m], path[:, 2 * n + m :]


def _approach(w: Floats, g: Floats, c: Floats, near: Floats) -> Floats:
    """Follow the central path until all conditions nearly hold; cells that have converged no longer move."""
    path = _start(w, g, c)
    arrived, nearest = np.full_like(path, np.nan), np.full(len(w), np.inf)
    live = np.arange(len(w))
    for k in range(STEPS):
        before, (path, off) = path, _step(w, g, c, path, careful=k > USUAL and k % 2 == 0)
        # A cell that gets no further keeps its best.
        closer = ((near < ARRIVED) | (k > USUAL)) & (off < nearest[live])
        arrived[live[closer]], nearest[live[closer]] = before[closer], off[closer]
        going = off > near
        if k % 4 == 3:  # y grows without a bound where G y <= 0: leave NaN
            going &= ~(
                _times(g, path[:, : w.shape[1]]).max(axis=1) <= EPS * path[:, : w.shape[1]].sum(axis=1)
            )
        if going.all():
            continue
        done = off <= near
        arrived[live[done]] = path[done]
        if not going.any():
            break
        w, g, c, path, live = w[going], g[going], c[going], path[going], live[going]
        near = near[going]
    return arrived


def _step(w: Floats, g: Floats, c: Floats, path: Floats, *, careful: bool) -> tuple[Floats, Floats]:
    """Take one predictor-corrector step on x y = w, s z = 0, G y + s = c, G'z = x; return the violation before it."""
    m, n = g.shape[1:]
    y, x, s, z = _split(path, n)
    ratio, steep, short, wide = z / s, x / y, c - _times(g, y) - s, x - _mix(z, g)
    gap = np.matmul(s[:, None, :], z[:, :, None])[:, 0]
    hessian = np.matmul(g.transpose(0, 2, 1) * ratio[:, None, :], g)
    diagonal = np.arange(n)
    hessian[:, diagonal, diagonal] += steep

    def direction(xy: Floats, sz: Floats) -> Floats:
        dx, dz = xy / y - x, sz / s - z - ratio * short  # with dy = 0
        dy = _solve(hessian, dx + wide - _mix(dz, g))
        moved = _times(g, dy)
        return np.concatenate((dy, dx - steep * dy, short - moved, dz + ratio * moved), axis=1)

    step = direction(w, 0.0 * s)
    dy, dx, ds, dz = _split(step, n)
    t = _reach(path, step)
    ahead = np.matmul((s + t * ds)[:, None, :], (z + t * dz)[:, :, None])[:, 0]
    centre = np.maximum((ahead / gap) ** 3, 1e-8) * (gap / m)
    # A short step gets only a part of its second-order correction: in full it can make the path cycle.
    trust = t * t
    if careful:
        centre, trust = 0.3 * gap / m, np.zeros_like(t)
    step = direction(np.maximum(w, centre) - trust * dy * dx, centre - trust * ds * dz)
    t = 0.995 * _reach(path, step)
    off = np.abs(np.concatenate((gap, short, wide * y, x * y - w), axis=1)).max(axis=1)
    ahead = path + t * step
    return np.where(
        np.isfinite(ahead).all(axis=1, keepdims=True), ahead, path
    ), off  # a singular system moves nothing


def _reach(path: Floats, step: Floats) -> Floats:
    """Return the largest step, at most 1, that keeps everything non-negative."""
    reach: Floats = 1 / np.maximum(-(step / path).min(axis=1, keepdims=True), 1.0)
    return reach


def _polish(w: Floats, g: Floats, c: Floats, path: Floats) -> tuple[Floats, Floats]:
    """Solve w / y = G' z, G y = c on the binding rows by Newton's method."""
    n, rows = w.shape[1], g
    y, x, s, z = _split(path, n)
    binds = z > s
    if not (w > 0).all():  # a player without weight may be held at zero: one more binding row
        binds = np.concatenate((binds, (w == 0) & (x > y)), axis=1)
        rows = np.concatenate((g, np.broadcast_to(-np.eye(n), (len(g), n, n))), axis=1)
        c, z = np.concatenate((c, np.zeros_like(w)), axis=1), np.concatenate((z, x), axis=1)
    rows, z, c = rows * binds[:, :, None], z * binds, c * binds
    stiff = np.matmul(rows.transpose(0, 2, 1), rows) / SOFT
    diagonal = np.arange(n)
    stiff[:, diagonal, diagonal] *= 1 + EPS
    for _ in range(POLISH):
        price = np.where(w > 0, w / y, 0.0)
        short = c - _times(rows, y)
        matrix = stiff.copy()
        matrix[:, diagonal, diagonal] += np.where(w > 0, price / y, SOFT)
        dy = _solve(matrix, price - _mix(z - short / SOFT, rows))
        z = z + (_times(rows, dy) - short) / SOFT
        y = y + dy
    return y, z[:, : g.shape[1]]


ROUNDS = 200  # steps, each of which adds a point: a limit against cycles caused by rounding
MANY = 20  # points per player beyond which idle ones are dropped
CLOSED = 2 * EPS  # duality gap, over the product, that rounding leaves
GOOD = 1e-12  # the accuracy that divisions promise
SETTLE = 4  # steps of Newton from a good mixture: each doubles its digits
HEAVY = 1e3  # weight of the row that keeps a mixture's total at one

Oracle = Callable[[Floats], tuple[float, Floats]]
"""Takes prices and returns the best value over the set and where; inf, NaN where there is no bound."""


def over_mixtures(gains: Floats, weights: Floats) -> tuple[Floats, Floats, Floats]:
    """Maximise the product of mixtures of vectors of gains.

    Parameters
    ----------
    gains : ndarray, shape (cells, m, n)
        The gains at m points over the disagreement point.
    weights : ndarray, shape (cells, n)

    Returns
    -------
    mixture : ndarray, shape (cells, m)
        Non-negative and adding up to one; NaN where no mixture gives everyone with a weight a gain.
    prices : ndarray, shape (cells, n)
        w / gain, and the multiplier of `gain >= 0` for a player of weight 0.
    residual : ndarray, shape (cells,)
        max over points of prices . gains, less one, or the loss of a player of weight 0 over its scale; NaN where
        no mixture lets everyone with a weight gain, inf where that is not known.
    """
    best, size = gains.max(axis=1), np.abs(gains).max(axis=1)
    scale = np.where((weights > 0) & (best > 0), best, np.where(size > 0, size, 1.0))
    unit = gains / scale[:, None, :]
    prices, mixture = maximise_product(weights, unit, np.ones(unit.shape[:2]))
    mixture, prices, residual = _measured(weights, unit, mixture, prices)
    for k in np.flatnonzero(residual > GOOD):
        cell = slice(k, k + 1)
        multipliers, again = maximise_product(
            weights[cell], unit[cell], np.ones((1, unit.shape[1])), polish=False
        )
        for tried in (again, _settle(weights[k], unit[k], again[0])[None]):
            better = _measured(weights[cell], unit[cell], tried, multipliers)
            if better[2] < residual[k]:
                mixture[k], prices[k], residual[k] = (a[0] for a in better)
    return mixture, prices / scale, residual


def _measured(
    weights: Floats, unit: Floats, mixture: Floats, prices: Floats
) -> tuple[Floats, Floats, Floats]:
    """Return a mixture that adds up to one, its prices and its residual."""
    with np.errstate(all="ignore"):
        mixture = np.maximum(mixture, 0.0)
        mixture /= mixture.sum(axis=1, keepdims=True)
        gain = np.matmul(mixture[:, None, :], unit)[:, 0]
        prices = np.where(weights > 0, weights / gain, np.maximum(prices, 0.0))
        gap = np.maximum(np.matmul(unit, prices[:, :, None])[:, :, 0].max(axis=1) - 1.0, 0.0)
        loss = np.where(weights > 0, 0.0, -gain).max(axis=1)
        found = ((gain > 0) | (weights == 0)).all(axis=1) & np.isfinite(gap)
    none = np.isnan(mixture).any(axis=1)
    return mixture, prices, np.where(found, np.maximum(gap, loss), np.where(none, np.nan, np.inf))


def _settle(weights: Floats, unit: Floats, mixture: Floats) -> Floats:
    """Take Newton steps from a good mixture if many optima or idle points make the active points unclear.

    The quadratic model of the logarithms is a least-squares problem in non-negative mixtures (Wang 2007).
    """
    from scipy.optimize import nnls

    root, total = np.sqrt(weights), np.full((1, len(unit)), HEAVY)
    if not root.all():
        return mixture
    for _ in range(SETTLE):
        gain = mixture @ unit
        if not (np.isfinite(gain).all() and (gain > 0).all()):
            break
        try:
            mixture = nnls(np.concatenate(((unit * (root / gain)).T, total)), np.append(2 * root, HEAVY))[0]
        except RuntimeError:
            break
        mixture /= mixture.sum()
    return mixture


def decompose(
    oracle: Oracle, origin: Floats, weights: Floats, start: Floats | None = None, *, floored: bool = False
) -> tuple[Floats, float]:
    """Maximise the product of gains over a set given by its support, for one cell.

    Parameters
    ----------
    oracle : callable
        The support of the set.
    origin, weights : ndarray, shape (n,)
        Where gains are measured from; weights that sum to one.
    start : ndarray, shape (k, n), optional
        Points of the set.
    floored : bool, default False
        Whether every point of the set gives everyone at least `origin`: then players of weight 0 need no price.

    Returns
    -------
    point : ndarray, shape (n,)
    residual : float
        The duality gap; NaN where not everyone with a weight can gain, or the set has no bound.
    """
    best: tuple[Floats, float] = np.full(origin.shape, np.nan), np.nan
    points = oracle(np.ones_like(weights))[1][None] if start is None else start
    counted = (weights > 0) | (not floored)
    ask = np.zeros_like(weights)
    for _ in range(ROUNDS):
        gains = (points - origin)[:, counted]
        mixture, prices, inner = (a[0] for a in over_mixtures(gains[None], weights[None, counted]))
        ask[counted] = prices if np.isfinite(inner) else _no_gain(gains)
        if not (ask >= 0).all():
            break
        value, found = oracle(ask)
        value -= float(ask @ origin)
        if np.isfinite(inner):
            gap = max(value - 1.0, float(inner), 0.0)
            best = best if gap >= best[1] else (mixture @ points, gap)
        worthless = 16 * EPS * float(ask @ (np.abs(found) + np.abs(origin)))
        closed = value - 1.0 <= CLOSED if np.isfinite(inner) else value <= worthless
        if closed or not np.isfinite(value) or (points == found).all(axis=1).any():
            break
        keep = (mixture > 0) | (not np.isfinite(inner) or len(points) < MANY * origin.size)
        points = np.concatenate((points[keep], found[None]))
    return best


def _no_gain(gains: Floats) -> Floats:
    """Return prices that minimise the worth of the best point: a proof that not everyone can gain if it is zero."""
    size = np.abs(gains).max(axis=0)
    scale = np.where(size > 0, size, 1.0)
    unit = gains / scale
    m, n = unit.shape
    # Maximise -v over prices in the simplex with unit @ prices <= v.
    matrix = np.zeros((m + 1, n + 1))
    matrix[0, :n], matrix[1:, :n], matrix[1:, n] = 1.0, unit, -1.0
    found = optimise(
        LinearProgram(
            objective=np.append(np.zeros(n), -1.0),
            matrix=matrix,
            limits=np.append(1.0, np.zeros(m)),
            lower=np.append(np.zeros(n), -np.inf),
            equalities=1,
        )
    )
    if found.status != Status.OK:
        return np.full(n, np.nan)
    return np.asarray(np.maximum(found.point[:n], 0.0) / scale)
