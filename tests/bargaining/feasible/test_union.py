"""Unions of sets: every question against the sets one by one, solutions against brute force over a grid."""

from fractions import Fraction
from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bargaining import (
    ContinuousOffers,
    FreeDisposalHull,
    Frontier,
    InvalidInput,
    NotApplicable,
    Polytope,
    Problem,
    Status,
    TransferableSurplus,
    Union,
    conley_wilkie,
    dictatorial,
    egalitarian,
    equal_loss,
    gupta_livne,
    kalai_smorodinsky,
    lexicographic_egalitarian,
    nash,
    nash_set,
    optimal_face,
    perles_maschler,
    raiffa,
    utilitarian,
    yu,
)
from bargaining.feasible.base import FeasibleSet
from known_sets import disc

FLAT = Polytope([[4, 0], [3, 1], [0, 2]], free_disposal=True)
STEEP = Polytope([[2, 0], [1, 3], [0, 4]], free_disposal=True)
CROSS = Union([FLAT, STEEP])
CURVE = Frontier(lambda x: 4 - x**2, 0, 2, derivative=lambda x: -2 * x)

corners = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=1, max_size=4)
several = st.lists(corners, min_size=1, max_size=3)


def along(points: list[tuple[int, int]], d: tuple[int, int], step: tuple[int, int]) -> Fraction | None:
    """The last t >= 0 with d + t step below a mixture of two points, by trying every pair and every corner."""
    best = None
    for p in points:
        for q in points:
            for t in _crossings(p, q, d, step):
                x = [Fraction(d[i]) + t * step[i] for i in (0, 1)]
                if t >= 0 and _below(points, x) and (best is None or t > best):
                    best = t
    return best


def _crossings(
    p: tuple[int, int], q: tuple[int, int], d: tuple[int, int], step: tuple[int, int]
) -> list[Fraction]:
    """Where the ray meets the line through two points, and the upright and level lines through one."""
    a, b = q[1] - p[1], p[0] - q[0]
    speed = a * step[0] + b * step[1]
    found = [Fraction(a * (p[0] - d[0]) + b * (p[1] - d[1]), speed)] if speed else []
    return found + [Fraction(p[i] - d[i], step[i]) for i in (0, 1) if step[i]]


def _below(points: list[tuple[int, int]], x: list[Fraction]) -> bool:
    for p in points:
        for q in points:
            if all(x[i] <= p[i] for i in (0, 1)):
                return True
            run = q[0] - p[0]
            if run > 0 and p[0] <= x[0] <= q[0] and x[1] <= p[1] + Fraction(q[1] - p[1], run) * (x[0] - p[0]):
                return True
    return False


@given(several, st.tuples(st.integers(1, 4), st.integers(1, 4)))
def test_a_ray_ends_where_the_last_set_does(
    lists: list[list[tuple[int, int]]], step: tuple[int, int]
) -> None:
    union = Union([Polytope(points, free_disposal=True) for points in lists])
    last = [t for points in lists if (t := along(points, (0, 0), step)) is not None]
    found = union.ray(np.zeros(2), np.array(step, dtype=float))
    assert found == pytest.approx(float(max(last)), abs=1e-12)
    assert union.contains(found * np.array(step))


