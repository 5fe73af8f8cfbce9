"""Problems rescaled, relabelled and restricted: the answer moves with the problem."""

from collections.abc import Callable
from fractions import Fraction

import numpy as np
import pytest

from bargaining import (
    Frontier,
    InvalidInput,
    Polytope,
    Problem,
    TransferableSurplus,
    egalitarian,
    kalai_smorodinsky,
    nash,
    utilitarian,
)

CUBE = np.random.default_rng(5).integers(0, 9, (10, 3))
PROBLEMS = {
    "surplus": lambda: Problem(TransferableSurplus(6.0, players=3), [1, 0, 2]),
    "frontier": lambda: Problem(Frontier(lambda x: 4 - x**2, 0, 2, derivative=lambda x: -2 * x), [0.5, 1]),
    "polygon": lambda: Problem(Polytope([[0, 0], [4, 0], [0, 1], [3, 0.6]]), [0.5, 0.1]),
    "below": lambda: Problem(Polytope([[4, 0], [0, 1], [3, 0.6]], free_disposal=True), [0.5, -1]),
    "cloud": lambda: Problem(Polytope(CUBE), CUBE.mean(axis=0) - 1),
    "sides": lambda: Problem(
        Polytope.from_inequalities([[1, 2, 3], [1, 0, 0], [0, 1, 1]], [9, 4, 5]), [0.5, 0.2, -0.3]
    ),
}


@pytest.mark.parametrize("name", PROBLEMS)
@pytest.mark.parametrize("size", [1e-12, 1.0, 1e12])
def test_rescale(name: str, size: float) -> None:
    problem = PROBLEMS[name]()
    n = problem.players
    scale, shift = size * np.arange(1, n + 1), size * np.linspace(-5, 5, n)
    moved = problem.rescale(scale, shift)
    for method in (nash, kalai_smorodinsky):
        before, after = method(problem).raise_if_failed(), method(moved).raise_if_failed()
        np.testing.assert_allclose((after.payoffs - shift) / scale, before.payoffs, rtol=1e-12, atol=1e-13)
    w = np.linspace(1, 2, n) / np.linspace(1, 2, n).sum()
    if name not in ("surplus", "sides"):
        before = utilitarian(problem, weights=w).payoffs
        after = utilitarian(moved, weights=(w / scale) / (w / scale).sum()).payoffs
        np.testing.assert_allclose((after - shift) / scale, before, rtol=1e-11)


@pytest.mark.parametrize("name", PROBLEMS)
@pytest.mark.parametrize("method", [nash, kalai_smorodinsky, egalitarian])
def test_relabel(name: str, method: Callable) -> None:
    problem = PROBLEMS[name]()
    order = np.roll(np.arange(problem.players), 1)
    here, there = method(problem).payoffs, method(problem.relabel(order)).payoffs
    np.testing.assert_allclose(there, here[order], rtol=1e-12, atol=1e-13)
    back = problem.relabel(order).relabel(np.argsort(order))
    np.testing.assert_allclose(method(back).payoffs, here, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("name", PROBLEMS)
@pytest.mark.parametrize("method", [nash, kalai_smorodinsky, egalitarian])
def test_restrict_changes_nothing_for_the_rational(name: str, method: Callable) -> None:
    problem = PROBLEMS[name]()
    once = problem.restrict()
    np.testing.assert_allclose(method(once).payoffs, method(problem).payoffs, rtol=1e-12, atol=1e-13)
    assert once.feasible.contains(problem.disagreement)
    assert not once.feasible.contains(problem.disagreement - 0.01)


def test_restrict_changes_the_utilitarian() -> None:
    # Unrestricted the best sum on the parabola is at x0 = 1/2; with d = (1, 0) it is at x0 = 1.
    problem = Problem(Frontier(lambda x: 4 - x**2, 0, 2, derivative=lambda x: -2 * x), [1, 0])
    np.testing.assert_allclose(utilitarian(problem).payoffs, [0.5, 3.75], rtol=1e-12)
    np.testing.assert_allclose(utilitarian(problem.restrict()).payoffs, [1, 3], rtol=1e-12)
    triangle = Problem(Polytope([[0, 0], [4, 0], [0, 1]]), [0, 0.5]).restrict()
    np.testing.assert_allclose(utilitarian(triangle).payoffs, [2, 0.5], rtol=1e-14)
    np.testing.assert_allclose(triangle.feasible.support(np.array([-1.0, 0.0]))[0], 0, atol=1e-15)
    cloud = Problem(Polytope(np.eye(3)), [0, 0.25, 0.25]).restrict()
    np.testing.assert_allclose(utilitarian(cloud, weights=[1, 0, 0]).payoffs, [0.5, 0.25, 0.25], rtol=1e-13)


def test_a_restricted_ray_ends_at_the_floor() -> None:
    restricted = Problem(Polytope([[0, 0], [4, 0], [0, 4]]), [1, 1]).restrict().feasible
    assert restricted.ray(np.array([2.0, 1.5]), np.array([-1.0, 0.0])) == pytest.approx(1)
    assert restricted.ray(np.array([2.0, 0.0]), np.array([0.0, 1.0])) == pytest.approx(2)
    assert np.isneginf(restricted.ray(np.array([2.0, 0.5]), np.array([1.0, 0.0])))


def test_what_stays_exact() -> None:
    third = Fraction(1, 3)
    problem = Problem(Polytope([[third, 0], [0, third], [0, 0]]), [0, 0])
    assert problem.rescale([3, 6], [0, 1]).feasible.exact == ((1, 1), (0, 3), (0, 1))
    assert problem.relabel([1, 0]).feasible.exact == ((0, third), (third, 0), (0, 0))
    pie = Problem(TransferableSurplus(5, players=3), [1, 1, 1])
    assert isinstance(pie.rescale(2).feasible, TransferableSurplus)
    np.testing.assert_array_equal(
        sorted(pie.restrict().feasible.vertices.tolist()), [[1, 1, 1], [1, 1, 3], [1, 3, 1], [3, 1, 1]]
    )


BAD = [
    (lambda p: p.rescale(0), "`scale` must be positive"),
    (lambda p: p.rescale([1, -1]), "`scale` must be positive"),
    (lambda p: p.rescale(np.ones((3, 2))), "`scale` must have one entry per player"),
    (lambda p: p.rescale(1, [1, 2, 3]), "`shift` must have one entry per player"),
    (lambda p: p.relabel([0, 0]), "`order` must name each of the players 0 to 1 once"),
    (lambda p: p.relabel([0.0, 1.0]), "`order` must be a player, 0 to 1; got 0.0"),
]


@pytest.mark.parametrize(("make", "message"), BAD)
def test_bad_input_is_named(make: Callable[[Problem], object], message: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        make(PROBLEMS["polygon"]())
    assert message in str(caught.value)
