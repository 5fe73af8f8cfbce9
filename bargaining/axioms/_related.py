"""Problems made from a problem, for the axioms that compare two problems."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import pairwise, permutations, product

import numpy as np

from bargaining._arrays import Floats
from bargaining.axioms.violation import EPS, in_domain
from bargaining.errors import InvalidInput, NotApplicable
from bargaining.feasible.polytope import Polytope
from bargaining.problem import Problem

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
