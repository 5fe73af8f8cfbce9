"""Axioms on what must not matter: names, units, and agreements that are not individually rational."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from bargaining._arrays import Floats, per_player, within
from bargaining._names import Names
from bargaining.axioms import _related
from bargaining.axioms.violation import TOLERANCE, Violation, ask, gains_everyone
from bargaining.division import Method
from bargaining.problem import Problem

__tracebackhide__ = True  # as in _answer.py

SCALES = (1e9, 1e-9, 3.0)  # very large, very small and moderate changes of units


def symmetry(method: Method, problem: Problem, *, tol: float = TOLERANCE) -> Violation | None:
    r"""Symmetric players gain the same: :math:`F_i(T, d) = F_j(T, d)` on symmetric (T, d) (Nash 1950).

    Parameters and errors are those of `feasibility`. T is the hull of the set, in gains over ideal gains, and of its
    permutations.
    """
    gains_everyone(problem)
    even = _related.symmetric(problem)
    answer = ask(method, even, tol)
    lead = answer.payoffs.max() - answer.payoffs
    return answer.short("symmetry", lead, "{} gets less than another who differs in nothing")


def anonymity(method: Method, problem: Problem, *, tol: float = TOLERANCE) -> Violation | None:
    r"""Names do not matter: :math:`F(\pi S, \pi d) = \pi F(S, d)` for every permutation of the players.

    Parameters and errors are those of `feasibility`. Exchanges of neighbouring players and a rotation of all are tried,
    which generate all permutations.
    """
    answer = ask(method, problem, tol)
    for order in _related.orders(problem.players):
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

    References
    ----------
    Peters, H. J. M. (1992). *Axiomatic Bargaining Game Theory*. Kluwer Academic Publishers.
    doi:10.1007/978-94-015-8022-9
    """
    whole = _related.polytope(problem) if problem.players == 2 else problem
    answer = ask(method, whole, tol)
    closed = problem.players == 2 and _related.comprehensive(whole)
    kept = _related.rational_part(whole) if closed else whole.restrict()
    part = ask(method, kept, tol)
    off = np.abs(part.payoffs - answer.payoffs)
    reason = "{} gets something else without agreements that somebody would refuse"
    return answer.short("independence_of_nonrational_alternatives", off, reason, part)
