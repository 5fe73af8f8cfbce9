"""Polytopes by their facets: vertices and facets by Qhull, lines and points within them, linear programs by HiGHS."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bargaining._arrays import EPS, Floats
from bargaining.errors import Status

FEW = (5, 200)  # more dimensions or points than this may have too many facets to be worth a list
ROUNDING = 1e-13  # entry of a normal of size one, or thickness of the unit box, that is none
BESIDE = 1e-9  # of the unit box: a hundred times the errors of Qhull, far below what tells vertices apart
SAME = 1e-12  # distance of a vertex that came twice
MIXED = 1e-14  # of the unit box: distance from a mixture that is rounding
CUT = 1e6  # of the unit box: how far below a set that is open below is cut off to find its vertices


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Facets:
    """The sides {x : normal . (anchor - x) >= 0} of a polytope in the unit box."""

    normals: Floats
    anchors: Floats


def facets(unit: Floats, *, open_below: bool) -> Facets | None:
    """Return the facets of the hull of points (m, n) of size one, or of all below it; None if there may be too many."""
    m, n = unit.shape
    if n > FEW[0] or m > FEW[1]:
        return None
    if open_below:
        lowest = unit.min(axis=0) - 1.0
        lowered = [np.where(kept, unit, lowest) for kept in product((True, False), repeat=n)]
        unit = np.unique(np.concatenate(lowered), axis=0)
    normals = _normals(unit)
    if normals is None:
        return None
    if open_below:  # the other facets belong to points that were added below
        normals = normals[(normals > -BESIDE).all(axis=1)]
        normals = np.where(normals > ROUNDING, normals, 0.0)
    # An anchor is a point that the side touches, so that no point lies beyond it.
    return Facets(normals=normals, anchors=unit[np.argmax(unit @ normals.T, axis=0)])


def _normals(unit: Floats) -> Floats | None:
    """Return outward normals, of largest entry one; a flat set has both normals of its plane."""
    from scipy.spatial import ConvexHull, QhullError

    centre = unit.mean(axis=0)
    _, sizes, axes = np.linalg.svd(unit - centre, full_matrices=True)
    rank = int((sizes > ROUNDING * max(1.0, np.sqrt(len(unit)))).sum())
    inside, across = (unit - centre) @ axes[:rank].T, axes[rank:]
    if rank <= 1:
        along = np.array([[1.0], [-1.0]])[: 2 * rank, :rank]
    else:
        size = inside.std(axis=0)
        try:
            along = np.unique(ConvexHull(inside / size).equations[:, :-1] / size, axis=0)
        except QhullError:
            return None
    normals = np.concatenate((along @ axes[:rank], across, -across))
    return np.asarray(normals / np.abs(normals).max(axis=1, keepdims=True))


def vertices(matrix: Floats, limits: Floats, inside: Floats) -> Floats | None:
    """Return the vertices of {u : matrix u <= limits}; None if it is unbounded, but below, or there may be too many.

    Rows are of size one; the point inside has as large a slack as any.
    """
    m, n = matrix.shape
    slack = limits - matrix @ inside
    if n > FEW[0] or m > FEW[1]:
        return None
    if not (slack > BESIDE).all():
        return _of_flat(matrix, limits, inside, slack)
    if not open_below(matrix):
        return _around(matrix, slack, inside)
    size = max(1.0, float(slack.max()))
    closed = np.concatenate((matrix, -np.eye(n))), np.append(slack, np.full(n, CUT * size))
    found = _around(*closed, inside)
    return None if found is None else found[((found - inside) > -0.5 * CUT * size).all(axis=1)]


def open_below(matrix: Floats) -> bool:
    """Whether a set of inequalities has everything below its points, and a best payoff for each player."""
    n = matrix.shape[1]
    alone = all((np.delete(matrix, i, axis=1) == 0).all(axis=1).any() for i in range(n))
    return bool((matrix >= 0).all()) and alone


def _around(matrix: Floats, slack: Floats, inside: Floats) -> Floats | None:
    """Return the vertices of a set with a point inside: the facets of the hull of the polar's points."""
    from scipy.spatial import ConvexHull, QhullError

    polar, n = matrix / slack[:, None], matrix.shape[1]
    if n == 1:
        ends = [polar.min(), polar.max()]
        return None if ends[0] >= 0 or ends[1] <= 0 else inside + np.array([[1 / ends[0]], [1 / ends[1]]])
    try:
        sides = np.unique(ConvexHull(polar).equations, axis=0)
    except QhullError:
        return None
    if (sides[:, -1] >= -SAME).any():  # the polar does not contain the origin: the set is unbounded
        return None
    found: list[Floats] = []
    for side in sides:
        rows = polar[polar @ (-side[:-1] / side[-1]) >= 1.0 - BESIDE]
        point, _, rank, _ = np.linalg.lstsq(rows, np.ones(len(rows)), rcond=ROUNDING)
        if rank < n or (polar @ point > 1.0 + BESIDE).any():
            return None
        if not any(np.abs(point - other).max() <= SAME * np.abs(point).max() for other in found):
            found.append(point)
    return inside + np.array(found)


