"""Frontiers with kinks, known by their values alone, against exact answers; derivatives that are not the slope."""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from fractions import Fraction
from functools import partial

import mpmath
import numpy as np
import pytest

import kinked
from bargaining import (
    Division,
    Frontier,
    InvalidInput,
    Problem,
    Status,
    Unsolved,
    conley_wilkie,
    dictatorial,
    egalitarian,
    gupta_livne,
    lexicographic_kalai_smorodinsky,
    nash,
    nash_set,
    optimal_face,
    utilitarian,
    yu,
)
from every_concept import CONCEPTS as CONCEPTS_BY_NAME
from kinked import Kinked

# Of the gains; they promise 1e-6, 1e-7 and 1e-11.
WITHIN = {"continuous_raiffa": 1e-6, "perles_maschler": 1e-10, "utilitarian": 1e-11}
W, TENTHS = [0.3, 0.7], Fraction(3, 10)


def reference(case: Kinked) -> np.ndarray:
    d = np.array(case.d)
    return d + np.array([0.125, 0.0625]) * (np.array(kinked.ideal(case), dtype=float) - d)


@dataclass(frozen=True)
class Concept:
    name: str
    method: Callable[[Problem, Kinked], Division]
    oracle: Callable[[Kinked], tuple]


def concept(name: str, method: Callable[[Problem], Division], oracle: Callable[[Kinked], tuple]) -> Concept:
    return Concept(name, lambda problem, case: method(problem), oracle)


CONCEPTS = [
    *(
        concept(name, method, getattr(kinked, name))
        for name, method in CONCEPTS_BY_NAME.items()
        if hasattr(kinked, name) and name not in ("dictatorial", "gupta_livne")
    ),
    concept("nash weighted", partial(nash, weights=W), partial(kinked.nash, w=TENTHS)),
    concept("lexicographic_kalai_smorodinsky", lexicographic_kalai_smorodinsky, kinked.kalai_smorodinsky),
    concept("proportional", partial(egalitarian, weights=W), partial(kinked.egalitarian, w=TENTHS)),
    *(concept(f"yu {p}", partial(yu, p=p), partial(kinked.yu, p=p)) for p in (1, 1.5, 2, 3)),
    concept("yu inf", partial(yu, p=np.inf), kinked.equal_loss),
    concept("utilitarian weighted", partial(utilitarian, weights=W), partial(kinked.utilitarian, w=TENTHS)),
    concept("dictatorial", partial(dictatorial, player=0), partial(kinked.dictatorial, player=0)),
    concept("conley_wilkie", conley_wilkie, kinked.nash),
    Concept(
        "gupta_livne",
        lambda problem, case: gupta_livne(problem, reference=reference(case)),
        lambda case: kinked.gupta_livne(case, tuple(map(Fraction, reference(case)))),
    ),
]
each = pytest.mark.parametrize("concept", CONCEPTS, ids=lambda c: c.name)
FEW = [*range(6), 110, 226]  # the last two have their Nash solution beside the end of the frontier
seeded = pytest.mark.parametrize("seeds", [FEW, pytest.param(range(6, 400), marks=pytest.mark.slow)])
SEEN = [
    Kinked(0.0, 1.0, 1.0, (0.92,), (0.16, 0.6), (0.0, 0.792)),
    Kinked(0.0, 1.0, 1.0, (0.76,), (2.98, 1.61), (0.0, -4.3664)),
]


@pytest.mark.dear("seeds0-continuous_raiffa")
@each
@seeded
def test_kinks_are_found_from_values(concept: Concept, seeds: Iterable[int]) -> None:
    cases = SEEN + [kinked.draw(np.random.default_rng(seed)) for seed in seeds]
    vague = 0
    for case in cases:
        problem = Problem(Frontier(case, case.lower, case.upper), case.d)
        division = concept.method(problem, case)
        assert division.residual >= 0
        vague += division.status == Status.INACCURATE
        if division.status == Status.OK:
            exact = np.array([float(x) for x in concept.oracle(case)])
            gains = problem.ideal - problem.disagreement
            within = WITHIN.get(concept.name, 1e-12)
            assert (np.abs(division.payoffs - exact) <= within * gains + 64 * np.spacing(np.abs(exact))).all()
        else:
            assert division.status == Status.INACCURATE
    assert vague <= 0.01 * len(cases)


@seeded
def test_sets_of_solutions(seeds: Collection[int]) -> None:
    vague = 0
    for seed in seeds:
        case = kinked.draw(np.random.default_rng(seed))
        problem = Problem(Frontier(case, case.lower, case.upper), case.d)
        for method, exact in ((nash_set, kinked.nash(case)), (optimal_face, kinked.utilitarian(case))):
            try:
                found = method(problem)
            except Unsolved:
                vague += 1
            else:
                np.testing.assert_allclose(found, [[float(x) for x in exact]], rtol=4e-11, atol=4e-11)
    assert vague <= 0.01 * len(seeds)


def test_an_edge_of_which_every_point_is_best() -> None:
    case = Kinked(0.0, 1.0, 3.0, (0.25, 0.75), (0.5, 0.5, 2.0), (0.0, 0.0))
    face = optimal_face(Problem(Frontier(case, 0, 1), case.d))
    np.testing.assert_allclose(face, [[0.75, 2.375], [0.25, 2.875]], rtol=1e-11)


