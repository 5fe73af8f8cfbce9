"""Random proposers on general sets: offers that leave every other player the reservation.

In gains over the disagreement point, when k proposes the others get their reservations w and k gets
w_k + rho_k(w), where rho_k is the room left in k's direction. Expected payoffs V_k = w_k + p_k rho_k and
w_k = max{o_k, d_k V_k} give

    w_k = max{o_k, a_k rho_k(w)},   a_k = d_k p_k / (1 - d_k).

For two players this is alternating offers with the discount factors a_k / (1 + a_k).
"""

from __future__ import annotations

import numpy as np

from bargaining._arrays import Floats
from bargaining.errors import Unsolved
from bargaining.problem import Problem
from bargaining.protocols._offers import Talks, extreme_pair

_STAGES = 8


def two_players(
    problem: Problem, p: Floats, d: Floats, outside: Floats, ideal: Floats
) -> tuple[Floats, Floats]:
    """Return what each gets when proposing and when not, (..., 2), by one bracketed root a cell."""
    floor = np.broadcast_to(problem.disagreement, ideal.shape)
    a = d * p / (1 - d)
    talks = Talks(
        feasible=problem.feasible,
        disagreement=floor,
        discounts=np.broadcast_to(a / (1 + a), ideal.shape),
        breakdown=np.zeros(ideal.shape[:-1]),
        breakdown_payoffs=floor,
        outside=np.broadcast_to(outside, ideal.shape),
        may_leave=np.isfinite(np.broadcast_to(outside, ideal.shape)),
        floor=floor,
        ideal=ideal,
    )
    own0, own1 = extreme_pair(talks, "responder", None, 0)
    proposing = np.stack((own0, own1), axis=-1)
    held = np.stack((talks.best(0, own1), talks.best(1, own0)), axis=-1)
    return proposing, held


def several_players(
    problem: Problem, p: Floats, d: Floats, outside: Floats, ideal: Floats
) -> tuple[Floats, Floats]:
    """Return what each gets when proposing and when not, (n,), by Newton's method from impatience to d."""
    from scipy.optimize import root

    point = problem.disagreement
    scale = ideal - point
    a, options = d * p / (1 - d), np.maximum((outside - point) / scale, 0.0)
    axes = np.diag(scale)

    def room(w: Floats) -> Floats:
        origins = np.broadcast_to(point + w * scale, axes.shape)
        return np.asarray(problem.feasible.ray(origins, axes), dtype=float)

    def miss(w: Floats, share: float) -> Floats:
        return w - np.maximum(options, share * a * np.maximum(room(w), -1.0))

    w = options
    for share in np.append(a.max() ** (-np.arange(_STAGES, 0, -1) / _STAGES) if a.max() > 1 else 1.0, 1.0):
        found = root(miss, w, args=(float(share),), method="hybr", options={"xtol": 1e-14})
        w = np.asarray(found.x, dtype=float)
    if not np.isfinite(w).all():
        raise Unsolved("No stationary offers were found on this set; report the problem.")
    return point + (w + room(w)) * scale, point + w * scale
