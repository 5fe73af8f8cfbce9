"""The last feasible point along a ray: what Kalai-Smorodinsky, egalitarian and Gupta-Livne share.

Thin polytopes magnify the rounding of the ray, so they are solved in exact rationals: if the ray meets a side at a
small angle, one rounding moves the point where it leaves the set by 1/angle roundings. Every float is a rational, so
the ideal point, the ray and its last feasible point can be computed exactly from the data.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from bargaining._arrays import Floats
from bargaining._rational import Rationals, floats, fractions, maximise
from bargaining.concepts._missed import units
from bargaining.division import ACCURACY, Division, Named, divide
from bargaining.errors import Status
from bargaining.feasible._sides import every, largest
from bargaining.feasible.base import FeasibleSet
from bargaining.feasible.polytope import Polytope
from bargaining.feasible.transform import Restricted, set_of_cell
from bargaining.problem import Problem

BEHIND = 1e-9  # of the range of gains: the ray meets the set only before its origin
NARROW = 1e-9  # of the ray: sets of two players that are missed by more are not tried again
EPS = float(np.finfo(float).eps)


def last_on_ray(
    problem: Problem, method: Named, origin: Floats, direction: Floats | None, ideal: Floats
) -> Division:
    """Return the last feasible point on origin + t * direction, t >= 0; without a direction, towards the ideal point.

    If the answer violates the definition, or the ray narrowly misses the set, the ray is followed in rationals if the
    set may be thin. EMPTY where the ray misses the set.
    """
    status = problem.gains_status(ideal)
    known = np.asarray(every(np.isfinite(ideal)))
    with np.errstate(invalid="ignore"):
        towards = ideal - origin if direction is None else direction
    step = towards if known.all() else np.where(known[..., None], towards, 0.0)
    moving, unit = largest(step) > 0, units(problem, ideal)
    with np.errstate(all="ignore"):
        last = np.where(moving, problem.feasible.ray(origin, step), 0.0)
        t = np.maximum(last, 0.0)
        payoffs = origin + t[..., None] * step
        behind = np.isneginf(last) | (last * largest(step / unit) < -BEHIND)
    residual = off_ray(problem, payoffs, origin, step, ideal, unit=unit)
    answer = Answer(payoffs=payoffs, residual=residual, status=status, missed=known & behind)
    start = np.broadcast_to(origin, payoffs.shape)
    answer = settled(problem, answer, lambda cell: _aim(start, direction, cell), origin=start, step=step)
    return divide(problem, method, answer.payoffs, answer.residual, answer.status, ideal=ideal)


def off_ray(
    problem: Problem,
    payoffs: Floats,
    origin: Floats,
    step: Floats,
    ideal: Floats,
    *,
    backwards: bool = False,
    unit: Floats | None = None,
) -> Floats:
    """Return how far payoffs are from the last feasible point on a ray: beside it, before its start, or along it.

    The distance along the ray is computed anew from the payoffs; in a set that may be thin, from a few roundings next
    to them. The unit is by default the ideal gains; NaN where payoffs, or values of the set, are NaN. A line may be
    followed `backwards`.
    """
    unit = units(problem, ideal) if unit is None else unit
    with np.errstate(all="ignore"):
        moved, share = payoffs - origin, np.abs(step / unit)
        t, reach = np.where(share[..., 0] > 0, moved[..., 0] / step[..., 0], 0.0), share[..., 0]
        for i in range(1, problem.players):  # read off whoever moves most
            t = np.where(share[..., i] > reach, moved[..., i] / step[..., i], t)
            reach = np.maximum(reach, share[..., i])
        beside = largest((moved - t[..., None] * step) / unit)
        further = np.where(reach > 0, further_on(problem, payoffs, step, ideal), 0.0)
        before = np.zeros_like(t) if backwards else -t * reach
        off: Floats = np.maximum(np.maximum(beside, before), np.abs(further) * reach)
    return off


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Answer:
    """Payoffs with their residuals, where the ray misses the set, and the status where it does not."""

    payoffs: Floats
    residual: Floats
    status: NDArray[np.int8]
    missed: NDArray[np.bool_]


def further_on(problem: Problem, payoffs: Floats, step: Floats, ideal: Floats) -> Floats:
    """Return how much further a ray goes from its last point: 0, but for rounding.

    In a set that may be thin the ray starts a few roundings from the point, one player up and the next one down: if the
    ray meets a side at a small angle, this changes where it leaves the set by many times as much.
    """
    if not may_be_thin(problem.feasible):
        return problem.feasible.ray(payoffs, step)
    n = payoffs.shape[-1]
    size = 4 * EPS * (np.abs(ideal) + np.abs(problem.disagreement))
    aside = np.where(np.arange(n) % 2, -1.0, 1.0) * (1.0 - np.arange(n) / (2 * n))
    further = problem.feasible.ray(payoffs + aside * size, step)
    if n <= 2:
        return further
    again = problem.feasible.ray(payoffs + aside[::-1] * size, step)
    return np.where(np.abs(again) > np.abs(further), again, further)


def settled(
    problem: Problem,
    answer: Answer,
    aim: Callable[[tuple[int, ...]], Aim],
    *,
    origin: Floats,
    step: Floats,
    backwards: bool = False,
) -> Answer:
    """Return the answer, in rationals where floats are not decisive: a large residual, or a narrowly missed set.

    `aim` takes the index of a cell.
    """
    if not answer.missed.any() and (answer.residual <= ACCURACY).all():
        return answer
    status = np.where(answer.missed, Status.EMPTY, answer.status).astype(np.int8)
    doubt = np.asarray(((status == Status.OK) & ~(answer.residual <= ACCURACY)) | answer.missed)
    if not (doubt.any() and may_be_thin(problem.feasible)):
        return replace(answer, status=status)
    if problem.players == 2 and answer.missed.any():
        doubt &= ~answer.missed | _narrowly(problem, origin, step)
    payoffs, residual = np.array(answer.payoffs), np.array(answer.residual)
    disagreement = np.broadcast_to(problem.disagreement, payoffs.shape)
    for cell in map(tuple, np.argwhere(doubt)):
        one = set_of_cell(problem.feasible, cell, problem.batch_shape)
        found = last_exactly(one, disagreement[cell], aim(cell), backwards=backwards)
        if found is not None:
            payoffs[cell] = floats(found[0])
            residual[cell] = distance(payoffs[cell], *found, disagreement[cell])
            status[cell] = answer.status[cell]
    return replace(answer, payoffs=payoffs, residual=residual, status=status)


def _narrowly(problem: Problem, origin: Floats, step: Floats) -> NDArray[np.bool_]:
    """Say whether a line narrowly misses a set of two players; the distance is measured across the line."""
    across = np.stack((step[..., 1], -step[..., 0]), axis=-1)
    line = (across * origin).sum(axis=-1)
    over, under = problem.feasible.support(across)[0] - line, problem.feasible.support(-across)[0] + line
    size = (np.abs(across) * (np.abs(origin) + np.abs(step))).sum(axis=-1)
    return np.asarray(np.minimum(over, under) >= -NARROW * size)


def _aim(origin: Floats, direction: Floats | None, cell: tuple[int, ...]) -> Aim:
    start = fractions(origin[cell])
    if direction is None:
        return lambda ideal: (start, ideal - start)
    step = fractions(np.broadcast_to(direction, origin.shape)[cell])
    return lambda ideal: (start, step)


Aim = Callable[[Rationals], tuple[Rationals, Rationals]]
"""Takes the ideal point and returns where a ray starts and where it goes."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Rows:
    """The set {inner z : matrix z <= limits, z >= 0}, or {x : matrix x <= limits} where `inner` is None."""

    inner: Rationals | None
    matrix: Rationals
    limits: Rationals


