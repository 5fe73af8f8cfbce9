"""A violation: the problems on which a method violates an axiom, its answers, and the size of the violation."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache, wraps
from itertools import pairwise, permutations, product

import numpy as np
from numpy.typing import ArrayLike

from bargaining._arguments import function
from bargaining._arrays import EPS, Floats, record, short
from bargaining._names import titles
from bargaining._rich import Shown
from bargaining.division import Division, Method
from bargaining.errors import InvalidInput, NotApplicable, Status, Unsolved
from bargaining.feasible.polytope import Polytope
from bargaining.problem import Problem, as_code, require_problem


@record
class Violation(Shown):
    """Proof that a method breaks an axiom.

    Attributes
    ----------
    axiom : str
        The axiom's name.
    method : str
        The method's name.
    reason : str
        What is wrong, in words.
    size : float
        The size of the violation, as a share of the range of gains.
    problems : tuple of Problem
        The given problem, or one made from it, then those it was compared with.
    answers : tuple of ndarray, shape (n,)
        The method's payoffs in each of them.

    Notes
    -----
    It prints as code, so that a line can be pasted to get a problem. The first problem, with the second as
    `other` if the axiom takes one, gives the same violation again; `bargaining.testing.replay` checks this.

    Examples
    --------
    >>> from bargaining import Polytope, Problem, egalitarian
    >>> from bargaining.axioms import strong_pareto
    >>> print(strong_pareto(egalitarian, Problem(Polytope([[1, 2]], free_disposal=True), [0, 0])))
    egalitarian breaks strong_pareto by 0.5 of the range of gains: player 1 could gain more at nobody's expense.
        Problem(Polytope([[1.0, 2.0]], free_disposal=True), [0.0, 0.0]) -> [1.0, 1.0]
    """

    axiom: str
    method: str
    reason: str
    size: float
    problems: tuple[Problem, ...]
    answers: tuple[Floats, ...]

    def __str__(self) -> str:
        cases = zip(self.problems, self.answers, strict=True)
        lines = [f"\n    {as_code(problem)} -> {answer.tolist()}" for problem, answer in cases]
        share = f" by {self.size:.3g} of the range of gains" if self.size > 0 else ""
        return f"{self.method} breaks {self.axiom}{share}: {self.reason}.{''.join(lines)}"


__tracebackhide__ = True  # pytest shows the method's own lines, if these fail

# Of the gains: a thousand times the accuracy of divisions, since axioms compare several of them.
TOLERANCE = 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """A method's payoffs, each player's range of gains, and the differences that count as rounding."""

    method: str
    problem: Problem
    payoffs: Floats
    scale: Floats
    allowed: Floats

    @property
    def players(self) -> int:
        """How many there are."""
        return self.problem.players

    def short(self, axiom: str, shortfall: ArrayLike, reason: str, *others: Answer) -> Violation | None:
        """Return a violation if some entry of `shortfall`, in payoffs per player, is more than rounding."""
        missing = np.broadcast_to(np.asarray(shortfall, dtype=float), (self.players,))
        beyond = (missing - np.max([a.allowed for a in (self, *others)], axis=0)) / self.scale
        if not beyond.max() > 0:
            return None
        worst = int(np.argmax(beyond))
        return self.broken(
            axiom,
            reason.format(titles(self.problem.player_names)[worst]),
            missing[worst] / self.scale[worst],
            *others,
        )

    def broken(self, axiom: str, reason: str, size: float, *others: Answer) -> Violation:
        """Return the violation shown by this answer and others."""
        answers = (self, *others)
        return Violation(
            axiom=axiom,
            method=self.method,
            reason=reason,
            size=float(size),
            problems=tuple(a.problem for a in answers),
            answers=tuple(a.payoffs for a in answers),
        )


def ask(method: Method, problem: Problem, tol: float, *, name: str = "problem") -> Answer:
    """Return the method's answer to a single problem in which everyone can gain.

    InvalidInput if it is a batch, or somebody can gain nothing; if the method returns neither a `Division` nor payoffs,
    or changes the problem. Unsolved if it has no answer.
    """
    ideal = gains_everyone(problem, name)
    label, payoffs = _answered(function(method, "method"), problem)
    scale = ideal - problem.disagreement
    size = np.maximum(np.abs(ideal), np.abs(problem.disagreement))
    return Answer(label, problem, payoffs, scale, tol * scale + 64 * EPS * size)


def once(method: Method) -> Method:
    """Return a method that asks the given one only once about the same set, disagreement point and names."""
    known: dict[tuple[int, bytes, tuple[str, ...]], tuple[Problem, Division]] = {}

    @wraps(method)
    def asked(problem: Problem) -> Division:
        key = id(problem.feasible), problem.disagreement.tobytes(), problem.player_names
        if key not in known:
            known[key] = problem, method(problem)  # the problem is kept, and with it the number of its set
        return known[key][1]

    return asked


def _answered(method: Callable[[Problem], object], problem: Problem) -> tuple[str, Floats]:
    """Return the method's name and its payoffs, returned as a `Division` or as an array."""
    label = named(method)
    try:
        found = method(problem)
    except ValueError as error:
        if "read-only" not in str(error):
            raise
        raise InvalidInput(
            f"`method` must leave its problem as it is; {label} changes an array in place. Work on a copy, such as "
            f"`d = problem.disagreement.copy()`."
        ) from error
    if isinstance(found, Division):
        return found.method, found.raise_if_failed().payoffs
    try:
        payoffs = np.array(found, dtype=float)
    except (TypeError, ValueError):
        payoffs = np.empty(0)
    if payoffs.shape != (problem.players,):
        raise InvalidInput(
            f"`method` must return a `Division`, or the payoffs of {problem.players} players as an array; {label} "
            f"returned {short(found)}."
        )
    if not np.isfinite(payoffs).all():
        raise Unsolved(f"{label}: no answer; it returned the payoffs {payoffs.tolist()}.")
    return label, payoffs


