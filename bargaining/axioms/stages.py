"""Axioms on negotiations in steps, each starting from the agreement before."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from bargaining.axioms import _related
from bargaining.axioms.violation import TOLERANCE, Violation, ask, gains_everyone, in_domain
from bargaining.division import Method
from bargaining.problem import Problem

__tracebackhide__ = True  # as in _answer.py


def step_by_step_negotiation(method: Method, problem: Problem, *, tol: float = TOLERANCE) -> Violation | None:
    r"""Bargaining over a part of the set first does not change the answer (Kalai 1977).

    If :math:`S \subset T`, then :math:`F(T, F(S, d)) = F(T, d)`.

    Parameters and errors are those of `feasibility`. T is the individually rational part of the set with free disposal;
    S is T at half its size, or a triangle or rectangle in it.

    References
    ----------
    Kalai, E. (1977b). Proportional solutions to bargaining situations: interpersonal utility comparisons.
    *Econometrica* 45(7), 1623-1630. doi:10.2307/1913954
    """
    gains_everyone(problem)
    whole = _related.rational_part(problem)
    answer = ask(method, whole, tol)
    for part in _related.usable(_parts(whole)):
        first = ask(method, part, tol)
        after = Problem(whole.feasible, first.payoffs, players=whole.player_names)
        if in_domain(after):
            second = ask(method, after, tol)
            off = np.abs(second.payoffs - answer.payoffs)
            reason = "{} gets something else in two steps"
            if found := answer.short("step_by_step_negotiation", off, reason, first, second):
                return found
    return None


def _parts(whole: Problem) -> Iterator[Problem]:
    n, d = whole.players, whole.disagreement
    points, _ = _related.points_of(whole)
    gains = _related.dictators(whole) - d
    shares = [np.full(n, 0.5), *(np.where(np.eye(n, dtype=bool), 0.1, 0.5))]
    shapes = [
        0.5 * (points - d),
        ((whole.ideal - d) / n)[None],
        *(share[:, None] * gains for share in shares),
    ]
    for shape in shapes:
        yield _related.with_points(whole, np.concatenate((d + shape, [d])), free=True)


def interim_agreements(method: Method, problem: Problem, *, tol: float = TOLERANCE) -> Violation | None:
    r"""An interim agreement on the mean of the dictators' points does not change the answer (Salonen 1988).

    With a the ideal point, :math:`F(S, d + (a - d)/n) = F(S, d)` if everybody can still gain.

    Parameters and errors are those of `feasibility`. S is replaced by its individually rational part with free
    disposal.

    References
    ----------
    Salonen, H. (1988). Decomposable solutions for n-person bargaining games. *European Journal of Political Economy*
    4(3), 333-347.
    """
    gains_everyone(problem)
    whole = _related.rational_part(problem)
    answer = ask(method, whole, tol)
    middle = whole.disagreement + (whole.ideal - whole.disagreement) / whole.players
    after = Problem(whole.feasible, middle, players=whole.player_names)
    if not in_domain(after):
        return None
    second = ask(method, after, tol)
    off = np.abs(second.payoffs - answer.payoffs)
    return answer.short(
        "interim_agreements", off, "{} gets something else after an interim agreement", second
    )