def may_be_thin(feasible: FeasibleSet) -> bool:
    """Say whether a set may be thin in a direction in which several players gain: a polytope without free disposal."""
    if isinstance(feasible, Restricted) and feasible.floor.ndim == 1:
        return may_be_thin(feasible.within)
    return isinstance(feasible, Polytope) and not feasible.free_disposal


def last_exactly(
    feasible: FeasibleSet, d: Floats, aim: Aim, *, backwards: bool = False
) -> tuple[Rationals, Rationals] | None:
    """Return the last point of a ray and the ideal point above d; None where the ray misses the set.

    Parameters
    ----------
    feasible : FeasibleSet
        For which `may_be_thin` holds.
    d : ndarray, shape (n,)
    aim : callable
    backwards : bool, default False
        Whether the ray is a line, which may meet the set before its start.
    """
    rows = _rows(feasible)
    try:
        ideal = _ideal(rows, fractions(d))
        if ideal is None:
            return None
        start, step = aim(ideal)
        t = _last(rows, start, step, backwards=backwards)
    except OverflowError:
        return None
    return None if t is None else (start + t * step, ideal)


def distance(payoffs: Floats, point: Rationals, ideal: Rationals, d: Floats) -> float:
    """Return how far payoffs are from a point, over the gains of those who can gain."""
    gains = ideal - fractions(d)
    miss = np.abs(fractions(payoffs) - point)
    return float(max(m / g if g > 0 else m for m, g in zip(miss, gains, strict=True)))


