r"""Small smooth concave programs, solved on their optimality conditions.

.. math:: \max\ a \cdot v \quad\text{subject to}\quad c(v) \ge 0

with every :math:`c_i` concave, where some constraints may carry a logarithm: :math:`\omega_i \log c_i(v)` is added to
the objective. A primal-dual interior-point method follows s_i m_i -> w_i for the slacks s and the multipliers m (w_i =
0 without a logarithm), so that a logarithm only changes the target of its product, until the conditions hold up to
rounding. Then Newton's method solves them with the binding constraints as equations.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bargaining._arrays import Floats

SURE = 1e-9  # largest violation of the conditions at which a program counts as solved
GOOD = 1e-13  # violation at which the search stops


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
        Describes the constraints near a point at which the first `strict` are positive.
    start : ndarray, shape (q,)
        A point at which the first `strict` constraints, which are linear, are positive.
    """

    objective: Floats
    targets: Floats
    at: Callable[[Floats], Local]
    start: Floats
    strict: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Point:
    """The end of a program: the point, the multipliers, and the violation of the conditions."""

    v: Floats
    multipliers: Floats
    off: float


def off_conditions(program: ConcaveProgram, near: Local, slack: Floats, multipliers: Floats) -> float:
    """Return the worst violation of the optimality conditions."""
    used = multipliers != 0  # the gradient of an idle constraint may be infinite
    slope = program.objective + multipliers[used] @ near.gradients[used]
    size = 1.0 + np.abs(multipliers[used]) @ np.abs(near.gradients[used])
    short = (near.values - slack) / (1.0 + np.abs(slack))
    pairs = slack * multipliers - program.targets
    return float(max(np.abs(slope / size).max(), np.abs(short).max(), np.abs(pairs).max()))


def solution(matrix: Floats, right: Floats) -> Floats:
    """Return the solution of linear equations, NaN where there is none."""
    try:
        return np.asarray(np.linalg.solve(matrix, right))
    except np.linalg.LinAlgError:
        return np.full(right.shape, np.nan)


Binding = NDArray[np.bool_]

POLISH = 8  # steps of Newton's method: it doubles the digits with each, or has the wrong constraints
TOUCHING = 1e-15  # product of a bound's slack and its multiplier, at which it counts as binding
SOFT = 1e-10  # regularises redundant constraints and redundant decisions


def polished(program: ConcaveProgram, point: Point) -> Point:
    """Take Newton steps with the constraints that seem to bind as equations, as long as that helps."""
    plain = program.targets == 0
    active = plain & (point.multipliers > program.at(point.v).values)
    for _ in range(POLISH):
        found, wanted = _on(program, point, active)
        if found.off < point.off:
            point, wanted = found, plain & (found.multipliers > program.at(found.v).values)
        elif (wanted == active).all():
            break
        active = wanted
    return point


def beside_bounds(program: ConcaveProgram, point: Point) -> Point:
    """Take Newton steps with the binding constraints as equations, but bounds as pairs whose products fall.

    At a bound slopes may be infinite, and the best decision may lie as close to it as rounding.
    """
    plain, near, best = program.targets == 0, program.at(point.v), point
    active = plain & (point.multipliers > near.values)
    bounds = active & (np.arange(active.size) < program.strict)
    for _ in range(STEPS if bounds.any() else 0):
        pairs, values, held = bounds[active], near.values[active], point.multipliers[active]
        left = np.where(pairs, TOUCHING - values * held, -values)
        step = _step(program, point, active, np.where(pairs, held, 1.0), np.where(pairs, values, SOFT), left)
        dv, dm = np.split(step, [point.v.size])
        falls = np.append(-(near.gradients[bounds] @ dv) / near.values[bounds], -dm[pairs] / held[pairs])
        t = 0.99 / max(0.99, float(falls.max()))
        point = _judged(program, point.v + t * dv, active, held + t * dm, bounds)
        if not point.off < np.inf or (best.off <= SURE and point.off > best.off / 2):
            break
        near, best = program.at(point.v), min(point, best, key=lambda each: each.off)
        if best.off <= GOOD:
            break
        active = bounds | (plain & (near.values < 0)) | (active & (point.multipliers > 0))
    return best


def _on(program: ConcaveProgram, point: Point, active: Binding) -> tuple[Point, Binding]:
    """Take a Newton step with these constraints as equations; say which ones bind at its end."""
    count, values = int(active.sum()), program.at(point.v).values
    step = _step(program, point, active, np.ones(count), np.full(count, SOFT), -values[active])
    dv, dm = np.split(step, [point.v.size])
    found = _judged(program, point.v + dv, active, point.multipliers[active] + dm, np.zeros_like(active))
    outside = (program.targets == 0) & (program.at(found.v).values < 0)
    return found, np.where(active, found.multipliers > 0, outside)


