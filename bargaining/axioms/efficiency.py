"""Axioms on a single answer: feasibility, efficiency, individual rationality, midpoint domination.

Axioms name author and year; the bibliography has the rest.
"""

from __future__ import annotations

from itertools import permutations

import numpy as np
from numpy.typing import ArrayLike

from bargaining._arrays import Floats, per_player, within
from bargaining._names import Names, titles
from bargaining.axioms.violation import (
    TOLERANCE,
    Violation,
    ask,
    comprehensive,
    gains_everyone,
    orders,
    polytope,
    rational_part,
    symmetric,
)
from bargaining.division import Method
from bargaining.problem import Problem

__tracebackhide__ = True  # as in violation.py


def feasibility(method: Method, problem: Problem, *, tol: float = TOLERANCE) -> Violation | None:
    r"""The answer can be agreed on: :math:`F(S, d) \in S`.

    Parameters
    ----------
    method : Method
        A concept or protocol, or any function from a `Problem` to a `Division`.
    problem : Problem
        A single problem in which every player can gain.
    tol : float
        Differences up to this share of each player's range of gains are rounding.

    Returns
    -------
    Violation or None
        None if nothing was found.

    Raises
    ------
    InvalidInput
        If not everyone can gain in `problem`, or it is a batch.
    Unsolved
        If the method has no answer.

    Examples
    --------
    >>> from bargaining import Polytope, Problem, nash
    >>> print(feasibility(nash, Problem(Polytope([[0, 0], [4, 0], [0, 1]]), [0, 0])))
    None
    """
    answer = ask(method, problem, tol)
    if problem.feasible.contains(answer.payoffs, tol=tol):
        return None
    outward = answer.scale
    excess = -float(problem.feasible.ray(answer.payoffs, outward))
    size = excess if np.isfinite(excess) and excess > tol else 1.0
    return answer.broken("feasibility", "the payoffs cannot be agreed on", size)


def weak_pareto(method: Method, problem: Problem, *, tol: float = TOLERANCE) -> Violation | None:
    r"""Not everyone can do better: no :math:`y \in S` with :math:`y_i > F_i(S, d)` for all i (Nash 1950).

    Parameters and errors are those of `feasibility`.
    """
    answer = ask(method, problem, tol)
    if not _dominated(problem, answer.payoffs + answer.allowed):
        return None
    spare = problem.feasible.ideal(answer.payoffs) - answer.payoffs
    return answer.broken("weak_pareto", "everyone could gain more", (spare / answer.scale).min())


def _dominated(problem: Problem, place: Floats) -> bool:
    """Say whether agreements give everyone at least this much, and more."""
    return bool((problem.feasible.ideal(place) > place).all())


def strong_pareto(method: Method, problem: Problem, *, tol: float = TOLERANCE) -> Violation | None:
    r"""Nobody can gain without another's loss: no :math:`y \in S`, :math:`y \ge F(S, d)`, :math:`y \ne F(S, d)`.

    Parameters and errors are those of `feasibility`; the axiom is that of Nash (1950).
    """
    answer = ask(method, problem, tol)
    spare = problem.feasible.ideal(answer.payoffs) - answer.payoffs
    return answer.short("strong_pareto", spare, "{} could gain more at nobody's expense")


def individual_rationality(method: Method, problem: Problem, *, tol: float = TOLERANCE) -> Violation | None:
    r"""Nobody loses by agreeing: :math:`F(S, d) \ge d`.

    Parameters and errors are those of `feasibility`.
    """
    answer = ask(method, problem, tol)
    loss = problem.disagreement - answer.payoffs
    return answer.short("individual_rationality", loss, "{} loses by agreeing")


def strong_individual_rationality(
    method: Method, problem: Problem, *, tol: float = TOLERANCE
) -> Violation | None:
    r"""Everyone gains, as everyone can: :math:`F_i(S, d) > d_i` for all i (Roth 1977).

    Parameters and errors are those of `feasibility`.
    """
    answer = ask(method, problem, tol)
    gain = answer.payoffs - problem.disagreement
    worst = int(np.argmin((gain - answer.allowed) / answer.scale))
    if gain[worst] > answer.allowed[worst]:
        return None
    size = max(0.0, -gain[worst] / answer.scale[worst])
    return answer.broken(
        "strong_individual_rationality", f"{titles(problem.player_names)[worst]} gains nothing", size
    )


def midpoint_domination(method: Method, problem: Problem, *, tol: float = TOLERANCE) -> Violation | None:
    r"""Nobody would rather draw lots over who dictates: :math:`F(S, d) \ge d + (a - d)/n` (Sobel 1981).

    Parameters and errors are those of `feasibility`; a is the ideal point over the individually rational agreements.
    """
    answer = ask(method, problem, tol)
    lottery = problem.disagreement + answer.scale / problem.players
    reason = "{} would rather draw lots over who dictates"
    return answer.short("midpoint_domination", lottery - answer.payoffs, reason)


