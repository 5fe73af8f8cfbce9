"""The conditions of a concave program with the binding constraints as equations, by Newton's method."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bargaining._arrays import Floats
from bargaining.feasible._concave import GOOD, SURE, ConcaveProgram, Point, off_conditions, solution

Binding = NDArray[np.bool_]

STEPS = 60
POLISH = 8
TOUCHING = 1e-15  # product of a bound's slack and its multiplier, at which it counts as binding
SOFT = 1e-10  # regularises constraints that say the same, and decisions that do


def polished(program: ConcaveProgram, point: Point) -> Point:
    """Take Newton steps with the constraints as equations that seem to bind, as long as that helps."""
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
    """Take a Newton step with these constraints as equations; say which ones bind to judge by where it leads."""
    count, values = int(active.sum()), program.at(point.v).values
    step = _step(program, point, active, np.ones(count), np.full(count, SOFT), -values[active])
    dv, dm = np.split(step, [point.v.size])
    found = _judged(program, point.v + dv, active, point.multipliers[active] + dm, np.zeros_like(active))
    outside = (program.targets == 0) & (program.at(found.v).values < 0)
    return found, np.where(active, found.multipliers > 0, outside)


def _step(
    program: ConcaveProgram, point: Point, active: Binding, lever: Floats, soft: Floats, left: Floats
) -> Floats:
    """Return Newton's step of v and the active multipliers m, with lever * dc + soft * dm = left for these."""
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
