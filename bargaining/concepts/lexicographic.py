"""The lexicographic extensions of the Kalai-Smorodinsky and the egalitarian solution."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from bargaining._arrays import Floats, spread, weights_of
from bargaining._calls import suggesting
from bargaining.concepts._lexicographic import raise_together, short_of_lexicographic
from bargaining.division import Division, describe
from bargaining.feasible.lotteries import convex_only
from bargaining.problem import Problem, require_problem


def lexicographic_kalai_smorodinsky(problem: Problem) -> Division:
    r"""Return the lexicographic Kalai-Smorodinsky solution: Pareto optimal for any number of players.

    Gains are measured in ideal gains, :math:`(x_i - d_i)/(a_i - d_i)` with
    :math:`a_i = \max\{x_i : x \in S, x \ge d\}`. Among the feasible points it has the largest least gain; among these
    the largest second gain; and so on.

    Parameters
    ----------
    problem : Problem
        Any number of players; a batch is solved cell by cell. The set must be convex.

    Returns
    -------
    Division
        `payoffs` of shape (..., n). Where not everyone can gain (DEGENERATE) those who cannot stay at `disagreement`
        and the others go on.

    Raises
    ------
    NotApplicable
        If the set is not convex.

    Notes
    -----
    All gains rise together to the Kalai-Smorodinsky point; whoever cannot gain any more with nobody worse off is
    frozen there, and the others go on. In a convex set those who each can gain alone can also gain together, so at
    most n rounds are needed. Points are compared with all they dominate, so a set without free disposal has the same
    solution as with it.

    References
    ----------
    Imai, H. (1983). Individual monotonicity and lexicographic maxmin solution. *Econometrica* 51(2), 389-401.
    doi:10.2307/1911997

    Examples
    --------
    >>> from bargaining import Polytope, Problem
    >>> box = Polytope([[4, 1], [1, 1]], free_disposal=True)
    >>> lexicographic_kalai_smorodinsky(Problem(box, [0, 0])).payoffs
    array([4., 1.])
    >>> cut = Polytope([[2, 0], [2, 1], [1, 2], [0, 2]], free_disposal=True)
    >>> lexicographic_kalai_smorodinsky(Problem(cut, [0, 0])).payoffs
    array([1.5, 1.5])
    """
    require_problem(problem)
    convex_only(problem.feasible, "lexicographic_kalai_smorodinsky")
    ideal = problem.ideal
    with np.errstate(invalid="ignore"):
        direction = np.maximum(ideal - problem.disagreement, 0.0)
    return raise_together(problem, describe("lexicographic_kalai_smorodinsky"), direction, ideal)


@suggesting
def lexicographic_egalitarian(problem: Problem, *, weights: ArrayLike | None = None) -> Division:
    r"""Return the lexicographic egalitarian solution: Pareto optimal, gains as equal as that allows.

    Among the feasible points it has the largest least gain :math:`(x_i - d_i)/w_i`; among these the largest second
    gain; and so on.

    Parameters
    ----------
    problem : Problem
        Any number of players; a batch is solved cell by cell. The set must be convex.
    weights : array_like, shape (n,) or (..., n), optional
        The proportions w of the gains that count as equal: numbers of which only the ratios count; equal by default. A
        player of weight 0 stays at the disagreement payoff.

    Returns
    -------
    Division
        `payoffs` of shape (..., n). It compares payoffs between players, so their units matter. Where not everyone
        can gain (DEGENERATE) those who cannot stay at `disagreement` and the others go on.

    Raises
    ------
    InvalidInput
        If a weight is negative, all are 0, or they are not one per player.
    NotApplicable
        If the set is not convex.

    Notes
    -----
    The solution jumps where a face becomes level: along a level face a player gains while nobody loses, along one that
    falls ever so little somebody does. Payoffs that are floats cannot tell a fall of their last places from none, so a
    face along which nobody loses more than about 16 roundings, ``16 * eps * (abs(d) + abs(ideal))``, counts as level.

    References
    ----------
    Chun, Y. and Peters, H. (1988). The lexicographic egalitarian solution. *Cahiers du Centre d'Études de Recherche
    Opérationnelle* 30(2), 149-156.

    Examples
    --------
    >>> from bargaining import Polytope, Problem
    >>> tall = Polytope([[1, 0], [1, 3], [0, 4]], free_disposal=True)
    >>> lexicographic_egalitarian(Problem(tall, [0, 0])).payoffs
    array([1., 3.])
    """
    require_problem(problem)
    convex_only(problem.feasible, "lexicographic_egalitarian")
    w = weights_of(weights, problem.player_names)
    direction = spread(w, "weights", (*problem.batch_shape, problem.players))
    return raise_together(
        problem,
        describe("lexicographic_egalitarian", weights=w, weights_sum=weights),
        direction,
        problem.ideal,
    )


def missed(
    problem: Problem, payoffs: Floats, *, weights: ArrayLike | None = None, by_ideal: bool = False
) -> Floats:
    """Return by how much payoffs are not the lexicographic maximum, of gains in ideal gains or of weighted gains."""
    ideal = problem.ideal
    d = np.broadcast_to(problem.disagreement, ideal.shape)
    with np.errstate(invalid="ignore"):
        direction = np.maximum(ideal - d, 0.0) if by_ideal else weights_of(weights, problem.player_names)
    return short_of_lexicographic(problem, payoffs, d, np.broadcast_to(direction, ideal.shape), ideal)
