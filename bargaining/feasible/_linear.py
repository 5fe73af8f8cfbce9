"""Linear programs whose answer is proved: a solver's guess, made tight, and exact arithmetic where that fails.

HiGHS accepts an infeasibility of 1e-7 and drops coefficients below 1e-9. Its answer is therefore taken as a
guess of the active constraints only: they must have non-negative multipliers that reproduce the objective, and the
point is moved onto them. What cannot be proved so is solved in rationals.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from bargaining._arrays import Floats
from bargaining._rational import fractions, maximise
from bargaining.errors import Status

EPS = float(np.finfo(float).eps)
NEAR = 1e-6  # slack below which a constraint may be active
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
    """How a linear program ended: OK, EMPTY or UNBOUNDED; and where, at what value."""

    status: Status
    point: Floats
    value: float


def optimise(program: LinearProgram) -> Optimum:
    """Solve a linear program to rounding error."""
    guess = _guess(program)
    if isinstance(guess, Status):
        return _nowhere(program, guess)
    point = _tighten(program, guess)
    return _exactly(program) if point is None else _at(program, point)


def _at(program: LinearProgram, point: Floats) -> Optimum:
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
    # Presolve does not always tell the two apart: ask without an objective.
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

    A bound that is active only says that its entry of the objective is not exceeded. So the rows alone are asked
    for the entries without one, and together with the bounds only if that exceeds another.
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
    """Return x >= 0 with matrix x nearest to the target, and how far it is off; infinity if none was found."""
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
    """Move a point the least to make held rows tight and fixed entries lie at their bounds; hold what it violates."""
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


def _exactly(program: LinearProgram) -> Optimum:
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