@given(several, st.tuples(st.integers(0, 5), st.integers(0, 5)))
def test_best_products_by_the_edges(lists: list[list[tuple[int, int]]], weights: tuple[int, int]) -> None:
    """A product is largest at a corner or in an edge, at the middle of what its line leaves: by rationals."""
    union, d = Union([Polytope(points, free_disposal=True) for points in lists]), (0, 0)
    best = Fraction(0)
    for points in lists:
        for p in points:
            for q in points:
                shares = [Fraction(0), Fraction(1)]
                run, rise = q[0] - p[0], q[1] - p[1]
                if run * rise:  # (p0 + t run) (p1 + t rise) is largest where its derivative is zero
                    shares.append(min(max(Fraction(-(p[0] * rise + p[1] * run), 2 * run * rise), 0), 1))
                best = max(best, *((p[0] + t * run) * (p[1] + t * rise) for t in shares))
    division = nash(Problem(union, d))
    if best == 0:
        assert division.status in (Status.DEGENERATE, Status.EMPTY)
        assert nash_set(Problem(union, d)).shape == (0, 2)
    else:
        assert division.status == Status.OK
        assert division.payoffs.prod() == pytest.approx(float(best), rel=1e-14)
        found = nash_set(Problem(union, d))
        np.testing.assert_allclose(found.prod(axis=1), float(best), rtol=1e-13)
        np.testing.assert_allclose(division.payoffs, found[0], rtol=1e-12)
    value, where = union.support(np.array(weights, dtype=float))
    assert value == max(weights[0] * p[0] + weights[1] * p[1] for points in lists for p in points)
    assert where @ weights == value


def test_solutions_of_a_cross() -> None:
    problem = Problem(CROSS, [0, 0])
    np.testing.assert_array_equal(problem.ideal, [4, 4])
    # The frontiers cross at (1.5, 1.5): from there on either set offers more along other rays.
    np.testing.assert_allclose(kalai_smorodinsky(problem).payoffs, [1.5, 1.5])
    np.testing.assert_allclose(egalitarian(problem, weights=[0.75, 0.25]).payoffs, [3, 1])
    np.testing.assert_allclose(equal_loss(problem).payoffs, [1.5, 1.5])
    np.testing.assert_allclose(gupta_livne(problem, reference=[1, 0]).payoffs, [2, 4 / 3])
    np.testing.assert_allclose(dictatorial(problem, player=1).payoffs, [0, 4])
    np.testing.assert_allclose(nash_set(problem), [[3, 1], [1, 3]])
    np.testing.assert_allclose(nash(problem).payoffs, [3, 1])
    np.testing.assert_allclose(optimal_face(problem), [[4, 0], [3, 1], [1, 3], [0, 4]])
    np.testing.assert_allclose(utilitarian(problem, weights=[0.25, 0.75]).payoffs, [0, 4])


def test_lotteries() -> None:
    hull = CROSS.convex_hull()
    assert hull.contains(np.array([2.0, 2.0]))
    assert not CROSS.contains(np.array([2.0, 2.0]))
    np.testing.assert_allclose(nash(Problem(hull, [0, 0])).payoffs, [2, 2])
    np.testing.assert_allclose(conley_wilkie(Problem(CROSS, [0, 0])).payoffs, [1.5, 1.5])
    exact = Union([Polytope([[Fraction(1, 3), 0], [0, 1]]), FreeDisposalHull([[0.25, 0.5]])]).convex_hull()
    assert exact.free_disposal
    assert nash(Problem(exact, [0, 0])).ok
    with pytest.raises(NotApplicable, match="every set is given by points; a Frontier is not"):
        Union([CURVE, FLAT]).convex_hull()


def test_a_program_among_them() -> None:
    union = Union([disc(2, -2, start=[0.1, 0.2]), Polytope([[1.4, 0.3]], free_disposal=True)])
    np.testing.assert_allclose(nash(Problem(union, [0, 0])).payoffs, [1, 1], rtol=1e-12)
    np.testing.assert_allclose(kalai_smorodinsky(Problem(union, [0, 0])).payoffs, [1, 1], rtol=1e-12)
    np.testing.assert_array_equal(nash(Problem(union, [1.39, 0.25])).payoffs, [1.4, 0.3])


def test_batches_answer_as_their_cells() -> None:
    union = Union([TransferableSurplus([3.0, 5.0]), FLAT])
    assert isinstance(union, FeasibleSet)
    d = np.array([[[0, 0]], [[2, 0.5]], [[3, 2]], [[9, 9]]], dtype=float)
    for method in (nash, kalai_smorodinsky, egalitarian, equal_loss):
        batch = method(Problem(union, d))
        assert batch.payoffs.shape == (4, 2, 2)
        for i in range(4):
            for j, total in enumerate((3.0, 5.0)):
                cell = method(Problem(Union([TransferableSurplus(total), FLAT]), d[i, 0]))
                assert cell.status == batch.status[i, j]
                np.testing.assert_array_equal(cell.payoffs, batch.payoffs[i, j])


