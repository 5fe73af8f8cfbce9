"""The equal area solution of two players, for the matrix of axioms."""

from __future__ import annotations

import numpy as np

from bargaining._arrays import Floats
from bargaining.axioms import _related
from bargaining.division import Division
from bargaining.errors import NotApplicable, Status
from bargaining.problem import Problem


def equal_area(problem: Problem) -> Division:
    """Return the point of the frontier whose segment from d halves the area of what is at least d.

    References
    ----------
    Anbarci, N. and Bigelow, J. P. (1994). The area monotonic solution to the cooperative bargaining problem.
    *Mathematical Social Sciences* 28(2), 133-142.

    Anbarci, N. (1993). Noncooperative foundations of the area monotonic solution. *Quarterly Journal of Economics*
    108(1), 245-258. doi:10.2307/2118502
    """
    if problem.players != 2:
        raise NotApplicable(f"equal_area is for two players; got {problem.players}.")
    part = _related.rational_part(problem)
    points, _ = _related.points_of(part)
    chain = _frontier(points - problem.disagreement)
    left, right = chain[:-1], chain[1:]
    areas = (left[:, 1] * right[:, 0] - left[:, 0] * right[:, 1]) / 2  # of the triangles with corner d
    before = np.concatenate(([0.0], np.cumsum(areas)))
    k = min(int(np.searchsorted(before[1:], before[-1] / 2)), len(areas) - 1)
    share = (before[-1] / 2 - before[k]) / areas[k]
    gains = left[k] + share * (right[k] - left[k])
    cut = (left[k][1] * gains[0] - left[k][0] * gains[1]) / 2
    residual = abs(2 * (before[k] + cut) - before[-1]) / before[-1]  # how unequal the two parts are
    payoffs = problem.disagreement + gains
    return Division(
        payoffs=payoffs, status=Status.OK, method="equal_area", residual=float(residual), problem=problem
    )


def _frontier(gains: Floats) -> Floats:
    """Return the frontier's corners from (0, most of player 1) to (most of player 0, 0)."""
    ends = np.array([[0.0, gains[:, 1].max()], [gains[:, 0].max(), 0.0]])
    ordered = sorted({(float(x), float(y)) for x, y in np.concatenate((gains, ends)) if x >= 0 and y >= 0})
    chain: list[tuple[float, float]] = []
    for point in ordered:
        while len(chain) > 1 and not _turns_right(chain[-2], chain[-1], point):
            chain.pop()
        chain.append(point)
    corner = (chain[-1][0], 0.0)  # an upright last piece, if there is one
    return np.array(chain if chain[-1] == corner else [*chain, corner])


def _turns_right(a: tuple[float, float], b: tuple[float, float], c: tuple[float, float]) -> bool:
    return (b[0] - a[0]) * (c[1] - b[1]) - (b[1] - a[1]) * (c[0] - b[0]) < 0
