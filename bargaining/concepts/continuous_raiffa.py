"""The continuous Raiffa solution."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from bargaining._arrays import Floats
from bargaining._calls import suggesting
from bargaining.concepts._pareto import apart, outside, units
from bargaining.division import Division, describe, divide
from bargaining.feasible.base import FeasibleSet
from bargaining.feasible.transform import above, convex_only, set_of_cell, without_low_floors
from bargaining.problem import Problem, require_problem

PROMISED = 1e-6  # of ideal gains: the error that OK allows
TOLERANCES = (1e-12, 1e-13, 3e-14)  # relative, of the integrations: two as a rule, three where they differ
NOISE = 1e-15  # relative, of payoffs: smaller tolerances would take steps without end
LEFT = 1e-8  # of ideal gains: less is divided without following the path, which errs by its square
LONGEST = 0.25  # step: a longer one can pass several edges unnoticed
LATEST = 40.0  # by then gains have fallen by exp(-40)
HALVINGS = 60  # of the gains that are left

Gains = Callable[[Floats], Floats]
"""From an interim agreement to what each could gain from there, both over ideal gains."""


@suggesting
def continuous_raiffa(problem: Problem) -> Division:
    r"""Return the continuous Raiffa solution: interim agreements move continuously towards their current ideal point.

    With :math:`a_i(x) = \max\{y_i : y \in S, y \ge x\}` it is the limit of

    .. math:: \dot x = a(x) - x, \qquad x(0) = d.

    Parameters
    ----------
    problem : Problem
        Any number of players; a batch is solved cell by cell. The set must be convex.

    Returns
    -------
    Division
        `payoffs` of shape (..., n). Pareto optimal also for three and more players. Players who cannot gain stay at
        `disagreement`, and the others go on (DEGENERATE).

    Raises
    ------
    NotApplicable
        If the set is not convex.

    Notes
    -----
    The path is integrated in gains over ideal gains, cell by cell, by the explicit Runge-Kutta method of order 8 of
    Dormand and Prince (`scipy.integrate.solve_ivp`), until 1e-8 of the gains is left; then the rest is divided again
    and again. The answer is good to 1e-6 of the ideal gains: `residual` is the larger of the remaining gains and the
    distance to the end of a coarser integration; where the two differ by more, a finer one follows. Along the path
    the gains of any two players are in the ratio of their ideal gains from the interim agreement.

    References
    ----------
    Raiffa, H. (1953). Arbitration schemes for generalized two-person games. In *Contributions to the Theory of Games
    II*, Princeton University Press, 361-387.

    Livne, Z. A. (1989). Axiomatic characterizations of the Raiffa and the Kalai-Smorodinsky solutions to the
    bargaining problem. *Operations Research* 37(6), 972-980. doi:10.1287/opre.37.6.972

    Peters, H. and van Damme, E. (1991). Characterizing the Nash and Raiffa bargaining solutions by disagreement point
    axioms. *Mathematics of Operations Research* 16(3), 447-461. doi:10.1287/moor.16.3.447

    Examples
    --------
    >>> from bargaining import Frontier, Problem, continuous_raiffa
    >>> continuous_raiffa(Problem(Frontier(lambda x: 4 - x**2, 0, 2), [0, 0])).payoffs
    array([1.17658972, 2.61563663])
    """
    require_problem(problem)
    convex_only(problem.feasible, "continuous_raiffa")
    ideal = problem.ideal
    payoffs, residual = _limit(problem, ideal)
    residual = residual + outside(problem.feasible, payoffs, units(problem, ideal))
    status = problem.gains_status(ideal)
    label = describe("continuous_raiffa")
    return divide(problem, label, payoffs, residual, status, ideal=ideal, accuracy=PROMISED)


def missed(problem: Problem, payoffs: Floats) -> Floats:
    """Return how far payoffs are from the end of the path of interim agreements, over ideal gains."""
    ideal = problem.ideal
    x, doubt = _limit(problem, ideal)
    unit = units(problem, ideal)
    return apart(payoffs, x, unit) + doubt + outside(problem.feasible, payoffs, unit)


def _limit(problem: Problem, ideal: Floats) -> tuple[Floats, Floats]:
    """Return the end of the path, and its error over ideal gains; the ideal point where one player alone can gain."""
    d = np.broadcast_to(problem.disagreement, ideal.shape)
    gaining = np.isfinite(ideal) & (ideal > d)
    live = np.isfinite(ideal).all(axis=-1) & (gaining.sum(axis=-1) > 1)
    payoffs, residual = np.array(ideal), np.zeros(live.shape)
    for cell in map(tuple, np.argwhere(live)):
        feasible = set_of_cell(problem.feasible, cell, live.shape)
        unit = np.where(gaining[cell], ideal[cell] - d[cell], 0.0)
        gains = _gains(feasible, d[cell], unit)
        size = np.maximum(np.abs(d[cell]), np.abs(ideal[cell]))
        least = NOISE * float((size / np.where(gaining[cell], unit, np.inf)).max())
        end = _end(gains, gaining[cell], TOLERANCES[0] + 10 * least)
        for tolerance in TOLERANCES[1:]:
            coarse, end = end, _end(gains, gaining[cell], tolerance + least)
            residual[cell] = max(np.abs(end - coarse).max(), gains(end).max())
            if residual[cell] <= PROMISED:
                break
        payoffs[cell] = d[cell] + end * unit
    return payoffs, residual


def _gains(feasible: FeasibleSet, d: Floats, unit: Floats) -> Gains:
    """Return the gains from interim agreements; nobody gains where rounding puts an agreement outside the set."""
    best, moving, whole = (
        above(without_low_floors(feasible, d), d).ideal,
        unit > 0,
        np.where(unit > 0, unit, 1.0),
    )

    def gains(u: Floats) -> Floats:
        more = (best(d + u * unit) - d) / whole - u
        return np.where(moving & np.isfinite(more), np.maximum(more, 0.0), 0.0)

    return gains


def _end(gains: Gains, moving: Floats, tolerance: float) -> Floats:
    """Return where the path from 0 ends, over ideal gains."""
    from scipy.integrate import solve_ivp

    def left(_: float, u: Floats) -> float:
        return float(gains(u).max()) - LEFT

    left.terminal = True  # type: ignore[attr-defined]
    path = solve_ivp(
        lambda _, u: gains(u),
        (0.0, LATEST),
        np.zeros(moving.size),
        method="DOP853",
        rtol=tolerance,
        atol=tolerance / 100,
        max_step=LONGEST,
        events=left,
    )
    u: Floats = path.y[:, -1]
    for _ in range(HALVINGS):
        step = gains(u) / moving.sum()
        if not step.any():
            break
        u = u + step
    return u