def named(method: Callable[..., object]) -> str:
    """Return the name of a function, of what a partial calls, or of a protocol's class."""
    inner = getattr(method, "__wrapped__", method)
    inner = getattr(inner, "func", inner)
    return str(getattr(inner, "__name__", type(inner).__name__))


def gains_everyone(problem: Problem, name: str = "problem") -> Floats:
    """Return the ideal point of a single problem in which everyone can gain."""
    require_problem(problem)
    if problem.batch_shape:
        raise InvalidInput(f"`{name}` must be a single problem; got a batch of shape {problem.batch_shape}.")
    ideal = problem.ideal
    status = Status(int(problem.gains_status(ideal)))
    if status != Status.OK:
        raise InvalidInput(
            f"`{name}` must let every player gain, as the axioms assume; its status is {status.name}. {status.advice}"
        )
    return ideal


def in_domain(problem: Problem) -> bool:
    """Say whether everyone can gain."""
    return int(problem.gains_status(problem.ideal)) == Status.OK


def two_players(problem: Problem, axiom: str) -> None:
    """Raise an error for an axiom that is stated for two players only."""
    if problem.players != 2:
        raise NotApplicable(f"{axiom} is stated for two players; got {problem.players}.")


ROUNDING = 1e-12  # of the set: points as close as this count as one, given the accuracy of divisions


def points_of(problem: Problem) -> tuple[Floats, bool]:
    """Return points that span the feasible set, and whether everything below them is feasible too.

    A set that is not a polytope is replaced by the best points in a fan of directions, the dictators' points and
    everything below them.
    """
    if (vertices := _vertices(problem)) is not None:
        return vertices, problem.feasible.free_disposal  # type: ignore[attr-defined]
    fan = np.array([w for w in product(range(3), repeat=problem.players) if any(w)], dtype=float)
    best = [problem.feasible.support(w)[1] for w in fan]
    return np.array([p for p in best if np.isfinite(p).all()] + [*dictators(problem)]), True


