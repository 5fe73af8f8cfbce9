"""The Gupta-Livne solution: negotiation from a reference agreement."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from bargaining._arrays import Floats, exceeds, per_player
from bargaining._calls import suggesting
from bargaining.concepts._ray import last_on_ray, off_ray
from bargaining.division import Division, describe, divide
from bargaining.errors import InvalidInput, Status
from bargaining.problem import Problem, require_problem


@suggesting
def gupta_livne(problem: Problem, *, reference: ArrayLike) -> Division:
    r"""Return the Gupta-Livne solution: from a reference agreement straight towards the ideal point.

    With :math:`a_i = \max\{x_i : x \in S, x \ge d\}` it is the last feasible point on the segment from the reference
    r to a. A status quo deal, the last contract or a mediator's draft serve as reference; r = d gives the
    Kalai-Smorodinsky solution.

    Parameters
    ----------
    problem : Problem
        Any number of players; a batch is solved cell by cell.
    reference : array_like, shape (n,) or (..., n)
        The agreement from which the talks start, at most as good for everyone as some feasible one.

    Returns
    -------
    Division
        `payoffs` of shape (..., n). EMPTY where no feasible agreement is at least as good as the reference for
        everyone, or the reference gives a player less than `disagreement`.

    Raises
    ------
    InvalidInput
        If `reference` is not finite with one entry per player, or does not broadcast against the problem's batch.

    References
    ----------
    Gupta, S. and Livne, Z. A. (1988). Resolving a conflict situation with a reference outcome: an axiomatic model.
    *Management Science* 34(11), 1303-1314. doi:10.1287/mnsc.34.11.1303

    Examples
    --------
    >>> from bargaining import Frontier, Problem, gupta_livne
    >>> gupta_livne(Problem(Frontier(lambda x: 4 - x**2, 0, 2), [0, 0]), reference=[1, 1]).payoffs
    array([1.37228132, 2.11684397])
    """
    require_problem(problem)
    r = per_player(reference, "reference", problem.player_names, payoffs=True)
    label = describe("gupta_livne", reference=r)
    try:
        r = np.broadcast_to(r, (*problem.batch_shape, problem.players))
    except ValueError:
        raise InvalidInput(
            f"`reference` must broadcast against the problem's batch {problem.batch_shape}; got shape {r.shape}."
        ) from None
    ideal = problem.ideal
    division = last_on_ray(problem, label, r, None, ideal)
    d = problem.disagreement
    below = exceeds(d, r).any(axis=-1)
    beyond = np.isneginf(problem.feasible.ideal(r)).any(axis=-1)
    bad = (below | beyond) & np.isfinite(ideal).all(axis=-1)
    if not bad.any():
        return division
    status = np.where(bad, Status.EMPTY, division.status).astype(np.int8)
    return divide(problem, label, division.payoffs, np.asarray(division.residual), status, ideal=ideal)


def missed(problem: Problem, payoffs: Floats, *, reference: ArrayLike) -> Floats:
    """Return how far payoffs are from the last feasible point from a reference to the ideal point, over ideal gains."""
    ideal, r = problem.ideal, per_player(reference, "reference", problem.player_names, payoffs=True)
    with np.errstate(invalid="ignore"):
        step = ideal - r
    return off_ray(problem, payoffs, r, step, ideal)