def _step(
    program: ConcaveProgram, point: Point, active: Binding, lever: Floats, soft: Floats, left: Floats
) -> Floats:
    """Return Newton's step of v and the active multipliers m, so that lever * dc + soft * dm = left for these."""
    logs, near, multipliers = program.targets > 0, program.at(point.v), point.multipliers
    rows, barrier = near.gradients[active], near.gradients[logs]
    price = program.targets[logs] / near.values[logs]
    curved = (
        -near.hessian(np.where(active | logs, multipliers, 0.0))
        + (barrier.T * (price / near.values[logs])) @ barrier
        + SOFT * np.eye(point.v.size)
    )
    system = np.block([[curved, -rows.T], [lever[:, None] * rows, np.diag(soft)]])
    slope = program.objective + price @ barrier + multipliers[active] @ rows
    return solution(system, np.concatenate((slope, left)))


def _judged(
    program: ConcaveProgram, v: Floats, active: Binding, multipliers: Floats, pairs: Binding
) -> Point:
    """Return a point with the active constraints' multipliers; all but the `pairs` are to hold as equations."""
    logs, near, every = program.targets > 0, program.at(v), np.zeros(active.size)
    every[active] = multipliers
    every[logs] = program.targets[logs] / near.values[logs]
    off = off_conditions(program, near, np.where(active & ~pairs, 0.0, near.values), every)
    return Point(v=v, multipliers=every, off=max(off, float(-near.values.min()), float(-every.min())))


EPS = float(np.finfo(float).eps)
STEPS = 60  # steps of the interior-point method, which converges by a constant factor a step, and faster at the end
INNER = 25  # damped steps of Newton's method for one weight of the barrier, a tenth of the last
ENOUGH = 1e-6  # how well the conditions hold where it is worth guessing which constraints bind
FAR = 1e13  # of decisions of size one: beyond it the program has no bound
LAST = 1e-14  # weight of the barrier at its end


def maximise(program: ConcaveProgram) -> Point:
    """Follow the central path to the optimum; `off` is large where there is none."""
    with np.errstate(all="ignore"):
        return _follow(program)


def polish(program: ConcaveProgram, point: Point) -> Point:
    """Solve the conditions with the binding constraints as equations, by Newton's method, as long as that helps."""
    with np.errstate(all="ignore"):
        found = polished(program, point)
        if found.off <= SURE:
            return found
        other = beside_bounds(program, point)
        return other if other.off < found.off else found


def resume(program: ConcaveProgram, point: Point) -> Point:
    """Follow the plain barrier from a point that is not good enough, if it is inside every constraint."""
    with np.errstate(all="ignore"):
        if not _inside(program.at(point.v)):
            return point
        other = _barrier(program, point.v, first=min(point.off, 1e-2))
        return other if other.off < point.off else point


def _follow(program: ConcaveProgram) -> Point:
    v, near = program.start, program.at(program.start)
    slack = np.maximum(near.values, 0.1)
    slack[: program.strict] = near.values[: program.strict]
    multipliers = (program.targets + 0.1) / slack
    best, tried = Point(v=v, multipliers=multipliers, off=np.inf), ENOUGH
    feasible: Floats | None = None
    for _ in range(STEPS):
        off = off_conditions(program, near, slack, multipliers)
        if not np.isfinite(off) or np.abs(v).max() > FAR:
            break
        feasible = v if _inside(near) else feasible
        if off < best.off:
            best = Point(v=v, multipliers=multipliers, off=off)
        if off <= tried:  # close enough, perhaps, to tell which constraints bind
            tried = off / 100
            done = polished(program, best)
            if done.off <= GOOD:
                return done
        v, near, slack, multipliers = _advance(program, v, near, slack, multipliers)
        # The slack of a satisfied constraint is its value: where it bends sharply the linear guess is far too large.
        slack = np.where(near.values > 0.1 * slack, near.values, slack)
    best = polished(program, best)
    if best.off <= SURE:
        return best
    other = _barrier(program, _interior(program) if feasible is None else feasible)
    return other if other.off < best.off else best


def _interior(program: ConcaveProgram) -> Floats | None:
    """Return a point inside every constraint: raise the least of their values above 0; None if that fails."""
    strict, first = program.strict, program.at(program.start)

    def at(v: Floats) -> Local:
        near, below = program.at(v[:-1]), np.where(np.arange(len(first.values)) < strict, 0.0, -1.0)
        return Local(
            values=np.append(near.values + below * v[-1], 1.0 - v[-1]),
            gradients=np.vstack((np.column_stack((near.gradients, below)), -np.eye(v.size)[-1])),
            hessian=lambda multipliers: np.pad(near.hessian(multipliers[:-1]), (0, 1)),
        )

    start = np.append(program.start, min(float(first.values[strict:].min(initial=1.0)), 0.0) - 1.0)
    up, none = np.eye(start.size)[-1], np.zeros(len(first.values) + 1)
    raised = ConcaveProgram(objective=up, targets=none, at=at, start=start, strict=strict)
    found = _barrier(raised, start, enough=lambda v: bool(v[-1] > 0)).v
    return found[:-1] if found[-1] > 0 else None


