"""The egalitarian and proportional solutions."""

from __future__ import annotations

from bargaining._arrays import ByPlayer, Floats, spread, weights_of
from bargaining._calls import suggesting
from bargaining.concepts._ray import last_on_ray, off_ray
from bargaining.division import Division, describe
from bargaining.problem import Problem, require_problem


@suggesting
def egalitarian(problem: Problem, *, weights: ByPlayer | None = None) -> Division:
    r"""Return the egalitarian solution: equal gains, as large as feasible; proportional to `weights` if given.

    The last point :math:`d + t w` in S.

    Parameters
    ----------
    problem : Problem
        Any number of players; a batch is solved cell by cell.
    weights : array_like, shape (n,) or (..., n), optional
        The proportions of the players' gains: numbers of which only the ratios count; equal by default.

    Returns
    -------
    Division
        `payoffs` of shape (..., n). Weakly Pareto optimal with free disposal; without it the ray may leave the set at a
        point where everyone could still gain. `lexicographic_egalitarian` goes on from there. It compares payoffs
        between players, so their units matter.

    Raises
    ------
    InvalidInput
        If a weight is negative, all are 0, or they are not one per player.

    References
    ----------
    Kalai, E. (1977b). Proportional solutions to bargaining situations: interpersonal utility comparisons.
    *Econometrica* 45(7), 1623-1630. doi:10.2307/1913954

    Examples
    --------
    >>> from bargaining import Polytope, Problem, egalitarian
    >>> egalitarian(Problem(Polytope([[0, 0], [4, 0], [0, 1]]), [0, 0])).payoffs
    array([0.8, 0.8])
    """
    require_problem(problem)
    w = weights_of(weights, problem.player_names)
    direction = spread(w, "weights", (*problem.batch_shape, problem.players))
    label = describe("egalitarian", weights=w, weights_sum=weights)
    return last_on_ray(problem, label, problem.disagreement, direction, problem.ideal)


def missed(problem: Problem, payoffs: Floats, *, weights: ByPlayer | None = None) -> Floats:
    """Return how far payoffs are from the last feasible point with gains in proportion to weights, over ideal gains."""
    w = weights_of(weights, problem.player_names)
    direction = spread(w, "weights", payoffs.shape)
    return off_ray(problem, payoffs, problem.disagreement, direction, problem.ideal)
