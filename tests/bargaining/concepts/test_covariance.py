"""What must hold whatever the problem: scale, offset, relabelling, batches, certificates."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bargaining import (
    Frontier,
    Polytope,
    Problem,
    Status,
    TransferableSurplus,
    certify,
    egalitarian,
    kalai_smorodinsky,
    nash,
)
from drawn_sets import EXACT_SCALES, SCALES, chains

METHODS = [nash, kalai_smorodinsky]


@given(
    chains,
    st.integers(1, 9),
    st.sampled_from(EXACT_SCALES),
    st.sampled_from(EXACT_SCALES),
    st.sampled_from([0.0, 1.0, -1e6]),
)
def test_scale_and_offset_move_the_answer_alike(
    chain: np.ndarray, weight: int, s0: float, s1: float, offset: float
) -> None:
    scale = np.array([s0, s1])
    move = lambda x: scale * (x + offset)  # noqa: E731
    w = [weight / 10, 1 - weight / 10]
    plain = Problem(Polytope(chain, free_disposal=True), [0, 0])
    moved = Problem(Polytope(move(chain), free_disposal=True), move(np.zeros(2)))
    for method in (lambda p: nash(p, weights=w), kalai_smorodinsky):
        before, after = method(plain).raise_if_failed(), method(moved).raise_if_failed()
        # The answer, and the ideal point, are rounded to floats of the offset's size.
        tolerance = 1e-12 * np.ptp(chain, axis=0) + 8 * np.spacing(abs(offset))
        assert (np.abs(after.payoffs / scale - offset - before.payoffs) <= tolerance).all()


@given(
    chains,
    st.integers(1, 9),
    st.sampled_from(SCALES),
    st.sampled_from(SCALES),
    st.sampled_from([1.0, -1e6]),
)
def test_after_a_move_that_rounds_the_data_the_answer_is_that_of_the_rounded_data(
    chain: np.ndarray, weight: int, s0: float, s1: float, offset: float
) -> None:
    # Rounded vertices a unit apart at an offset of a million turn an edge by 1e-10 and the answer by more.
    scale = np.array([s0, s1])
    moved = Problem(Polytope(scale * (chain + offset), free_disposal=True), scale * offset)
    for method in (lambda p: nash(p, weights=[weight / 10, 1 - weight / 10]), kalai_smorodinsky):
        assert certify(method(moved)).holds


@given(chains, st.integers(1, 9))
def test_relabelling_the_players(chain: np.ndarray, weight: int) -> None:
    w = np.array([weight, 10 - weight]) / 10
    here = nash(Problem(Polytope(chain), [0, 0]), weights=w).payoffs
    there = nash(Problem(Polytope(chain[:, ::-1]), [0, 0]), weights=w[::-1]).payoffs
    np.testing.assert_allclose(here, there[::-1], rtol=1e-12, atol=1e-13)


@given(chains, st.integers(1, 9))
def test_nash_is_the_best_product_and_ks_is_on_its_ray(chain: np.ndarray, weight: int) -> None:
    w = np.array([weight, 10 - weight]) / 10
    problem = Problem(Polytope(chain, free_disposal=True), [0, 0])
    x = nash(problem, weights=w).payoffs
    assert problem.feasible.contains(x)
    # The gradient hyperplane supports the set: no vertex lies beyond it (exact optimality for a concave product).
    assert ((w / x) @ chain.T).max() <= 1 + 1e-12
    ks = kalai_smorodinsky(problem)
    ratios = ks.payoffs / problem.ideal
    assert ratios[0] == pytest.approx(ratios[1], rel=1e-13)
    assert abs(problem.feasible.ray(ks.payoffs, problem.ideal)) <= 1e-13


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("offset", [0.0, 1e6])
def test_frontier_at_any_scale(scale: float, offset: float) -> None:
    d = np.array([scale * offset, 3.0])
    frontier = Frontier(
        lambda x: 3 + 4 - ((x - d[0]) / scale) ** 2,
        d[0],
        d[0] + 2 * scale,
        derivative=lambda x: -2 * (x - d[0]) / scale**2,
    )
    problem = Problem(frontier, d)
    rounding = 1e-12 * scale + 4 * np.spacing(scale * offset)
    for method, x in ((nash, 2 / np.sqrt(3)), (kalai_smorodinsky, np.sqrt(5) - 1)):
        division = method(problem).raise_if_failed()
        assert division.payoffs[0] - d[0] == pytest.approx(scale * x, abs=rounding)


@pytest.mark.parametrize("method", [nash, kalai_smorodinsky, egalitarian])
@pytest.mark.parametrize("make", [
    lambda c: TransferableSurplus(c),
    lambda c: Frontier(lambda x: c - x**2, 0.0, np.sqrt(c), derivative=lambda x: -2 * x),
], ids=["surplus", "frontier"])  # fmt: skip
def test_a_batch_is_its_cells_to_the_last_bit(method: Callable, make: Callable) -> None:
    rng = np.random.default_rng(1)
    c, d = rng.uniform(1, 9, 50), rng.uniform(0, 0.4, (50, 2))
    batch = method(Problem(make(c), d))
    assert (batch.status == Status.OK).all()
    for k in (0, 17, 49):
        one = method(Problem(make(c[k]), d[k]))
        np.testing.assert_array_equal(one.payoffs, batch.payoffs[k])
        few = method(Problem(make(c[k : k + 1]), d[k : k + 1]))
        np.testing.assert_array_equal(few.payoffs[0], batch.payoffs[k])


def test_one_polygon_many_disagreement_points() -> None:
    square = Polytope([[0, 0], [2, 0], [2, 1], [1, 2], [0, 2]])
    d = np.random.default_rng(0).uniform(-1, 2.5, (200, 2))
    batch = nash(Problem(square, d))
    assert set(np.unique(batch.status)) == {Status.OK, Status.EMPTY}
    for k in range(0, 200, 13):
        one = nash(Problem(square, d[k]))
        assert one.status == batch.status[k]
        np.testing.assert_array_equal(one.payoffs, batch.payoffs[k])


@pytest.mark.parametrize("players", [3, 5])
@pytest.mark.parametrize("offset", [0.0, 1e6])
@pytest.mark.parametrize("form", ["points", "points below", "sides"])
def test_scale_and_offset_for_many_players(players: int, offset: float, form: str) -> None:
    # Powers of two and integers: the moved data are the moved numbers exactly, so nothing excuses a difference.
    rng = np.random.default_rng(players)
    scale, shift = 2.0 ** rng.integers(-40, 40, players), offset * rng.integers(-1, 2, players)
    points = rng.integers(0, 64, (4 * players, players)) / 64
    d, w = points.mean(axis=0).round(6) - 0.25, rng.dirichlet(np.full(players, 3.0))
    d = np.round(d * 64) / 64
    rows, limits = (
        np.concatenate((rng.integers(1, 9, (3, players)), -np.eye(players))),
        rng.integers(9, 20, 3),
    )

    def problem(a: np.ndarray, b: np.ndarray) -> Problem:
        if form == "sides":
            moved = rows / a
            bounds = np.append(limits, np.full(players, 8.0)) + rows @ b
            return Problem(Polytope.from_inequalities(moved, bounds), (d + b) * a)
        return Problem(Polytope((points + b) * a, free_disposal=form == "points below"), (d + b) * a)

    plain, moved = problem(np.ones(players), np.zeros(players)), problem(scale, shift)
    own = 4 * np.spacing(np.abs(shift))
    # The ideal point is rounded to a float of its size, and its rounding tilts the ray for all.
    for method, rounding in ((lambda p: nash(p, weights=w), own), (kalai_smorodinsky, own.max())):
        before, after = method(plain).raise_if_failed(), method(moved).raise_if_failed()
        assert (np.abs(after.payoffs / scale - shift - before.payoffs) <= 1e-10 + rounding).all()


@pytest.mark.parametrize("size", [1e300, 1e-280])
@pytest.mark.parametrize("players", [1, 2, 3])
def test_payoffs_near_the_ends_of_floats(size: float, players: int) -> None:
    points = np.concatenate((np.zeros((1, players)), np.eye(players)))
    for method in (nash, kalai_smorodinsky, egalitarian):
        division = method(Problem(Polytope(size * points), np.zeros(players)))
        np.testing.assert_allclose(division.payoffs / size, 1 / players, rtol=1e-13)