def suppes_sen(method: Method, problem: Problem, *, tol: float = TOLERANCE) -> Violation | None:
    r"""No agreement gives all players more than some permutation of the gains (Suppes 1966).

    If :math:`g = F(S, d) - d` and :math:`\pi` exchanges players, no :math:`y \in S` has :math:`y > d + \pi(g)` in
    every entry. Gains are compared between players, so their units matter.

    Parameters and errors are those of `feasibility`.
    """
    answer = ask(method, problem, tol)
    gains = answer.payoffs - problem.disagreement
    upward = np.full(problem.players, answer.scale.max())
    allowed = (2 * tol + (answer.allowed / answer.scale).max()) * upward
    for order in permutations(range(problem.players)):
        place = problem.disagreement + gains[list(order)]
        if _dominated(problem, place + allowed):
            spare = max(float(problem.feasible.ray(place, upward)), 0.0)
            return answer.broken("suppes_sen", "everyone could have more than in another's place", spare)
    return None


SCALES = (1e9, 1e-9, 3.0)  # very large, very small and moderate changes of units


def symmetry(method: Method, problem: Problem, *, tol: float = TOLERANCE) -> Violation | None:
    r"""Symmetric players gain the same: :math:`F_i(T, d) = F_j(T, d)` on symmetric (T, d) (Nash 1950).

    Parameters and errors are those of `feasibility`. T is the hull of the set, in gains over ideal gains, and of its
    permutations.
    """
    gains_everyone(problem)
    even = symmetric(problem)
    answer = ask(method, even, tol)
    lead = answer.payoffs.max() - answer.payoffs
    return answer.short("symmetry", lead, "{} gets less than another who differs in nothing")


def anonymity(method: Method, problem: Problem, *, tol: float = TOLERANCE) -> Violation | None:
    r"""Names do not matter: :math:`F(\pi S, \pi d) = \pi F(S, d)` for every permutation of the players.

    Parameters and errors are those of `feasibility`. Exchanges of neighbouring players and a rotation of all are tried,
    which generate all permutations.
    """
    answer = ask(method, problem, tol)
    for order in orders(problem.players):
        renamed = ask(method, problem.relabel(order), tol)
        off = np.abs(renamed.payoffs[np.argsort(order)] - answer.payoffs)
        if found := answer.short("anonymity", off, "{} gets something else under another name", renamed):
            return found
    return None


def scale_invariance(
    method: Method,
    problem: Problem,
    *,
    scale: ArrayLike | None = None,
    shift: ArrayLike | None = None,
    tol: float = TOLERANCE,
) -> Violation | None:
    r"""Units and origins of utility do not matter: :math:`F(cS + b, cd + b) = c F(S, d) + b`, each c_i > 0 (Nash 1950).

    Parameters and errors are those of `feasibility`, and

    scale : array_like, shape (n,), optional
        The factors c; by default several, from 1e-9 to 1e9, another for each player.
    shift : array_like, shape (n,), optional
        The offset b, in the new units; some ranges of gains by default.
    """
    n = problem.players
    scales = [np.roll(np.resize(SCALES, n), k) for k in range(min(n, 2))]
    return _same_map(
        "scale_invariance", method, problem, _factors(scale, scales, problem.player_names), shift, tol
    )


def homogeneity(
    method: Method,
    problem: Problem,
    *,
    scale: float | None = None,
    shift: ArrayLike | None = None,
    tol: float = TOLERANCE,
) -> Violation | None:
    r"""A unit common to all players does not matter: :math:`F(cS + b, cd + b) = c F(S, d) + b` for one number c > 0.

    Parameters and errors are those of `scale_invariance`; solutions that compare payoffs between players, such as
    the egalitarian (Kalai 1977), satisfy it.
    """
    n = problem.players
    return _same_map(
        "homogeneity",
        method,
        problem,
        _factors(scale, [np.full(n, c) for c in SCALES], problem.player_names),
        shift,
        tol,
    )


def _factors(scale: ArrayLike | None, default: list[Floats], players: Names) -> list[Floats]:
    if scale is None:
        return default
    return [within(per_player(scale, "scale", players), "scale", 0.0, np.inf, ends="()")]


def _same_map(
    axiom: str, method: Method, problem: Problem, scales: list[Floats], shift: ArrayLike | None, tol: float
) -> Violation | None:
    answer = ask(method, problem, tol)
    for c in scales:
        b = c * answer.scale * np.resize([1.0, -3.0], problem.players)
        if shift is not None:
            b = per_player(shift, "shift", problem.player_names)
        mapped = ask(method, problem.rescale(c, b), tol)
        off = np.abs(mapped.payoffs - (c * answer.payoffs + b))
        if found := mapped.short(axiom, off, "{} gets something else in other units"):
            return answer.broken(axiom, found.reason, found.size, mapped)
    return None


def independence_of_nonrational_alternatives(
    method: Method, problem: Problem, *, tol: float = TOLERANCE
) -> Violation | None:
    r"""Agreements that not all prefer to d do not matter: :math:`F(S, d) = F(\{x \in S : x \ge d\}, d)` (Peters 1992).

    Parameters and errors are those of `feasibility`. The points below individually rational agreements of two players
    are kept, if S contains everything between d and its frontier.
    """
    whole = polytope(problem) if problem.players == 2 else problem
    answer = ask(method, whole, tol)
    closed = problem.players == 2 and comprehensive(whole)
    kept = rational_part(whole) if closed else whole.restrict()
    part = ask(method, kept, tol)
    off = np.abs(part.payoffs - answer.payoffs)
    reason = "{} gets something else without agreements that somebody would refuse"
    return answer.short("independence_of_nonrational_alternatives", off, reason, part)
