r"""Small smooth concave programs, by a sequence of quadratic programs and Newton's method on the binding constraints.

.. math:: \max\ a \cdot v + \sum_i \omega_i \log c_i(v) \quad\text{subject to}\quad c(v) \ge 0

with every :math:`c_i` concave; :math:`\omega_i = 0` for a plain constraint. Each step solves the quadratic model of the
Lagrangian over the tangents of the constraints with Clarabel, an interior-point solver. Tangents of concave
functions lie above them, so a program whose tangents leave nothing feasible has no feasible point. Once the model says
which constraints bind, Newton's method on the conditions of optimality, with these as equations, finishes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bargaining._arrays import Floats

SURE = 1e-9  # largest violation of the conditions at which a program counts as solved
GOOD = 1e-13  # violation at which the search stops: rounding
CLOSE = 1e-4  # violation at which the model may know which constraints bind
STEPS = 80  # quadratic programs: near the optimum each doubles the digits
NEWTON = 8  # steps, which double the digits too, or have the wrong constraints
HALVINGS = 40  # of a step that does not improve the objective
BOUNDARY = 0.99  # of the way to where a logarithm, or a function beyond its bound, is not defined
PRECISE = 1e-11  # tolerance of Clarabel, which may stop short of it
PROXIMITY = 1e-8  # curvature added to every model, so that one without a bound has an answer
SOFT = 1e-10  # regularises redundant constraints and decisions in Newton's method
FAR = 1e13  # of variables of size one: beyond it a program has no bound


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Local:
    """Constraints at a point: their values, gradients (rows), and the Hessian of multipliers . c."""

    values: Floats
    gradients: Floats
    hessian: Callable[[Floats], Floats]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ConcaveProgram:
    """Maximise objective . v + targets . log c(v) over c(v) >= 0; data of size one.

    Attributes
    ----------
    objective : ndarray, shape (q,)
    targets : ndarray, shape (p,)
        The weights of the logarithms; 0 for a plain constraint.
    at : callable
        Describes the constraints near a point at which the first `strict` are not negative.
    start : ndarray, shape (q,)
        A point at which the first `strict` constraints, which are linear, and those with logarithms are positive.
    """

    objective: Floats
    targets: Floats
    at: Callable[[Floats], Local]
    start: Floats
    strict: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Point:
    """The end of a program: the point, the multipliers, and the violation of the conditions.

    The violation is infinite where the program has no feasible point, or no bound.
    """

    v: Floats
    multipliers: Floats
    off: float


def maximise(program: ConcaveProgram) -> Point:
    """Return the optimum, or the best point that was found."""
    with np.errstate(all="ignore"):
        return _by_models(program)


def product(weights: Floats, gains: Floats, matrix: Floats, limits: Floats) -> tuple[Floats, float]:
    """Return the v that maximises weights . log(gains v) over matrix v <= limits, and the duality gap.

    Clarabel finishes the program in exponential cones (t, 1, y), exp(t) <= y; then Newton's method does. A player of
    weight 0 has `gains v >= 0`.

    Parameters
    ----------
    weights : ndarray, shape (n,)
        They sum to one.
    gains : ndarray, shape (n, q)
        Of size about one.
    matrix, limits : ndarray, shapes (m, q) and (m,)
    """
    counted, (n, q) = weights > 0, gains.shape
    k, none = int(counted.sum()), np.zeros
    cones = none((3 * k, q + k))
    cones[::3, q:], cones[2::3, :q] = -np.eye(k), -gains[counted]
    plain = np.vstack((matrix, -gains[~counted]))
    answer = _clarabel(
        none((q + k, q + k)),
        -np.append(none(q), weights[counted]),
        np.vstack((np.hstack((plain, none((len(plain), k)))), cones)),
        np.concatenate((limits, none(n - k), np.tile([0.0, 1.0, 0.0], k))),
        exponential=k,
    )
    v = np.array(answer.x)[:q]
    rows = np.vstack((-plain, gains[counted]))
    room = np.concatenate((limits, none(n - k + k)))
    targets = np.concatenate((none(len(plain)), weights[counted]))
    program = ConcaveProgram(
        objective=none(q),
        targets=targets,
        at=lambda v: Local(values=rows @ v + room, gradients=rows, hessian=lambda m: none((q, q))),
        start=v,
        strict=0,
    )
    with np.errstate(all="ignore"):
        prices = np.append(np.array(answer.z)[: len(plain)], none(k))
        multipliers = np.where(targets > 0, targets / (rows @ v + room), prices)
        near = program.at(v)
        point = Point(v=v, multipliers=multipliers, off=violation(program, near, multipliers))
        point = _newton(program, point)
        if point.off > GOOD:
            point = min(point, _newton(program, _priced(program, point)), key=lambda each: each.off)
        near = program.at(point.v)
        slope = np.abs(point.multipliers @ rows) @ (1.0 + np.abs(point.v))
        spare = float(point.multipliers[: len(plain)] @ np.maximum(near.values[: len(plain)], 0.0))
        gap = max(spare + float(slope), float(-near.values.min(initial=0.0)))
    return point.v, gap if np.isfinite(gap) else np.nan


def _clarabel(bent: Floats, slope: Floats, matrix: Floats, limits: Floats, *, exponential: int = 0) -> Any:
    """Minimise v . bent v / 2 + slope . v over matrix v <= limits; the last rows, in threes, are exponential cones."""
    import clarabel
    from scipy.sparse import csc_array, triu

    settings = clarabel.DefaultSettings()
    settings.verbose = settings.presolve_enable = False
    settings.tol_gap_abs = settings.tol_gap_rel = settings.tol_feas = PRECISE
    cones = [clarabel.NonnegativeConeT(len(limits) - 3 * exponential)]
    cones += [clarabel.ExponentialConeT()] * exponential
    parts = csc_array(triu(bent, format="csc")), slope, csc_array(matrix), limits
    return clarabel.DefaultSolver(*parts, cones, settings).solve()


def _by_models(program: ConcaveProgram) -> Point:
    near = program.at(program.start)
    multipliers = np.where(program.targets > 0, program.targets / near.values, 1.0)
    point = best = Point(v=program.start, multipliers=multipliers, off=np.inf)
    penalty = np.ones(multipliers.size)
    for _ in range(STEPS):
        model = _model(program, near, point.multipliers)
        if model is None:
            return Point(v=point.v, multipliers=point.multipliers, off=np.inf) if best.off > SURE else best
        step, multipliers = model
        penalty = np.maximum(penalty / 2.0, 2.0 * multipliers)
        v, near = _move(program, point.v, near, step, penalty)
        multipliers = np.where(program.targets > 0, program.targets / near.values, multipliers)
        stays = (v == point.v).all()
        point = Point(v=v, multipliers=multipliers, off=violation(program, near, multipliers))
        priced = _priced(program, point)
        best = min(best, point, priced, key=lambda each: each.off)
        if min(point.off, priced.off) <= CLOSE or stays:
            ends = (_newton(program, one) for one in (point, priced))
            best = min(best, *ends, key=lambda each: each.off)
        if best.off <= GOOD or stays or not np.abs(v).max() <= FAR:
            break
    return best


def violation(program: ConcaveProgram, near: Local, multipliers: Floats) -> float:
    """Return the worst violation of the optimality conditions."""
    used = multipliers != 0  # the gradient of an idle constraint may be infinite
    slope = program.objective + multipliers[used] @ near.gradients[used]
    size = 1.0 + np.abs(multipliers[used]) @ np.abs(near.gradients[used])
    pairs = np.maximum(near.values, 0.0) * multipliers - program.targets
    parts = (np.abs(slope / size), np.abs(pairs), -near.values, -multipliers)
    worst = float(np.concatenate(parts).max())
    return worst if np.isfinite(worst) else np.inf


def _curvature(program: ConcaveProgram, near: Local, multipliers: Floats) -> Floats:
    """Return minus the Hessian of the Lagrangian, with the logarithms' own curvature."""
    logs = near.gradients[program.targets > 0]
    root = (np.sqrt(program.targets) / near.values)[program.targets > 0]
    bent: Floats = (logs.T * root**2) @ logs - near.hessian(multipliers)
    return bent


