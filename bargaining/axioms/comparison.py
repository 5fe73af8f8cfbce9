"""How an answer must move with the agreements, the disagreement point, risk aversion, sums and small changes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import cache
from itertools import product

import numpy as np

from bargaining._arrays import Floats
from bargaining.axioms.violation import (
    TOLERANCE,
    Answer,
    Violation,
    around,
    ask,
    between,
    box_points,
    closed_below,
    dictators,
    exchanged,
    gains_everyone,
    in_domain,
    joined,
    larger,
    levelled,
    moved,
    points_of,
    rational_part,
    same_ideal,
    two_players,
    usable,
    with_each_point,
    with_points,
    without_each_point,
)
from bargaining.division import Method
from bargaining.errors import InvalidInput, NotApplicable
from bargaining.feasible.polytope import Polytope
from bargaining.problem import Problem

__tracebackhide__ = True  # as in violation.py


def independence_of_irrelevant_alternatives(
    method: Method, problem: Problem, *, other: Problem | None = None, tol: float = TOLERANCE
) -> Violation | None:
    r"""Agreements that were not chosen do not matter (Nash 1950).

    If :math:`T \subset S` and :math:`F(S, d) \in T`, then :math:`F(T, d) = F(S, d)`.

    Parameters and errors are those of `feasibility`, and

    other : Problem, optional
        (T, d). By default each vertex of S is removed in turn, while the answer is kept, and S is contracted towards
        the answer. If S contains everything between d and its frontier, free disposal is added to S and T.
    """
    whole = closed_below(problem) if other is None else problem
    answer = ask(method, whole, tol)
    if other is not None:
        larger(other, problem)
        if not other.feasible.contains(answer.payoffs, tol=tol):
            raise InvalidInput(
                f"`other` must contain the answer to `problem`, {answer.payoffs.tolist()}; it lacks it."
            )
    smaller = usable(around(whole, answer.payoffs)) if other is None else [other]
    for part in smaller:
        rest = ask(method, part, tol, name="other")
        off = np.abs(rest.payoffs - answer.payoffs)
        reason = "{} gets something else without agreements that were not chosen"
        if found := answer.short("independence_of_irrelevant_alternatives", off, reason, rest):
            return found
    return None


def individual_monotonicity(
    method: Method, problem: Problem, *, other: Problem | None = None, tol: float = TOLERANCE
) -> Violation | None:
    r"""Better prospects of one player do not hurt that player.

    If :math:`S \subset T` and :math:`a_j(S) = a_j(T)` for all :math:`j \ne i`, then :math:`F_i(T, d) \ge F_i(S, d)`
    (Kalai and Smorodinsky 1975).

    Parameters and errors are those of `feasibility`, and

    other : Problem, optional
        (T, d). By default agreements are added to the individually rational part of S, and taken away from it.
    """
    answer = _asked(method, tol)
    for small, large in _pairs(problem, other, beyond=1):
        gainers = [i for i in range(problem.players) if same_ideal(small, large, but=i)]
        if other is not None and not gainers:
            raise InvalidInput("`other` must leave the ideal payoffs of all players but one as they are.")
        if gainers and (found := _no_loss("individual_monotonicity", answer(small), answer(large), gainers)):
            return found
    return None


def restricted_monotonicity(
    method: Method, problem: Problem, *, other: Problem | None = None, tol: float = TOLERANCE
) -> Violation | None:
    r"""More agreements under the same ideal point hurt nobody (Roth 1979).

    If :math:`S \subset T` and :math:`a(S) = a(T)`, then :math:`F(T, d) \ge F(S, d)`.

    Parameters and errors are those of `individual_monotonicity`.
    """
    answer, everyone = _asked(method, tol), range(problem.players)
    for small, large in _pairs(problem, other, beyond=0):
        comparable = same_ideal(small, large)
        if other is not None and not comparable:
            raise InvalidInput("`other` must have the ideal payoffs of `problem`; it has others.")
        if comparable and (
            found := _no_loss("restricted_monotonicity", answer(small), answer(large), everyone)
        ):
            return found
    return None


def strong_monotonicity(
    method: Method, problem: Problem, *, other: Problem | None = None, tol: float = TOLERANCE
) -> Violation | None:
    r"""More agreements hurt nobody: if :math:`S \subset T`, then :math:`F(T, d) \ge F(S, d)` (Kalai 1977).

    Parameters and errors are those of `individual_monotonicity`.
    """
    answer, everyone = _asked(method, tol), range(problem.players)
    for small, large in _pairs(problem, other, beyond=problem.players):
        if found := _no_loss("strong_monotonicity", answer(small), answer(large), everyone):
            return found
    return None


def _asked(method: Method, tol: float) -> Callable[[Problem], Answer]:
    """Return a function that calls the method, but not twice for the same problem."""
    return cache(lambda problem: ask(method, problem, tol))


def _no_loss(axiom: str, before: Answer, after: Answer, players: Iterable[int]) -> Violation | None:
    watched = np.isin(np.arange(before.players), list(players))
    loss = np.where(watched, before.payoffs - after.payoffs, 0.0)
    return before.short(axiom, loss, "{} loses although more can be agreed on", after)


def _pairs(problem: Problem, other: Problem | None, *, beyond: int) -> Iterator[tuple[Problem, Problem]]:
    """Yield pairs of a smaller and a larger problem; at most `beyond` players can get more than the ideal payoff."""
    gains_everyone(problem)
    if other is not None:
        larger(problem, other)
        yield problem, other
        return
    part = rational_part(problem)
    shares = [
        share
        for share in product((0.0, 0.5, 1.0, 1.5), repeat=problem.players)
        if sum(s > 1 for s in share) <= beyond and sum(share) > 1
    ]
    for large in with_each_point(part, box_points(part, shares)):
        yield part, large
    for small in usable(without_each_point(part)):
        yield small, part


def disagreement_monotonicity(
    method: Method, problem: Problem, *, other: Problem | None = None, tol: float = TOLERANCE
) -> Violation | None:
    r"""A better disagreement payoff does not hurt its player (Thomson 1987).

    If :math:`d'_i > d_i` and :math:`d'_j = d_j` for all :math:`j \ne i`, then :math:`F_i(S, d') \ge F_i(S, d)`.

    Parameters and errors are those of `feasibility`, and

    other : Problem, optional
        (S, d'). By default each player's payoff is raised in two steps.
    """
    answer = ask(method, problem, tol)
    for later, rise in _raised(problem, other):
        after = ask(method, later, tol, name="other")
        loss = np.where(rise > 0, answer.payoffs - after.payoffs, 0.0)
        reason = "{} loses by a better disagreement payoff"
        if found := answer.short("disagreement_monotonicity", loss, reason, after):
            return found
    return None


def strong_disagreement_monotonicity(
    method: Method, problem: Problem, *, other: Problem | None = None, tol: float = TOLERANCE
) -> Violation | None:
    r"""A better disagreement payoff does not hurt its player, and does not help the others (Thomson 1987).

    If :math:`d'_i > d_i` and :math:`d'_j = d_j` for all :math:`j \ne i`, then :math:`F_i(S, d') \ge F_i(S, d)` and
    :math:`F_j(S, d') \le F_j(S, d)`.

    Parameters and errors are those of `disagreement_monotonicity`.
    """
    answer = ask(method, problem, tol)
    for later, rise in _raised(problem, other):
        after = ask(method, later, tol, name="other")
        change = answer.payoffs - after.payoffs
        wrong = np.where(rise > 0, change, -change)
        reason = "{} moves the wrong way as one disagreement payoff rises"
        if found := answer.short("strong_disagreement_monotonicity", wrong, reason, after):
            return found
    return None


def _raised(problem: Problem, other: Problem | None) -> Iterator[tuple[Problem, Floats]]:
    """Yield problems with one player's disagreement payoff raised, and by how much."""
    steps = [share * unit for unit in np.eye(problem.players) for share in (0.3, 0.8)]
    others = usable(moved(problem, s) for s in steps) if other is None else [other]
    for later in others:
        rise = later.disagreement - problem.disagreement
        if later.feasible is not problem.feasible or (rise < 0).any() or (rise > 0).sum() != 1:
            raise InvalidInput("`other` must have the same set and raise one player's disagreement payoff.")
        yield later, rise


def twisting(method: Method, problem: Problem, *, tol: float = TOLERANCE) -> Violation | None:
    r"""A change of the set in a player's favour does not hurt that player (Thomson and Myerson 1980).

    If all agreements added to S give player i at least :math:`F_i(S, d)`, and all those removed at most that, then
    :math:`F_i(T, d) \ge F_i(S, d)`.

    Parameters and errors are those of `feasibility`. S is replaced by its individually rational part with free
    disposal. On one side of the answer the frontier is lowered; on the other it is kept or raised, or a point is added.

    Raises
    ------
    NotApplicable
        For other than two players.
    """
    two_players(problem, "twisting")
    gains_everyone(problem)
    answer = ask(method, rational_part(problem), tol)
    for i in (0, 1):
        for twisted in usable(_twisted(answer.problem, answer.payoffs, i)):
            after = ask(method, twisted, tol)
            loss = np.where(np.arange(2) == i, answer.payoffs - after.payoffs, 0.0)
            if found := answer.short("twisting", loss, "{} loses by a twist in its favour", after):
                return found
    return None


def _twisted(problem: Problem, answer: Floats, i: int) -> Iterator[Problem]:
    """Yield sets that are smaller where player i gets less than in the answer, and equal or larger elsewhere."""
    j = 1 - i
    points, _ = points_of(problem)
    worse = points[:, i] < answer[i]
    edge = answer.copy()  # or the frontier above it: what is better for player i than the answer stays
    edge[j] = max(
        edge[j], problem.feasible.ideal(np.where(np.arange(2) == i, answer, problem.disagreement))[j]
    )
    kept = np.concatenate((points[~worse], [edge]))
    beyond = edge.copy()
    beyond[i] = 2 * problem.ideal[i] - problem.disagreement[i]
    beyond[j] = (edge[j] + problem.disagreement[j]) / 2
    halved = np.concatenate((points, [edge]))
    halved[:-1][worse, j] = (points[worse, j] + edge[j]) / 2
    # to the edge in a straight line, which is below a concave frontier
    corner = problem.disagreement.copy()
    corner[j] = problem.ideal[j]
    for chosen in (kept, np.concatenate((kept, [beyond])), np.concatenate((kept, [corner])), halved):
        yield with_points(problem, chosen, free=True)
    for share in (0.5, 0.1):
        tilted = np.concatenate((points, [edge]))
        tilted[:, j] = edge[j] + share * (tilted[:, j] - edge[j])
        yield with_points(problem, tilted, free=True)


def population_monotonicity(method: Method, problem: Problem, *, tol: float = TOLERANCE) -> Violation | None:
    r"""Nobody gains when one more player has to be served (Thomson 1983).

    If k is absent, the others share what is feasible with k at :math:`d_k`, and each of them gets at least as much as
    in (S, d).

    Parameters and errors are those of `feasibility`. S is replaced by its individually rational part with free
    disposal.

    Raises
    ------
    NotApplicable
        For two players, since one of them would be left alone.
    """
    gains_everyone(problem)
    if problem.players < 3:
        raise NotApplicable(f"population_monotonicity is for three and more players; got {problem.players}.")
    answer = ask(method, rational_part(problem), tol)
    points, _ = points_of(answer.problem)
    for absent in range(problem.players):
        rest = [i for i in range(problem.players) if i != absent]
        smaller = Problem(Polytope(levelled(points[:, rest]), free_disposal=True), problem.disagreement[rest])
        alone = ask(method, smaller, tol)
        gain = np.zeros(problem.players)
        gain[rest] = answer.payoffs[rest] - alone.payoffs
        if found := answer.short("population_monotonicity", gain, "{} gains as one more player arrives"):
            return answer.broken("population_monotonicity", found.reason, found.size, alone)
    return None


def disagreement_concavity(
    method: Method, problem: Problem, *, other: Problem | None = None, tol: float = TOLERANCE
) -> Violation | None:
    r"""Nobody gains by waiting until the disagreement point is known (Chun and Thomson 1990).

    .. math:: F(S, (d + d')/2) \ge (F(S, d) + F(S, d'))/2

    Parameters and errors are those of `feasibility`, and

    other : Problem, optional
        (S, d'). By default d' is d raised for one player or for all, in two steps.
    """
    answer = ask(method, problem, tol)
    ways = [*np.eye(problem.players), np.linspace(1.0, 0.5, problem.players)]
    steps = [share * way for way in ways for share in (0.4, 0.9)]
    others = usable(moved(problem, s) for s in steps) if other is None else [other]
    for later in others:
        if later.feasible is not problem.feasible:
            raise InvalidInput("`other` must have the same set as `problem`; it has another.")
        end = ask(method, later, tol, name="other")
        middle = ask(method, between(problem, later), tol)
        loss = (answer.payoffs + end.payoffs) / 2 - middle.payoffs
        reason = "{} loses by agreeing before disagreement is known"
        if found := answer.short("disagreement_concavity", loss, reason, end, middle):
            return found
    return None


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