def dictators(problem: Problem) -> Floats:
    """Return the points, one per row, at which one player gets the ideal payoff and the others theirs at d."""
    n = problem.players
    return np.where(np.eye(n, dtype=bool), problem.ideal, problem.disagreement)


def polytope(problem: Problem) -> Problem:
    """Return the problem itself if its set is a polytope with vertices, and one inside it otherwise."""
    if _vertices(problem) is not None:
        return problem
    points, free = points_of(problem)
    return with_points(problem, points, free=free)


def closed_below(problem: Problem) -> Problem:
    """Return a polytope with free disposal added, if it already contains the dictators' points."""
    whole = polytope(problem)
    points, free = points_of(whole)
    return whole if free or not comprehensive(whole) else with_points(whole, points, free=True)


def comprehensive(problem: Problem) -> bool:
    """Say whether a polytope contains everything between d and its frontier."""
    return points_of(problem)[1] or bool(problem.feasible.contains(dictators(problem)).all())


def _vertices(problem: Problem) -> Floats | None:
    """Return the vertices of a polytope, if there are enough of them to span it."""
    if not isinstance(problem.feasible, Polytope):
        return None
    try:
        return problem.feasible.vertices
    except NotApplicable:
        return None


def with_points(problem: Problem, points: Floats, *, free: bool) -> Problem:
    """Return a problem with other agreements and the same disagreement point."""
    agreements = _hull(points.tobytes(), points.shape, free)
    return Problem(agreements, problem.disagreement, players=problem.player_names)


@lru_cache(maxsize=256)  # one problem leads to about a hundred, and many axioms to the same
def _hull(points: bytes, shape: tuple[int, ...], free: bool) -> Polytope:
    return Polytope(np.frombuffer(points).reshape(shape), free_disposal=free)


@lru_cache(maxsize=4)
def rational_part(problem: Problem) -> Problem:
    """Return the problem restricted to the individually rational points and everything below them.

    Exact for two players and for sets whose vertices are all individually rational; otherwise a subset.
    """
    points, _ = points_of(problem)
    rational = points[(points >= problem.disagreement).all(axis=1)]
    return with_points(problem, levelled(np.concatenate((rational, dictators(problem)))), free=True)


def levelled(points: Floats) -> Floats:
    """Set payoffs that differ only by rounding to one value, so that flat faces stay flat."""
    even = points.copy()
    near = ROUNDING * np.ptp(points, axis=0)
    for column, gap in zip(even.T, near, strict=True):
        order = np.argsort(column)
        for above, below in pairwise(order[::-1]):
            if column[above] - column[below] <= gap:
                column[below] = column[above]
    return even


def without_each_point(problem: Problem) -> Iterator[Problem]:
    """Yield the polytopes that lack one vertex."""
    points, free = points_of(problem)
    for k in range(len(points)):
        rest = np.concatenate((np.delete(points, k, axis=0), [problem.disagreement]))
        yield with_points(problem, rest, free=free)


def with_each_point(problem: Problem, extra: Iterable[Floats]) -> Iterator[Problem]:
    """Yield the polytopes that have one point more."""
    points, free = points_of(problem)
    for point in extra:
        if not problem.feasible.contains(point):
            yield with_points(problem, np.concatenate((points, [point])), free=free)


def box_points(problem: Problem, shares: Iterable[tuple[float, ...]]) -> Iterator[Floats]:
    """Yield points d + share * (a - d)."""
    d, ideal = problem.disagreement, problem.ideal
    for share in shares:
        yield d + np.array(share) * (ideal - d)


def same_ideal(small: Problem, large: Problem, *, but: int | None = None) -> bool:
    """Say whether two problems have the same ideal payoffs, except that of one player."""
    a, b = small.ideal, large.ideal
    near = np.abs(a - b) <= 64 * EPS * (np.abs(a) + np.abs(b) + np.abs(small.disagreement))
    return bool(all(near[i] for i in range(small.players) if i != but))