def between_kinks(x: mpmath.mpf, left: bool) -> mpmath.mpf:
    """The slope of `bent` to the left or the right of a point."""
    past = (lambda k: x > k) if left else (lambda k: x >= k)
    return -x / 2 - (0.5 if past(mpmath.mpf(1) / 2) else 0) - (0.75 if past(mpmath.mpf(5) / 4) else 0)


def bent(x: np.ndarray) -> np.ndarray:
    return 4 - x**2 / 4 - 0.5 * np.maximum(x - 0.5, 0) - 0.75 * np.maximum(x - 1.25, 0)


@pytest.mark.parametrize("d", [(0, 0), (0, 2.5), (0.4, 1), (1, -8), (0.2, 3.4), (1.1, 3), (0, 3.9)])
def test_kinks_between_curves(d: tuple[float, float]) -> None:
    problem = Problem(Frontier(bent, 0, 2), d)
    d0, d1 = map(mpmath.mpf, d)
    rules = {
        "nash": (nash, lambda x, y, s: (y - d1) + s * (x - d0)),
        "utilitarian": (utilitarian, lambda x, y, s: 1 + s),
        "utilitarian weighted": (partial(utilitarian, weights=[0.3, 0.7]), lambda x, y, s: 3 + 7 * s),
    }
    for method, condition in rules.values():
        low = mpmath.mpf(max(d[0], 0)) if method is nash else mpmath.mpf(0)
        high = mpmath.mpf(2)
        for _ in range(90):
            x = (low + high) / 2
            rises = condition(x, mpmath.mpf(float(bent(np.float64(x)))), between_kinks(x, left=False)) > 0
            low, high = (x, high) if rises else (low, x)
        division = method(problem).raise_if_failed()
        np.testing.assert_allclose(division.payoffs[0], float(low), rtol=2e-13)
        np.testing.assert_array_equal(division.payoffs[1], bent(division.payoffs[0]))


@pytest.mark.parametrize("count", [1, 40, 2000])  # of a few frontiers slopes are compared, of many chords
@pytest.mark.parametrize("wrong", [
    lambda x: -2.001 * x, lambda x: 2 * x, lambda x: 0 * x, lambda x: np.nan * x, lambda x: np.minimum(-1.0, -x),
], ids=["steeper", "rising", "none", "not a number", "kinked"])  # fmt: skip
def test_a_derivative_that_values_contradict(count: int, wrong: Callable[[np.ndarray], np.ndarray]) -> None:
    tops = np.linspace(4, 9, count)
    tops = tops[0] if count == 1 else tops
    with pytest.raises(
        InvalidInput, match=r"`derivative` must be the slope of `function`, which is .* leave it out"
    ):
        Frontier(lambda x: tops - x**2, 0, np.sqrt(tops), derivative=wrong)


def test_a_smooth_frontier_has_one_slope() -> None:
    x = np.linspace(0.01, 1.99, 400)
    for function, slope in (
        (lambda x: 4 - x**2, -2 * x),
        (lambda x: np.sqrt(4 - x * x), -x / np.sqrt(4 - x * x)),
    ):
        found = Frontier(function, np.zeros(400), np.full(400, 2.0)).slopes(x)
        np.testing.assert_array_equal(found.left, found.right)
        np.testing.assert_allclose(found.left, slope, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("count", [1, 40, 2000])
def test_a_derivative_that_is_wrong_just_where_it_matters(count: int) -> None:
    def lies(x: np.ndarray) -> np.ndarray:
        return -2 * x + np.where(np.abs(x - 1.155) < 0.01, 0.05, 0.0)

    frontier = Frontier(lambda x: 4 - x**2, np.zeros(count), np.full(count, 2.0), derivative=lies)
    division = nash(Problem(frontier, [0, 0]))
    assert (division.status == Status.INACCURATE).all()
    assert (division.residual > np.abs(division.payoffs[:, 0] - 2 / np.sqrt(3)) / 2).all()


def test_a_right_derivative_of_one_side_or_without_bound_is_accepted() -> None:
    case = SEEN[0]
    for sides in (case.derivative, lambda x: case.derivative(x - 1e-300)):
        exact = np.array(kinked.nash(case), dtype=float)
        found = nash(Problem(Frontier(case, 0, 1, derivative=sides), case.d)).raise_if_failed()
        np.testing.assert_allclose(found.payoffs, exact, rtol=1e-14)
    with np.errstate(divide="ignore"):
        arc = Frontier(lambda x: np.sqrt(1 - x**2), 0, 1, derivative=lambda x: -x / np.sqrt(1 - x**2))
        np.testing.assert_allclose(nash(Problem(arc, [0, 0])).raise_if_failed().payoffs, np.sqrt(0.5))


def test_a_function_of_numbers_alone() -> None:
    import math

    def arc(x: float) -> float:
        return math.sqrt(9 - x * x) if x < 2 else math.sqrt(5) - 2 * (x - 2)

    problem = Problem(Frontier(arc, 0, 3), [0, 0])
    np.testing.assert_allclose(nash(problem).raise_if_failed().payoffs, [2, math.sqrt(5)], rtol=1e-12)
