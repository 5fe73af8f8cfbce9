"""The lexicographic extensions of the Kalai-Smorodinsky and the egalitarian solution.

Both raise everybody together, freeze those who are blocked, and go on with the others.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from bargaining._arrays import EPS, ByPlayer, Floats, spread, weights_of
from bargaining._calls import suggesting
from bargaining.concepts._pareto import outside, units
from bargaining.division import Division, Named, describe, divide
from bargaining.feasible.base import FeasibleSet
from bargaining.feasible.polytope import Polytope, batch_of, sets_of
from bargaining.feasible.transform import convex_only
from bargaining.problem import Problem, require_problem


@suggesting
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
    All gains rise together to the Kalai-Smorodinsky point; players who cannot gain any more without making somebody
    worse off are frozen there, and the others go on. In a convex set, players who can each gain alone can also gain
    together, so at most n rounds are needed. The solution is the same with and without free disposal.

    References
    ----------
    Imai, H. (1983). Individual monotonicity and lexicographic maxmin solution. *Econometrica* 51(2), 389-401.
    doi:10.2307/1911997

    Examples
    --------
    >>> from bargaining import Polytope, Problem, lexicographic_kalai_smorodinsky
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
def lexicographic_egalitarian(problem: Problem, *, weights: ByPlayer | None = None) -> Division:
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
    The solution is discontinuous where a face becomes level: along a level face a player gains while nobody loses,
    along a slightly sloping one somebody loses. Floats cannot distinguish the two cases, so a face along which nobody
    loses more than about 16 roundings, ``16 * eps * (abs(d) + abs(ideal))``, counts as level.

    References
    ----------
    Chun, Y. and Peters, H. (1988). The lexicographic egalitarian solution. *Cahiers du Centre d'Études de Recherche
    Opérationnelle* 30(2), 149-156.

    Examples
    --------
    >>> from bargaining import Polytope, Problem, lexicographic_egalitarian
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
    problem: Problem, payoffs: Floats, *, weights: ByPlayer | None = None, by_ideal: bool = False
) -> Floats:
    """Return by how much payoffs are not the lexicographic maximum, of gains in ideal gains or of weighted gains."""
    ideal = problem.ideal
    d = np.broadcast_to(problem.disagreement, ideal.shape)
    with np.errstate(invalid="ignore"):
        direction = np.maximum(ideal - d, 0.0) if by_ideal else weights_of(weights, problem.player_names)
    return short_of_lexicographic(problem, payoffs, d, np.broadcast_to(direction, ideal.shape), ideal)


HAIR = 16 * EPS  # of payoffs: what rounding may move a level face by
LASTING = 4.0  # a gain this many times what a hair buys is not caused by rounding
ROUNDS = 50  # for each player: a limit for sets whose answers disagree with each other


Ideal = Callable[[Floats], Floats]
"""Takes a floor and returns each player's best payoff above it."""


def comprehensive(feasible: FeasibleSet) -> FeasibleSet:
    """Return a polytope of points with free disposal, which has the same ideal points; other sets as they are."""
    if not isinstance(feasible, Polytope) or feasible.free_disposal:
        return feasible
    if feasible.batch_shape:
        return batch_of(np.vectorize(comprehensive, otypes=[object])(sets_of(feasible)))
    return feasible if feasible.points is None else Polytope(feasible.points, free_disposal=True)


def lasting_gain(best: Ideal, x: Floats, hair: Floats) -> Floats:
    """Return what each could gain with nobody worse off than at x; 0 where rounding alone explains it, NaN if unknown.

    A point near the frontier may be slightly inside or outside the set, so gains are computed one and two hairs below
    it. The gain of a blocked player is proportional to the hair; any other gain hardly changes.
    """
    near, far = best(x - hair) - x, best(x - 2 * hair) - x
    with np.errstate(invalid="ignore"):
        lasts = (near > hair) & (near > LASTING * (far - near))
        gain: Floats = np.where(lasts, near, 0.0)
    return np.where(np.isfinite(near) & np.isfinite(far), gain, np.nan)