def _of_flat(matrix: Floats, limits: Floats, inside: Floats, slack: Floats) -> Floats | None:
    """Return the vertices of a set in which some rows always bind, within the plane of these rows."""
    from scipy.linalg import null_space

    free = np.full(matrix.shape[1], -np.inf)

    def most(k: int) -> float:
        program = LinearProgram(objective=-matrix[k], matrix=matrix, limits=limits, lower=free)
        return float(limits[k] + optimise(program).value)

    bind = np.array([slack[k] <= BESIDE and most(k) <= SAME for k in range(len(matrix))])
    if not bind.any():  # thin, not flat
        return _around(matrix, slack, inside) if (slack > 0).all() else None
    axes = null_space(matrix[bind], rcond=ROUNDING)
    if not axes.shape[1]:
        return inside[None]
    rows = matrix[~bind] @ axes
    size = np.abs(rows).max(axis=1, initial=0.0)
    bounds = size > BESIDE
    if not bounds.any():
        return None
    rows, right = rows[bounds] / size[bounds, None], slack[~bind][bounds] / size[bounds]
    middle = middle_of(rows, right)
    found = None if middle is None else vertices(rows, right, middle)
    return None if found is None or open_below(rows) else inside + found @ axes.T


def middle_of(matrix: Floats, limits: Floats) -> Floats | None:
    """Return a point with the largest slack, of at most one; None where nothing is feasible."""
    m, n = matrix.shape
    found = optimise(
        LinearProgram(
            objective=np.append(np.zeros(n), 1.0),
            matrix=np.vstack((np.column_stack((matrix, np.ones(m))), np.eye(n + 1)[-1])),
            limits=np.append(limits, 1.0),
            lower=np.full(n + 1, -np.inf),
        )
    )
    return None if found.status != Status.OK or found.value < -SAME else found.point[:n]


def extreme(unit: Floats, *, below: bool = False) -> list[int]:
    """Return which points of the unit box are no mixtures of the others, nor `below` one."""
    kept = list(range(len(unit)))
    for k in range(len(unit)):
        others = unit[[j for j in kept if j != k]]
        if len(others) and _mixed(others, unit[k], below=below):
            kept.remove(k)
    return kept


def _mixed(points: Floats, x: Floats, *, below: bool) -> bool:
    """Whether x is a mixture of points, or below one: by the least distance in any payoff."""
    m = len(points)
    rows = x[:, None] - points.T
    sides = rows if below else np.vstack((rows, -rows))
    found = optimise(
        LinearProgram(
            objective=np.append(np.zeros(m), -1.0),
            matrix=np.vstack((np.append(np.ones(m), 0.0), np.column_stack((sides, -np.ones(len(sides)))))),
            limits=np.append(1.0, np.zeros(len(sides))),
            lower=np.append(np.zeros(m), -1.0),
            equalities=1,
        )
    )
    return found.status == Status.OK and -found.value <= MIXED


TOLERANCE = 1e-10  # violation of rows of size one that HiGHS accepts: the least that it can be told
BINDS = 1e-8  # slack at which a row binds


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LinearProgram:
    """Maximise objective . z subject to matrix z <= limits and z >= lower; data are expected to be of size one."""

    objective: Floats
    matrix: Any
    limits: Floats
    lower: Floats  # a number or -inf for each variable
    equalities: int = 0  # how many of the first rows hold with equality


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Optimum:
    """The result of a linear program: OK, EMPTY, UNBOUNDED or FAILED; the point, its value, the prices of rows."""

    status: Status
    point: Floats
    value: float
    prices: Floats


def optimise(program: LinearProgram, *, polish: bool = True) -> Optimum:
    """Solve a linear program; rows are met to rounding, but for those that contradict each other by 1e-10 or less.

    Without `polish` they are met to 1e-10, and `matrix` may be sparse.
    """
    from scipy.optimize import linprog

    first, size = program.equalities, float(np.abs(program.objective).max()) or 1.0
    options = {"primal_feasibility_tolerance": TOLERANCE, "dual_feasibility_tolerance": TOLERANCE}
    for presolve in (True, False):  # which may not tell a program without a point from one without a bound
        found = linprog(
            -program.objective / size,
            A_ub=program.matrix[first:],
            b_ub=program.limits[first:],
            A_eq=program.matrix[:first] if first else None,
            b_eq=program.limits[:first] if first else None,
            bounds=np.column_stack((program.lower, np.full(program.lower.size, np.inf))),
            method="highs-ds",
            options=options | {"presolve": presolve},
        )
        if found.status != 4:
            break
    if found.status == 0:
        point = np.asarray(found.x, dtype=float)
        point = _onto(program, point) if polish else point
        prices = -size * np.append(found.eqlin.marginals, found.ineqlin.marginals)
        return Optimum(status=Status.OK, point=point, value=float(program.objective @ point), prices=prices)
    ends = {2: (Status.EMPTY, -np.inf), 3: (Status.UNBOUNDED, np.inf)}
    status, value = ends.get(found.status, (Status.FAILED, np.nan))
    none = np.full(program.lower.size, np.nan)
    return Optimum(status=status, point=none, value=value, prices=np.full(program.limits.size, np.nan))


