"""Axioms on sums of problems, on more risk-averse players, and on slightly changed data."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from bargaining.axioms.violation import (
    TOLERANCE,
    Violation,
    ask,
    dictators,
    exchanged,
    gains_everyone,
    in_domain,
    joined,
    levelled,
    points_of,
    rational_part,
    two_players,
    usable,
    with_points,
)
from bargaining.division import Method
from bargaining.errors import InvalidInput
from bargaining.problem import Problem


def step_by_step_negotiation(method: Method, problem: Problem, *, tol: float = TOLERANCE) -> Violation | None:
    r"""Bargaining over a part of the set first does not change the answer (Kalai 1977).

    If :math:`S \subset T`, then :math:`F(T, F(S, d)) = F(T, d)`.

    Parameters and errors are those of `feasibility`. T is the individually rational part of the set with free disposal;
    S is T at half its size, or a triangle or rectangle in it.
    """
    gains_everyone(problem)
    whole = rational_part(problem)
    answer = ask(method, whole, tol)
    for part in usable(_parts(whole)):
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
    points, _ = points_of(whole)
    gains = dictators(whole) - d
    shares = [np.full(n, 0.5), *(np.where(np.eye(n, dtype=bool), 0.1, 0.5))]
    shapes = [
        0.5 * (points - d),
        ((whole.ideal - d) / n)[None],
        *(share[:, None] * gains for share in shares),
    ]
    for shape in shapes:
        yield with_points(whole, np.concatenate((d + shape, [d])), free=True)


def interim_agreements(method: Method, problem: Problem, *, tol: float = TOLERANCE) -> Violation | None:
    r"""An interim agreement on the mean of the dictators' points does not change the answer (Salonen 1988).

    With a the ideal point, :math:`F(S, d + (a - d)/n) = F(S, d)` if everybody can still gain.

    Parameters and errors are those of `feasibility`. S is replaced by its individually rational part with free
    disposal.
    """
    gains_everyone(problem)
    whole = rational_part(problem)
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


__tracebackhide__ = True  # as in violation.py

STEP, JUMP = 1e-10, 1e-3  # of the range of gains: a change of the data, and one of the answer


def superadditivity(
    method: Method, problem: Problem, *, other: Problem | None = None, tol: float = TOLERANCE
) -> Violation | None:
    r"""Two problems are better settled together (Perles and Maschler 1981).

    .. math:: F(S + T, d + e) \ge F(S, d) + F(T, e)

    Parameters and errors are those of `feasibility`, and

    other : Problem, optional
        (T, e). By default S with two players exchanged or stretched for one, triangles and rectangles.

    Notes
    -----
    S and T are replaced by their individually rational parts with free disposal, as in the source.
    """
    gains_everyone(problem)
    first = ask(method, rational_part(problem), tol)
    if other is not None and other.players != problem.players:
        raise InvalidInput(f"`other` must have {problem.players} players; it has {other.players}.")
    others = _partners(first.problem) if other is None else [rational_part(other)]
    for partner in others:
        second = ask(method, partner, tol, name="other")
        joint = ask(method, joined(first.problem, partner), tol)
        loss = first.payoffs + second.payoffs - joint.payoffs
        reason = "{} loses by settling two problems together"
        if found := joint.short("superadditivity", loss, reason):
            return first.broken("superadditivity", found.reason, found.size, second, joint)
    return None


def _partners(problem: Problem) -> Iterator[Problem]:
    """Yield the set with two players' shares exchanged, then stretched ones, triangles and rectangles."""
    n, d = problem.players, problem.disagreement
    stretches = [np.ones(n), *(1 + 3 * np.eye(n))]
    points, _ = points_of(problem)
    yield exchanged(problem)
    for shape in (points, dictators(problem), problem.ideal[None]):
        for stretch in stretches[shape is points :]:
            yield with_points(problem, d + stretch * (shape - d), free=True)