def _rows(feasible: FeasibleSet) -> Rows:
    if isinstance(feasible, Restricted):
        inside, floor = _rows(feasible.within), fractions(feasible.floor)
        down = -fractions(np.eye(len(floor))) if inside.inner is None else -inside.inner
        return Rows(
            inner=inside.inner,
            matrix=np.concatenate((inside.matrix, down)),
            limits=np.concatenate((inside.limits, -floor)),
        )
    assert isinstance(feasible, Polytope)
    if feasible.inequalities is not None:
        matrix, limits = (fractions(a) for a in feasible.inequalities)
        return Rows(inner=None, matrix=matrix, limits=limits)
    given = feasible.points if feasible.exact is None else np.array(feasible.exact, dtype=object)
    assert given is not None
    points, ones = fractions(given), np.ones(len(given))
    return Rows(
        inner=points.T, matrix=fractions(np.array([ones, -ones])), limits=fractions(np.array([1, -1]))
    )


def _ideal(rows: Rows, d: Rationals) -> Rationals | None:
    """Return each player's best over the x >= d; None if there is no such x."""
    eye = fractions(np.eye(len(d)))
    best = np.empty(len(d), dtype=object)
    for i in range(len(d)):
        if rows.inner is None:
            found = maximise(eye[i], rows.matrix, rows.limits - rows.matrix @ d)
            base = d[i]
        else:
            matrix = np.concatenate((rows.matrix, -rows.inner))
            found, base = maximise(rows.inner[i], matrix, np.concatenate((rows.limits, -d))), Fraction(0)
        if found is None:
            return None
        best[i] = base + found.value
    return best


def _last(rows: Rows, start: Rationals, step: Rationals, *, backwards: bool) -> Fraction | None:
    """Return the largest t with start + t * step in the set; of a line, t is a difference of two variables."""
    if rows.inner is None:
        along, matrix, limits = rows.matrix @ step, rows.matrix[:, :0], rows.limits - rows.matrix @ start
    else:
        equal = np.concatenate((step, -step))
        along = np.concatenate((0 * rows.limits, equal))
        matrix = np.concatenate((rows.matrix, -rows.inner, rows.inner))
        limits = np.concatenate((rows.limits, -start, start))
    columns = [along, -along] if backwards else [along]
    matrix = np.column_stack((*columns, matrix))
    target = fractions(np.eye(matrix.shape[1])[0] - (np.eye(matrix.shape[1])[1] if backwards else 0.0))
    found = maximise(target, matrix, limits)
    return None if found is None else found.value
