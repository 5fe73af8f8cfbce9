"""Linear programs whose answer is proved: a solver's guess, made tight, and exact arithmetic where that fails.

HiGHS accepts an infeasibility of 1e-7 and drops coefficients below 1e-9. Its answer is therefore taken as a
guess of the active constraints only: they must have non-negative multipliers that reproduce the objective, and the
point is moved onto them. What cannot be proved so is solved in rationals.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from bargaining._arrays import Floats
from bargaining._rational import fractions, maximise
from bargaining.errors import Status

EPS = float(np.finfo(float).eps)
NEAR = 1e-6  # slack below which a constraint may be active
PROVED = 64 * EPS


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
    from scipy.optimize import nnls

    bounded = np.flatnonzero(np.isfinite(program.lower))
    rows = np.concatenate((program.matrix, -np.eye(guess.size)[bounded]))
    limits = np.concatenate((program.limits, -program.lower[bounded]))
    equal = np.arange(len(limits)) < program.equalities
    near = np.flatnonzero((limits - rows @ guess <= NEAR) | equal)
    # An equality may have a multiplier of either sign.
    signed = np.concatenate((rows[near], -rows[equal]))
    try:
        multipliers, miss = nnls(signed.T, program.objective)
    except RuntimeError:
        return None
    if miss > PROVED * (1 + np.abs(program.objective).max()):
        return None
    held = equal.copy()
    held[near[multipliers[: len(near)] > 0]] = True
    return _onto(rows, limits, held, guess)


def _onto(rows: Floats, limits: Floats, held: NDArray[np.bool_], point: Floats) -> Floats | None:
    """Move a point the least to make the held rows tight, and hold whatever it then violates."""
    room = PROVED * (1 + np.abs(limits))
    for _ in range(6):
        for _ in range(2):
            gap = limits[held] - rows[held] @ point
            point = point + np.linalg.lstsq(rows[held], gap, rcond=1e-12)[0]
        slack = limits - rows @ point
        if (np.abs(slack[held]) > room[held]).any():
            return None
        short = slack < -room
        if not short.any():
            return point
        held = held | short
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