def larger(small: Problem, large: Problem) -> None:
    """Raise an error if `other` does not contain the problem or has another disagreement point."""
    if not np.array_equal(small.disagreement, large.disagreement):
        raise InvalidInput("`other` must have the disagreement point of `problem`; it has another.")
    if isinstance(small.feasible, Polytope) and not large.feasible.contains(points_of(small)[0]).all():
        raise InvalidInput("`other` must contain every agreement of `problem`; it lacks some.")


def moved(problem: Problem, share: Floats) -> Problem:
    """Return the problem with the disagreement point moved by given shares towards a point that all prefer."""
    d = problem.disagreement
    step = problem.ideal - d
    with np.errstate(invalid="ignore"):
        reach = problem.feasible.ray(d, step)
    return Problem(problem.feasible, d + share * min(float(reach), 1.0) * step, players=problem.player_names)


def between(first: Problem, second: Problem) -> Problem:
    """Return the problem whose disagreement point is halfway between those of two."""
    middle = (first.disagreement + second.disagreement) / 2
    return Problem(first.feasible, middle, players=first.player_names)


def usable(problems: Iterable[Problem]) -> Iterator[Problem]:
    """Drop the problems in which not everyone can gain: the axioms say nothing about them."""
    return (problem for problem in problems if in_domain(problem))


def orders(players: int) -> Iterator[tuple[int, ...]]:
    """Yield exchanges of neighbouring players and a rotation, which generate all permutations."""
    for i in range(players - 1):
        order = list(range(players))
        order[i], order[i + 1] = i + 1, i
        yield tuple(order)
    if players > 2:
        yield (*range(1, players), 0)


def symmetric(problem: Problem) -> Problem:
    """Return the hull of gains over ideal gains and of their permutations, with a d of equal entries."""
    points, free = points_of(problem)
    d, ideal = problem.disagreement, problem.ideal
    scale = ideal - d
    unit = scale.max()
    shares = (points - d) / scale
    every = np.concatenate([shares[:, list(order)] for order in permutations(range(problem.players))])
    level = unit * (d / scale).mean()
    even = Polytope(level + unit * every, free_disposal=free)
    return Problem(even, np.full(problem.players, level), players=problem.player_names)


def exchanged(problem: Problem) -> Problem:
    """Return the problem in which neighbours' shares of their ideal gains are exchanged."""
    points, _ = points_of(problem)
    d, ideal = problem.disagreement, problem.ideal
    order = list(next(orders(problem.players), (0,)))
    shares = ((points - d) / (ideal - d))[:, order]
    return with_points(problem, levelled(d + shares * (ideal - d)), free=True)


def joined(first: Problem, second: Problem) -> Problem:
    """Return the problem of settling two at once: every sum of an agreement of one and one of the other."""
    (p, _), (q, _) = points_of(first), points_of(second)
    sums = (p[:, None, :] + q[None, :, :]).reshape(-1, first.players)
    return Problem(
        Polytope(levelled(sums), free_disposal=True),
        first.disagreement + second.disagreement,
        players=first.player_names,
    )


def around(problem: Problem, answer: Floats) -> Iterator[Problem]:
    """Yield smaller sets that contain the answer: without one vertex, or contracted towards the answer."""
    points, free = points_of(problem)
    apart = np.abs(points - answer) > ROUNDING * (problem.ideal - problem.disagreement)
    far = points[apart.any(axis=1)]
    kept = [problem.disagreement, answer if len(far) == len(points) else points[~apart.any(axis=1)][0]]
    for k in range(len(far)):
        yield with_points(problem, np.concatenate((np.delete(far, k, axis=0), kept)), free=free)
    yield with_points(problem, np.concatenate(((far + answer) / 2, kept)), free=free)