def _model(program: ConcaveProgram, near: Local, multipliers: Floats) -> tuple[Floats, Floats] | None:
    """Return the best step of the quadratic model, and its multipliers; None if the tangents leave nothing feasible."""
    plain, count = program.targets == 0, program.start.size
    slope = program.objective + (program.targets / near.values)[~plain] @ near.gradients[~plain]
    bent = _curvature(program, near, multipliers)
    if bent.any():  # differences of gradients leave it indefinite by rounding
        sizes, axes = np.linalg.eigh(bent)
        bent = (axes * np.maximum(sizes, 0.0)) @ axes.T
    finite = plain & np.isfinite(near.gradients).all(axis=1)
    model = bent + PROXIMITY * np.eye(count)
    answer = _clarabel(model, -slope, -near.gradients[finite], near.values[finite])
    if "Infeasible" in str(answer.status):
        return None
    prices = np.zeros(plain.size)
    price, slack = np.array(answer.z), np.array(answer.s)
    prices[finite] = np.where(price > slack, price, 0.0)  # what is left of the others is no price
    return np.array(answer.x), prices


def _move(
    program: ConcaveProgram, v: Floats, near: Local, step: Floats, penalty: Floats
) -> tuple[Floats, Local]:
    """Take as much of a step as the functions allow and improves the objective less a price on broken constraints."""
    logs = program.targets > 0
    inside = logs | (np.arange(logs.size) < program.strict)

    def merit(v: Floats, near: Local) -> float:
        terms = program.targets[logs] @ np.log(near.values[logs])
        worth = program.objective @ v + terms + penalty[~logs] @ np.minimum(near.values[~logs], 0.0)
        usable = np.isfinite(near.gradients).all() and (near.values[logs] > 0).all()
        return float(worth) if usable and np.isfinite(worth) else -np.inf

    fall = -(near.gradients[inside] @ step) / np.maximum(near.values[inside], np.finfo(float).tiny)
    reach, before = BOUNDARY / max(float(fall.max(initial=0.0)), BOUNDARY), merit(v, near)
    room = 1e-14 * (1.0 + abs(before))
    for share in (reach / 2.0**k for k in range(HALVINGS)):
        ahead = v + share * step
        there = program.at(ahead)
        if merit(ahead, there) >= before - room:
            return ahead, there
    return v, near


