"""Small smooth concave programs: what they are, where a search for their optimum ended, and how far off that is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from bargaining._arrays import Floats

SURE = 1e-9  # how far from holding the conditions may be where a program counts as solved
GOOD = 1e-13  # and where there is no more to gain


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
    """Where a program ended: the point, the multipliers, and how far the conditions are from holding."""

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
