r"""The largest weighted product over linear inequalities: every n-player Nash solution ends here.

.. math:: \max_y \sum_i w_i \log y_i \quad \text{subject to}\quad G y \le c, \qquad y_i \ge 0,\ \sum_i w_i = 1.

With the sides of a set, measured from d, y is the vector of gains. With its vertices less d as the rows of G and
c = 1 it is the dual problem: y is the vector of prices w / (x - d) and the multipliers of the rows are the mixture of
vertices. A primal-dual interior point finds which rows bind; Newton's method on the optimality conditions with those
rows as equations finishes. All cells of a batch move together and none depends on another.

References
----------
Mehrotra, S. (1992). On the implementation of a primal-dual interior point method. *SIAM Journal on Optimization*
2(4), 575-601. doi:10.1137/0802028
"""

from __future__ import annotations

import numpy as np

from bargaining._arrays import Floats

EPS = float(np.finfo(float).eps)
FURTHER = 1e-13  # gap to go on to where the polished answer is no better
STEPS = 60  # of the path: it gains a constant factor a step at worst
USUAL = 12  # steps after which every other one only returns to the middle of the path
ARRIVED = 1e-6  # gap at which the binding rows are told from the others
POLISH = 3  # steps of Newton's method from a gap of 1e-6: two double its digits to rounding
SOFT = (
    1e-8  # regularisation of redundant rows in the polish; it slows Newton's method but does not move its end
)


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
        Whether to solve the conditions on the binding rows. Where these cannot be told from the others, the end of a
        longer path is the better answer.

    Returns
    -------
    y : ndarray, shape (cells, n)
        NaN where y has no bound.
    multipliers : ndarray, shape (cells, m)
    """
    with np.errstate(all="ignore"):
        path = _approach(weights, matrix, limits, ARRIVED if polish else FURTHER)
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
    """Return y half way to the nearest row along w, and the rest near a central path."""
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


def _approach(w: Floats, g: Floats, c: Floats, near: float) -> Floats:
    """Follow the central path until all conditions nearly hold; a cell that has arrived is left alone."""
    path = _start(w, g, c)
    arrived, nearest = np.full_like(path, np.nan), np.full(len(w), np.inf)
    live = np.arange(len(w))
    for k in range(STEPS):
        before, (path, off) = path, _step(w, g, c, path, careful=k > USUAL and k % 2 == 0)
        if k > USUAL or near < ARRIVED:  # a cell that gets no further keeps its best
            closer = off < nearest[live]
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
    return arrived


def _step(w: Floats, g: Floats, c: Floats, path: Floats, *, careful: bool) -> tuple[Floats, Floats]:
    """Take one predictor-corrector step on x y = w, s z = 0, G y + s = c, G'z = x; say how far off it began."""
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
    # A short step deserves little of its second-order correction: in full it can send the path in circles.
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
    """Return how far one can go, at most 1, with everything non-negative."""
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