def _priced(program: ConcaveProgram, point: Point) -> Point:
    """Return a point with multipliers, of constraints beside it, that come nearest to the conditions of optimality."""
    from scipy.optimize import nnls

    near = program.at(point.v)
    size = np.linalg.norm(near.gradients, axis=1)
    plain = np.flatnonzero((program.targets == 0) & (near.values <= CLOSE) & np.isfinite(size) & (size > 0))
    if not plain.size:  # SciPy's solver crashes without a column
        return point
    logs = program.targets > 0
    multipliers = np.where(logs, program.targets / near.values, 0.0)
    slope = program.objective + multipliers[logs] @ near.gradients[logs]
    try:
        prices, _ = nnls((near.gradients[plain] / size[plain, None]).T, -slope)
    except (RuntimeError, ValueError):
        return point
    multipliers[plain] = prices / size[plain]
    return Point(v=point.v, multipliers=multipliers, off=violation(program, near, multipliers))


def _newton(program: ConcaveProgram, point: Point) -> Point:
    """Take Newton steps with the constraints that seem to bind as equations, as long as that helps."""
    plain = program.targets == 0
    active = plain & (point.multipliers > program.at(point.v).values)
    for _ in range(NEWTON):
        new, wanted = _on(program, point, active)
        if new.off < point.off:
            point, wanted = new, plain & (new.multipliers > program.at(new.v).values)
        elif (wanted == active).all():
            break
        active = wanted
    return point


def _on(program: ConcaveProgram, point: Point, active: NDArray[np.bool_]) -> tuple[Point, NDArray[np.bool_]]:
    """Take a Newton step with these constraints as equations; say which ones bind at its end."""
    logs, near, count = program.targets > 0, program.at(point.v), int(active.sum())
    rows, price = near.gradients[active], program.targets[logs] / near.values[logs]
    bent = _curvature(program, near, np.where(active | logs, point.multipliers, 0.0))
    system = np.block([[bent + SOFT * np.eye(point.v.size), -rows.T], [rows, SOFT * np.eye(count)]])
    slope = program.objective + price @ near.gradients[logs] + point.multipliers[active] @ rows
    try:
        step = np.linalg.solve(system, np.concatenate((slope, -near.values[active])))
    except np.linalg.LinAlgError:
        return Point(v=point.v, multipliers=point.multipliers, off=np.inf), active
    v, multipliers = point.v + step[: point.v.size], np.zeros(active.size)
    there = program.at(v)
    multipliers[active] = point.multipliers[active] + step[point.v.size :]
    multipliers[logs] = program.targets[logs] / there.values[logs]
    new = Point(v=v, multipliers=multipliers, off=violation(program, there, multipliers))
    broken = (program.targets == 0) & (there.values < 0)
    return new, np.where(active, multipliers > 0, broken)