def raise_together(
    problem: Problem, method: Named, direction: Floats, ideal: Floats, *, start: Floats | None = None
) -> Division:
    """Return the lexicographic maximum of gains measured in `direction`: the least gain first.

    Entries of the direction (..., n) are not negative; a player with 0 is frozen from the start. Gains are measured
    from `start`, weakly dominated by some feasible point, by default the disagreement point.
    """
    status = problem.gains_status(ideal)
    known = np.asarray(np.isfinite(ideal).all(axis=-1))[..., None]
    step = np.where(known, direction, 0.0)
    d = np.broadcast_to(problem.disagreement, ideal.shape)
    x = np.array(d if start is None else np.where(known, start, d))
    hair = HAIR * (np.abs(x) + np.where(known, np.abs(ideal), 0.0))
    feasible, free = comprehensive(problem.feasible), step > 0
    best = feasible.ideal
    for _ in range(problem.players):
        moving = np.where(free, step, 0.0)
        x = x + _furthest(feasible, best, x, moving, hair)[..., None] * moving
        free = free & (lasting_gain(best, x, hair) > 0)
        if not free.any():
            break
    residual = short_of_lexicographic(problem, x, d if start is None else start, step, ideal)
    return divide(problem, method, np.where(known, x, ideal), residual, status, ideal=ideal)


def short_of_lexicographic(
    problem: Problem, x: Floats, start: Floats, direction: Floats, ideal: Floats
) -> Floats:
    """Return by how much payoffs are not the lexicographic maximum of gains from `start`, over ideal gains.

    In a convex set payoffs are the maximum if nobody can gain at the expense only of players with larger gains, who are
    not reduced below that player's level. This is checked from just below these levels, in the set with free disposal;
    gains that rounding explains do not count.
    """
    feasible, unit = comprehensive(problem.feasible), units(problem, ideal)
    best, counted = feasible.ideal, direction > 0
    known = np.asarray(np.isfinite(x).all(axis=-1))
    x = np.where(known[..., None], x, 0.0)
    hair = HAIR * (np.abs(x) + np.abs(np.where(np.isfinite(ideal), ideal, 0.0)))
    away = outside(feasible, x, unit)
    short = np.where(counted, 0.0, np.abs(x - start) / unit).max(axis=-1)
    with np.errstate(all="ignore"):
        level = (x - start + hair) / direction  # rounding may hide a gain that is small next to the payoff
        for i in range(x.shape[-1]):
            floor = np.where(counted, np.minimum(x, start + direction * level[..., i : i + 1]), x)
            floor[..., i] = x[..., i]
            gain = lasting_gain(best, floor, hair)[..., i] / unit[..., i]
            gain = np.where(np.isnan(gain) & (away > 0), 0.0, gain)  # nothing is above a point outside
            short = np.maximum(short, np.where(counted[..., i], gain, 0.0))
    return np.where(known, np.maximum(short, away), np.nan)


def _furthest(feasible: FeasibleSet, best: Ideal, x: Floats, step: Floats, hair: Floats) -> Floats:
    """Return how far x can be raised along `step` with some feasible point at least as good for everyone.

    In a set with free disposal that is where the ray leaves it. In another set the ray may leave too early. Then, as
    long as each player who moves can gain with nobody worse off, the mean of their best points gives all of them a
    gain.
    """
    moving = step > 0
    some, count = np.asarray(moving.any(axis=-1)), np.maximum(moving.sum(axis=-1), 1)
    far: Floats = np.where(some, feasible.ray(x, np.where(some[..., None], step, 1.0)), 0.0)
    far = np.maximum(far, 0.0)
    for _ in range(ROUNDS * x.shape[-1]):
        gain = lasting_gain(best, x + far[..., None] * step, hair)
        with np.errstate(divide="ignore", invalid="ignore"):
            least = np.where(moving, gain / step, np.inf).min(axis=-1)
        more = some & (least > 0)
        if not more.any():
            break
        far = np.where(more, far + least / count, far)
    return far