def risk_sensitivity(method: Method, problem: Problem, *, tol: float = TOLERANCE) -> Violation | None:
    r"""Nobody loses by facing a more risk-averse opponent (Kihlstrom, Roth and Schmeidler 1981).

    If k is increasing and concave with :math:`k(d_j) = d_j`, and T is S with :math:`k(x_j)` for :math:`x_j`, then
    :math:`F_i(T, d) \ge F_i(S, d)` for the other player i.

    Parameters and errors are those of `feasibility`. S is replaced by its individually rational part with free
    disposal; k has two slopes: (1, 0.5), (1, 0.1) or (3, 1).

    Raises
    ------
    NotApplicable
        For other than two players.
    """
    two_players(problem, "risk_sensitivity")
    gains_everyone(problem)
    answer = ask(method, rational_part(problem), tol)
    for j in (0, 1):
        for kink, below, above in ((0.5, 1.0, 0.5), (0.25, 1.0, 0.1), (0.5, 3.0, 1.0)):
            cautious = _cautious(answer.problem, j, kink, below, above)
            after = ask(method, cautious, tol)
            loss = np.where(np.arange(2) == j, 0.0, answer.payoffs - after.payoffs)
            reason = "{} loses by facing a more cautious opponent"
            if found := answer.short("risk_sensitivity", loss, reason, after):
                return found
    return None


def _cautious(problem: Problem, j: int, kink: float, below: float, above: float) -> Problem:
    """Give player j's gains one slope up to a kink and a smaller one beyond: a vertex is put at the kink."""
    d, ideal = problem.disagreement, problem.ideal
    length = kink * (ideal[j] - d[j])
    bend = d[j] + length
    points, _ = points_of(problem)
    at_kink = problem.feasible.ideal(np.where(np.arange(2) == j, bend, d))
    at_kink[j] = bend
    points = np.concatenate((points, at_kink[None]))
    gain = points[:, j] - d[j]
    points[:, j] = d[j] + below * np.minimum(gain, length) + above * np.maximum(points[:, j] - bend, 0.0)
    return with_points(problem, levelled(points), free=True)


def continuity(method: Method, problem: Problem, *, tol: float = TOLERANCE) -> Violation | None:
    r"""A small change of the data changes the answer little: F is continuous in (S, d) in the Hausdorff distance.

    Parameters and errors are those of `feasibility`. S is replaced by its individually rational part with free
    disposal.

    Notes
    -----
    A probe, not a proof: agreements are added or moved, and d is moved, by 1e-10 of the range of gains, and the
    answer must stay within 1e-3 of the range. Changes by the root of the distance, as of solutions defined by a
    maximum, pass.
    """
    gains_everyone(problem)
    return _jump("continuity", method, rational_part(problem), tol)


def continuity_on_strictly_comprehensive_sets(
    method: Method, problem: Problem, *, tol: float = TOLERANCE
) -> Violation | None:
    r"""Continuity on sets whose frontier has no horizontal or vertical piece: every gain costs somebody something.

    See Thomson (1994). Parameters and errors are those of `feasibility`. S is replaced by its individually rational
    part with free disposal, and the most that each can get alone is raised by a twentieth of the range, so that no
    piece is horizontal or vertical.

    Raises
    ------
    NotApplicable
        For other than two players.
    """
    two_players(problem, "continuity_on_strictly_comprehensive_sets")
    gains_everyone(problem)
    part = rational_part(problem)
    points, _ = points_of(part)
    raised = dictators(part) + 0.05 * np.diag(part.ideal - part.disagreement)
    strict = with_points(part, np.concatenate((points, raised)), free=True)
    return _jump("continuity_on_strictly_comprehensive_sets", method, strict, tol)


def _jump(axiom: str, method: Method, problem: Problem, tol: float) -> Violation | None:
    answer = ask(method, problem, tol)
    for near in usable(_neighbours(problem)):
        after = ask(method, near, tol)
        move = np.abs(after.payoffs - answer.payoffs)
        jump = np.where(move > JUMP * answer.scale, move, 0.0)
        if found := answer.short(axiom, jump, "the payoff of {} jumps", after):
            return found
    return None


def _neighbours(problem: Problem) -> Iterator[Problem]:
    points, free = points_of(problem)
    d, step = problem.disagreement, STEP * (problem.ideal - problem.disagreement)
    for corner, unit in zip(dictators(problem), np.eye(problem.players), strict=True):
        yield with_points(problem, np.concatenate((points, [corner + step * unit])), free=free)
    for k in range(len(points)):
        near = points.copy()
        near[k] -= step * np.resize([1.0, 0.5], problem.players)
        yield with_points(problem, near, free=free)
    yield Problem(problem.feasible, d + step, players=problem.player_names)
