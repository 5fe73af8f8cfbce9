"""Linear programs by HiGHS, whose answer is moved onto the rows and bounds that bind."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bargaining._arrays import Floats
from bargaining.errors import Status

TOLERANCE = 1e-10  # violation of rows of size one that HiGHS accepts: the least that it can be told
BINDS = 1e-8  # slack at which a row binds


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LinearProgram:
    """Maximise objective . z subject to matrix z <= limits, its first rows with equality, and z >= lower.

    Data are expected to be of size one.

    Attributes
    ----------
    equalities : int
        How many of the first rows hold with equality.
    lower : ndarray
        A number or -inf for each variable.
    """

    objective: Floats
    matrix: Floats
    limits: Floats
    lower: Floats
    equalities: int = 0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Optimum:
    """The result of a linear program: OK, EMPTY, UNBOUNDED or FAILED; the point and its value."""

    status: Status
    point: Floats
    value: float


def optimise(program: LinearProgram) -> Optimum:
    """Solve a linear program; rows are met to rounding, but for those that contradict each other by 1e-10 or less."""
    from scipy.optimize import linprog

    first = program.equalities
    found = linprog(
        -program.objective,
        A_ub=program.matrix[first:],
        b_ub=program.limits[first:],
        A_eq=program.matrix[:first] if first else None,
        b_eq=program.limits[:first] if first else None,
        bounds=np.column_stack((program.lower, np.full(program.lower.size, np.inf))),
        method="highs-ds",
        options={"primal_feasibility_tolerance": TOLERANCE, "dual_feasibility_tolerance": TOLERANCE},
    )
    if found.status == 0:
        point = _onto(program, np.asarray(found.x, dtype=float))
        return Optimum(status=Status.OK, point=point, value=float(program.objective @ point))
    ends = {2: (Status.EMPTY, -np.inf), 3: (Status.UNBOUNDED, np.inf)}
    status, value = ends.get(found.status, (Status.FAILED, np.nan))
    return Optimum(status=status, point=np.full(program.lower.size, np.nan), value=value)


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