def _barrier(
    program: ConcaveProgram,
    v: Floats | None,
    *,
    first: float = 1e-2,
    enough: Callable[[Floats], bool] = lambda v: False,
) -> Point:
    """Follow the path of the plain barrier from a point inside every constraint, until it is good `enough`.

    It works with gradients that grow without bound, as that of a square root at 0, where a primal-dual path fails.
    """
    if v is None:
        return Point(v=program.start, multipliers=np.zeros_like(program.targets), off=np.inf)
    mu = first
    found = Point(v=v, multipliers=np.zeros_like(program.targets), off=np.inf)
    while mu > LAST:
        targets = np.where(program.targets > 0, program.targets, mu)
        v, near = _centre(program, v, targets, mu, enough)
        multipliers = targets / near.values
        if enough(v):
            return Point(v=v, multipliers=multipliers, off=np.inf)
        # Of a slack as small as mu rounding leaves few digits, and of its multiplier: the point may still be good.
        off = off_conditions(program, near, near.values, multipliers)
        here = polished(program, Point(v=v, multipliers=multipliers, off=off))
        found = here if here.off < found.off else found
        if found.off <= GOOD:
            break
        mu /= 10
    return found


def _centre(
    program: ConcaveProgram, v: Floats, targets: Floats, mu: float, enough: Callable[[Floats], bool]
) -> tuple[Floats, Local]:
    """Take damped Newton steps to the maximum of objective . v + targets . log c(v)."""
    near = program.at(v)
    for _ in range(INNER):
        step, decrement = _newton(program, near, targets)
        if not np.isfinite(decrement):
            break
        t = 1.0 / (1.0 + np.sqrt(decrement / mu)) if decrement > 0.1 * mu else 1.0
        while not (_inside(there := program.at(v + t * step)) or t < EPS):
            t /= 2
        v, near = v + t * step, there
        if enough(v) or decrement < 1e-4 * mu:
            break
    return v, near


def _inside(near: Local) -> bool:
    return bool((near.values > 0).all() and np.isfinite(near.gradients).all())


def _newton(program: ConcaveProgram, near: Local, targets: Floats) -> tuple[Floats, float]:
    """Return Newton's step for objective . v + targets . log c(v), and twice the gain that it predicts."""
    price = targets / near.values
    rows = near.gradients
    slope = program.objective + price @ rows
    step = solution((rows.T * (price / near.values)) @ rows - near.hessian(price), slope)
    return step, float(slope @ step)


def _advance(
    program: ConcaveProgram, v: Floats, near: Local, slack: Floats, multipliers: Floats
) -> tuple[Floats, Local, Floats, Floats]:
    """Take a predictor-corrector step, shortened until the conditions are not much worse."""
    rows, ratio, short = near.gradients, multipliers / slack, near.values - slack
    matrix = (rows * ratio[:, None]).T @ rows - near.hessian(multipliers)
    matrix[np.diag_indices_from(matrix)] += 1e-14 * (1.0 + np.abs(np.diag(matrix)))
    plain = program.targets == 0
    gap = float((slack * multipliers)[plain].sum()) / max(int(plain.sum()), 1)

    def direction(pairs: Floats) -> tuple[Floats, Floats, Floats]:
        dv = solution(matrix, program.objective + rows.T @ (pairs / slack - ratio * short))
        ds = rows @ dv + short
        return dv, ds, pairs / slack - multipliers - ratio * ds

    dv, ds, dm = direction(program.targets)
    t = min(_reach(slack, ds), _reach(multipliers, dm))
    ahead = float(((slack + t * ds) * (multipliers + t * dm))[plain].sum()) / max(int(plain.sum()), 1)
    centre = max(min((ahead / gap) ** 3, 1.0), 1e-8) * gap if gap > 0 else 0.0
    dv, ds, dm = direction(np.maximum(program.targets, centre) - t * t * ds * dm)
    t = 0.99 * min(_reach(slack, ds), _reach(multipliers, dm))
    now = _merit(program, near, slack, multipliers, centre)
    for _ in range(12):
        ahead_v, ahead_s, ahead_m = v + t * dv, slack + t * ds, multipliers + t * dm
        there = program.at(ahead_v)
        if _merit(program, there, ahead_s, ahead_m, centre) <= 2.0 * now + 1e-12:
            break
        t /= 2
    return ahead_v, there, ahead_s, ahead_m


def _merit(program: ConcaveProgram, near: Local, slack: Floats, multipliers: Floats, centre: float) -> float:
    slope = program.objective + multipliers @ near.gradients
    pairs = slack * multipliers - np.maximum(program.targets, centre)
    merit = np.linalg.norm(slope) + np.linalg.norm(near.values - slack) + np.linalg.norm(pairs)
    return float(merit) if np.isfinite(merit) else np.inf


def _reach(at: Floats, step: Floats) -> float:
    return 1.0 / max(1.0, float((-step / at).max(initial=0.0)))