def test_a_floor_drops_the_sets_below_it() -> None:
    left = Problem(Union([TransferableSurplus(1.0), FLAT]), [2.5, 0.5]).restrict()
    assert len(left.feasible.sets) == 1
    np.testing.assert_allclose(nash(left).payoffs, [3, 1])
    with pytest.raises(InvalidInput, match="`disagreement` must leave something feasible"):
        Problem(Union([TransferableSurplus(1.0), TransferableSurplus(2.0)]), [2.5, 0.5]).restrict()


def test_each_can_gain_but_not_together() -> None:
    union = Union([Polytope([[3, 0], [2, -1]], free_disposal=True), Polytope([[0, 5]], free_disposal=True)])
    division = nash(Problem(union, [0, 0]))
    assert division.status == Status.DEGENERATE  # every product is 0: the best for player 0
    np.testing.assert_allclose(division.payoffs, [3, 0], atol=1e-14)
    three = Union([FreeDisposalHull([[3, 0, 0], [3, 0, 1]]), FreeDisposalHull([[0, 5, 5]])])
    np.testing.assert_allclose(nash(Problem(three, [0, 0, 0])).payoffs, [3, 0, 1], atol=1e-14)
    assert nash(Problem(union, [4, 4])).status == Status.EMPTY


def test_what_needs_a_convex_set_refuses() -> None:
    problem = Problem(Union([CURVE, FLAT]), [0, 0])
    refusing = (raiffa, perles_maschler, lexicographic_egalitarian, partial(yu, p=2), ContinuousOffers(0.1))
    for other in (problem, problem.rescale([2, 3], [5, 7]), problem.relabel([1, 0])):
        for method in refusing:
            with pytest.raises(NotApplicable, match="needs a convex set; a Union is not"):
                method(other)


def test_a_solution_that_two_sets_share_is_one() -> None:
    twice = Union([CURVE, Frontier(CURVE.function, 0, 2), Frontier(CURVE.function, 0, 1.5)])
    np.testing.assert_allclose(nash_set(Problem(twice, [0, 0])), [[2 / 3**0.5, 8 / 3]], rtol=1e-8)


@pytest.mark.parametrize("gap", [1e-3, np.nan])
def test_doubts_about_a_set_are_doubts_where_it_may_be_best(gap: float) -> None:
    class Doubtful(Polytope):
        def product(self, origin: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            point, residual = super().product(origin, weights)
            return point, residual + gap

    doubtful = Doubtful([[2, 2]], free_disposal=True)
    worse, close, better = (Polytope([[x, x]], free_disposal=True) for x in (1.0, 2.001, 2.1))
    assert not nash(Problem(Union([doubtful, worse]), [0, 0])).ok
    assert not nash(Problem(Union([doubtful, close]), [0, 0])).ok
    assert nash(Problem(Union([doubtful, better]), [0, 0])).ok == (gap == 1e-3)
    assert nash(
        Problem(Union([doubtful, better]), [2, 2])
    ).ok  # where nobody can gain in it, it does not matter


def test_a_union_within_a_union_is_its_sets() -> None:
    assert Union([CROSS, CURVE]).sets == (FLAT, STEEP, CURVE)


@pytest.mark.parametrize(
    ("sets", "message"),
    [
        ([], r"`sets` must be a list of at least one feasible set; got \[\]"),
        (FLAT, "`sets` must be a list of at least one feasible set"),
        ([FLAT, [1, 2]], "must answer support, ray, ideal and contains; got a list"),
        ([FLAT, TransferableSurplus(1, players=3)], r"same players; got sets of \[2, 3\] players"),
        ([TransferableSurplus([1, 2]), TransferableSurplus([1, 2, 3])], "batches that broadcast"),
    ],
)
def test_bad_sets(sets: object, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        Union(sets)