def _onto(program: LinearProgram, point: Floats) -> Floats:
    """Move a point the least so that the rows and bounds beside it bind, if that brings it nearer to all of them."""
    slack, room = program.limits - program.matrix @ point, BINDS * (1.0 + np.abs(point))
    binds = (slack <= BINDS) | (np.arange(slack.size) < program.equalities)
    fixed = point - program.lower <= room
    exact = np.where(fixed, program.lower, point)
    for _ in range(2):
        gap = program.limits[binds] - program.matrix[binds] @ exact
        exact[~fixed] += np.linalg.lstsq(program.matrix[np.ix_(binds, ~fixed)], gap, rcond=1e-12)[0]

    def broken(x: Floats) -> float:
        left = program.limits - program.matrix @ x
        return max(
            float(np.maximum(-left, 0.0).max(initial=0.0)), float((program.lower - x).max(initial=0.0))
        )

    return exact if broken(exact) <= max(broken(point), 1e-13) else point


def last_along(
    normals: Floats,
    anchors: Floats,
    grain: Floats,
    start: Floats,
    step: Floats,
    *,
    slacks: Floats | None = None,
) -> Floats:
    """Return the largest t with start + t * step within every side; -inf where the line misses.

    Normals (k, n) point outwards and are of size one, anchors are a point of each side; `grain` (n,) is the rounding
    error of coordinates of size one. `slacks` (k, ...) are normal . (anchor - start), where they are known better than
    from coordinates.
    """
    start, step = np.broadcast_arrays(start, step)
    room, speed = rounding(grain, start), _sums(normals, step)
    slacks = _slacks(normals, anchors, start) if slacks is None else slacks
    flat = 4 * EPS * np.abs(step).max(axis=-1)
    ahead, behind = speed > flat, speed < -flat
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        time = slacks / speed
        last = np.where(ahead, time, np.inf).min(axis=0, initial=np.inf)
        first = np.where(behind, time, -np.inf).max(axis=0, initial=-np.inf)
        missed, still = first > last, ~(ahead | behind)
        if missed.any():
            missed = missed & ~((first - last)[..., None] * np.abs(step) <= 2 * room).all(axis=-1)
        if still.any():
            missed = missed | (still & (slacks < -_sums(np.abs(normals), room))).any(axis=0)
    return np.where(missed, -np.inf, last)


def _slacks(normals: Floats, anchors: Floats, x: Floats) -> Floats:
    """Return normal . (anchor - x) of each side, on a new first axis."""
    players = range(normals.shape[1])
    return np.asarray(sum((np.subtract.outer(anchors[:, i], x[..., i]).T * normals[:, i]).T for i in players))


def _sums(weights: Floats, x: Floats) -> Floats:
    """Return the weighted sums of payoffs, on a new first axis: the same in a batch and alone."""
    return np.asarray(sum(np.multiply.outer(weights[:, i], x[..., i]) for i in range(weights.shape[1])))


def within(
    normals: Floats,
    anchors: Floats,
    grain: Floats,
    x: Floats,
    tol: float,
    *,
    open_below: bool,
    boxed: bool = True,
) -> NDArray[np.bool_]:
    """Say whether unit coordinates lie within every side and, of a `boxed` set, in the unit box, up to `tol`."""
    rooms = rounding(grain, x)
    least = -np.inf if open_below else -np.maximum(tol, rooms)
    inside = ((x <= 1.0 + np.maximum(tol, rooms)) & (x >= least)).all(axis=-1) | (not boxed)
    gaps = _slacks(normals, anchors, x)
    return np.asarray(inside & (gaps >= -np.maximum(tol, _sums(np.abs(normals), rooms))).all(axis=0))


def rounding(grain: Floats, x: Floats) -> Floats:
    """Return the rounding errors of unit coordinates, player by player; large for a payoff that hardly varies."""
    room: Floats = grain + 16 * EPS * np.abs(x)
    return room


def best_points(unit: Floats, scaled: Floats, grain: Floats) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """Return which of some points has the best weighted sum, and which tie with it up to rounding, on a new first axis.

    Points (m, n), weights (..., n) and the rounding errors of coordinates (n,) are in unit coordinates. Sums are
    compared by differences of points, so that payoffs that are large but equal at both points do not hide the others: a
    dominated point does not tie with the point that dominates it.
    """
    best = np.zeros(scaled.shape[:-1], dtype=np.intp)
    for k in range(1, len(unit)):
        best = np.where((scaled * (unit[k] - unit[best])).sum(axis=-1) > 0, k, best)
    tied = np.empty((len(unit), *best.shape), dtype=bool)
    first = unit[best]
    for k, point in enumerate(unit):
        away = point - first
        room = np.where(away != 0, grain * np.abs(scaled), 0.0).sum(axis=-1)
        tied[k] = (scaled * away).sum(axis=-1) >= -room
    return best, tied
